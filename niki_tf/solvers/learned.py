"""What the learned solvers share: the shape condition and the canonical frame."""

import keras
import tensorflow as tf

from niki_tf.body import kinematics
from niki_tf.solvers import canonical
from niki_tf.solvers.solver import Solver

_BONE_UNITS = 30.0


class LearnedSolver(Solver):
    """A solver with weights: knows the body by its bones (or betas) and solves in the canonical frame.

    Args:
        skeleton: the `RestSkeleton` of the body that is posed.
        condition: "bones", a learned linear code of the rest skeleton's bone vectors, which every
            SMPL-type body has; "betas", the shape coefficients as they are (the paper); or "none" (the published
            weights, whose shape mask is zero).
        condition_size: entries of the code of the bones; unused otherwise.
        canonical: solve in the frame of the trunk; False for the published weights.
        reference: rest joints (29, 3) that the bones are compared with; those of `skeleton` unless given.
    """

    def __init__(self, skeleton, *, condition="bones", condition_size=16, canonical=True, reference=None, **kwargs):
        super().__init__(skeleton, **kwargs)
        if condition not in ("bones", "betas", "none"):
            raise ValueError(f'`condition` must be "bones", "betas" or "none"; got {condition!r}.')
        self.condition, self.canonical = condition, canonical
        self.reference = skeleton.joints.tolist() if reference is None else reference
        self.condition_size = {"bones": condition_size, "betas": skeleton.num_betas, "none": 0}[condition]
        if condition == "bones":
            self.code = keras.layers.Dense(condition_size, name="bone_code")
            self.code.build([None, 28 * 3])

    def shape_condition(self, betas, rest_joints):
        """What the network is told of the body's shape, (N, condition_size); (N, 0) for "none"."""
        if self.condition != "bones":
            return betas[:, : self.condition_size]
        reference = kinematics.bones(tf.constant(self.reference, tf.float32))[1:]
        difference = kinematics.bones(rest_joints)[..., 1:, :] - reference
        return self.code(_BONE_UNITS * tf.reshape(difference, [-1, 28 * 3]))

    def frame(self, joints, rest_joints, joint_sigma):
        """Rotation (N, 3, 3) and centre (N, 3) of the frame to solve in; the root's own if not canonical."""
        if self.canonical:
            return canonical.trunk_frame(joints, rest_joints, joint_sigma)
        return tf.eye(3, batch_shape=tf.shape(joints)[:1]), joints[:, 0]

    def get_config(self):
        """Constructor arguments."""
        names = ("condition", "condition_size", "canonical", "reference")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
