"""Filters of joints over time, the usual cure for shaking, put in front of a solver."""

import functools

import numpy as np
import tensorflow as tf

from niki_tf.fitting import smoothing
from niki_tf.inference import windows

_DERIVATIVE_CUTOFF = 1.0
_MIN_CUTOFF, _BETA = 1.0, 0.25
_WINDOW, _ORDER = 15, 1
"""Of those tried, what leaves the analytic solver with about the least MPJPE on occluded training clips."""


def one_euro(points, *, fps, min_cutoff=_MIN_CUTOFF, beta=_BETA):
    """Low-pass filter whose cut-off rises with speed: smooth at rest, quick in motion; looks at the past only.

    Args:
        points: (T, ...) metres.
        fps: frames per second.
        min_cutoff: cut-off frequency at rest, Hz.
        beta: Hz that the cut-off rises by with each metre per second.

    Returns:
        filtered points of the same shape.

    Example:
        >>> import numpy as np
        >>> from niki_tf import evaluation
        >>> shaking = np.array([0.0, 1.0] * 20)
        >>> bool(evaluation.one_euro(shaking, fps=30.0)[20:].std() < 0.5 * shaking.std())
        True

    Source: Casiez, Roussel, Vogel, 1 Euro Filter, CHI 2012.
    """
    points = np.asarray(points, np.float64)
    filtered, speed = [points[0]], np.zeros_like(points[0])
    for point in points[1:]:
        speed = speed + _share(_DERIVATIVE_CUTOFF, fps) * ((point - filtered[-1]) * fps - speed)
        filtered.append(filtered[-1] + _share(min_cutoff + beta * np.abs(speed), fps) * (point - filtered[-1]))
    return np.stack(filtered)


def _share(cutoff, fps):
    """How much of a step the filter follows at once."""
    return 1.0 / (1.0 + fps / (2.0 * np.pi * cutoff))


def savitzky_golay(points, *, fps, window=_WINDOW, order=_ORDER):
    """Each point from a polynomial fitted to those around it (SciPy's savgol_filter); looks both ways.

    Args:
        points: (T, ...) metres.
        fps: frames per second; the window is given in frames, so it does not count.
        window: frames of the fit, odd; the whole motion if that is shorter.
        order: degree of the polynomial.

    Raises:
        ModuleNotFoundError: SciPy is not installed.
    """
    try:
        from scipy.signal import savgol_filter
    except ModuleNotFoundError:
        raise ModuleNotFoundError('The Savitzky-Golay filter needs SciPy: pip install -e ".[benchmark]"') from None
    window = min(window, len(points) - 1 + len(points) % 2)
    return savgol_filter(np.asarray(points, np.float64), window, min(order, window - 1), axis=0)


def whittaker(points, *, fps):
    """Joints (T, 29, 3) by the smoother that is in the temporal solver, `solvers.smoothing`, in overlapping windows.

    Args:
        points: (T, 29, 3) metres.
        fps: frames per second; the smoother is made for 30, so it does not count.

    Returns:
        smoothed joints (T, 29, 3), relative to the trunk's centre.
    """
    places, present, weights = windows.cut(len(points))
    found = _compiled_smoother()(np.asarray(points, np.float32)[places], present).numpy()
    total = np.zeros(np.shape(points))
    np.add.at(total, places, weights[..., None, None] * found)
    return total / np.bincount(places.ravel(), weights.ravel())[:, None, None]


@functools.cache
def _compiled_smoother():
    signature = [tf.TensorSpec([None, None, 29, 3]), tf.TensorSpec([None, None])]
    return tf.function(
        lambda joints, present: smoothing.smooth(joints, tf.zeros(tf.shape(joints)[:-1]), present),
        input_signature=signature,
        autograph=False,
    )


FILTERS = {
    "+one_euro": one_euro,
    "+savgol": savitzky_golay,
    "+savgol9": functools.partial(savitzky_golay, window=9, order=2),
    "+savgol15": functools.partial(savitzky_golay, window=15, order=3),
    "+whittaker": whittaker,
}
"""Ends of a solver's name, and the filter of the joints over time that they put in front of it.

The second is for joints that are hidden. In front of mlp+finish, of windows of 5 to 15 frames on training clips, the
third is the best at 10 mm of noise, the fourth from 30 mm on. The last finds out by itself how noisy joints are.
"""
