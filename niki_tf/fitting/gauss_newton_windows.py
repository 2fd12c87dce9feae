"""Gauss-Newton refinement of the answer of a solver that sees time, towards joints smoothed over frame windows.

Noise differs from frame to frame, while the error of an answer that sees neighbouring frames changes slowly. So the
residual of the joints from the posed answer is smoothed over time: this removes the noise and keeps the error. The
refinement then leads towards the posed joints plus the smoothed residual, and its rotations are smoothed alike. The
kernel is normal, with a width that rises with the noise n that `smoothing` finds in the residual:

    width = (4 + 2 c) frames n^2 / (n^2 + 80 mm^2)

c is 0 for noise of joints that is independent, or so little that fast motion leaves as much, and 1 where noise leaves
the lengths of bones as they are: noise of rotations. Such joints fit a body in every frame, so that `gauss_newton`
would not find their noise; therefore they have a sigma of 1.5 n sqrt(c), less what smoothing takes off. If any sigma is
told, c is 0.

At last the rotations themselves are smoothed, by a kernel of 0.18 of that width: what the estimate trembles by, from
frame to frame, is no motion. Its weights are those of a straight line through the frames around, so that the first
and last frames are not drawn to the others.

Frames are thirtieths of a second, whatever the rate is. The residual of clean joints is not smoothed, and a lone frame
is refined as by `gauss_newton`. Rotations that nothing seen depends on are corrected as in the nearest frames in which
something does.
"""

import numpy as np
import tensorflow as tf

from niki_tf import rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.fitting import gauss_newton, held_rotations, interpolation, joint_weights, smoothing
from niki_tf.fitting.linear_solvers import CHOLESKY, LinearSolver
from niki_tf.shapes import reshape_last
from niki_tf.skeletons import Skeleton

_LARGEST_WIDTH, _WIDER = 4.0, 2.0
"""Frames, and those that noise of rotations adds: saved_models/experiments.md, 24, 25 and 51."""
_SIGMA_OF_NOISE = 1.5
"""Sigma of joints with noise of rotations, as a multiple of that noise: saved_models/experiments.md, 51."""
_INDEPENDENT, _OF_ROTATIONS = 0.5, 0.2
"""Noise in the lengths of bones as a share of what independent noise of joints gives, from which on it counts as that,
and up to which as noise of rotations."""
_MOTION, _NO_MOTION = 0.008, 0.012
"""Metres; noise up to which c is 0, as clean joints in fast motion have that much, and from which on it counts in full;
turns of one degree give 13 mm."""
_TOO_FEW, _ENOUGH = 5, 11
"""Frames that do not tell one kind of noise from the other, and that do."""
_BOTH_ENDS = 2.0
"""A length differs along one axis, in which the mean size is half of that along three, which `smoothing` expects."""
_HALF_WIDTH_AT = 80e-6
"""Metres^2; variance of the noise at which the kernel has half its largest width: saved_models/experiments.md, 36."""
_TINY = 1e-12
"""Metres^2, of noise where none is found; keeps a root from zero."""
_LEAST_WIDTH = 0.1
"""Frames; so narrow that only the frame itself counts."""
_ANSWER_SHARE = 0.18
"""Width of the kernel of the rotations as a share of that of the residual: saved_models/experiments.md, 54."""
_LEAST_SPREAD = 1e-3
"""Frames^2, added to the second moment of a kernel; keeps weights defined where only the frame itself counts."""


def refine(
    local: tf.Tensor,
    joints: tf.Tensor,
    rest_joints: tf.Tensor,
    joint_sigma: tf.Tensor,
    frame_mask: tf.Tensor | None = None,
    *,
    times: tf.Tensor | None = None,
    known_rotations: tf.Tensor | None = None,
    steps: int,
    skeleton: Skeleton = skeletons.SMPL_29,
    absent_growth: float = gauss_newton.ABSENT_GROWTH,
    linear_solver: LinearSolver = CHOLESKY,
) -> tf.Tensor:
    """Local rotations (N, T, 24, 3, 3) after `steps` Gauss-Newton steps.

    Args:
        local: (N, T, 24, 3, 3) local rotation matrices, the answer of a solver that sees time.
        joints: (N, T, n, 3) metres, observed, each frame relative to any origin; n joints of the skeleton, SMPL's 29.
        rest_joints: (N, T, n, 3) metres, the body at rest.
        joint_sigma: (N, T, n) metres; absent joints have no weight.
        frame_mask: (N, T), 1 for frames and 0 for padding frames, which are ignored; None if all are frames.
        times: (N, T) seconds, increasing but for padding frames; None for 30 frames a second.
        known_rotations: (N, T, 24, 3, 3), which are held; see `gauss_newton.refine`.
        steps: number of steps; four are enough.
        skeleton: SMPL's 24 joints and points that hang on them.
        absent_growth: see `gauss_newton.refine`.
        linear_solver: one of `fitting.linear_solvers`.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body
        >>> from niki_tf.body import kinematics
        >>> from niki_tf.fitting import gauss_newton_windows
        >>> rest, start = body.mannequin_joints()(tf.zeros([1, 9, 10])), tf.eye(3, batch_shape=[1, 9, 24])
        >>> noisy = rest + tf.random.stateless_normal([1, 9, 29, 3], [1, 2], stddev=0.02)
        >>> local = gauss_newton_windows.refine(start, noisy, rest, tf.zeros([1, 9, 29]), steps=4)
        >>> moved = kinematics.forward_kinematics(local, rest)[0] - rest
        >>> bool(tf.math.reduce_std(moved) < 0.3 * tf.math.reduce_std(noisy - rest))
        True
    """
    mask = tf.ones_like(joints[..., 0, 0]) if frame_mask is None else frame_mask
    precision = joint_weights.precision(joint_sigma) * tf.expand_dims(mask, -1)
    local = local if known_rotations is None else held_rotations.hold(local, known_rotations)
    posed, _ = kinematics.forward_kinematics(local, rest_joints, skeleton)
    residual = joints - posed
    residual -= joint_weights.weighted_mean(joint_weights.normalized_weights(joint_sigma), residual)
    variance = smoothing.noise_variance(residual, joint_sigma, mask, times)
    turned = _share_of_rotations(joints, rest_joints, joint_sigma, mask, times, variance=variance, skeleton=skeleton)
    apart, width = smoothing.frames_apart(residual, times), _width(variance, turned)
    kernel = _kernel(apart, width)
    target = posed + _mean(kernel, tf.expand_dims(precision, -1), residual)
    sigma = _smoothed_sigma(_with_noise(joint_sigma, variance * turned), kernel * tf.expand_dims(mask, -2))
    refined = gauss_newton.refine(
        local,
        target,
        rest_joints,
        sigma,
        known_rotations=known_rotations,
        steps=steps,
        skeleton=skeleton,
        absent_growth=absent_growth,
        linear_solver=linear_solver,
    )
    turns = rotations.matrix_to_rotvec(rotations.product(rotations.transpose(local), refined))
    turns = interpolation.interpolate(turns, _told(joint_sigma, mask, skeleton))
    turns = _mean(kernel, tf.expand_dims(tf.expand_dims(mask, -1), -1), turns)
    refined = rotations.product(local, rotations.rotvec_to_matrix(turns))
    smoothed = _smoothed(refined, _kernel(apart, _ANSWER_SHARE * width) * tf.expand_dims(mask, -2), apart)
    return smoothed if known_rotations is None else held_rotations.hold(smoothed, known_rotations)


def _told(joint_sigma: tf.Tensor, mask: tf.Tensor, skeleton: Skeleton) -> tf.Tensor:
    """Whether a joint that was seen depends on a rotation, (N, T, 24)."""
    seen = tf.cast((joint_sigma < skeletons.ABSENT) & (tf.expand_dims(mask, -1) > 0.0), tf.float32)
    below = gauss_newton.is_descendant(skeleton) - np.eye(len(skeleton), skeletons.NUM_ROTATIONS, dtype=np.float32)
    return tf.linalg.matmul(seen, tf.constant(below)) > 0.0


def _share_of_rotations(
    joints: tf.Tensor,
    rest_joints: tf.Tensor,
    joint_sigma: tf.Tensor,
    mask: tf.Tensor,
    times: tf.Tensor | None,
    *,
    variance: tf.Tensor,
    skeleton: Skeleton,
) -> tf.Tensor:
    """How much of the noise is noise of rotations, c (N, 1, 1), 0 to 1; 0 where a sigma is told."""
    ends = [list(pair) for pair in zip(*((k, p) for k, p in enumerate(skeleton.parents) if p >= 0), strict=True)]

    def at(values: tf.Tensor, axis: int) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.gather(values, ends[0], axis=axis), tf.gather(values, ends[1], axis=axis)

    bones, rest = (tf.norm(tf.subtract(*at(x, -2)), axis=-1) for x in (joints, rest_joints))
    sigma = tf.maximum(*at(joint_sigma, -1))
    paths = tf.stack([_BOTH_ENDS * bones, tf.zeros_like(bones), tf.zeros_like(bones)], -1)
    found = smoothing.noise_variance(paths, sigma, mask, times)
    seen = tf.cast(sigma < skeletons.ABSENT, tf.float32) * tf.expand_dims(mask, -1)
    weights = tf.reduce_sum(seen * rest, 1, keepdims=True)
    lengths, independent = (tf.reduce_sum(weights * x, -1, keepdims=True) for x in (found, tf.add(*at(variance, -1))))
    share = tf.where(independent > 0.0, tf.math.divide_no_nan(lengths, independent), 1.0)
    untold = tf.cast(
        tf.reduce_all((joint_sigma <= 0.0) | (joint_sigma >= skeletons.ABSENT), [-2, -1], keepdims=True), tf.float32
    )
    size = tf.sqrt(tf.reduce_mean(variance, -1, keepdims=True))
    large = tf.clip_by_value((size - _MOTION) / (_NO_MOTION - _MOTION), 0.0, 1.0)
    frames = tf.reduce_sum(tf.expand_dims(mask, -1), 1, keepdims=True)
    large *= tf.clip_by_value((frames - _TOO_FEW) / (_ENOUGH - _TOO_FEW), 0.0, 1.0)
    return untold * large * tf.clip_by_value((_INDEPENDENT - share) / (_INDEPENDENT - _OF_ROTATIONS), 0.0, 1.0)


def _width(variance: tf.Tensor, turned: tf.Tensor) -> tf.Tensor:
    """Width (N, 1, 1) of the kernel, frames.

    Args:
        variance: (N, 1, 29) metres^2, the noise of the residual.
        turned: (N, 1, 1), how much of it is noise of rotations.
    """
    variance = tf.reduce_mean(variance, -1, keepdims=True)
    width = (_LARGEST_WIDTH + _WIDER * turned) * variance / (variance + _HALF_WIDTH_AT)
    return tf.maximum(width, _LEAST_WIDTH)


def _kernel(apart: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Weights (N, T, T) of all frames for each frame, which are `apart` (T, T) or (N, T, T) frames."""
    return tf.exp(-0.5 * (apart / width) ** 2)


def _smoothed(local: tf.Tensor, kernel: tf.Tensor, apart: tf.Tensor) -> tf.Tensor:
    """Rotations (N, T, 24, 3, 3) on the straight lines that fit them best by the weights `kernel` (N, T, T)."""
    first, second = (tf.reduce_sum(kernel * x, -1, keepdims=True) for x in (apart, apart * apart))
    weights = kernel * (second + _LEAST_SPREAD - first * apart)
    weights = tf.math.divide_no_nan(weights, tf.reduce_sum(weights, -1, keepdims=True))
    return rotations.sixd_to_matrix(_over_time(weights, rotations.matrix_to_6d(local)))


def _with_noise(joint_sigma: tf.Tensor, variance: tf.Tensor) -> tf.Tensor:
    """Sigma (N, T, 29) with what noise of rotations (N, 1, 29), metres^2, makes of it where none is told."""
    found = _SIGMA_OF_NOISE * tf.sqrt(tf.maximum(variance - smoothing.LEAST_NOISE**2, _TINY))
    return tf.where((joint_sigma > 0.0) | (variance <= smoothing.LEAST_NOISE**2), joint_sigma, found)


def _smoothed_sigma(joint_sigma: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Sigma (N, T, 29) of joints after a mean over frames with `weights` (N, T, T); absent joints stay absent."""
    gain = tf.math.divide_no_nan(tf.norm(weights, axis=-1, keepdims=True), tf.reduce_sum(weights, -1, keepdims=True))
    return tf.where(joint_sigma >= skeletons.ABSENT, joint_sigma, gain * joint_sigma)


def _mean(kernel: tf.Tensor, weights: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Weighted mean over time of `values` (N, T, n, 3); `weights` (N, T, n or 1, 1); zero where no frame has any."""
    return tf.math.divide_no_nan(_over_time(kernel, weights * values), _over_time(kernel, weights))


def _over_time(kernel: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Matrices (N, T, T) times the time axis of `values` (N, T, n, m)."""
    inner = values.shape[2:]
    return reshape_last(tf.linalg.matmul(kernel, reshape_last(values, 2, [inner.num_elements()])), 1, inner)
