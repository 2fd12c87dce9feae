"""Least squares over the turns of 24 joints and one translation, by the tree of the body instead of a Jacobian.

Minimised over turns w_j about the axes of the world and one translation t:

    sum over points k  v_k |sum over joints j above k  w_j x (p_k - p_j)  +  t - e_k|^2   +   s sum over j |w_j + u_j|^2

The equations of two joints hold only moments of the points below the lower of them, about both: sums of v, v p and
v p p^T, of which the tree gives all at once. Limbs are chains that touch each other by the trunk alone, so their turns
are eliminated first, each limb by itself, and 15 unknowns are left: t and the turns of pelvis and spine.
"""

import functools
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from niki_tf import rotations
from niki_tf.body import kinematics
from niki_tf.fitting import joint_weights
from niki_tf.fitting.linear_solvers import CHOLESKY, LinearSolver
from niki_tf.skeletons import NUM_ROTATIONS, Skeleton

_TRUNK = (0, 3, 6, 9)
_LIMBS = ((1, 4, 7, 10), (2, 5, 8, 11), (12, 15), (13, 16, 18, 20, 22), (14, 17, 19, 21, 23))
"""Chains of SMPL's joints: legs, neck and head, arms."""
_LONGEST = max(len(limb) for limb in _LIMBS)
_ABOVE = tuple(1 if limb[0] in (1, 2) else len(_TRUNK) for limb in _LIMBS)
"""Number of joints of the trunk that turn the limb."""
LEAST_STIFFNESS = 1e-6
"""Lower bound of s relative to the moment of all points, so that float32 can solve the equations."""
FIXED = 1e-6
"""Weight of t where no point has any, relative to s."""


class _Slots(NamedTuple):
    """Where joints stand in the equations: t and the trunk's, then the limbs', each with as many places.

    Attributes:
        joints: (30,) joint of each place; 0 where there is none.
        filled: (30, 1) 1 where there is one.
        places: (24,) place of each joint.
        trunk: (90, 15) 1 where the coordinate of the column, of the trunk, comes before that of the row or is the same.
        limb: (15, 15) the same within a limb.
    """

    joints: np.ndarray
    filled: np.ndarray
    places: np.ndarray
    trunk: np.ndarray
    limb: np.ndarray


def solve_turns(
    posed: tf.Tensor,
    error: tf.Tensor,
    weights: tf.Tensor,
    stiffness: tf.Tensor,
    turned: tf.Tensor,
    *,
    skeleton: Skeleton,
    linear_solver: LinearSolver = CHOLESKY,
) -> tf.Tensor:
    """The turns w (N, 24, 3), radians about the axes of the world, that minimise the sum above.

    Args:
        posed: (N, n, 3) metres, p; n joints of the skeleton.
        error: (N, n, 3) metres, e.
        weights: (N, n), v, 1 / metres^2.
        stiffness: (N, 1), s, 1 / radians^2; raised where it is too small for float32.
        turned: (N, 24, 3), u, radians.
        skeleton: SMPL's 24 joints and points that hang on them.
        linear_solver: one of `fitting.linear_solvers`.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body, skeletons
        >>> from niki_tf.fitting import tree_equations
        >>> rest = body.mannequin_joints()(tf.zeros([1, 10]))
        >>> unseen, stiffness, turned = tf.zeros([1, 29]), tf.ones([1, 1]), tf.fill([1, 24, 3], 0.1)
        >>> w = tree_equations.solve_turns(rest, rest, unseen, stiffness, turned, skeleton=skeletons.SMPL_29)
        >>> print(w[0, 5].numpy().round(3))  # nothing was seen, so all turns are undone
        [-0.1 -0.1 -0.1]
    """
    total = tf.reduce_sum(weights, -1)[:, None, None]
    posed, error = (joint_weights.centred(x, weights) for x in (posed, error))
    moments = _moments(posed, error, weights, skeleton)
    stiffness = tf.maximum(stiffness[..., None], LEAST_STIFFNESS * _trace(moments.second[:, 1:2]))
    trunk, limbs = _equations(posed, moments, total, stiffness)
    slots = _slots()
    places = tf.gather(posed, slots.joints, axis=1)
    pull = moments.torque - rotations.cross(places, moments.force)
    pull = tf.constant(slots.filled) * (pull - stiffness * tf.gather(turned, slots.joints, axis=1))
    found = _eliminate(trunk, limbs, tf.reshape(pull, [-1, 3 * len(slots.joints), 1]), linear_solver)
    return tf.gather(tf.reshape(found, [-1, len(slots.joints), 3]), slots.places, axis=1)


class _Moments(NamedTuple):
    """Sums over the points at or below the joint of each place: v, v p, v p p^T, v e, v p x e; (N, 30, ...)."""

    mass: tf.Tensor
    first: tf.Tensor
    second: tf.Tensor
    force: tf.Tensor
    torque: tf.Tensor


def _moments(posed: tf.Tensor, error: tf.Tensor, weights: tf.Tensor, skeleton: Skeleton) -> _Moments:
    """Moments of the points about the mean, zero in places without a joint."""
    weighted = weights[..., None] * posed
    outer = tf.reshape(weighted[..., None] * posed[..., None, :], [-1, len(skeleton), 9])
    force = weights[..., None] * error
    of_points = tf.concat([weights[..., None], weighted, outer, force, rotations.cross(posed, force)], -1)
    return _Moments(*tf.split(tf.linalg.matmul(tf.constant(_below(skeleton)), of_points), [1, 3, 9, 3, 3], -1))


def _equations(
    posed: tf.Tensor, moments: _Moments, total: tf.Tensor, stiffness: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Matrix (N, 90, 15) of trunk and limbs with the trunk, and matrices (N, 5, 15, 15) of each limb with itself.

    For i above j or the same, that of the turns of i and j is tr(G) 1 - G with G = sum of v (p - p_j) (p - p_i)^T =
    (second - p_j first^T) - (first - mass p_j) p_i^T: a product of what belongs to j with what belongs to i.
    """
    slots = _slots()
    places = tf.gather(posed, slots.joints, axis=1)
    outer = tf.reshape(places[..., None] * moments.first[..., None, :], [-1, len(slots.joints), 9])
    own = tf.concat([moments.second - outer, moments.first - moments.mass * places], -1)
    lower = tf.reshape(tf.linalg.matmul(own, tf.constant(_lower_features())), [-1, 3 * len(slots.joints), 12])
    upper = tf.linalg.matmul(tf.concat([tf.ones_like(places[..., :1]), places], -1), tf.constant(_upper_features()))
    upper = tf.concat([tf.zeros_like(upper[:, :1]) + tf.constant(_translation_features()), upper[:, 1:]], 1)
    upper = tf.reshape(upper, [-1, 3 * len(slots.joints), 12])
    size, width = 3 * (1 + len(_TRUNK)), 3 * _LONGEST
    products = tf.constant(slots.trunk) * tf.linalg.matmul(lower, upper[:, :size], transpose_b=True)
    diagonal = tf.concat([tf.repeat(tf.maximum(total, FIXED * stiffness), 3, 1), tf.repeat(stiffness, size - 3, 1)], 1)
    trunk = _symmetric(products[:, :size]) + diagonal * tf.eye(size)
    of_limbs = [-1, len(_LIMBS), width, 12]
    limbs = tf.linalg.matmul(
        tf.reshape(lower[:, size:], of_limbs), tf.reshape(upper[:, size:], of_limbs), transpose_b=True
    )
    limbs = _symmetric(tf.constant(slots.limb) * limbs) + stiffness[..., None] * tf.eye(width)
    return tf.concat([trunk, products[:, size:]], 1), limbs


def _eliminate(trunk: tf.Tensor, limbs: tf.Tensor, right: tf.Tensor, linear_solver: LinearSolver) -> tf.Tensor:
    """Unknowns (N, 90, 1) of the equations of `_equations` with the right-hand sides `right` (N, 90, 1)."""
    size, width, count = trunk.shape[-1], limbs.shape[-1], len(_LIMBS)
    sides = tf.reshape(tf.concat([trunk[:, size:], right[:, size:]], -1), [-1, width, size + 1])
    product, back = linear_solver.halves(tf.reshape(limbs, [-1, width, width]), sides, count)
    left = product[:, :size]
    of_trunk = linear_solver.solve(trunk[:, :size] - left[..., :size], right[:, :size] - left[..., size:])
    of_limbs = back(tf.concat([-of_trunk, tf.ones_like(of_trunk[:, :1])], 1))
    return tf.concat([of_trunk, tf.reshape(of_limbs, [-1, count * width, 1])], 1)


def _symmetric(matrix: tf.Tensor) -> tf.Tensor:
    """The matrix (..., m, m), which is zero above its diagonal blocks of 3 x 3, with the same below as above."""
    size = matrix.shape[-1]
    below = np.tril(np.ones([size, size], np.float32), -1) * (1.0 - np.kron(np.eye(size // 3), np.ones([3, 3])))
    return matrix + tf.linalg.matrix_transpose(tf.constant(below, tf.float32) * matrix)


def _trace(matrix: tf.Tensor) -> tf.Tensor:
    """Trace (..., 1) of matrices (..., 9)."""
    return tf.reduce_sum(matrix[..., ::4], -1, keepdims=True)


@functools.cache
def _slots() -> _Slots:
    """Places of the joints: t first, then the trunk, then the limbs from the trunk outwards."""
    chains = [(-1, *_TRUNK), *((*limb, *[-1] * (_LONGEST - len(limb))) for limb in _LIMBS)]
    joints = np.array([joint for chain in chains for joint in chain])
    before = np.tril(np.ones([1 + len(_TRUNK), 1 + len(_TRUNK)]))
    before[0, 0] = 0.0
    of_limbs = [np.arange(1 + len(_TRUNK)) <= above for above in _ABOVE for _ in range(_LONGEST)]
    return _Slots(
        joints=np.maximum(joints, 0),
        filled=(joints >= 0).astype(np.float32)[:, None],
        places=np.array([list(joints).index(joint) for joint in range(NUM_ROTATIONS)]),
        trunk=_blocks(np.concatenate([before, of_limbs])),
        limb=_blocks(np.tril(np.ones([_LONGEST, _LONGEST]))),
    )


def _blocks(matrix: np.ndarray) -> np.ndarray:
    """The matrix (a, b) with each entry as a block of 3 x 3, float32."""
    return np.kron(matrix, np.ones([3, 3])).astype(np.float32)


@functools.lru_cache(maxsize=32)
def _below(skeleton: Skeleton) -> np.ndarray:
    """(30, n): 1 where the point of the column is at or below the joint of the row's place."""
    ancestry = kinematics.ancestry(skeleton, len(skeleton))
    return (_slots().filled * ancestry.T[_slots().joints]).astype(np.float32)


@functools.cache
def _lower_features() -> np.ndarray:
    """(12, 36): from (B, d) of a joint to its factor (3, 12): tr(B) 1 - B, then d_s 1_tc - d_t 1_sc for each s, t."""
    eye = np.eye(3)
    of_b = np.einsum("uv,sc->uvcs", eye, eye) - np.einsum("us,vc->uvcs", eye, eye)
    of_d = np.einsum("us,tc->ucst", eye, eye) - np.einsum("ut,sc->ucst", eye, eye)
    factor = np.zeros([12, 3, 12], np.float32)
    factor[:9, :, :3], factor[9:, :, 3:] = of_b.reshape(9, 3, 3), of_d.reshape(3, 3, 9)
    return factor.reshape(12, 36)


@functools.cache
def _upper_features() -> np.ndarray:
    """(4, 36): from (1, p) of a joint to its factor (3, 12): 1, then 1_rs p_t for each s, t."""
    eye = np.eye(3)
    factor = np.zeros([4, 3, 12], np.float32)
    factor[0, :, :3], factor[1:, :, 3:] = eye, np.einsum("ut,rs->urst", eye, eye).reshape(3, 3, 9)
    return factor.reshape(4, 36)


@functools.cache
def _translation_features() -> np.ndarray:
    """(36,): the factor of t, whose product with that of a joint is the cross product matrix of d."""
    signs = np.zeros([3, 3, 3], np.float32)
    for s, t, r in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        signs[r, s, t], signs[r, t, s] = -0.5, 0.5
    return np.concatenate([np.zeros([3, 3], np.float32), signs.reshape(3, 9)], 1).reshape(36)
