"""The exact finish of an answer that sees time: towards joints that their neighbours have rid of noise.

Noise differs from frame to frame, while an answer that has seen the neighbouring frames errs alike in all of them. So
what separates the joints from the posed answer is smoothed over time: the noise goes, the answer's error stays. The
finish then leads towards the posed joints plus the smoothed residual, and its turns are smoothed in the same way. The
kernel is normal, and the wider the noisier the joints, at most four frames:

    width = 4 frames n^2 / (n^2 + 80 mm^2)

The noise n is what `smoothing` finds in the residual. Of clean joints nothing is smoothed, and a lone frame is finished
as any other.
"""

import tensorflow as tf

from niki_tf import rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.fitting import gauss_newton, joint_weights, smoothing
from niki_tf.fitting.linear_solvers import CHOLESKY

_WIDEST = 4.0
_HALF_AS_WIDE_AT = 80e-6
_NARROWEST = 0.1


def refine(local, joints, rest_joints, joint_sigma, frame_mask=None, *, steps, linear_solver=CHOLESKY):
    """Local rotations (N, T, 24, 3, 3) after `steps` Gauss-Newton steps.

    Args:
        local: (N, T, 24, 3, 3) local rotation matrices, the answer of a solver that sees time.
        joints: (N, T, 29, 3) metres, observed, each frame in any place.
        rest_joints: (N, T, 29, 3) metres, the body at rest.
        joint_sigma: (N, T, 29) metres; a joint that is absent does not pull.
        frame_mask: (N, T), 1 for frames and 0 for filler that is left out; None if all are frames.
        steps: number of steps; four do.
        linear_solver: how linear equations are solved, one of `fitting.linear_solvers`.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body
        >>> from niki_tf.body import kinematics
        >>> from niki_tf.solvers import gauss_newton_windows
        >>> rest, start = body.mannequin_joints()(tf.zeros([1, 9, 10])), tf.eye(3, batch_shape=[1, 9, 24])
        >>> noisy = rest + tf.random.stateless_normal([1, 9, 29, 3], [1, 2], stddev=0.02)
        >>> local = gauss_newton_windows.refine(start, noisy, rest, tf.zeros([1, 9, 29]), steps=4)
        >>> moved = kinematics.forward_kinematics(local, rest)[0] - rest
        >>> bool(tf.math.reduce_std(moved) < 0.3 * tf.math.reduce_std(noisy - rest))
        True
    """
    there = tf.ones_like(joints[..., 0, 0]) if frame_mask is None else frame_mask
    pull = joint_weights.precision(joint_sigma) * tf.expand_dims(there, -1)
    posed, _ = kinematics.forward_kinematics(local, rest_joints)
    trust = tf.expand_dims(joint_weights.normalized_weights(joint_sigma), -1)
    residual = joints - posed
    residual -= tf.reduce_sum(trust * residual, -2, keepdims=True)
    kernel = _kernel(residual, joint_sigma, there)
    near = kernel * tf.expand_dims(there, -2)
    gain = tf.math.divide_no_nan(tf.norm(near, axis=-1, keepdims=True), tf.reduce_sum(near, -1, keepdims=True))
    sigma = tf.where(joint_sigma >= skeletons.ABSENT, joint_sigma, gain * joint_sigma)
    seen = posed + _mean(kernel, tf.expand_dims(pull, -1), residual)
    ended = gauss_newton.refine(local, seen, rest_joints, sigma, steps=steps, linear_solver=linear_solver)
    turns = rotations.matrix_to_rotvec(tf.linalg.matmul(local, ended, transpose_a=True))
    turns = _mean(kernel, tf.expand_dims(tf.expand_dims(there, -1), -1), turns)
    return tf.linalg.matmul(local, rotations.rotvec_to_matrix(turns))


def _kernel(residual, joint_sigma, there):
    """Weights (N, T, T) of every frame for every other, from the residual (N, T, 29, 3) and the joints' sigma."""
    variance = tf.reduce_mean(smoothing.noise_variance(residual, joint_sigma, there), -1, keepdims=True)
    width = tf.maximum(_WIDEST * variance / (variance + _HALF_AS_WIDE_AT), _NARROWEST)
    times = tf.range(tf.shape(residual)[1])
    return tf.exp(-0.5 * (tf.cast(times[:, None] - times, residual.dtype) / width) ** 2)


def _mean(kernel, weights, values):
    """Weighted mean over time of values (N, T, n, 3); weights (N, T, n or 1, 1), zero where no frame has any."""
    return tf.math.divide_no_nan(_over_time(kernel, weights * values), _over_time(kernel, weights))


def _over_time(matrix, values):
    """A matrix (T, T), or one for each window (N, T, T), times values (N, T, n, m)."""
    shape = tf.shape(values)
    flat = tf.reshape(values, tf.concat([shape[:2], [values.shape[2] * values.shape[3]]], 0))
    return tf.reshape(tf.linalg.matmul(matrix, flat), shape)
