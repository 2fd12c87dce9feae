"""Least squares over the turns of 24 joints and one translation, of joints of which some are held in the world.

The same as `tree_equations` with w_j = 0 for joints whose rotation is known. What is below such a joint moves along
with it without turning, so that the moments of a subtree do not tell what turns above do; the Jacobian does.
"""

import tensorflow as tf

from niki_tf import rotations
from niki_tf.fitting import held_rotations, joint_weights, tree_equations
from niki_tf.fitting.linear_solvers import CHOLESKY, LinearSolver
from niki_tf.shapes import reshape_last
from niki_tf.skeletons import NUM_ROTATIONS, Skeleton

_TURNS = 3 * NUM_ROTATIONS


def solve_turns(
    posed: tf.Tensor,
    error: tf.Tensor,
    weights: tf.Tensor,
    stiffness: tf.Tensor,
    turned: tf.Tensor,
    *,
    known: tf.Tensor,
    skeleton: Skeleton,
    linear_solver: LinearSolver = CHOLESKY,
) -> tf.Tensor:
    """The turns (N, 24, 3), radians about the axes of the world, of `tree_equations.solve_turns`, zero where held.

    Args:
        posed: (N, n, 3) metres.
        error: (N, n, 3) metres.
        weights: (N, n), 1 / metres^2.
        stiffness: (N, 1), 1 / radians^2.
        turned: (N, 24, 3) radians.
        known: (N, 24, 3, 3) rotations of the joints that are held, zeros for all others.
        skeleton: SMPL's 24 joints and points that hang on them.
        linear_solver: one of `fitting.linear_solvers`.
    """
    coordinates = 3 * weights.shape[-1]
    arms = jacobian(posed, known, skeleton)
    columns = reshape_last(tf.transpose(joint_weights.centred(arms, weights), [0, 1, 3, 2]), 3, [coordinates, _TURNS])
    weighted = tf.repeat(weights, 3, -1)[..., None] * columns
    largest = tf.reduce_max(tf.reduce_sum(weighted * columns, 1), -1, keepdims=True)
    stiffness = tf.maximum(stiffness, tree_equations.LEAST_STIFFNESS * largest)
    free = tf.where(held_rotations.is_known(known)[..., None], 0.0, turned)
    normal = tf.linalg.matmul(weighted, columns, transpose_a=True) + stiffness[..., None] * tf.eye(_TURNS)
    target = tf.linalg.matvec(
        weighted, reshape_last(joint_weights.centred(error, weights), 2, [coordinates]), transpose_a=True
    )
    right = target - stiffness * reshape_last(free, 2, [_TURNS])
    return reshape_last(linear_solver.solve(normal, right[..., None]), 2, [NUM_ROTATIONS, 3])


def jacobian(posed: tf.Tensor, known: tf.Tensor, skeleton: Skeleton) -> tf.Tensor:
    """Derivative (N, n, 72, 3) of each joint with respect to the turn of each of the 24 about the axes of the world.

    Args:
        posed: (N, n, 3) metres.
        known: (N, 24, 3, 3) rotations of the joints that are held, zeros for all others.
        skeleton: that of the n joints.
    """
    arms = tf.expand_dims(held_rotations.lever_arms(posed, known, skeleton), -2)
    arms = tf.broadcast_to(arms, tf.shape(arms + tf.eye(3)))
    return reshape_last(rotations.cross(tf.broadcast_to(tf.eye(3), tf.shape(arms)), arms), 3, [_TURNS, 3])
