"""Hard cuts: frames at which another shot begins, told by a jump of the joints that no body makes.

Straight lines are fitted to the four frames before a place between two frames and to the four after it; where they do
not meet, joints jumped. A cut is a jump that is large, larger than the scatter of the frames about their lines lets
expect, and in a step that is longer than those around it. So neither noise, nor joints that are far off for a frame,
nor fast motion, whose steps are all long, is a cut.

This is asked of the joints relative to each other, those that jump most left out, and of the path of their mean. Where
joints err together, as when the whole body is turned, scatter is told by few independent directions instead of three
for each joint, and more has to be expected of a jump.
"""

import math
from collections.abc import Sequence

import numpy as np

from niki_tf import skeletons

_SIDE = 4
"""Frames on either side of a cut."""
_OUTLIERS = 3
"""Joints that jump most and are not counted."""
_LEAST_JOINTS = 8
"""Joints that must be seen in all frames on both sides."""
_POSE_JUMP, _PATH_JUMP = 0.06, 0.3
"""Metres; the least jump of joints relative to each other, and of their mean: by trial on training and validation
clips."""
_LEAST_TO_NOISE, _SURE = 3.0, 3.28
"""Least ratio of the squared jump to that which noise lets expect, and how many standard deviations its logarithm has
to be from 0: by trial on training and validation clips, with noise up to 100 mm on each axis. See `_to_noise`."""
_DIRECTIONS_OF = 300
"""Frames that tell in how many directions joints err."""
_STEP_RATIO = 2.0
"""Least ratio of the squared step to each of the three before and after it."""
_LATE = 1.5
"""Times the usual time between frames: a longer one is a gap, in which a body may go anywhere."""


def find_cuts(joints: np.ndarray, joint_sigma: np.ndarray, times: np.ndarray) -> list[int]:
    """The numbers of frames that begin another shot, none of them in the first or last four frames of the motion.

    Args:
        joints: (T, n, 3) metres, in one world.
        joint_sigma: (T, n) metres; joints of `skeletons.ABSENT` are not read.
        times: (T,) seconds.

    Example:
        >>> import numpy as np
        >>> from niki_tf.motion import cuts
        >>> shots = np.random.default_rng(0).normal(size=[2, 1, 29, 3])
        >>> joints = np.repeat(shots, 20, 1).reshape(40, 29, 3)
        >>> cuts.find_cuts(joints, np.zeros([40, 29]), np.arange(40) / 30)
        [20]
    """
    count = len(joints) - 2 * _SIDE + 1
    if count < 1:
        return []
    seen = np.asarray(joint_sigma) < skeletons.ABSENT
    joints = np.where(seen[..., None], joints, 0.0).astype(np.float64)
    whole = np.all(np.lib.stride_tricks.sliding_window_view(seen, 2 * _SIDE, axis=0), axis=-1)
    steps = np.diff(times)
    usual = steps[_SIDE - 1 : _SIDE - 1 + count] < _LATE * np.median(steps)
    enough = usual & (whole.sum(1) >= _LEAST_JOINTS)
    windows = np.lib.stride_tricks.sliding_window_view(joints, _SIDE, axis=0)
    after, before = windows[_SIDE:], windows[:count, ..., ::-1]
    to_noise = _to_noise(_directions(joints, seen))
    jumps = _strength(after, before, whole, least=_POSE_JUMP, to_noise=to_noise, outliers=_OUTLIERS)
    shares = (whole / np.maximum(whole.sum(1, keepdims=True), 1))[..., None, None]
    after, before = ((shares * side).sum(1, keepdims=True) for side in (after, before))
    path = _strength(after, before, np.ones([count, 1], bool), least=_PATH_JUMP, to_noise=_to_noise(3.0), outliers=0)
    strength = np.where(enough, np.maximum(jumps, path), 0.0)
    return [_SIDE + int(place) for place in _peaks(strength)]


def _to_noise(directions: float) -> float:
    """Least ratio of a squared jump to noise in so many directions.

    Noise alone gives the ratio of a mean of so many squares to one of 2 (`_SIDE` - 2) times as many, whose logarithm
    has about the variance of both together, 2 / count each.
    """
    spread = math.sqrt(2.0 / directions * (1.0 + 1.0 / (2 * (_SIDE - 2))))
    return max(_LEAST_TO_NOISE, math.exp(_SURE * spread))


def _directions(joints: np.ndarray, seen: np.ndarray) -> float:
    """In how many independent directions joints (T, n, 3) err, which were `seen` (T, n).

    Second differences, each of length 1, have a mean square cosine of one to so many between them. Those that share
    frames are left out.
    """
    middles = np.unique(np.linspace(1, len(joints) - 2, _DIRECTIONS_OF).astype(int))
    before, after = middles - 1, middles + 1
    whole = seen[before] & seen[middles] & seen[after]
    bends = joints[before] - 2.0 * joints[middles] + joints[after]
    bends = np.where(whole[..., None], bends - _medians(bends, whole), 0.0).reshape(len(middles), -1)
    lengths = np.linalg.norm(bends, axis=1)
    apart = np.abs(middles[:, None] - middles) > 2
    apart &= (lengths > 0.0) & (lengths > 0.0)[:, None]
    directed = bends / np.where(lengths > 0.0, lengths, 1.0)[:, None]
    squares = np.square(directed @ directed.T)[apart]
    return 1.0 / float(squares.mean()) if squares.any() else math.inf


def _strength(
    after: np.ndarray, before: np.ndarray, whole: np.ndarray, *, least: float, to_noise: float, outliers: int
) -> np.ndarray:
    """For each place with `_SIDE` frames on both sides the ratio of the squared jump to noise, 0 where it is no cut.

    Args:
        after: (places, n, 3, `_SIDE`) metres, the frames that follow.
        before: those before, the nearest first.
        whole: (places, n), where a path was seen in all frames on both sides.
        least: metres, of a jump.
        to_noise: of the ratio.
        outliers: paths that jump most, not counted.
    """
    line = np.stack([np.ones(_SIDE), np.arange(_SIDE) + 0.5], 1)
    meeting = np.linalg.pinv(line)[0]  # where a line through the frames is half a frame before them
    off = np.eye(_SIDE) - line @ np.linalg.pinv(line)
    jump = _trimmed([(after - before) @ meeting], whole, outliers)
    apart = np.moveaxis(np.concatenate([after @ off, before @ off], -1), -1, 0)
    scatter = _trimmed(apart, whole, outliers) / (2 * (_SIDE - 2))
    ratio = jump / np.maximum(2.0 * meeting @ meeting * scatter, 1e-12)
    near = [side[..., k + 1] - side[..., k] for side in (before, after) for k in range(_SIDE - 1)]
    longest = np.max([_trimmed([step], whole, outliers) for step in near], 0)
    sudden = _trimmed([after[..., 0] - before[..., 0]], whole, outliers) > _STEP_RATIO * longest
    return np.where(sudden & (jump > least**2) & (ratio > to_noise), ratio / to_noise, 0.0)


def _trimmed(vectors: Sequence[np.ndarray] | np.ndarray, whole: np.ndarray, outliers: int) -> np.ndarray:
    """Sum over `vectors`, each (places, n, 3), of their squared lengths, the mean over those of `whole`; (places,).

    The longest `outliers` do not count; where there are some, what all have in common, their median, is taken off.
    """
    squares = np.zeros(np.shape(whole))
    for vector in vectors:
        squares += ((vector - _medians(vector, whole) if outliers else vector) ** 2).sum(-1)
    ordered = np.sort(np.where(whole, squares, np.inf), 1)
    kept = np.arange(whole.shape[1]) < np.maximum(whole.sum(1, keepdims=True) - outliers, 1)
    return np.where(kept & np.isfinite(ordered), ordered, 0.0).sum(1) / kept.sum(1)


def _medians(vectors: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Median (places, 1, 3) of those of the vectors (places, n, 3) that are `whole` (places, n)."""
    ordered = np.sort(np.where(whole[..., None], vectors, np.inf), 1)
    middle = np.maximum(whole.sum(1) - 1, 0)[:, None, None] // 2
    found = np.take_along_axis(ordered, middle, 1)
    return np.where(np.isfinite(found), found, 0.0)


def _peaks(strength: np.ndarray) -> np.ndarray:
    """Places of values above zero that no other within `_SIDE` frames exceeds."""
    padded = np.pad(strength, _SIDE)
    near = np.lib.stride_tricks.sliding_window_view(padded, 2 * _SIDE + 1).max(1)
    return np.flatnonzero((strength > 0.0) & (strength >= near))
