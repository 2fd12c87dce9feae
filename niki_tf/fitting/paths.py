"""Paths of points over time of any length and any spacing: smoothed, and made to stand still where they should.

All are minima of sums of squares of values and of their steps, whose equations are tridiagonal, so that the cost grows
with the number of frames only. Sums over frames stand for integrals over time: the result hardly depends on the rate.
"""

import numpy as np
import tensorflow as tf

_MOST_FRAMES_APART = 1.0
"""Seconds; longer pauses between frames count as this."""


def smooth(values: np.ndarray, times: np.ndarray, *, width: float) -> np.ndarray:
    """Values (T, ...) after a mean over time, whose weights fall with the distance in time, without a delay.

    The weights are those of exp(-|t| / width) applied twice, so that their standard deviation is twice `width`.

    Args:
        values: (T, ...).
        times: (T,) seconds, increasing.
        width: seconds.

    Example:
        >>> import numpy as np
        >>> from niki_tf.fitting import paths
        >>> paths.smooth(np.eye(5)[2], np.arange(5.0), width=0.5).round(2).tolist()
        [0.06, 0.18, 0.53, 0.18, 0.06]
    """
    if len(values) == 1:
        return np.asarray(values, np.float64)
    spans, steps = _spans(times)
    columns = np.asarray(values, np.float64).reshape(len(values), -1)
    weights, stiffness = (array[:, None] for array in (spans, width**2 / steps))
    for _ in range(2):
        columns = _solve(weights, stiffness, weights * columns)
    return columns.reshape(np.shape(values))


def stand_still(
    paths: np.ndarray,
    standing: np.ndarray,
    sigma: np.ndarray,
    times: np.ndarray,
    *,
    standing_speed: float,
    fading_speed: float,
) -> np.ndarray:
    """The paths (T, n, 3) closest to `paths` whose points hardly move where they stand, metres.

    With the correction c = x - paths, the result x minimises an integral over time, in thirtieths of a second, of

        |c|^2 / sigma^2 + p |dx/dt|^2 / standing_speed^2 + (1 - p) |dc/dt|^2 / fading_speed^2

    where p is how surely a point stands. So a path stays where it is certain, and a correction fades in before a point
    stands and out after it.

    Args:
        paths: (T, n, 3) metres.
        standing: (T - 1, n), 0 to 1, how surely each point stands still from a frame to the next.
        sigma: (T, n) metres, error of the paths on each axis.
        times: (T,) seconds, increasing.
        standing_speed: metres a second that a point which stands may have.
        fading_speed: metres a second by which a correction may change.
    """
    if len(paths) == 1:
        return np.asarray(paths, np.float64)
    spans, steps = (_FRAMES_A_SECOND * array[:, None] for array in _spans(times))
    paths = np.asarray(paths, np.float64)
    held = standing * (_FRAMES_A_SECOND / standing_speed) ** 2 / steps
    free = (1.0 - standing) * (_FRAMES_A_SECOND / fading_speed) ** 2 / steps
    pull = np.pad(held[..., None] * np.diff(paths, axis=0), ((1, 1), (0, 0), (0, 0)))
    weights, stiffness = (np.repeat(array, 3, -1) for array in (spans / sigma**2, held + free))
    correction = _solve(weights, stiffness, np.diff(pull, axis=0).reshape(len(paths), -1))
    return paths + correction.reshape(paths.shape)


_FRAMES_A_SECOND = 30.0
"""Unit of time of the sums, and so of sigma: that of a frame at 30 a second."""


def _spans(times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The time that each frame stands for (T,), and the steps from frame to frame (T - 1,), seconds."""
    steps = np.minimum(np.diff(np.asarray(times, np.float64)), _MOST_FRAMES_APART)
    ends = np.concatenate([steps[:1], steps, steps[-1:]])
    return 0.5 * (ends[1:] + ends[:-1]), steps


def _solve(weights: np.ndarray, stiffness: np.ndarray, rhs: np.ndarray) -> np.ndarray:
    """Columns x (T, m) with weights x + D^T stiffness D x = rhs, D the steps from frame to frame.

    Args:
        weights: (T, m or 1).
        stiffness: (T - 1, m or 1).
        rhs: (T, m).
    """
    ends = np.pad(stiffness, ((1, 1), (0, 0)))
    diagonal = np.broadcast_to(weights + ends[1:] + ends[:-1], rhs.shape)
    above, below = (np.broadcast_to(-array, rhs.shape) for array in (ends[1:], ends[:-1]))
    bands = tf.constant(np.stack([above, diagonal, below]).transpose(2, 0, 1))
    columns = tf.constant(rhs.T[..., None])
    return tf.linalg.tridiagonal_solve(bands, columns, partial_pivoting=False).numpy()[..., 0].T
