"""Estimated positions of joints that were not observed."""

import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.body import kinematics
from niki_tf.fitting import joint_weights, trunk_frame
from niki_tf.shapes import gather

GROWTH = 0.05
"""Metres that the limit of `drop_doubtful` grows by, each time that there are twice as many joints above it."""


def fill_absent(joints: tf.Tensor, rest_joints: tf.Tensor, joint_sigma: tf.Tensor) -> tf.Tensor:
    """Joints (..., 29, 3) with each absent one at its parent plus its rest bone, rotated as the trunk is.

    Args:
        joints: (..., 29, 3) metres; absent ones may hold anything, NaN included.
        rest_joints: (..., 29, 3) metres, the same body at rest.
        joint_sigma: (..., 29) metres; a joint is absent from `skeletons.ABSENT` on.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body, skeletons
        >>> from niki_tf.fitting import absent_joints
        >>> rest = body.mannequin_joints()(tf.zeros([10]))
        >>> absent = tf.one_hot(20, 29, on_value=skeletons.ABSENT)
        >>> lost = tf.where(absent[:, None] > 0.0, float("nan"), rest)
        >>> bool(tf.reduce_all(tf.abs(absent_joints.fill_absent(lost, rest, absent) - rest) < 1e-5))
        True
    """
    return filled_and_trunk(joints, rest_joints, joint_sigma)[0]


def filled_and_trunk(
    joints: tf.Tensor, rest_joints: tf.Tensor, joint_sigma: tf.Tensor
) -> tuple[tf.Tensor, trunk_frame.Frame]:
    """`fill_absent` and the frame of the trunk, which is the same with the joints that are filled in.

    Args:
        joints: see `fill_absent`.
        rest_joints: see there.
        joint_sigma: see there.
    """
    absent = tf.expand_dims(joint_sigma >= skeletons.ABSENT, -1)
    joints = tf.where(absent, 0.0, joints)
    trunk = trunk_frame.trunk_frame(joints, rest_joints, joint_sigma)
    bones, centre = expected_bones(joints, rest_joints, joint_sigma, trunk)
    return down_the_tree(_place, centre, bones, tf.cast(absent, joints.dtype), joints), trunk


def _place(parent: tf.Tensor, bone: tf.Tensor, absent: tf.Tensor, joint: tf.Tensor) -> tf.Tensor:
    """`joint` (..., n, 3), which is zero where it is `absent` (..., n, 1), 1 or 0."""
    return joint + absent * (parent + bone)


def expected_bones(
    joints: tf.Tensor, rest_joints: tf.Tensor, joint_sigma: tf.Tensor, trunk: trunk_frame.Frame | None = None
) -> tuple[tf.Tensor, tf.Tensor]:
    """Rest bones (..., 29, 3), metres, rotated as the trunk is, and its centre (..., 1, 3), where the root's starts.

    Args:
        joints: (..., 29, 3) metres; absent ones hold any finite numbers.
        rest_joints: (..., 29, 3) metres, the same body at rest.
        joint_sigma: (..., 29) metres.
        trunk: `trunk_frame.trunk_frame` of the same; found here if None.
    """
    rotation, centre = trunk or trunk_frame.trunk_frame(joints, rest_joints, joint_sigma)
    weights = joint_weights.normalized_weights(joint_sigma, skeletons.TRUNK)
    rest_centre = joint_weights.weighted_mean(weights, tf.gather(rest_joints, skeletons.TRUNK, axis=-2))
    bones = kinematics.bones(rest_joints)
    bones -= tf.one_hot(0, skeletons.NUM_JOINTS, dtype=bones.dtype)[:, None] * rest_centre
    return tf.linalg.matmul(bones, rotation, transpose_b=True), tf.expand_dims(centre, -2)


def down_the_tree(step: Callable[..., tf.Tensor], start: tf.Tensor, *arrays: tf.Tensor) -> tf.Tensor:
    """What `step` gives for each joint (..., 29, k), level by level.

    Args:
        step: from what it gave for the parents (..., n, k) and the arrays' rows of n joints to (..., n, k).
        start: (..., 1, k), in place of the root's parent.
        *arrays: (..., 29, m).
    """
    levels, parents = skeletons.SMPL_29.levels, skeletons.SMPL_29.parents
    order, sizes = [joint for level in levels for joint in level], [len(level) for level in levels]
    of_levels = zip(*(tf.split(tf.gather(array, order, axis=-2), sizes, -2) for array in arrays), strict=True)
    found = [start]
    for above, level, rows in zip([(-1,), *levels[:-1]], levels, of_levels, strict=True):
        parent = gather(found[-1], [above.index(parents[joint]) for joint in level], axis=-2)
        found.append(step(parent, *rows))
    return tf.gather(tf.concat(found[1:], -2), np.argsort(order), axis=-2)


def drop_doubtful(joint_sigma: tf.Tensor, largest: float, growth: float = GROWTH) -> tf.Tensor:
    """Sigma (..., 29) with `skeletons.ABSENT` where a solver is better off without the joint.

    A single joint is, if its sigma is above `largest`; of n such joints in a frame, those above

        largest + growth log2(n),

    as the fewer there are, the more the others tell of them (saved_models/experiments.md, 44).

    Args:
        joint_sigma: (..., 29) metres.
        largest: metres.
        growth: metres.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf.fitting import absent_joints
        >>> absent_joints.drop_doubtful(tf.constant([0.0, 0.15, 0.02]), 0.1).numpy().tolist()
        [0.0, 10.0, 0.019999999552965164]
        >>> absent_joints.drop_doubtful(tf.fill([3], 0.15), 0.1).numpy().tolist() == [tf.constant(0.15).numpy()] * 3
        True
    """
    doubtful = (joint_sigma > largest) & (joint_sigma < skeletons.ABSENT)
    count = tf.reduce_sum(tf.cast(doubtful, tf.float32), -1, keepdims=True)
    limit = largest + growth * tf.math.log(tf.maximum(count, 1.0)) / math.log(2.0)
    return tf.where(joint_sigma > limit, tf.maximum(joint_sigma, skeletons.ABSENT), joint_sigma)
