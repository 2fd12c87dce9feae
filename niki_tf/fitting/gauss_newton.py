"""The exact finish: Gauss-Newton steps from a solver's answer towards the joints that were observed.

Minimised over 24 turns w_j, each on the right of its local rotation, R_j = R0_j exp(w_j), and one common shift t:

    sum over joints k  v_k |p_k(R) + t - observed_k|^2 / (s^2 + sigma_k^2)   +   sum over joints j  |w_j|^2 / tau^2

R0 is the answer that comes in. The size s of the joints' error that their sigma does not tell is found before each
step, from what then separates the observed joints from the pose. The weights v_k are those of Student's t distribution,
so that a joint far off pulls less. tau is how far the answer itself may be wrong. It shrinks with the size e of all
error, e^2 = s^2 + mean of sigma_k^2, and grows with the share a of absent joints, which an answer has to guess:

    tau = (1 + 3 a) (0.045 rad / (1 + e / 50 mm) + 0.15 rad / (1 + (e / 3 mm)^2))

A network has already weighed the noise that it was shown, so of a noisy frame little is left to mend; of a clean one
everything is. Clean joints are met to a fraction of a millimetre, noisy ones only as far as that helps.
`finish_over_time` does it for solvers that see time.
"""

import numpy as np
import tensorflow as tf

from niki_tf import rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.fitting import joint_weights
from niki_tf.fitting.linear_solvers import CHOLESKY

_TAU, _TAU_HALVES_AT = 0.045, 0.05
_CLEAN_TAU, _CLEAN_UP_TO = 0.15, 0.003
_LOOSER_BY_ABSENT = 3.0
_LEAST_NOISE = 0.001
_LEFT_OVER = 0.8
"""Root mean square of what an answer leaves of each coordinate's error, as a share of that error."""
_FREEDOM = 10.0
"""Degrees of freedom of Student's t distribution; the more, the nearer to a normal one."""
_RANKING_ROUNDS = 2


def refine(local, joints, rest_joints, joint_sigma, *, steps, linear_solver=CHOLESKY):
    """Local rotations (..., 24, 3, 3) after `steps` Gauss-Newton steps.

    Args:
        local: (..., 24, 3, 3) local rotation matrices, a solver's answer.
        joints: (..., 29, 3) metres, observed, in any place.
        rest_joints: (..., 29, 3) metres, the body at rest.
        joint_sigma: (..., 29) metres; a joint that is absent, from `skeletons.ABSENT` on, does not pull at all.
        steps: number of steps; four do.
        linear_solver: how linear equations are solved, one of `fitting.linear_solvers`.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body, rotations
        >>> from niki_tf.fitting import gauss_newton, residuals
        >>> rest = body.mannequin_joints()(tf.zeros([1, 10]))
        >>> start, joints, trusted = tf.eye(3, batch_shape=[1, 24]), rest * [1.0, 1.0, 1.02], tf.zeros([1, 29])
        >>> local = gauss_newton.refine(start, joints, rest, trusted, steps=4)
        >>> before, after = (error_score.residual(joints, r, rest, trusted) for r in (start, local))
        >>> bool(tf.reduce_mean(after) < tf.reduce_mean(before))
        True
    """
    shape = tf.shape(local)
    local, joints, rest_joints, joint_sigma = (
        tf.reshape(x, [-1, *x.shape[x.shape.rank - axes :]])
        for x, axes in ((local, 3), (joints, 2), (rest_joints, 2), (joint_sigma, 1))
    )
    start = local
    for _ in range(steps):
        posed, world = kinematics.forward_kinematics(local, rest_joints)
        weight, unexplained = _weights(joints - posed, joint_sigma)
        tau = _tau(unexplained, joint_sigma)
        local = _step(local, start, joints - posed, posed, world, weight, tau, linear_solver)
    return tf.reshape(local, shape)


def _tau(unexplained, joint_sigma):
    """How far an answer may be wrong, (N, 1) radians, where joints are off by `unexplained` metres besides sigma."""
    present = tf.cast(joint_sigma < skeletons.ABSENT, unexplained.dtype)
    squares = tf.reduce_sum(present * joint_weights.clip_sigma(joint_sigma) ** 2, -1, keepdims=True)
    reported = tf.math.divide_no_nan(squares, tf.reduce_sum(present, -1, keepdims=True))
    error = tf.sqrt(unexplained * unexplained + reported)
    tau = _TAU / (1.0 + error / _TAU_HALVES_AT) + _CLEAN_TAU / (1.0 + (error / _CLEAN_UP_TO) ** 2)
    return tau * (1.0 + _LOOSER_BY_ABSENT * tf.reduce_mean(1.0 - present, -1, keepdims=True))


def _weights(error, joint_sigma):
    """How hard each joint pulls, (N, 29), and the size s of the error that was found, (N, 1), metres."""
    present = tf.cast(joint_sigma < skeletons.ABSENT, error.dtype)
    sigma = joint_weights.clip_sigma(joint_sigma)
    count = tf.maximum(tf.reduce_sum(present, -1, keepdims=True), 1.0)
    weights = present * joint_weights.normalized_weights(joint_sigma)
    squares = tf.reduce_sum(_centred(error, weights) ** 2, -1) / (3.0 * _LEFT_OVER**2)
    ranking = present
    for _ in range(_RANKING_ROUNDS):
        unexplained = tf.reduce_sum(ranking * (squares - sigma * sigma), -1, keepdims=True) / count
        variance = tf.maximum(unexplained, _LEAST_NOISE**2)
        ranking = present * (_FREEDOM + 3.0) / (_FREEDOM + 3.0 * squares / (variance + sigma * sigma))
    return ranking / (variance + sigma * sigma), tf.sqrt(variance)


def _step(local, start, error, posed, world, weight, tau, linear_solver):
    """One Gauss-Newton step; `tau` (N, 1) radians."""
    jacobian = _centred(_lever_arms(posed, world), weight)
    size = tf.shape(local)[0]
    jacobian = tf.reshape(tf.transpose(jacobian, [0, 1, 3, 2]), [size, 87, 72])
    pull = tf.repeat(weight, 3, -1)[..., None] * jacobian
    away = tf.reshape(rotations.matrix_to_rotvec(tf.linalg.matmul(start, local, transpose_a=True)), [size, 72])
    stiffness = 1.0 / (tau * tau)
    normal = tf.linalg.matmul(pull, jacobian, transpose_a=True) + stiffness[..., None] * tf.eye(72)
    target = tf.linalg.matvec(pull, tf.reshape(_centred(error, weight), [size, 87]), transpose_a=True)
    turn = linear_solver.solve(normal, (target - stiffness * away)[..., None])
    return tf.linalg.matmul(local, rotations.rotvec_to_matrix(tf.reshape(turn, [size, 24, 3])))


def _lever_arms(posed, world):
    """How each joint k moves with a turn of each joint j about each of its own axes, (N, 29, 72, 3)."""
    axes = tf.linalg.matrix_transpose(world)[:, None]
    arms = tf.constant(_BELOW)[..., None, None] * (posed[:, :, None] - posed[:, None, :24])[..., None, :]
    arms = tf.broadcast_to(arms, tf.shape(arms + axes))
    return tf.reshape(rotations.cross(tf.broadcast_to(axes, tf.shape(arms)), arms), [-1, 29, 72, 3])


def _centred(values, weight):
    """Values (N, 29, ...) less their weighted mean over the joints: what a common shift cannot explain."""
    weight = tf.reshape(weight, [-1, 29] + [1] * (values.shape.rank - 2))
    total = tf.reduce_sum(weight, 1, keepdims=True)
    return values - tf.math.divide_no_nan(tf.reduce_sum(weight * values, 1, keepdims=True), total)


_BELOW = np.array([[k in skeletons.SMPL_29.descendants[j] for j in range(24)] for k in range(29)], np.float32)
