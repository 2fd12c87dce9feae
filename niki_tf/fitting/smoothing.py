"""Joints smoothed over time by Whittaker's smoother, whose strength follows from the noise found in each joint.

Each joint's path x through a window, relative to the trunk's centre, minimises, y being the observed path,

    sum over frames  |y - x|^2 / (n^2 + sigma^2)   +   sum over frames  |third difference of x|^2 / j^2

where j is the typical change of a joint's acceleration from frame to frame. The noise n of a joint is estimated from
its own third differences, less what those of clean motion look like. So clean joints stay as they are, and the noisier
a joint is, the more frames are averaged. No body is needed.

Of frames at other times than 30 a second the third differences are divided ones, and the sum is weighted by the time
that each stands for, so that it is the same integral of the squared jerk.

Source: Whittaker, On a new method of graduation, 1922; Eilers, A perfect smoother, Analytical Chemistry 2003.
"""

import numpy as np
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.fitting import joint_weights
from niki_tf.fitting.linear_solvers import CHOLESKY, LinearSolver
from niki_tf.shapes import reshape_last

_JERK = 0.004
"""j, metres a frame^3 at 30 frames a second: saved_models/experiments.md, 32."""
MOTION_AS_NOISE = 0.003
"""Metres; the noise that third differences of clean motion look like: saved_models/experiments.md, 32 and 35."""
LEAST_NOISE = 0.0003
"""Metres; lower bound of n, a tenth of `MOTION_AS_NOISE`, by trial on training clips."""
_UNIT_THIRD_DIFFERENCE = (20.0 * 8.0 / np.pi) ** 0.5
"""Mean length of the third difference of normal noise of size 1 on each axis, whose variance is 1 + 9 + 9 + 1."""
FPS = 30.0
"""Frames a second, in which the constants are."""
SHARED_FRAMES = 4.0
"""Frames with the mean noise of all joints that each joint's noise is averaged with, by trial on training clips."""
_HIGHEST_STIFFNESS, _LEAST_WEIGHT, _RIDGE = 2000.0, 1e-3, 1e-5
"""Limits, relative to a path's largest weight, that keep the equations solvable in float32."""


def smooth(
    joints: tf.Tensor,
    joint_sigma: tf.Tensor,
    frame_mask: tf.Tensor | None = None,
    *,
    linear_solver: LinearSolver = CHOLESKY,
) -> tf.Tensor:
    """Joints (N, T, 29, 3) of windows, smoothed over time, relative to the trunk's centre.

    Args:
        joints: (N, T, 29, 3) metres, each frame relative to any origin.
        joint_sigma: (N, T, 29) metres, 0 where unknown; absent joints have practically no weight.
        frame_mask: (N, T), 1 for frames and 0 for padding frames, which are ignored; None if all are frames.
        linear_solver: one of `fitting.linear_solvers`.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf.fitting import smoothing
        >>> noise = tf.random.stateless_normal([1, 16, 29, 3], [1, 2], stddev=0.03)
        >>> smoothed = smoothing.smooth(noise, tf.zeros([1, 16, 29]))
        >>> bool(tf.math.reduce_std(smoothed) < 0.6 * tf.math.reduce_std(noise))
        True
    """
    mask = tf.ones_like(joints[..., 0, 0]) if frame_mask is None else frame_mask
    trunk_weights = joint_weights.normalized_weights(joint_sigma, skeletons.TRUNK)
    joints -= joint_weights.weighted_mean(trunk_weights, tf.gather(joints, skeletons.TRUNK, axis=-2))
    return smooth_paths(joints, joint_sigma, mask, linear_solver=linear_solver)


def smooth_paths(
    points: tf.Tensor,
    sigma: tf.Tensor,
    frame_mask: tf.Tensor,
    *,
    times: tf.Tensor | None = None,
    linear_solver: LinearSolver = CHOLESKY,
) -> tf.Tensor:
    """The paths of points (N, T, n, 3) over time, each smoothed by itself.

    Args:
        points: (N, T, n, 3) metres.
        sigma: (N, T, n) metres, 0 where unknown.
        frame_mask: (N, T), 1 for frames and 0 for padding frames.
        times: (N, T) seconds, increasing but for padding frames; None for 30 frames a second.
        linear_solver: one of `fitting.linear_solvers`.
    """
    variance = noise_variance(points, sigma, frame_mask, times)
    weights = tf.expand_dims(frame_mask, -1) / (variance + joint_weights.clip_sigma(sigma) ** 2)
    weights = tf.transpose(weights, [0, 2, 1])
    paths = tf.transpose(points, [0, 2, 1, 3])
    paths, weights, mask = (tf.cast(x, linear_solver.dtype) for x in (paths, weights, frame_mask))
    third = _third_difference(mask) if times is None else _jerk(mask, tf.cast(times, mask.dtype))
    removed = _removed(paths, weights, mask, third, linear_solver)
    return points - tf.cast(tf.transpose(removed, [0, 2, 1, 3]), points.dtype)


def _removed(
    paths: tf.Tensor, weights: tf.Tensor, mask: tf.Tensor, third: tf.Tensor, linear_solver: LinearSolver
) -> tf.Tensor:
    """What smoothing subtracts from `paths` (N, n, T, 3) with `weights` (N, n, T); `mask` (N, T), `third` (N, T, T)."""
    largest = tf.reduce_max(weights, -1, keepdims=True)
    weights = tf.maximum(tf.math.divide_no_nan(weights, largest), _LEAST_WEIGHT * tf.expand_dims(mask, 1))
    stiffness = tf.minimum(1.0 / (_JERK**2 * largest), _HIGHEST_STIFFNESS)
    penalty = tf.expand_dims(stiffness, -1) * tf.expand_dims(tf.linalg.matmul(third, third, transpose_a=True), 1)
    diagonal, third = weights + _RIDGE * stiffness, tf.expand_dims(third, 1)
    matrix = tf.linalg.diag(diagonal) + penalty
    shape = tf.shape(paths)

    def pull(values: tf.Tensor) -> tf.Tensor:
        """`penalty` times values; differences first, which single precision would else lose in the values' rounding."""
        return tf.expand_dims(stiffness, -1) * tf.linalg.matmul(
            third, tf.linalg.matmul(third, values), transpose_a=True
        )

    def solve(rhs: tf.Tensor) -> tf.Tensor:
        flat = tf.reshape(matrix, [-1, shape[2], shape[2]]), tf.reshape(rhs, [-1, shape[2], 3])
        return tf.reshape(linear_solver.solve(*flat), shape)

    if linear_solver.dtype != tf.float32:
        return solve(tf.linalg.matmul(penalty, paths))
    solution = solve(pull(paths))
    return solution + solve(pull(paths - solution) - tf.expand_dims(diagonal, -1) * solution)  # refined once


def _third_difference(mask: tf.Tensor) -> tf.Tensor:
    """Matrices (N, T, T) whose row t takes the third difference over frames t to t + 3 where `mask` has all four."""
    steps = _steps(mask)
    return tf.expand_dims(_complete(mask, steps), -1) * (3.0 * steps[1] - steps[0] - 3.0 * steps[2] + steps[3])


def _steps(mask: tf.Tensor) -> list[tf.Tensor]:
    """For 0 to 3 frames ahead the matrix (T, T) whose row t has a one at the frame that is so far ahead of t."""
    times = tf.range(tf.shape(mask)[1])
    ahead = times[None] - times[:, None]
    return [tf.cast(ahead == step, mask.dtype) for step in range(4)]


def _complete(mask: tf.Tensor, steps: list[tf.Tensor]) -> tf.Tensor:
    """1 where `mask` (N, T) has a frame and the three after it, else 0."""
    return tf.reduce_prod([tf.linalg.matvec(step, mask) for step in steps], 0)


def _divided_difference(mask: tf.Tensor, times: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Matrices (N, T, T) whose row t gives the third derivative over frames t to t + 3, and (N, T) the time they span.

    Both are in thirtieths of a second, and zeros where `mask` (N, T) has not all four.
    """
    steps = _steps(mask)
    complete = _complete(mask, steps)
    ticks = tf.stack([tf.linalg.matvec(step, FPS * (times - times[:, :1])) for step in steps], -1)
    apart = ticks[..., :, None] - ticks[..., None, :] + tf.eye(4, dtype=mask.dtype)
    product = tf.where(complete[..., None] > 0.0, tf.reduce_prod(apart, -1), 1.0)
    factors = complete[..., None] * 6.0 / product
    rows = tf.add_n([factors[..., number, None] * step for number, step in enumerate(steps)])
    return rows, complete * (ticks[..., 3] - ticks[..., 0])


def _jerk(mask: tf.Tensor, times: tf.Tensor) -> tf.Tensor:
    """As `_third_difference` for frames at `times` (N, T), weighted so that squares sum to the same integral."""
    rows, span = _divided_difference(mask, times)
    return rows * tf.expand_dims(tf.sqrt(span / 3.0), -1)


def _noise_difference(mask: tf.Tensor, times: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """As `_third_difference` for frames at `times` (N, T), of noise as large; and weights (N, T) of the rows.

    The longer the time of a row is, compared with the shortest, the less of its difference is noise.
    """
    rows, span = _divided_difference(mask, times)
    shortest = tf.reduce_min(tf.where(span > 0.0, span, span.dtype.max), -1, keepdims=True)
    unit = 20.0**0.5 * tf.math.divide_no_nan(rows, tf.norm(rows, axis=-1, keepdims=True))
    return unit, tf.math.divide_no_nan(shortest, span) ** 4


def frames_apart(values: tf.Tensor, times: tf.Tensor | None) -> tf.Tensor:
    """Thirtieths of a second between frames of `values` (N, T, ...), (T, T), or (N, T, T) by their `times` (N, T)."""
    if times is not None:
        return FPS * (times[:, :, None] - times[:, None])
    frames = tf.range(tf.shape(values)[1])
    return tf.cast(frames[:, None] - frames, values.dtype)


def noise_variance(
    joints: tf.Tensor, joint_sigma: tf.Tensor, frame_mask: tf.Tensor, times: tf.Tensor | None = None
) -> tf.Tensor:
    """Variance (N, 1, 29), metres^2, of each joint's noise, estimated from its third differences.

    Args:
        joints: (N, T, 29, 3) metres, or differences of joints from those of a pose.
        joint_sigma: (N, T, 29) metres; frames in which a joint has a large sigma hardly count.
        frame_mask: (N, T), 1 for frames and 0 for padding frames.
        times: (N, T) seconds, increasing but for padding frames; None for 30 frames a second.
    """
    if times is None:
        third, trust = _third_difference(frame_mask), tf.ones_like(frame_mask)
    else:
        third, trust = _noise_difference(frame_mask, times)
    count, axes = joints.shape[-2:]
    paths = reshape_last(joints, 2, [count * axes])
    differences = reshape_last(tf.linalg.matmul(third, paths), 1, [count, axes])
    sizes = tf.norm(differences, axis=-1)
    weights = joint_weights.precision(joint_sigma) / joint_weights.precision(tf.zeros([]))
    weights *= tf.expand_dims(frame_mask, -1)
    product = weights  # of the four frames that a third difference spans
    for _ in range(3):
        weights = tf.concat([weights[:, 1:], tf.zeros_like(weights[:, :1])], 1)
        product *= weights
    product *= tf.expand_dims(trust, -1)
    found = tf.reduce_sum(product * sizes, 1, keepdims=True) / _UNIT_THIRD_DIFFERENCE
    total = tf.reduce_sum(product, 1, keepdims=True)
    common = tf.math.divide_no_nan(*(tf.reduce_sum(x, -1, keepdims=True) for x in (found, total)))
    noise = (found + SHARED_FRAMES * common) / (total + SHARED_FRAMES)
    return tf.maximum(noise**2 - MOTION_AS_NOISE**2, LEAST_NOISE**2)
