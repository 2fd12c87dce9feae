"""Rotations that are known beforehand, of IMUs, a headset or an earlier fit: what they tell, and how they are held.

`known` is (..., 24, 3, 3) everywhere: rotation matrices of joints relative to the world, zeros where not known. A joint
whose rotation is known shows where its children are relative to it.
"""

import functools

import numpy as np
import tensorflow as tf

from niki_tf import rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.fitting import joint_weights
from niki_tf.shapes import reshape_last
from niki_tf.skeletons import Skeleton

_TRUNK_SHARES = {0: 1.0, 3: 1.0, 6: 1.0, 9: 1.0, 13: 0.1, 14: 0.1, 12: 0.1, 15: 0.03}
"""Joint -> weight of its rotation in the mean that stands for that of the trunk. Set by hand."""
_TRUNK_SIGMA = 0.2
"""Metres; sigma of joints of the trunk that only its rotation tells. Set by hand."""
_TRUNK_BENDS = 0.1
"""Share of the length of a free bone, squared, by which it strays in the trunk; 1 elsewhere. Set by hand."""
_TIPS = 25
"""The first of the tips of hands and feet among the 29 joints."""

_TURNS = 3 * skeletons.NUM_ROTATIONS
_ANCESTRY = kinematics.ancestry(skeletons.SMPL_29, skeletons.NUM_JOINTS).astype(np.float32)
"""(29, 29): 1 where the joint of the column is an ancestor of that of the row, or the same."""
_BELOW = (_ANCESTRY - np.eye(len(_ANCESTRY), dtype=np.float32)).T
"""(29, 29): 1 where the joint of the column is below that of the row."""
_OF_TRUNK = np.isin(np.arange(skeletons.NUM_JOINTS), skeletons.TRUNK)


def read(known_rotations: tf.Tensor) -> tf.Tensor:
    """`known` (..., 24, 3, 3) of matrices as they are given: those with a NaN become zeros, others are orthonormal."""
    # comparisons with NaN are false; LiteRT has no `is_nan`
    told = tf.reduce_all(tf.logical_or(known_rotations <= 0.0, known_rotations >= 0.0), [-2, -1], keepdims=True)
    matrices = tf.where(told, known_rotations, 0.0)
    return tf.where(is_known(matrices)[..., None, None], _orthonormal(matrices), 0.0)


def is_known(known: tf.Tensor) -> tf.Tensor:
    """Which rotations are known, (..., 24) bool."""
    return tf.reduce_sum(known * known, [-2, -1]) > 0.0


def hold(local: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
    """Local rotations (..., 24, 3, 3) of which those `known` have their rotation relative to the world.

    All others keep their rotation relative to the parent.

    Example:
        >>> import numpy as np
        >>> import tensorflow as tf
        >>> from niki_tf.body import kinematics
        >>> from niki_tf.fitting import held_rotations
        >>> known = np.zeros([24, 3, 3], np.float32)
        >>> known[20] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
        >>> held = held_rotations.hold(tf.eye(3, batch_shape=[24]), tf.constant(known))
        >>> world = kinematics.world_rotations(held).numpy()
        >>> bool((world[20] == known[20]).all()), bool((world[22] == known[20]).all())
        (True, True)
    """
    levels, parents = skeletons.SMPL_24.levels, skeletons.SMPL_24.parents
    held = is_known(known)[..., None, None]
    root = tf.where(held[..., :1, :, :], known[..., :1, :, :], local[..., :1, :, :])
    world, walked = root, [root]
    for above, level in zip(levels[:-1], levels[1:], strict=True):
        base = tf.gather(world, [above.index(parents[joint]) for joint in level], axis=-3)
        own, wanted, keeps = (tf.gather(x, level, axis=-3) for x in (local, known, held))
        own = tf.where(keeps, _orthonormal(tf.linalg.matmul(base, wanted, transpose_a=True)), own)
        world = tf.linalg.matmul(base, own)
        walked.append(own)
    order = np.argsort([joint for level in levels for joint in level])
    return tf.gather(tf.concat(walked, -3), order, axis=-3)


def hold_seen(local: tf.Tensor, known: tf.Tensor, joint_sigma: tf.Tensor) -> tf.Tensor:
    """As `hold`, of an answer that did not know them: joints below which one was seen stay as they are in the world.

    Hands and feet follow wrists and ankles, whatever was seen of their tips.

    Args:
        local: (..., 24, 3, 3).
        known: (..., 24, 3, 3).
        joint_sigma: (..., 29) metres.
    """
    present = tf.cast(joint_sigma < skeletons.ABSENT, local.dtype)
    seen_below = tf.linalg.matvec(tf.constant(_BELOW[: skeletons.NUM_ROTATIONS, :_TIPS]), present[..., :_TIPS]) > 0.0
    world = tf.where(seen_below[..., None, None], kinematics.world_rotations(local), 0.0)
    return hold(local, tf.where(is_known(known)[..., None, None], known, world))


def tell(
    joints: tf.Tensor, joint_sigma: tf.Tensor, rest_joints: tf.Tensor, known: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Joints (..., 29, 3) and their sigma (..., 29) with what known rotations tell of them.

    Joints that are linked by bones of known rotation move as one rigid body, whose place is the weighted mean of what
    was seen of it. Absent joints of the trunk are where its rotation puts them, roughly, where that is known. An absent
    joint that the rotation of its parent tells stays absent if none was seen below it: it says nothing new, and a
    network would take it for an observation.

    Args:
        joints: (..., 29, 3) metres, finite.
        joint_sigma: (..., 29) metres.
        rest_joints: (..., 29, 3) metres.
        known: (..., 24, 3, 3).
    """
    turned = hold(_turned_as_trunk(known), known)
    posed, _ = kinematics.forward_kinematics(turned, rest_joints)
    present = joint_sigma < skeletons.ABSENT
    precision = tf.where(present, joint_weights.precision(joint_sigma), 0.0)
    together = _is_rigid(known)
    weights = together * precision[..., None, :]
    total = tf.reduce_sum(weights, -1)
    place = tf.math.divide_no_nan(tf.linalg.matmul(weights, joints - posed), total[..., None])
    below = tf.linalg.matvec(tf.constant(_BELOW), tf.cast(present, joints.dtype)) > 0.0
    told = present | below | tf.constant(_OF_TRUNK)
    fused = told & (tf.reduce_sum(together, -1) > 1.5) & (total > 0.0)
    found = tf.where(fused[..., None], posed + place, joints)
    variance = tf.math.divide_no_nan(1.0, total) - joint_weights.COMMON_SIGMA**2
    sigma = tf.where(fused, tf.sqrt(tf.maximum(variance, 0.0)), joint_sigma)
    return _with_trunk(found, sigma, posed, known)


def lever_arms(posed: tf.Tensor, known: tf.Tensor, skeleton: Skeleton = skeletons.SMPL_29) -> tf.Tensor:
    """Vectors (N, n, 24, 3) whose cross product with a turn of each of the 24 joints moves each of n joints, metres.

    A joint whose rotation is known does not turn, and what is below it moves along with it.

    Args:
        posed: (N, n, 3) metres.
        known: (N, 24, 3, 3).
        skeleton: that of the n joints.
    """
    held = tf.cast(is_known(known), posed.dtype)
    ancestry = tf.constant(_ANCESTRY[: skeletons.NUM_ROTATIONS, : skeletons.NUM_ROTATIONS])
    above = tf.linalg.matvec(ancestry, held)
    turns = ancestry * tf.cast(above[:, :, None] - above[:, None, :] < 0.5, posed.dtype)
    turns *= 1.0 - held[:, None, :]
    bones = kinematics.bones(posed, skeleton)[:, 1:]
    moved = tf.gather(turns, skeleton.parents[1:], axis=1)[..., None] * bones[:, :, None]
    arms = kinematics.sum_bones(tf.pad(reshape_last(moved, 2, [_TURNS]), [[0, 0], [1, 0], [0, 0]]), skeleton)
    return reshape_last(arms, 1, [skeletons.NUM_ROTATIONS, 3])


def _orthonormal(matrices: tf.Tensor) -> tf.Tensor:
    """Matrices (..., 3, 3), rotations but for rounding errors, without these."""
    return rotations.sixd_to_matrix(rotations.matrix_to_6d(matrices))


def _turned_as_trunk(known: tf.Tensor) -> tf.Tensor:
    """Local rotations (..., 24, 3, 3) of the pose at rest, turned as the known rotations say that the trunk is."""
    shares = tf.constant(list(_TRUNK_SHARES.values()), known.dtype)[:, None, None]
    mean = tf.reduce_sum(shares * tf.gather(known, list(_TRUNK_SHARES), axis=-3), -3, keepdims=True)
    root = rotations.moment_to_rotation(rotations.transpose(mean))
    return tf.concat([root, tf.zeros_like(known[..., 1:, :, :]) + tf.eye(3)], -3)


def _with_trunk(
    joints: tf.Tensor, joint_sigma: tf.Tensor, posed: tf.Tensor, known: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Joints and sigma with absent ones of the trunk where they are `posed` (..., 29, 3), next to those that were seen.

    The fewer free bones there are from the trunk to a joint that was seen, the more it says of the place.
    """
    turned = tf.reduce_any(tf.gather(is_known(known), list(_TRUNK_SHARES), axis=-1), -1, keepdims=True)
    present = joint_sigma < skeletons.ABSENT
    away = tf.linalg.matmul(kinematics.bones(posed)[..., 1:, :] ** 2, tf.ones([3, 1]))
    free = 1.0 - tf.cast(tf.gather(is_known(known), skeletons.SMPL_29.parents[1:], axis=-1), posed.dtype)
    stray = tf.where(tf.constant(_OF_TRUNK[1:]), _TRUNK_BENDS * free, free)[..., None] * away
    variance = tf.linalg.matmul(tf.constant(_ANCESTRY[:, 1:]), stray)[..., 0]
    variance += joint_weights.clip_sigma(joint_sigma) ** 2 + joint_weights.COMMON_SIGMA**2
    weights = tf.where(present, 1.0 / variance, 0.0)[..., None]
    shift = tf.math.divide_no_nan(
        tf.reduce_sum(weights * (joints - posed), -2, keepdims=True), tf.reduce_sum(weights, -2, keepdims=True)
    )
    added = tf.constant(_OF_TRUNK) & ~present & turned & tf.reduce_any(present, -1, keepdims=True)
    return tf.where(added[..., None], posed + shift, joints), tf.where(added, _TRUNK_SIGMA, joint_sigma)


def _is_rigid(known: tf.Tensor) -> tf.Tensor:
    """(..., 29, 29): 1 where all bones between two joints have a known rotation, and on the diagonal."""
    held = tf.cast(is_known(known), known.dtype)
    free = 1.0 - tf.gather(held, skeletons.SMPL_29.parents[1:], axis=-1)
    depth = tf.linalg.matvec(tf.constant(_ANCESTRY[:, 1:]), free)
    fork = tf.gather(depth, _forks(), axis=-1)
    return tf.cast(depth[..., :, None] + depth[..., None, :] - 2.0 * fork < 0.5, known.dtype)


@functools.cache
def _forks() -> np.ndarray:
    """(29, 29): the last joint that two joints have both above them, or are."""
    common = _ANCESTRY[:, None] * _ANCESTRY[None]
    return np.argmax(common * _ANCESTRY.sum(1), -1)
