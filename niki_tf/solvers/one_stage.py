"""NIKI's one-stage mapping: one flow between (joints, sigma, padding) and (rotations, error embedding)."""

import keras
import tensorflow as tf

from niki_tf import rotations
from niki_tf.body import kinematics
from niki_tf.flows import Flow
from niki_tf.solvers import canonical, contract
from niki_tf.solvers.learned import LearnedSolver

JOINTS, SIGMA, PADDING, POSE, EMBEDDING = 29 * 3, 29, 60, 24 * 6, 32
_FRAME_STEPS = 4


@keras.saving.register_keras_serializable("niki_tf")
class OneStage(LearnedSolver):
    """Invertible kinematics on R^176: (joints 87, joint_sigma 29, padding 60) <-> (rotation 6D 144, z 32).

    `ik` finds the pose and the error embedding z of noisy joints; `fk` is the same network backwards, and z = 0 gives
    the joints without error.

    Args:
        skeleton: the `RestSkeleton` of the body that is posed.
        couplings: number of coupling steps (the paper: 16).
        hidden: width of their networks (the paper: 512).
        bounded: where the tanh sits, "scale" or "translation".
        **kwargs: see `LearnedSolver`.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body, solvers
        >>> solver = solvers.OneStage(body.mannequin_skeleton(), hidden=32)
        >>> solver.ik(tf.random.normal([5, 29, 3]))["body_pose"].shape.as_list()
        [5, 23, 3, 3]

    Source: Li et al., NIKI, CVPR 2023; supplementary A.1.
    """

    def __init__(self, skeleton, *, couplings=16, hidden=512, bounded="scale", **kwargs):
        super().__init__(skeleton, **kwargs)
        self.flow = Flow(
            POSE + EMBEDDING, condition=self.condition_size, couplings=couplings, hidden=hidden, bounded=bounded
        )

    def to_pose(self, joints, joint_sigma, padding, condition, *, training=False):
        """Joints of the frame (N, 29, 3), sigma (N, 29), padding (N, 60) to rotations 6D (N, 144) and z (N, 32)."""
        x = tf.concat([tf.reshape(joints, [-1, JOINTS]), joint_sigma, padding], -1)
        y = self.flow.bijector(condition, training=training).inverse(x)
        return y[:, :POSE], y[:, POSE:]

    def to_joints(self, pose, z, condition, *, training=False):
        """The way back: rotations 6D (N, 144) and z (N, 32) to joints, sigma and padding."""
        x = self.flow.bijector(condition, training=training).forward(tf.concat([pose, z], -1))
        joints, sigma, padding = tf.split(x, [JOINTS, SIGMA, PADDING], -1)
        return tf.reshape(joints, [-1, 29, 3]), sigma, padding

    def solve(self, joints, joint_sigma, betas, twist):
        """See `Solver.solve`; the twist is not needed and not used."""
        rest_joints = self.skeleton(betas)
        rotation, centre = self.frame(joints, rest_joints, joint_sigma)
        seen = canonical.to_frame(joints, rotation, centre)
        padding = tf.zeros([tf.shape(joints)[0], PADDING])
        pose, z = self.to_pose(seen, joint_sigma, padding, self.shape_condition(betas, rest_joints))
        local = rotations.sixd_to_matrix(tf.reshape(pose, [-1, 24, 6]))
        return canonical.turn_root(local, rotation), {"z": z}

    def fk(self, global_orient, body_pose, *, z=None, betas=None):
        """Kinematics through the flow: joints (..., 29, 3) relative to joint 0, joint_sigma (..., 29), padding.

        The canonical frame is not known beforehand: it starts from the trunk of the posed rest skeleton and is
        mended until the joints that the flow gives show it themselves.

        Args:
            global_orient: (..., 1, 3, 3) rotation matrices.
            body_pose: (..., 23, 3, 3) rotation matrices.
            z: (..., 32) error embedding; zeros, hence joints without error, if None.
            betas: (..., B) shape; zeros if None.

        Raises:
            ValueError: a shape does not fit.
        """
        local = contract.check_pose(global_orient, body_pose)
        leading = tf.shape(local)[:-3]
        local = tf.reshape(local, [-1, 24, 3, 3])
        count = tf.shape(local)[0]
        z = tf.zeros([count, EMBEDDING]) if z is None else tf.reshape(tf.cast(z, tf.float32), [count, EMBEDDING])
        size = self.skeleton.num_betas
        betas = tf.zeros([count, size]) if betas is None else tf.reshape(tf.cast(betas, tf.float32), [count, size])
        joints, sigma, padding = self._fk(local, z, betas)
        outputs = {"joints": joints, "joint_sigma": sigma, "padding": padding}
        return {name: tf.reshape(v, tf.concat([leading, v.shape[1:]], 0)) for name, v in outputs.items()}

    def _fk(self, local, z, betas):
        rest_joints = self.skeleton(betas)
        condition = self.shape_condition(betas, rest_joints)
        posed, _ = kinematics.forward_kinematics(local, rest_joints)
        sigma = tf.zeros([tf.shape(local)[0], SIGMA])
        rotation, _ = self.frame(posed, rest_joints, sigma)
        for step in range(_FRAME_STEPS if self.canonical else 1):
            turned = canonical.turn_root(local, rotations.transpose(rotation))
            pose = tf.reshape(rotations.matrix_to_6d(turned), [-1, POSE])
            joints, sigma, padding = self.to_joints(pose, z, condition)
            if step < _FRAME_STEPS - 1 and self.canonical:
                shown, _ = self.frame(joints, rest_joints, sigma)
                rotation = tf.linalg.matmul(rotation, shown)
        return canonical.from_frame(joints, rotation), sigma, padding

    def get_config(self):
        """Constructor arguments."""
        flow = {name: getattr(self.flow, name) for name in ("couplings", "hidden", "bounded")}
        return {**super().get_config(), **flow}
