"""Points that were not seen for a short while, filled from their own paths before and after by Kalman smoothers.

A point's velocity wanders, and its place is seen with the noise that is found in its path. So a curve leads through the
gap, which leans on the nearest frames where joints are clean and on many where they are noisy. By how much the velocity
wanders is not known: the answer is the mean over several sizes, by how likely each makes what was seen. How uncertain
it is comes with it.

Source: Rauch, Tung and Striebel, Maximum likelihood estimates of linear dynamic systems, AIAA Journal 1965.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.fitting import smoothing

LONGEST = 0.9
"""Seconds; longer gaps are left to what knows of motion."""
_WANDERINGS = (0.002, 0.004, 0.008, 0.016, 0.032)
"""Metres a frame^2 at 30 frames a second, by which velocities may wander in a frame; all as likely, before a path is
seen: saved_models/experiments.md, 55."""
_CONTEXT, _MOST_CONTEXT = 0.4, 48
"""Seconds, and frames at most, at each side of a gap that tell of it."""
_STEPS_AT_ONCE, _FRAMES_AT_ONCE = 2**16, 1024
"""Frames of the gaps that are filled together, and frames whose noise is found together."""
_ANY_PLACE, _ANY_VELOCITY = 100.0, 0.1
"""Variances, metres^2 and that a frame^2, of what is not known at first."""


def fill(
    points: np.ndarray, sigma: np.ndarray, times: np.ndarray, *, bones: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Points (T, K, 3) that were not seen for less than `LONGEST`, filled, and their sigma (T, K).

    Only in frames in which another point was seen, and not where the points at both ends of a point's bones were: these
    tell more of it. Nothing is told of one side of a pause of several frames in which nothing was seen by the other.

    Args:
        points: (T, K, 3) metres.
        sigma: (T, K) metres, 0 where unknown; a point is absent from `skeletons.ABSENT` on.
        times: (T,) seconds, increasing.
        bones: (K, K) bool, True where a bone leads from the point of the column to that of the row; None for no bones.

    Example:
        >>> import numpy as np
        >>> from niki_tf.fitting import short_gaps
        >>> points, sigma = np.zeros([9, 2, 3]), np.zeros([9, 2])
        >>> points[:, 0, 0] = np.arange(9.0) ** 2 / 1000
        >>> points[4, 0], sigma[4, 0] = 9.0, 10.0
        >>> filled, sigma = short_gaps.fill(points, sigma, np.arange(9) / 30)
        >>> (1000 * filled[4, 0]).round().tolist(), sigma[3:6, 0].round(3).tolist()  # a straight line gives 17
        ([16.0, 0.0, 0.0], [0.0, 0.001, 0.0])
    """
    seen = sigma < skeletons.ABSENT
    filled, grown = np.array(points, np.float32), np.array(sigma)
    lost = np.cumsum(~seen.any(1))
    gaps = _gaps(seen, times, lost)
    if not len(gaps.point):
        return filled, grown
    told = np.zeros_like(seen) if bones is None else (seen @ bones.T) & (seen @ bones)
    wanted = ~told & seen.any(1, keepdims=True)
    variance = _variance(points, sigma, times)
    context = int(np.clip(np.ceil(_CONTEXT / np.median(np.diff(times))), 1, _MOST_CONTEXT))
    reach = np.arange(1 - context, (gaps.after - gaps.before).max() + context)
    at_once = max(_STEPS_AT_ONCE // len(reach), 1)
    for start in range(0, len(gaps.point), at_once):
        point, before, after = (array[start : start + at_once, None] for array in gaps)
        frames = before + reach
        there = (frames >= 0) & (frames < after + context) & (frames < len(times))
        frames = np.clip(frames, 0, len(times) - 1)
        there &= np.abs(lost[frames] - lost[np.where(frames < after, before, after)]) < 2
        noise = np.where(there, variance[frames, point], np.inf)
        path, uncertain = _curves(points[frames, point].astype(np.float64), noise, smoothing.FPS * times[frames])
        at = np.nonzero((frames > before) & (frames < after) & wanted[frames, point])
        chosen = frames[at], point[at[0], 0]
        filled[chosen], grown[chosen] = path[at], np.sqrt(uncertain[at])
    return filled, np.minimum(grown, np.where(seen, np.inf, skeletons.ABSENT)).astype(sigma.dtype)


class _Gaps(NamedTuple):
    """Where points were not seen for a while, N gaps."""

    point: np.ndarray
    """(N,) number of the point."""
    before: np.ndarray
    """(N,) the last frame in which it was seen."""
    after: np.ndarray
    """(N,) the next one in which it was."""


def _gaps(seen: np.ndarray, times: np.ndarray, lost: np.ndarray) -> _Gaps:
    """The short gaps of points that were `seen` (T, K), `lost` (T,) being how many frames without any there were."""
    point, frame = np.nonzero(seen.T)
    gap = (point[1:] == point[:-1]) & (frame[1:] > frame[:-1] + 1)
    point, before, after = point[1:][gap], frame[:-1][gap], frame[1:][gap]
    short = (times[after] - times[before] < LONGEST) & (lost[after] - lost[before] < 2)
    return _Gaps(point[short], before[short], after[short])


def _variance(points: np.ndarray, sigma: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Variance (T, K), metres^2, with which points were seen; infinite where they were not."""
    found = np.empty(sigma.shape)
    for start in range(0, len(times), _FRAMES_AT_ONCE):
        part = slice(start, start + _FRAMES_AT_ONCE)
        given = (points[part], sigma[part], np.ones_like(times[part]), times[part] - times[start])
        found[part] = smoothing.noise_variance(*(tf.constant(array[None], tf.float32) for array in given))[0]
    seen = sigma < skeletons.ABSENT
    return np.where(seen, found + np.where(seen, sigma, 0.0) ** 2, np.inf)


def _curves(seen: np.ndarray, noise: np.ndarray, ticks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places (N, L, 3) of N points in L frames, and their variance (N, L), metres^2.

    Args:
        seen: (N, L, 3) metres.
        noise: (N, L) metres^2, infinite where nothing was seen.
        ticks: (N, L), thirtieths of a second, never decreasing.
    """
    steps, shape = np.diff(ticks, axis=1), (len(_WANDERINGS), len(seen))
    zeros, variances = (
        np.zeros([*shape, 3]),
        (np.full(shape, _ANY_PLACE), np.zeros(shape), np.full(shape, _ANY_VELOCITY)),
    )
    belief = _Belief(zeros, zeros, *variances)
    forward, likelihood = [], np.zeros(shape)
    for frame in range(len(noise[0])):
        if frame:
            belief = belief.later(steps[:, frame - 1])
        apart, variance = seen[:, frame] - belief.place, belief.of_place + noise[:, frame]
        there = np.isfinite(variance)
        surprise = 0.5 * np.sum(apart**2, -1) / variance + 1.5 * np.log(np.where(there, variance, 1.0))
        likelihood -= np.where(there, surprise, 0.0)
        belief = belief.seen(apart, variance)
        forward.append(belief)
    backward = [belief]
    for frame in reversed(range(len(forward) - 1)):
        backward.append(forward[frame].knowing(backward[-1], steps[:, frame]))
    places, spread = (np.stack([getattr(x, name) for x in backward[::-1]], 2) for name in ("place", "of_place"))
    odds = np.exp(likelihood - likelihood.max(0))
    odds /= odds.sum(0)
    place = np.einsum("kn,kntx->ntx", odds, places)
    apart = np.mean((places - place) ** 2, -1)
    return place, np.einsum("kn,knt->nt", odds, np.maximum(spread, 0.0) + apart)


class _Belief(NamedTuple):
    """Where N points are and how they move, for each of the K sizes of wandering, and how sure that is."""

    place: np.ndarray
    """(K, N, 3) metres."""
    velocity: np.ndarray
    """(K, N, 3) metres a frame."""
    of_place: np.ndarray
    """(K, N), variance; the same along each axis."""
    of_both: np.ndarray
    """(K, N), covariance."""
    of_velocity: np.ndarray
    """(K, N), variance."""

    def later(self, step: np.ndarray) -> "_Belief":
        """After `step` (N,) frames."""
        wandering = np.square(_WANDERINGS)[:, None] * step
        both = self.of_both + step * self.of_velocity
        return _Belief(
            self.place + step[:, None] * self.velocity,
            self.velocity,
            self.of_place + step * (self.of_both + both) + wandering * step**2 / 3.0,
            both + wandering * step / 2.0,
            self.of_velocity + wandering,
        )

    def seen(self, apart: np.ndarray, variance: np.ndarray) -> "_Belief":
        """After the points were seen `apart` (K, N, 3) from where they were taken to be, with that variance (K, N)."""
        of_place, of_velocity = self.of_place / variance, self.of_both / variance
        return _Belief(
            self.place + of_place[..., None] * apart,
            self.velocity + of_velocity[..., None] * apart,
            self.of_place - of_place * self.of_place,
            self.of_both - of_place * self.of_both,
            self.of_velocity - of_velocity * self.of_both,
        )

    def knowing(self, next_: "_Belief", step: np.ndarray) -> "_Belief":
        """With all that is known `step` (N,) frames later."""
        then = self.later(step)
        _, _, a, b, c = then
        rows = [(self.of_place + step * self.of_both, self.of_both)]
        rows.append((self.of_both + step * self.of_velocity, self.of_velocity))
        size = a * c - b**2
        (p, q), (r, s) = (((left * c - right * b) / size, (right * a - left * b) / size) for left, right in rows)
        place, velocity, a, b, c = (one - other for one, other in zip(next_, then, strict=True))
        return _Belief(
            self.place + p[..., None] * place + q[..., None] * velocity,
            self.velocity + r[..., None] * place + s[..., None] * velocity,
            self.of_place + p**2 * a + 2.0 * p * q * b + q**2 * c,
            self.of_both + p * r * a + (p * s + q * r) * b + q * s * c,
            self.of_velocity + r**2 * a + 2.0 * r * s * b + s**2 * c,
        )
