"""Joints that were seen with an error that is told, each weighed against where the joints before it say that it is.

A Kalman filter that walks from the trunk outwards in place of forwards in time: a joint is expected at its parent plus
its rest bone, rotated as the trunk is, with the variance of the parent and of such guesses; what was seen of it has the
variance of its sigma.
"""

import tensorflow as tf

from niki_tf import skeletons
from niki_tf.fitting import absent_joints, trunk_frame

_BONE_SIGMA = (
    *(0.009, 0.018, 0.018, 0.021, 0.210, 0.210, 0.010, 0.160, 0.160, 0.006, 0.069, 0.069, 0.026, 0.015, 0.015),
    *(0.021, 0.009, 0.009, 0.279, 0.279, 0.334, 0.334, 0.112, 0.112, 0.049, 0.114, 0.114, 0.036, 0.036),
)
"""Metres along each axis: one and a half times the root mean square, in training clips, of how far the end of each
joint's bone is from the rest bone rotated as the trunk is; left and right are taken together. By trial on training
clips (saved_models/experiments.md, 50)."""


def weighed(
    joints: tf.Tensor, rest_joints: tf.Tensor, joint_sigma: tf.Tensor, trunk: trunk_frame.Frame | None = None
) -> tf.Tensor:
    """Joints (..., 29, 3), metres, after the filter; those without a sigma stay exactly as they are.

    Args:
        joints: (..., 29, 3) metres; absent ones hold any finite numbers, and are not read.
        rest_joints: (..., 29, 3) metres, the same body at rest.
        joint_sigma: (..., 29) metres; 0 stands for joints that are as told.
        trunk: `trunk_frame.trunk_frame` of the same; found here if None.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body
        >>> from niki_tf.fitting import uncertain_joints
        >>> rest = body.mannequin_joints()(tf.zeros([10]))
        >>> off = tf.one_hot(20, 29)[:, None] * [0.0, 0.0, 0.3]
        >>> [round(float(uncertain_joints.weighed(rest + off, rest, tf.fill([29], s))[20, 2] - rest[20, 2]), 2)
        ...  for s in (0.0, 0.1, 1.0)]
        [0.3, 0.28, 0.05]
    """
    seen = tf.cast(tf.expand_dims(joint_sigma < skeletons.ABSENT, -1), joints.dtype)
    bones, centre = absent_joints.expected_bones(joints, rest_joints, joint_sigma, trunk)
    start = tf.concat([centre, tf.zeros_like(centre[..., :1])], -1)
    bone_variance = tf.ones_like(joints[..., :1]) * tf.constant(_BONE_SIGMA)[:, None] ** 2
    return absent_joints.down_the_tree(
        _update, start, bones, bone_variance, seen, joints, tf.expand_dims(joint_sigma**2, -1)
    )[..., :3]


def _update(
    parent: tf.Tensor,
    bone: tf.Tensor,
    bone_variance: tf.Tensor,
    seen: tf.Tensor,
    joint: tf.Tensor,
    joint_variance: tf.Tensor,
) -> tf.Tensor:
    """Joints (..., n, 3) and their variance (..., n, 1), both together, from those of the parents."""
    expected, variance = parent[..., :3] + bone, parent[..., 3:] + bone_variance
    gain = seen * variance / (variance + joint_variance)
    return tf.concat([(1.0 - gain) * expected + gain * joint, (1.0 - gain) * variance], -1)
