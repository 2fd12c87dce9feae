"""Forward kinematics by depth level: nine batched products instead of twenty-four small ones.

A skeleton's first 24 joints are SMPL's, which carry the rotations; any number of further points hang on them.
"""

import functools

import numpy as np
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.rotations import apply, product
from niki_tf.shapes import LeadingAxes, gather, takes
from niki_tf.skeletons import Skeleton


def bones(rest_joints: tf.Tensor, skeleton: Skeleton = skeletons.SMPL_29) -> tf.Tensor:
    """Offsets (..., n, 3) of the joints (..., n, 3) from their parents, metres; the root keeps its position."""
    parents = np.maximum(skeleton.parents[: rest_joints.shape[-2]], 0)
    offsets = rest_joints - tf.gather(rest_joints, parents, axis=-2)
    return tf.concat([rest_joints[..., :1, :], offsets[..., 1:, :]], -2)


@takes("rotations", rotations=(24, 3, 3), rest_joints=("n", 3))
def forward_kinematics(
    rotations: tf.Tensor, rest_joints: tf.Tensor, skeleton: Skeleton = skeletons.SMPL_29
) -> tuple[tf.Tensor, tf.Tensor]:
    """Joint positions and world rotations of a posed skeleton.

    Args:
        rotations: (..., 24, 3, 3) local rotation matrices, root first.
        rest_joints: (..., n, 3) metres, the first n joints of the skeleton, at least 24; leading axes broadcast against
            those of `rotations`.
        skeleton: SMPL's 24 joints and points that hang on them.

    Returns:
        joints (..., n, 3) metres, with the root where it is at rest, and world rotations (..., 24, 3, 3).

    Raises:
        ValueError: a shape does not fit, or a matrix of an array is no rotation.
    """
    count = rest_joints.shape[-2]
    if count is not None and not skeletons.NUM_ROTATIONS <= count <= len(skeleton):
        raise ValueError(
            f"`rest_joints` must be the first {skeletons.NUM_ROTATIONS} to {len(skeleton)} joints of the skeleton; got "
            f"{count}. Give all of skeletons.SMPL_29, or the skeleton that they are of."
        )
    offsets = bones(rest_joints, skeleton)
    world = world_rotations(rotations)
    parents = skeleton.parents[1 : rest_joints.shape[-2]]
    turned = apply(tf.gather(world, parents, axis=-3), offsets[..., 1:, :])
    root = offsets[..., :1, :] + tf.zeros_like(turned[..., :1, :])
    return sum_bones(tf.concat([root, turned], -2), skeleton), world


def sum_bones(offsets: tf.Tensor, skeleton: Skeleton = skeletons.SMPL_29) -> tf.Tensor:
    """Joint positions (..., n, 3) from the offsets (..., n, 3) of joints from their parents; inverse of `bones`."""
    return tf.linalg.matmul(tf.constant(ancestry(skeleton, offsets.shape[-2]), offsets.dtype), offsets)


@takes("rotations", rotations=(24, 3, 3))
def world_rotations(rotations: tf.Tensor) -> tf.Tensor:
    """Local rotations (..., 24, 3, 3) to world rotations, level by level."""
    levels, parents = skeletons.SMPL_24.levels, skeletons.SMPL_24.parents
    leading = LeadingAxes(rotations, inner=3)  # XLA's simplifier fails on such products of more axes (TensorFlow 2.21)
    rotations = leading.flatten(rotations)
    root, *others = tf.split(rotations, [len(level) for level in levels], -3)  # SMPL's joints are numbered by level
    walked = [root]
    for above, level, turns in zip(levels[:-1], levels[1:], others, strict=True):
        places = [above.index(parents[joint]) for joint in level]
        walked.append(product(gather(walked[-1], places, axis=-3), turns))
    return leading.restore(tf.concat(walked, -3))


@takes("world", world=(24, 3, 3))
def local_rotations(world: tf.Tensor) -> tf.Tensor:
    """World rotations (..., 24, 3, 3) to local rotations; the inverse of `world_rotations`."""
    above = tf.gather(world, skeletons.SMPL_24.parents[1:], axis=-3)
    return tf.concat([world[..., :1, :, :], tf.linalg.matmul(above, world[..., 1:, :, :], transpose_a=True)], -3)


@functools.lru_cache(maxsize=32)
def ancestry(skeleton: Skeleton, count: int) -> np.ndarray:
    """Matrix (count, count) with 1 where the joint of the column is an ancestor of that of the row, or the same."""
    matrix = np.zeros((count, count))
    for joint, below in enumerate(skeleton.descendants[:count]):
        matrix[[j for j in below if j < count], joint] = 1.0
    return matrix
