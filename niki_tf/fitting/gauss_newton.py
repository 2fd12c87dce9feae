"""Gauss-Newton refinement of a solver's answer towards the observed joints; the exact finish of the command line.

Minimised over 24 rotation vectors w_j, R_j = R0_j exp(w_j) with the answer R0, and one common translation t:

    sum over joints k  v_k |p_k(R) + t - observed_k|^2 / (s^2 + sigma_k^2)   +   sum over joints j  |w_j|^2 / tau^2

s is the size of the joints' error that their sigma does not explain; it is estimated before each step from the distance
of the observed joints from the posed ones. v_k are the weights of Student's t distribution, so that outliers have less
influence. tau is the expected error of the answer itself. It falls with the total error e of the joints,
e^2 = s^2 + mean of sigma_k^2, and rises with the share a of absent joints, which the answer had to guess:

    tau = (1 + 3 a) (0.045 rad / (1 + e / 50 mm) + 0.15 rad / (1 + (e / 3 mm)^2))

A network has already weighed the noise of its input, so little can be corrected in a noisy frame, and everything in a
clean one: clean joints are met to a fraction of a millimetre, noisy ones only as far as that reduces the error. No step
turns a joint by more than 0.3 rad: it would be shortened, as a whole.
`gauss_newton_windows` does the same for solvers that see time.
"""

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from niki_tf import for_xla, rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.fitting import held_equations, held_rotations, joint_weights, tree_equations, tree_sweeps
from niki_tf.fitting.linear_solvers import CHOLESKY, LinearSolver
from niki_tf.shapes import LeadingAxes
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
_REWEIGHTING_ROUNDS = 2
"""Rounds in which s and the weights v_k are estimated from each other, by trial on training clips."""
_LARGEST_TURN = 0.3
"""Radians by which a step turns a joint at most: saved_models/experiments.md, 49."""
MANY = 128
"""Bodies from which on `tree_sweeps` is faster than `tree_equations`, but within `for_xla`, where it always is."""
_FOR_MANY = contextvars.ContextVar("for_many", default=False)

_Turns = Callable[..., tf.Tensor]
"""A way to solve the equations of a step."""


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
    turned = rotations.rotvec_to_quaternion_wxyz(tf.zeros_like(start[..., 0]))

    def step(solve_turns: _Turns, local: tf.Tensor, turned: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        posed, world = kinematics.forward_kinematics(local, rest_joints, skeleton)
        weights, unexplained = _weights(joints - posed, joint_sigma)
        tau = _tau(unexplained, joint_sigma, absent_growth)
        before = rotations.apply(world, rotations.quaternion_wxyz_to_rotvec(turned))
        turn = solve_turns(posed, joints - posed, weights, 1.0 / (tau * tau), before, skeleton=skeleton)
        turn *= _shortening(turn)
        turn = rotations.rotvec_to_quaternion_wxyz(rotations.apply_inverse(world, turn))
        turned = rotations.multiply_quaternions_wxyz(turned, turn)
        local = rotations.product(start, rotations.quaternion_wxyz_to_matrix(turned))
        local = local if known is None else held_rotations.hold(local, known)
        return local, turned

    def refined(solve_turns: _Turns, *, as_loop: bool = False) -> tf.Tensor:
        steps_by = functools.partial(step, solve_turns)
        found, _ = for_xla.repeated(steps_by, (local, turned), times=steps, as_loop=as_loop)
        return leading.restore(found)

    if known is not None:
        return refined(functools.partial(held_equations.solve_turns, linear_solver=linear_solver, known=known))
    few = functools.partial(refined, functools.partial(tree_equations.solve_turns, linear_solver=linear_solver))
    many = functools.partial(refined, tree_sweeps.solve_turns, as_loop=True)
    if linear_solver is not CHOLESKY:
        return few()
    if for_xla.is_wanted():
        return many()
    count = local.shape[0]
    return many() if (_FOR_MANY.get() if count is None else count >= MANY) else few()


@contextlib.contextmanager
def for_many() -> Iterator[None]:
    """Context manager, and decorator, within which a graph of an unknown number of bodies is made for `MANY`."""
    token = _FOR_MANY.set(True)
    try:
        yield
    finally:
        _FOR_MANY.reset(token)


def _shortening(turn: tf.Tensor) -> tf.Tensor:
    """The share (N, 1, 1) of the turns (N, 24, 3), radians, that a step takes: all of it if none is too large.

    Where joints are clean, but for some that are absent, the equations can ask for turns for which they do not hold.
    """
    largest = tf.reduce_max(tf.reduce_sum(turn * turn, -1, keepdims=True), 1, keepdims=True)
    return tf.math.rsqrt(tf.maximum(largest / _LARGEST_TURN**2, 1.0))


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
    squares = tf.reduce_sum(joint_weights.centred(error, weights) ** 2, -1) / (3.0 * _RESIDUAL_SHARE**2)
    robust = present
    for _ in range(_REWEIGHTING_ROUNDS):
        unexplained = tf.reduce_sum(robust * (squares - sigma * sigma), -1, keepdims=True) / count
        variance = tf.maximum(unexplained, _LEAST_NOISE**2)
        freedom = _DEGREES_OF_FREEDOM + 3.0 * squares / (variance + sigma * sigma)
        robust = present * (_DEGREES_OF_FREEDOM + 3.0) / freedom
    return robust / (variance + sigma * sigma), tf.sqrt(variance)


@functools.lru_cache(maxsize=32)
def is_descendant(skeleton: Skeleton) -> np.ndarray:
    """(n, 24): 1 where the joint of the row is a descendant of the joint of the column, or the same."""
    below = skeleton.descendants[: skeletons.NUM_ROTATIONS]
    return np.array([[joint in of for of in below] for joint in range(len(skeleton))], np.float32)
