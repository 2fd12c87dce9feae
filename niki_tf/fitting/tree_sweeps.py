"""The equations of `tree_equations` for many bodies at a time: from the ends of the limbs to the root and back.

Once all turns below a joint are the best ones, what the points at or below it add to the sum depends on how the joint
moves alone, on its shift a and the sum o of its own turn and those above it:

    a^T A a  +  2 a^T B o  +  o^T C o  -  2 f^T a  -  2 m^T o

With s |w + u|^2 for its own turn w, which is a part of o, the best w is linear in a and in the sum of the turns above;
put in, it leaves numbers of the same kind for the parent. A level of the tree is one step, with the joints and the
bodies side by side along the axes of every operation. So many bodies take a third of the time of `tree_equations`,
which has fewer and larger operations, and single precision keeps more digits.

Source: Featherstone, The calculation of robot dynamics using articulated-body inertias, IJRR 1983.
"""

import functools
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.fitting import joint_weights
from niki_tf.fitting.tree_equations import FIXED, LEAST_STIFFNESS
from niki_tf.skeletons import NUM_ROTATIONS, Skeleton

_LEVELS, _PARENTS = skeletons.SMPL_24.levels, skeletons.SMPL_24.parents
_DEPTH, _WIDTH = len(_LEVELS), max(len(level) for level in _LEVELS)
_MOVED = (3, 1, 3, 1, 3)
"""Columns of A, f, B, m and C, which stand side by side in the 3 rows of a joint's numbers."""
_EYE = np.eye(3, dtype=np.float32)[..., None]


class _Places(NamedTuple):
    """Where joints stand: in their level, each level with as many places.

    Attributes:
        joints: (_DEPTH * _WIDTH,) joint of each place, -1 where there is none.
        of_joints: (24,) place of each joint.
        parents: (_DEPTH, _WIDTH) place of the parent in the level above, 0 where there is none.
        children: (_DEPTH, _WIDTH, _WIDTH) 1 where the column's place has a child in the level above of the row's.
    """

    joints: np.ndarray
    of_joints: np.ndarray
    parents: np.ndarray
    children: np.ndarray


def solve_turns(
    posed: tf.Tensor,
    error: tf.Tensor,
    weights: tf.Tensor,
    stiffness: tf.Tensor,
    turned: tf.Tensor,
    *,
    skeleton: Skeleton,
) -> tf.Tensor:
    """The turns w (N, 24, 3), radians about the axes of the world; see `tree_equations.solve_turns`."""
    places, count, size = _places(), tf.shape(posed)[0], posed.shape[0]
    posed, error = (joint_weights.centred(x, weights) for x in (posed, error))
    all_moments = tf.reduce_sum(weights * tf.reduce_sum(posed * posed, -1), -1)
    stiffness = tf.maximum(stiffness[:, 0], LEAST_STIFFNESS * all_moments)
    posed, error, turned = (tf.transpose(x, [1, 2, 0]) for x in (posed, error, turned))
    own = tf.reshape(_own(posed, error, tf.transpose(weights), skeleton), [_DEPTH, _WIDTH, 3, sum(_MOVED), count])
    bones = posed[:NUM_ROTATIONS] - tf.gather(posed, np.maximum(_PARENTS, 0))
    filled = tf.constant(places.joints >= 0)[:, None, None]
    bones, turned = (
        tf.reshape(tf.where(filled, tf.gather(x, np.maximum(places.joints, 0)), 0.0), [_DEPTH, _WIDTH, 3, count])
        for x in (bones, turned)
    )
    children, parents = tf.constant(places.children), tf.constant(places.parents, tf.int32)

    def up(level: tf.Tensor, moved: tf.Tensor, found: tf.TensorArray) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray]:
        best, shift = _best(moved, stiffness, turned[level])
        moved = _at_parent(best, shift, stiffness, turned[level], bones[level])
        moved = tf.linalg.matmul(children[level], tf.reshape(moved, [_WIDTH, -1]))  # also keeps XLA from fusing levels
        moved = tf.reshape(moved, [_WIDTH, 3, sum(_MOVED), count])
        return level - 1, moved + own[level - 1], found.write(level, best)

    def down(
        level: tf.Tensor, shift: tf.Tensor, turn: tf.Tensor, turns: tf.TensorArray
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.TensorArray]:
        shift, turn = (tf.gather(x, parents[level]) for x in (shift, turn))
        shift += _cross(turn, bones[level])
        of_joint = _turn(found[level], shift, turn)
        return level + 1, shift, turn + of_joint, turns.write(level, of_joint)

    found = tf.TensorArray(tf.float32, size=_DEPTH, element_shape=[_WIDTH, 3, 7, size])
    found = found.write(0, tf.zeros([_WIDTH, 3, 7, count]))
    most = {"maximum_iterations": _DEPTH - 1}  # for gradients by XLA
    _, moved, found = tf.while_loop(lambda level, *_: level > 0, up, (_DEPTH - 1, own[-1], found), **most)
    found = found.stack()
    best, shift = _best(moved[:1], stiffness, turned[0, :1])
    fixed = tf.maximum(FIXED * stiffness - tf.reduce_sum(weights, -1), 0.0)
    shift = _product(_inverse(shift[:, :, :3] + fixed * _EYE), shift[:, :, 3:])[:, :, 0]
    shift, turn = (tf.broadcast_to(x, [_WIDTH, 3, count]) for x in (shift, _turn(best, shift, tf.zeros_like(shift))))
    turns = tf.TensorArray(tf.float32, size=_DEPTH, element_shape=[_WIDTH, 3, size]).write(0, turn)
    *_, turns = tf.while_loop(lambda level, *_: level < _DEPTH, down, (1, shift, turn, turns), **most)
    turns = tf.gather(tf.reshape(turns.stack(), [_DEPTH * _WIDTH, 3, count]), places.of_joints)
    return tf.transpose(turns, [2, 0, 1])


def _own(posed: tf.Tensor, error: tf.Tensor, weights: tf.Tensor, skeleton: Skeleton) -> tf.Tensor:
    """The numbers (_DEPTH * _WIDTH, 3, 11, N) that points add which move with a joint, itself among them.

    `posed` and `error` are (n, 3, N), `weights` (n, N).
    """
    joints, carried = _carried(skeleton)
    away, weights = posed - tf.gather(posed, joints), weights[:, None]
    force, lever = weights * error, weights * away
    outer = tf.reshape(lever[:, :, None] * away[:, None], [len(skeleton), 9, -1])
    sums = tf.concat([weights, lever, outer, force, _cross(away, force)], 1)
    sums = tf.linalg.matmul(tf.constant(carried), tf.reshape(sums, [len(skeleton), -1]))
    mass, lever, outer, force, torque = tf.split(tf.reshape(sums, [len(carried), 19, -1]), [1, 3, 9, 3, 3], 1)
    outer = tf.reshape(outer, [len(carried), 3, 3, -1])
    trace = tf.reduce_sum(outer * _EYE, [1, 2], keepdims=True)
    across = _cross(_EYE, lever[:, :, None], axis=1)
    parts = [mass[:, :, None] * _EYE, force[:, :, None], across, torque[:, :, None], trace * _EYE - outer]
    return tf.concat(parts, 2)


def _best(moved: tf.Tensor, stiffness: tf.Tensor, turned: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """(C + s)^-1 (B^T, m - s u, C) (W, 3, 7, N), which `_turn` takes; and A and f (W, 3, 4, N) after the best turns."""
    shift, both, turn = tf.split(moved, [4, 4, 3], 2)
    across, torque = both[:, :, :3], both[:, :, 3:]
    sides = tf.concat([tf.transpose(across, [0, 2, 1, 3]), torque - stiffness * turned[:, :, None], turn], 2)
    best = _product(_inverse(turn + stiffness * _EYE), sides)
    return best, shift - _product(across, best[:, :, :4])


def _turn(best: tf.Tensor, shift: tf.Tensor, turn: tf.Tensor) -> tf.Tensor:
    """The best turns (W, 3, N) of joints with a shift (W, 3, N) and a sum of the turns above (W, 3, N)."""
    given = tf.concat([-shift, tf.ones_like(shift[:, :1]), -turn], 1)
    return tf.reduce_sum(best * given[:, None], 2)


def _at_parent(
    best: tf.Tensor, shift: tf.Tensor, stiffness: tf.Tensor, turned: tf.Tensor, bone: tf.Tensor
) -> tf.Tensor:
    """The numbers (W, 3, 11, N) that joints with their best turns add to those of the parent, `bone` (W, 3, N) away."""
    mass, force, bone = shift[:, :, :3], shift[:, :, 3:], bone[:, :, None]
    across = stiffness * tf.transpose(best[:, :, :3], [0, 2, 1, 3])
    torque = stiffness * (best[:, :, 3:4] + turned[:, :, None]) + _cross(bone, force, axis=1)
    turn = stiffness * best[:, :, 4:] + tf.transpose(_cross(bone, across, axis=1), [0, 2, 1, 3])
    across += tf.transpose(_cross(bone, mass, axis=1), [0, 2, 1, 3])
    return tf.concat([mass, force, across, torque, turn + _cross(bone, across, axis=1)], 2)


def _product(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Products (W, i, j, N) of matrices (W, i, k, N) and (W, k, j, N)."""
    return tf.reduce_sum(a[:, :, :, None] * b[:, None], 2)


def _inverse(matrix: tf.Tensor) -> tf.Tensor:
    """Inverse of symmetric matrices (W, 3, 3, N) by cofactors."""
    rows = [matrix[:, row] for row in range(3)]
    cofactors = tf.stack([_cross(rows[1], rows[2]), _cross(rows[2], rows[0]), _cross(rows[0], rows[1])], 1)
    return cofactors / tf.reduce_sum(rows[0] * cofactors[:, 0], 1)[:, None, None]


def _cross(a: tf.Tensor, b: tf.Tensor, axis: int = -2) -> tf.Tensor:
    """Cross products along an axis."""
    (ax, ay, az), (bx, by, bz) = (tf.unstack(x, axis=axis) for x in (a, b))
    return tf.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis)


@functools.cache
def _places() -> _Places:
    """Places of the joints, level by level."""
    joints = np.array([[*level, *[-1] * (_WIDTH - len(level))] for level in _LEVELS])
    slots = {joint: (depth, slot) for depth, level in enumerate(_LEVELS) for slot, joint in enumerate(level)}
    parents, children = np.zeros([_DEPTH, _WIDTH], int), np.zeros([_DEPTH, _WIDTH, _WIDTH], np.float32)
    for joint, (depth, slot) in slots.items():
        if joint:
            parents[depth, slot] = above = slots[_PARENTS[joint]][1]
            children[depth, above, slot] = 1.0
    of_joints = np.array([depth * _WIDTH + slot for _, (depth, slot) in sorted(slots.items())])
    return _Places(joints.ravel(), of_joints, parents, children)


@functools.lru_cache(maxsize=32)
def _carried(skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """The joint (n,) that each point moves with, and (_DEPTH * _WIDTH, n): 1 where the place of the row has it."""
    joints = np.array([point if point < NUM_ROTATIONS else skeleton.parents[point] for point in range(len(skeleton))])
    return joints, (_places().joints[:, None] == joints).astype(np.float32)
