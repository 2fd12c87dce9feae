"""From the numbers and times of frames, as files write them, to an even row of frames with a frame rate."""

import numpy as np
import numpy.typing as npt

_EVEN = 0.05
"""Share of a step by which times of even frames may be off: files round them."""
_ROUNDING = 1e-3
"""Seconds to which files often round times."""
_UNITS = ((1.0, 1.0), (1e3, 1e-3), (1e6, 1e-6), (np.inf, 1e-9))
"""Longest step between frames -> seconds in one unit of time: seconds, milli-, micro- and nanoseconds."""
_MOST_GAPS = 10
"""Most frames for each one that is there: where more would be missing, the numbers do not count frames."""


def to_seconds(times: np.ndarray) -> np.ndarray:
    """Seconds of `times` (T,) whose unit is not known, from a step between frames of a millisecond to a second."""
    if len(times) < 2:
        return times
    step = float(np.median(np.diff(times)))
    return times * next(scale for longest, scale in _UNITS if not step > longest)


def rate_and_times(times: np.ndarray) -> tuple[float | None, np.ndarray | None]:
    """Frames per second, and `times` themselves if the frames are not even.

    Of even frames the rate is the nearest whole one if it explains every time to a millisecond, as files round them.

    Args:
        times: (T,) seconds.

    Raises:
        ValueError: the times are not finite or do not increase.

    Example:
        >>> import numpy as np
        >>> from niki_tf.io import frame_times
        >>> frame_times.rate_and_times(np.array([0.0, 0.033, 0.067, 0.1]))
        (30.0, None)
    """
    if not (np.isfinite(times).all() and (np.diff(times) > 0).all()):
        raise ValueError("times must be finite and increase from frame to frame; sort the frames, one a time.")
    if len(times) < 2:
        return None, None
    count = np.arange(len(times))
    mean = (len(times) - 1) / float(times[-1] - times[0])
    whole = round(mean)
    if whole and np.abs(times - times[0] - count / whole).max() <= _ROUNDING:
        return float(whole), None
    slope, start = np.polyfit(count, times, 1)
    if np.abs(times - start - count * slope).max() <= _EVEN * slope:
        return mean, None
    return 1.0 / float(np.median(np.diff(times))), times


def places(numbers: npt.ArrayLike) -> np.ndarray:
    """The place of each frame in an even row of frames, (F,) int: `numbers` without their start and their step.

    Between numbers 4, 6, 10 the step is 2, and the frame 8 is missing: places 0, 1, 3. Numbers that leave more than
    nine of ten places empty, such as times of a clock, are only put in order.

    Args:
        numbers: F whole numbers of frames, in any order; the same one for the same frame.
    """
    whole = np.asarray(numbers, np.float64)
    in_order = np.unique(whole, return_inverse=True)[1].reshape(-1)
    if len(whole) < 2 or not np.isfinite(whole).all() or (whole != np.round(whole)).any():
        return in_order
    from_start = (whole - whole.min()).astype(np.int64)
    step = int(np.gcd.reduce(from_start)) or 1
    even = from_start // step
    return even if even.max() < _MOST_GAPS * (in_order.max() + 1) else in_order


def at_places(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    """`values` (F,) of frames at `place` (F,), in between linearly, for every place: (T,)."""
    known, first = np.unique(place, return_index=True)
    return np.interp(np.arange(known[-1] + 1), known, values[first])
