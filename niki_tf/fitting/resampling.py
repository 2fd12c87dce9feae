"""Noisy joints at steady times, by Whittaker's smoother of frames at any times.

The path x of a joint at steady times minimises, y_i being the position observed at time t_i,

    sum over frames i  |y_i - x(t_i)|^2 / (n^2 + sigma_i^2)   +   sum over steady times  |third difference of x|^2 / j^2

where x(t) is the cubic through the four steady times around t, n the noise of the joint, estimated from the divided
third differences of its own frames, and j a typical change of its acceleration. So frames that are closer together than
the steady times are averaged, those between frames further apart follow a smooth curve, and what was not seen does not
count.

Source: Eilers, A perfect smoother, Analytical Chemistry 2003.
"""

import numpy as np

from niki_tf import skeletons
from niki_tf.fitting.smoothing import FPS, LEAST_NOISE, MOTION_AS_NOISE, SHARED_FRAMES

_JERK = 0.007
"""j, metres a frame^3 at 30 frames a second: larger than that of `smoothing`, which comes after; of 0.005, 0.007
and 0.01 the best at 10 and 15 frames a second on six training clips."""
_UNIT_NOISE = (8.0 / np.pi) ** 0.5
"""Mean length of normal noise of size 1 on each of three axes."""
_SPAN, _MARGIN = 96, 24
"""Steady times that are solved at once, and those at either end of them that are left to the next ones."""
_RIDGE = 1e-6
"""Weight, relative to that of a frame, of the mean position at every steady time: keeps the equations solvable."""


def resample(joints: np.ndarray, joint_sigma: np.ndarray, times: np.ndarray, *, steady: np.ndarray) -> np.ndarray:
    """The joints (N, n, 3) at the times `steady`, smooth paths through noisy frames.

    Args:
        joints: (T, n, 3) metres, all frames relative to the same origin.
        joint_sigma: (T, n) metres, 0 where unknown; a joint that is absent in all frames is anywhere.
        times: (T,) seconds, increasing.
        steady: (N,) seconds, `FPS` a second, which include all of `times`.

    Example:
        >>> import numpy as np
        >>> from niki_tf.fitting import resampling
        >>> times = np.array([0.0, 0.1, 0.2, 0.25, 0.4])
        >>> circle = np.stack([np.cos(times), np.sin(times), times], -1)[:, None]
        >>> steady = np.arange(13) / 30
        >>> found = resampling.resample(circle, np.zeros([5, 1]), times, steady=steady)
        >>> bool(np.abs(found[:, 0, 0] - np.cos(steady)).max() < 1e-3)
        True
    """
    found = np.zeros([len(steady), *joints.shape[1:]])
    last = max(0, len(steady) - _SPAN)
    for first in [*range(0, last, _SPAN - 2 * _MARGIN), last]:
        span = slice(first, first + _SPAN)
        some = (times >= steady[first] - 1e-9) & (times <= steady[span][-1] + 1e-9)
        kept = _MARGIN if first else 0
        found[first + kept : span.stop] = _smoothed(joints[some], joint_sigma[some], times[some], steady[span])[kept:]
    return found


def noise(joints: np.ndarray, seen: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Size (n,) of the noise of joints (T, n, 3), from divided third differences of frames in which they are `seen`.

    Args:
        joints: (T, n, 3) metres.
        seen: (T, n), 1 or 0.
        times: (T,) seconds.
    """
    rows = max(len(times) - 3, 0)
    at = np.stack([times[step : rows + step] for step in range(4)], -1)
    apart = at[:, :, None] - at[:, None] + np.eye(4)
    factors = 1.0 / np.prod(apart, -1)
    factors /= np.linalg.norm(factors, axis=-1, keepdims=True)
    span = at[:, 3] - at[:, 0]
    trust = (span.min(initial=np.inf) / span)[:, None] ** 4  # the longer, the less of a difference is noise
    differences = np.zeros([rows, *joints.shape[1:]])
    for step in range(4):
        trust = trust * seen[step : rows + step]
        differences += factors[:, step, None, None] * joints[step : rows + step]
    found, total = (trust * np.linalg.norm(differences, axis=-1) / _UNIT_NOISE).sum(0), trust.sum(0)
    common = found.sum() / max(total.sum(), 1e-9)
    return (found + SHARED_FRAMES * common) / (total + SHARED_FRAMES)


def _smoothed(joints: np.ndarray, joint_sigma: np.ndarray, times: np.ndarray, steady: np.ndarray) -> np.ndarray:
    """As `resample`, in one go."""
    seen = (joint_sigma < skeletons.ABSENT).astype(float)
    joints = np.where(seen[..., None] > 0.0, joints, 0.0)
    variance = np.maximum(noise(joints, seen, times) ** 2 - MOTION_AS_NOISE**2, LEAST_NOISE**2)
    weights = seen / (variance + joint_sigma**2)
    largest = np.maximum(weights.max(0, initial=0.0), 1e-9)
    mean = joints.sum(0) / np.maximum(seen.sum(0), 1.0)[:, None]
    paths = np.where(seen[..., None] > 0.0, joints - mean, 0.0)
    places, cubic = _cubic(times, steady)
    matrix = np.zeros([len(steady), len(steady), joints.shape[1]])
    rhs = np.zeros([len(steady), joints.shape[1], 3])
    for one, weight in enumerate(cubic.T):
        weighted = weights / largest * weight[:, None]
        np.add.at(rhs, places[:, one], weighted[..., None] * paths)
        for other, second in enumerate(cubic.T):
            np.add.at(matrix, (places[:, one], places[:, other]), weighted * second[:, None])
    third = np.diff(np.eye(len(steady)), 3, axis=0)
    penalty = third.T @ third / (_JERK**2 * largest)[:, None, None] + _RIDGE * np.eye(len(steady))
    found = np.linalg.solve(np.moveaxis(matrix, -1, 0) + penalty, np.swapaxes(rhs, 0, 1))
    return mean + np.swapaxes(found, 0, 1)


def _cubic(times: np.ndarray, steady: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each of `times` (T,) the places of the steady times around it and their weights in the cubic, both (T, 4)."""
    count = min(4, len(steady))
    place = (times - steady[0]) * FPS
    first = np.clip(np.floor(place).astype(int) - (count // 2 - 1), 0, len(steady) - count)
    places = first[:, None] + np.arange(count)
    weights = np.ones(places.shape)
    for one in range(count):
        for other in set(range(count)) - {one}:
            weights[:, one] *= (place - places[:, other]) / (one - other)
    return places, weights
