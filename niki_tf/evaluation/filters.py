"""Filters of joints over time, the usual remedy for jitter, applied to the joints before a solver."""

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.fitting import smoothing
from niki_tf.inference import windows
from niki_tf.shapes import LARGEST, TensorLike, real_array, real_number

Filter = Callable[..., np.ndarray]
"""A function (points (T, ...) metres, fps=) -> filtered points of the same shape."""

_DERIVATIVE_CUTOFF = 1.0
"""Cut-off frequency of the speed, Hz, as in the article."""
_MIN_CUTOFF, _BETA = 1.0, 0.25
"""Of the values tried on occluded training clips, about the least MPJPE of the analytic solver."""
_WINDOW, _ORDER = 15, 1
"""Of the values tried on occluded training clips, about the least MPJPE of the analytic solver."""


def one_euro(points: TensorLike, *, fps: float, min_cutoff: float = _MIN_CUTOFF, beta: float = _BETA) -> np.ndarray:
    """The points after a causal low-pass filter whose cut-off frequency rises with speed.

    Args:
        points: (T, ...) metres.
        fps: frames per second.
        min_cutoff: cut-off frequency at rest, Hz.
        beta: increase of the cut-off frequency with speed, Hz per metre per second.

    Returns:
        filtered points of the same shape.

    Raises:
        ValueError: there are no frames, a number is not finite, or `fps` is not positive.

    Example:
        >>> import numpy as np
        >>> from niki_tf import evaluation
        >>> jitter = np.array([0.0, 1.0] * 20)
        >>> bool(evaluation.one_euro(jitter, fps=30.0)[20:].std() < 0.5 * jitter.std())
        True

    Source: Casiez, Roussel, Vogel, 1 Euro Filter, CHI 2012.
    """
    points = _checked(points, fps=fps)
    min_cutoff = real_number("min_cutoff", min_cutoff, above=0.0, cure="It is in Hz.")
    beta = real_number("beta", beta, least=0.0, cure="It is in Hz per metre per second; 0 for none.")
    filtered, speed = [points[0]], np.zeros_like(points[0])
    for point in points[1:]:
        speed = speed + _gain(_DERIVATIVE_CUTOFF, fps) * ((point - filtered[-1]) * fps - speed)
        filtered.append(filtered[-1] + _gain(min_cutoff + beta * np.abs(speed), fps) * (point - filtered[-1]))
    return np.stack(filtered)


def _gain(cutoff: float | np.ndarray, fps: float) -> float | np.ndarray:
    """Gain of a first-order low-pass filter: the weight of the new value in the filtered one."""
    return 1.0 / (1.0 + fps / (2.0 * np.pi * cutoff))


def savitzky_golay(points: TensorLike, *, fps: float, window: int = _WINDOW, order: int = _ORDER) -> np.ndarray:
    """Each point from a polynomial fitted to the points around it in time (SciPy's savgol_filter); not causal.

    Args:
        points: (T, ...) metres.
        fps: frames per second; not used, for the window is given in frames.
        window: frames of the fit, odd; the whole motion if that is shorter.
        order: degree of the polynomial.

    Returns:
        filtered points of the same shape.

    Raises:
        ModuleNotFoundError: SciPy is not installed.
        ValueError: as `one_euro`.
    """
    try:
        from scipy.signal import savgol_filter
    except ModuleNotFoundError:
        raise ModuleNotFoundError('The Savitzky-Golay filter needs SciPy: pip install -e ".[benchmark]"') from None
    points = _checked(points, fps=fps)
    window = int(real_number("window", window, least=1, whole=True, cure="It is a number of frames, odd."))
    order = int(real_number("order", order, least=0, whole=True, cure="It is the degree of a polynomial."))
    if window % 2 == 0:
        raise ValueError(f"`window` must be odd; got {window}. Take one frame more, or one less.")
    window = min(window, len(points) - 1 + len(points) % 2)
    return savgol_filter(points, window, min(order, window - 1), axis=0)


def whittaker(points: TensorLike, *, fps: float) -> np.ndarray:
    """Joints after the smoother of the temporal solver, `fitting.smoothing`, in overlapping windows; not causal.

    Args:
        points: (T, 29, 3) metres.
        fps: frames per second; not used, for the smoother is tuned for 30.

    Returns:
        smoothed joints (T, 29, 3), metres, relative to the trunk's centre.

    Raises:
        ValueError: as `one_euro`, or another shape.
    """
    points = _checked(points, fps=fps)
    if points.shape[1:] != (skeletons.NUM_JOINTS, 3):
        raise ValueError(f"`points` must have shape (T, {skeletons.NUM_JOINTS}, 3); got {points.shape}. Use SMPL_29.")
    places, present, weights = windows.cut(len(points))
    smoothed = _compiled_smoother()(np.asarray(points, np.float32)[places], present).numpy()
    total = np.zeros(np.shape(points))
    np.add.at(total, places, weights[..., None, None] * smoothed)
    return total / np.bincount(places.ravel(), weights.ravel())[:, None, None]


def _checked(points: TensorLike, *, fps: float) -> np.ndarray:
    """The points as float64; ValueError unless they are frames of finite numbers at a frame rate."""
    points = real_array("points", points).astype(np.float64)
    if points.ndim == 0 or not points.size or not np.abs(points).max() <= LARGEST:
        raise ValueError(
            f"`points` must be frames (T, ...) of finite numbers up to {LARGEST:g}; got shape {points.shape}"
            f"{' with NaN, infinity or more' if points.size else ''}. Fill what was not seen (motion.gap_filling)."
        )
    real_number("fps", fps, above=0.0, cure="It is in frames per second, such as 30.")
    return points


@functools.cache
def _compiled_smoother() -> Callable[..., tf.Tensor]:
    signature = [tf.TensorSpec([None, None, skeletons.NUM_JOINTS, 3]), tf.TensorSpec([None, None])]
    return tf.function(
        lambda joints, present: smoothing.smooth(joints, tf.zeros(tf.shape(joints)[:-1]), present),
        input_signature=signature,
        autograph=False,
    )


FILTERS: dict[str, Filter] = {
    "+one_euro": one_euro,
    "+savgol": savitzky_golay,
    "+savgol9": functools.partial(savitzky_golay, window=9, order=2),
    "+savgol15": functools.partial(savitzky_golay, window=15, order=3),
    "+whittaker": whittaker,
}
"""Ends of a solver's name, and the filter that they apply to the joints before it.

`+one_euro` and `+savgol` are tuned for hidden joints; see the constants above. Before mlp+finish on training clips,
among windows of 5 to 15 frames, `+savgol9` has the least MPJPE at 10 mm of noise and `+savgol15` from 30 mm on.
`+whittaker` estimates the noise of each joint by itself.
"""
