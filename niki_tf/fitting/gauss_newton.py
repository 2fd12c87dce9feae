"""Gauss-Newton refinement of a solver's answer towards the observed joints; the exact finish of the command line.

Minimised over 24 rotation vectors w_j, R_j = R0_j exp(w_j) with the answer R0, and one common translation t:

    sum over joints k  v_k |p_k(R) + t - observed_k|^2 / (s^2 + sigma_k^2)   +   sum over joints j  |w_j|^2 / tau^2

s is the size of the joints' error that their sigma does not explain; it is estimated before each step from the distance
of the observed joints from the posed ones. v_k are the weights of Student's t distribution, so that outliers have less
influence. tau is the expected error of the answer itself. It falls with the total error e of the joints,
e^2 = s^2 + mean of sigma_k^2, and rises with the share a of absent joints, which the answer had to guess:

    tau = (1 + 3 a) (0.045 rad / (1 + e / 50 mm) + 0.15 rad / (1 + (e / 3 mm)^2))

A network has already weighed the noise of its input, so little can be corrected in a noisy frame, and everything in a
clean one: clean joints are met to a fraction of a millimetre, noisy ones only as far as that reduces the error.
`gauss_newton_windows` does the same for solvers that see time.
"""

import functools

import numpy as np
import tensorflow as tf

from niki_tf import rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.fitting import held_rotations, joint_weights
from niki_tf.fitting.linear_solvers import CHOLESKY, LinearSolver
from niki_tf.shapes import LeadingAxes, reshape_last
from niki_tf.skeletons import Skeleton

_TAU, _TAU_HALVES_AT = 0.045, 0.05
"""Radians, and metres of error at which they halve: saved_models/experiments.md, 5 and 11."""
_CLEAN_TAU, _CLEAN_TAU_HALVES_AT = 0.15, 0.003
"""Radians added for nearly clean joints, and metres of error at which they halve: saved_models/experiments.md, 11."""
ABSENT_GROWTH = 3.0
"""Growth of tau with the share of absent joints: saved_models/experiments.md, 22."""
_LEAST_NOISE = 0.001
"""Metres; lower bound of s, by trial on training clips."""
_RESIDUAL_SHARE = 0.8
"""Root mean square of a coordinate's residual as a share of its error: saved_models/experiments.md, 5."""
_DEGREES_OF_FREEDOM = 10.0
"""Of Student's t distribution; the more, the closer to a normal one: saved_models/experiments.md, 7."""
_LEAST_STIFFNESS = 1e-6
"""Lower bound of 1 / tau^2 relative to the largest square in the equations, so that float32 can solve them."""
_REWEIGHTING_ROUNDS = 2
"""Rounds in which s and the weights v_k are estimated from each other, by trial on training clips."""

_TURNS = 3 * skeletons.NUM_ROTATIONS


def refine(
    local: tf.Tensor,
    joints: tf.Tensor,
    rest_joints: tf.Tensor,
    joint_sigma: tf.Tensor,
    *,
    known_rotations: tf.Tensor | None = None,
    steps: int,
    skeleton: Skeleton = skeletons.SMPL_29,
    absent_growth: float = ABSENT_GROWTH,
    linear_solver: LinearSolver = CHOLESKY,
) -> tf.Tensor:
    """Local rotations (..., 24, 3, 3) after `steps` Gauss-Newton steps.

    Args:
        local: (..., 24, 3, 3) local rotation matrices, a solver's answer.
        joints: (..., n, 3) metres, observed, relative to any origin; n joints of the skeleton, 29 of SMPL's.
        rest_joints: (..., n, 3) metres, the body at rest.
        joint_sigma: (..., n) metres; absent joints, from `skeletons.ABSENT` on, have no weight.
        known_rotations: (..., 24, 3, 3) relative to the world, zeros where not known: these are held, and w_j of their
            joints is not minimised over.
        steps: number of steps; four are enough (saved_models/experiments.md, 27).
        skeleton: SMPL's 24 joints and points that hang on them.
        absent_growth: growth of tau with the share of absent joints, as a multiple of that share.
        linear_solver: one of `fitting.linear_solvers`.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body
        >>> from niki_tf.fitting import gauss_newton, residuals
        >>> rest, sigma = body.mannequin_joints()(tf.zeros([1, 10])), tf.zeros([1, 29])
        >>> start, joints = tf.eye(3, batch_shape=[1, 24]), rest * [1.0, 1.0, 1.02]
        >>> local = gauss_newton.refine(start, joints, rest, sigma, steps=4)
        >>> before, after = (residuals.joint_residuals(joints, r, rest, sigma) for r in (start, local))
        >>> bool(tf.reduce_mean(after) < tf.reduce_mean(before))
        True
    """
    leading = LeadingAxes(local, inner=3)
    local, joints, rest_joints, joint_sigma = (leading.flatten(x) for x in (local, joints, rest_joints, joint_sigma))
    known = None if known_rotations is None else leading.flatten(known_rotations)
    start = local = local if known is None else held_rotations.hold(local, known)
    for _ in range(steps):
        posed, world = kinematics.forward_kinematics(local, rest_joints, skeleton)
        weights, unexplained = _weights(joints - posed, joint_sigma)
        tau = _tau(unexplained, joint_sigma, absent_growth)
        arms = _lever_arms(posed, world, skeleton, known)
        if known is None:
            local = _step(local, start, joints - posed, arms, weights, tau, linear_solver)
        else:
            free = tf.where(held_rotations.is_known(known)[..., None, None], local, start)
            local = _step(local, free, joints - posed, arms, weights, tau, linear_solver)
            local = held_rotations.hold(local, known)
    return leading.restore(local)


def _tau(unexplained: tf.Tensor, joint_sigma: tf.Tensor, absent_growth: float) -> tf.Tensor:
    """Expected error tau of the answer, (N, 1) radians; `unexplained` (N, 1) metres is s, `joint_sigma` (N, n)."""
    present = tf.cast(joint_sigma < skeletons.ABSENT, unexplained.dtype)
    squares = tf.reduce_sum(present * joint_weights.clip_sigma(joint_sigma) ** 2, -1, keepdims=True)
    reported = tf.math.divide_no_nan(squares, tf.reduce_sum(present, -1, keepdims=True))
    error = tf.sqrt(unexplained * unexplained + reported)
    tau = _TAU / (1.0 + error / _TAU_HALVES_AT) + _CLEAN_TAU / (1.0 + (error / _CLEAN_TAU_HALVES_AT) ** 2)
    return tau * (1.0 + absent_growth * tf.reduce_mean(1.0 - present, -1, keepdims=True))


def _weights(error: tf.Tensor, joint_sigma: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Weights v_k / (s^2 + sigma_k^2) of the joints, (N, n), and the size s of their unexplained error, (N, 1) metres.

    `error` (N, n, 3) metres is the difference of observed from posed joints.
    """
    present = tf.cast(joint_sigma < skeletons.ABSENT, error.dtype)
    sigma = joint_weights.clip_sigma(joint_sigma)
    count = tf.maximum(tf.reduce_sum(present, -1, keepdims=True), 1.0)
    weights = present * joint_weights.normalized_weights(joint_sigma)
    squares = tf.reduce_sum(_centred(error, weights) ** 2, -1) / (3.0 * _RESIDUAL_SHARE**2)
    robust = present
    for _ in range(_REWEIGHTING_ROUNDS):
        unexplained = tf.reduce_sum(robust * (squares - sigma * sigma), -1, keepdims=True) / count
        variance = tf.maximum(unexplained, _LEAST_NOISE**2)
        freedom = _DEGREES_OF_FREEDOM + 3.0 * squares / (variance + sigma * sigma)
        robust = present * (_DEGREES_OF_FREEDOM + 3.0) / freedom
    return robust / (variance + sigma * sigma), tf.sqrt(variance)


def _step(
    local: tf.Tensor,
    start: tf.Tensor,
    error: tf.Tensor,
    arms: tf.Tensor,
    weights: tf.Tensor,
    tau: tf.Tensor,
    linear_solver: LinearSolver,
) -> tf.Tensor:
    """Local rotations (N, 24, 3, 3) after one Gauss-Newton step; `arms` as of `_lever_arms`, `tau` (N, 1) radians."""
    coordinates = 3 * weights.shape[-1]
    jacobian = tf.transpose(_centred(arms, weights), [0, 1, 3, 2])
    jacobian = reshape_last(jacobian, 3, [coordinates, _TURNS])
    weighted = tf.repeat(weights, 3, -1)[..., None] * jacobian
    turned = reshape_last(rotations.matrix_to_rotvec(tf.linalg.matmul(start, local, transpose_a=True)), 2, [_TURNS])
    largest = tf.reduce_max(tf.reduce_sum(weighted * jacobian, 1), -1, keepdims=True)
    stiffness = tf.maximum(1.0 / (tau * tau), _LEAST_STIFFNESS * largest)
    normal = tf.linalg.matmul(weighted, jacobian, transpose_a=True) + stiffness[..., None] * tf.eye(_TURNS)
    centred = reshape_last(_centred(error, weights), 2, [coordinates])
    target = tf.linalg.matvec(weighted, centred, transpose_a=True)
    turn = linear_solver.solve(normal, (target - stiffness * turned)[..., None])
    turn = reshape_last(turn, 2, [skeletons.NUM_ROTATIONS, 3])
    return tf.linalg.matmul(local, rotations.rotvec_to_matrix(turn))


def _lever_arms(
    posed: tf.Tensor, world: tf.Tensor, skeleton: Skeleton = skeletons.SMPL_29, known: tf.Tensor | None = None
) -> tf.Tensor:
    """Derivative (N, n, 72, 3) of each joint with respect to the rotation of each of the 24 joints about its axes.

    That of a joint whose rotation relative to the world is `known` (N, 24, 3, 3) turns nothing, nor does one above it
    turn what is below it.
    """
    axes = tf.linalg.matrix_transpose(world)[:, None]
    if known is None:
        arms = posed[:, :, None] - posed[:, None, : skeletons.NUM_ROTATIONS]
        arms = tf.constant(is_descendant(skeleton))[..., None, None] * arms[..., None, :]
    else:
        arms = held_rotations.lever_arms(posed, known, skeleton)[..., None, :]
    arms = tf.broadcast_to(arms, tf.shape(arms + axes))
    return reshape_last(rotations.cross(tf.broadcast_to(axes, tf.shape(arms)), arms), 3, [_TURNS, 3])


def _centred(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Values (N, n, ...) minus their weighted mean over the joints, which eliminates the common translation."""
    weights = tf.reshape(weights, [-1, weights.shape[-1]] + [1] * (values.shape.rank - 2))
    total = tf.reduce_sum(weights, 1, keepdims=True)
    return values - tf.math.divide_no_nan(tf.reduce_sum(weights * values, 1, keepdims=True), total)


@functools.lru_cache(maxsize=32)
def is_descendant(skeleton: Skeleton) -> np.ndarray:
    """(n, 24): 1 where the joint of the row is a descendant of the joint of the column, or the same."""
    below = skeleton.descendants[: skeletons.NUM_ROTATIONS]
    return np.array([[joint in of for of in below] for joint in range(len(skeleton))], np.float32)
