"""Forward kinematics, walked by depth level: nine small batched products instead of twenty-four."""

import numpy as np
import tensorflow as tf

from niki_tf import skeletons


def bones(rest_joints, skeleton=skeletons.SMPL_29):
    """Offsets of each joint from its parent, (..., n, 3) metres; the root keeps its own position."""
    parents = np.maximum(skeleton.parents[: rest_joints.shape[-2]], 0)
    offsets = rest_joints - tf.gather(rest_joints, parents, axis=-2)
    return tf.concat([rest_joints[..., :1, :], offsets[..., 1:, :]], -2)


def forward_kinematics(rotations, rest_joints):
    """Poses a skeleton: world position of each joint and world rotation of each turning joint.

    Args:
        rotations: (..., 24, 3, 3) local rotation matrices, root first.
        rest_joints: (..., n, 3) metres, n = 24 or 29; leading axes broadcast against those of `rotations`.

    Returns:
        joints (..., n, 3), with the root where it rests, and world rotations (..., 24, 3, 3).
    """
    offsets = bones(rest_joints)
    leading = tf.broadcast_dynamic_shape(tf.shape(rotations)[:-3], tf.shape(offsets)[:-2])
    offsets = tf.broadcast_to(offsets, tf.concat([leading, tf.shape(offsets)[-2:]], 0))
    world = world_rotations(rotations)
    parents = skeletons.SMPL_29.parents[1 : rest_joints.shape[-2]]
    turned = tf.linalg.matvec(tf.gather(world, parents, axis=-3), offsets[..., 1:, :])
    return sum_bones(tf.concat([offsets[..., :1, :], turned], -2)), world


def sum_bones(steps):
    """Joint positions from the steps (..., n, 3) that lead from each parent to its child; inverse of `bones`."""
    return tf.linalg.matmul(tf.constant(_ancestry(steps.shape[-2]), steps.dtype), steps)


def world_rotations(rotations):
    """Local rotations (..., 24, 3, 3) to rotations against the world, level by level."""
    levels, parents = skeletons.SMPL_24.levels, skeletons.SMPL_24.parents
    walked = [rotations[..., :1, :, :]]
    for above, level in zip(levels[:-1], levels[1:], strict=True):
        places = [above.index(parents[joint]) for joint in level]
        walked.append(tf.linalg.matmul(tf.gather(walked[-1], places, axis=-3), tf.gather(rotations, level, axis=-3)))
    order = np.argsort([joint for level in levels for joint in level])
    return tf.gather(tf.concat(walked, -3), order, axis=-3)


def local_rotations(world):
    """World rotations (..., 24, 3, 3) back to local ones; the inverse of `world_rotations`."""
    above = tf.gather(world, skeletons.SMPL_24.parents[1:], axis=-3)
    return tf.concat([world[..., :1, :, :], tf.linalg.matmul(above, world[..., 1:, :, :], transpose_a=True)], -3)


def _ancestry(count):
    """Matrix (count, count) that adds up the bones from the root to each joint."""
    matrix = np.zeros((count, count))
    for joint, below in enumerate(skeletons.SMPL_29.descendants[:count]):
        matrix[[j for j in below if j < count], joint] = 1.0
    return matrix
