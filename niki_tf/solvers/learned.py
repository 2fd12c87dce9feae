"""What the learned solvers share: the shape condition, the canonical frame, bodies that training has not seen."""

import keras
import numpy as np
import tensorflow as tf

from niki_tf.body import kinematics, swing_twist
from niki_tf.solvers import canonical
from niki_tf.solvers.solver import Solver

_BONE_UNITS = 30.0
_FOREIGN_FROM = 1e-4
_FOREIGN_PASSES = 2


class LearnedSolver(Solver):
    """A solver with weights: knows the body by its bones (or betas) and solves in the canonical frame.

    A network that knows bodies by their bones knows those that training drew, and no others. For the skeleton of
    another body it solves for the body of its `reference` instead: posed by the answer, the two bodies differ by so
    much at each joint; with that difference added to the joints that were observed, the network solves again.

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

    @property
    def foreign(self):
        """Whether `skeleton` is another body than the one that the weights know."""
        apart = np.abs(np.asarray(self.skeleton.joints) - np.asarray(self.reference)).max()
        return self.condition == "bones" and bool(apart > _FOREIGN_FROM)

    def solve_own(self, joints, joint_sigma, betas, rest_joints, twist, **extra):
        """As `Solver.solve`, for bodies that the network knows; `rest_joints` (..., 29, 3) metres."""
        raise NotImplementedError

    def solve(self, joints, joint_sigma, betas, twist, **extra):
        """See `Solver.solve`. With what `fk` gave besides joints, its exact way back is taken, whatever the body."""
        rest_joints = self.skeleton(betas)
        if "padding" in extra or not self.foreign:
            return self.solve_own(joints, joint_sigma, betas, rest_joints, twist, **extra)
        own = tf.zeros_like(rest_joints) + tf.constant(self.reference, tf.float32)
        known = tf.zeros_like(betas)
        local, further = self.solve_own(joints, joint_sigma, known, own, twist, **extra)
        for _ in range(_FOREIGN_PASSES):
            as_known, as_is = (kinematics.forward_kinematics(local, rest)[0] for rest in (own, rest_joints))
            seen, told = joints + as_known - as_is, _retold_twist(twist, local, rest_joints, own)
            local, further = self.solve_own(seen, joint_sigma, known, own, told, **extra)
        return local, further

    def shape_condition(self, betas, rest_joints):
        """What the network is told of the body's shape, (..., condition_size); (..., 0) for "none"."""
        if self.condition != "bones":
            return betas[..., : self.condition_size]
        reference = kinematics.bones(tf.constant(self.reference, tf.float32))[1:]
        difference = kinematics.bones(rest_joints)[..., 1:, :] - reference
        return self.code(_BONE_UNITS * tf.reshape(difference, tf.concat([tf.shape(difference)[:-2], [28 * 3]], 0)))

    def steadied(self, joints, joint_sigma, frame_mask=None):
        """The joints (..., 29, 3) as the network is shown them, in any place: as they are."""
        return joints

    def frame(self, joints, rest_joints, joint_sigma, frame_mask=None):
        """Rotation (..., 3, 3) and centre (..., 3) of the frame to solve in; the root's own if not canonical.

        Of a solver that is `temporal` it is steadied over time; `frame_mask` (..., T) says which frames are there.
        """
        if not self.canonical:
            return tf.eye(3, batch_shape=tf.shape(joints)[:-2]), joints[..., 0, :]
        if self.temporal:
            return canonical.steady_trunk_frame(joints, rest_joints, joint_sigma, frame_mask)
        return canonical.trunk_frame(joints, rest_joints, joint_sigma)

    def get_config(self):
        """Constructor arguments."""
        names = ("condition", "condition_size", "canonical", "reference")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _retold_twist(twist, local, rest_joints, others):
    """The `twist` (..., 23, 2) about the bones of `rest_joints`, as it is about those of `others`; unknown stays so.

    The swing, without which the two cannot be told apart, is that of `local` (..., 24, 3, 3).
    """
    if twist is None:
        return None
    unknown = tf.reduce_all(twist == 0.0, -1, keepdims=True)
    swing, guessed = swing_twist.rotations_to_swing_twist(local, rest_joints)
    whole = swing_twist.swing_twist_to_rotations(swing, tf.where(unknown, guessed, twist), rest_joints)
    return tf.where(unknown, 0.0, swing_twist.rotations_to_swing_twist(whole, others)[1])
