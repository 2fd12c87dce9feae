"""Where a posed body stands: the translation that brings its joints closest to those that were observed."""

import tensorflow as tf

from niki_tf import skeletons
from niki_tf.fitting import joint_weights, smoothing
from niki_tf.fitting.linear_solvers import CHOLESKY, LinearSolver

_NEARNESS = 0.25
"""Weight of a frame relative to one that is a frame nearer, in the mean that stands for a frame without joints."""


def translation(joints: tf.Tensor, posed: tf.Tensor, joint_sigma: tf.Tensor) -> tf.Tensor:
    """The weighted least-squares translation (..., 3) from posed to observed joints, metres.

        transl = sum_j w_j (joints_j - posed_j),  w_j proportional to joint_weights.precision(sigma_j)

    All joints count, so that the noise of the pelvis, or of any other joint, is divided by more than five, and an
    absent joint, the pelvis among them, changes nothing.

    Args:
        joints: (..., 29, 3) metres, observed.
        posed: (..., 29, 3) metres, the same joints of the body in the pose that was found, without translation.
        joint_sigma: (..., 29) metres.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf.fitting import root_path
        >>> posed = tf.random.stateless_normal([29, 3], [1, 2])
        >>> root_path.translation(posed + [1.0, 2.0, 3.0], posed, tf.zeros([29])).numpy().round(5).tolist()
        [1.0, 2.0, 3.0]
    """
    weights = joint_weights.normalized_weights(joint_sigma)
    return tf.squeeze(joint_weights.weighted_mean(weights, joints - posed), -2)


def smoothed_translation(
    joints: tf.Tensor,
    posed: tf.Tensor,
    joint_sigma: tf.Tensor,
    frame_mask: tf.Tensor | None = None,
    *,
    times: tf.Tensor | None = None,
    linear_solver: LinearSolver = CHOLESKY,
) -> tf.Tensor:
    """`translation` (N, T, 3) of windows, smoothed over time as joints are; see `smoothing.smooth_paths`.

    A frame of which no joint was seen is taken to be near the next ones that were.

    Args:
        joints: (N, T, 29, 3) metres, observed, all frames of a window relative to the same origin.
        posed: (N, T, 29, 3) metres, without translation.
        joint_sigma: (N, T, 29) metres.
        frame_mask: (N, T), 1 for frames and 0 for padding frames; None if all are frames.
        times: (N, T) seconds, increasing but for padding frames; None for 30 frames a second.
        linear_solver: one of `fitting.linear_solvers`.
    """
    mask = tf.ones_like(joints[..., 0, 0]) if frame_mask is None else frame_mask
    sigma = _sigma_of_mean(joint_sigma)
    seen = tf.where(sigma[..., 0] >= skeletons.ABSENT, 0.0, mask)
    path = _filled(translation(joints, posed, joint_sigma), seen, times)
    first = path[:, :1]  # far from the origin float32 would blur the small differences that smoothing takes
    steps = tf.expand_dims(path - first, -2)
    smoothed = smoothing.smooth_paths(steps, sigma, mask, times=times, linear_solver=linear_solver)
    return first + tf.squeeze(smoothed, -2)


def _filled(path: tf.Tensor, seen: tf.Tensor, times: tf.Tensor | None) -> tf.Tensor:
    """`path` (N, T, 3) with means over the frames `seen` (N, T), 1 or 0, in place of the others."""
    weights = tf.expand_dims(seen, 1) * _NEARNESS ** tf.abs(smoothing.frames_apart(path, times))
    known = tf.expand_dims(seen, -1)
    means = tf.math.divide_no_nan(tf.linalg.matmul(weights, known * path), tf.reduce_sum(weights, -1, keepdims=True))
    return tf.where(known > 0.0, path, means)


def _sigma_of_mean(joint_sigma: tf.Tensor) -> tf.Tensor:
    """Sigma (..., 1) of the mean of joints (..., 29), metres, beyond that of joints which are all trusted.

    Where all joints are absent, so is their mean.
    """
    trusted = skeletons.NUM_JOINTS * joint_weights.precision(tf.zeros([]))
    total = tf.reduce_sum(joint_weights.precision(joint_sigma), -1, keepdims=True)
    return tf.sqrt(tf.maximum(1.0 / total - 1.0 / trusted, 0.0))
