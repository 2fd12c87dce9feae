"""Clips of one folder that repeat clips of another, shifted in time or mirrored: a test must not have been trained on.

A pose is compared as thirteen joints seen from the pelvis, so place, heading and shape of the person do not matter.
The distance of two poses is the root mean square of the distances of their joints.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from niki_tf import skeletons
from niki_tf.motion.clip import Clip
from niki_tf.motion.joint_positions import joint_positions
from niki_tf.skeletons.rest import rest_joints

if TYPE_CHECKING:
    import tqdm

_PARTS = ("knee", "ankle", "foot", "shoulder", "elbow", "wrist")
_JOINTS = ("head", *(f"{side}_{part}" for part in _PARTS for side in ("left", "right")))
_NUMBERS = [skeletons.SMPL_29.index(name) for name in _JOINTS]
_MIRROR = [_NUMBERS.index(skeletons.SMPL_29.mirror[joint]) for joint in _NUMBERS]
_SHORTEST = 20
"""Frames in a row that must agree. Set by hand, as all constants of this module."""
_KEY_STEP = _SHORTEST // 2
"""Frames between two keys, which are looked up; a repeated stretch holds one, and as many frames after it."""
_DIRECTIONS = 8
"""Principal directions in which poses are compared first; so seen, they are never farther apart."""
_SHIFTS_TRIED = 5
"""Shifts at which two clips are compared frame by frame."""
_KEYS_AT_ONCE = 128
"""Keys that are looked up together: the distances of a block to half a million frames take 256 MB."""


class NearDuplicate(NamedTuple):
    """A stretch of frames of one clip that another clip repeats."""

    first: int
    """Number of the clip among the first ones."""
    second: int
    """Number of the clip among the second ones."""
    mirrored: bool
    """Whether left and right are exchanged."""
    first_frame: int
    """Where the stretch begins in the first clip."""
    second_frame: int
    """Where it begins in the second clip."""
    frames: int
    """Length of the stretch."""
    distance: float
    """Mean distance of the poses, metres."""


class _Poses(NamedTuple):
    """Poses of clips laid end to end, such that the length of a difference is the distance of two poses."""

    points: np.ndarray
    """(N, 39) float32."""
    clips: np.ndarray
    """(N,) number of the clip of each frame."""
    starts: np.ndarray
    """(C + 1,) first frame of each clip, and N."""


class _Pairs(NamedTuple):
    """M pairs of frames, one of each set of poses."""

    mine: np.ndarray
    """(M,) frames of the first poses."""
    theirs: np.ndarray
    """(M,) frames of the others."""
    closeness: np.ndarray
    """(M,) from 0, at the limit in the three frames that were compared, to 3, the same."""


def near_duplicates(
    first: Sequence[Clip], second: Sequence[Clip], *, limit: float = 0.015, progress: bool = False
) -> list[NearDuplicate]:
    """Stretches of 20 or more frames in which a clip of `first` is nearly the same as one of `second`.

    In every frame of a stretch the poses are at most `limit` apart, at the same shift in time, and the joints move by
    more than `limit` (root mean square about their mean): two people who stand still tell nothing. Of two clips the
    longest stretch at the five likeliest shifts is given, once as it is and once mirrored.

    Every tenth frame of `first` is looked up among all frames of `second`, so it matters little which is the larger.

    Args:
        first: clips at one frame rate.
        second: clips at the same frame rate.
        limit: metres. Copies that were resampled, rounded or given noise of a quarter of a degree on all joints are
            within 15 mm; walks that one person repeats begin near that, gestures even below, those of two people at
            30 mm.
        progress: show a progress bar.

    Returns:
        a list in the order of `first`.

    Raises:
        ValueError: `limit` is not positive.

    Example:
        >>> import dataclasses
        >>> from niki_tf import motion
        >>> clip = motion.made_motion(0, frames=90)
        >>> later = dataclasses.replace(clip, poses=clip.poses[25:], trans=clip.trans[25:])
        >>> [(found.first_frame, found.second_frame, found.frames) for found in motion.near_duplicates([later], [clip])]
        [(0, 25, 65)]
    """
    import tqdm

    if not limit > 0.0:
        raise ValueError(f"`limit` must be a positive number of metres; got {limit}.")
    if not first or not second:
        return []
    theirs, ours = _described(second), _described(first)
    found = []
    with tqdm.tqdm(total=2 * len(ours.points), desc="near-duplicates", unit="frame", disable=not progress) as bar:
        for mirrored in (False, True):
            poses = ours._replace(points=_mirrored(ours.points)) if mirrored else ours
            pairs = _agreeing(poses, theirs, limit, bar)
            for (clip, other), shifts in _likely_shifts(pairs, poses, theirs).items():
                stretches = [_longest(poses, theirs, clip, other, shift, limit) for shift in shifts]
                longest = max(filter(None, stretches), key=lambda stretch: stretch[2], default=None)
                found += [NearDuplicate(clip, other, mirrored, *longest)] if longest else []
    return sorted(found)


def _described(clips: Sequence[Clip]) -> _Poses:
    rest, points = rest_joints(), []
    for clip in clips:
        poses = clip.poses.astype(np.float64)
        poses[:, 0] = 0.0
        points.append(joint_positions(poses, rest)[:, _NUMBERS].reshape(len(clip), -1).astype(np.float32))
    lengths = [len(clip) for clip in clips]
    return _Poses(
        points=np.concatenate(points) / len(_NUMBERS) ** 0.5,
        clips=np.repeat(np.arange(len(clips)), lengths),
        starts=np.concatenate([[0], np.cumsum(lengths)]),
    )


def _mirrored(points: np.ndarray) -> np.ndarray:
    """The points (N, 39) of the mirror image."""
    return (points.reshape(len(points), -1, 3)[:, _MIRROR] * np.array([-1, 1, 1], np.float32)).reshape(points.shape)


def _agreeing(poses: _Poses, others: _Poses, limit: float, bar: tqdm.tqdm) -> _Pairs:
    """Pairs of a key and another frame that are within the limit, as are those after them up to half a stretch on."""
    keys, ends = _keys(poses, limit), others.starts[others.clips + 1]
    last = np.flatnonzero(np.arange(len(ends)) + _KEY_STEP < ends)
    found = [_Pairs(np.zeros(0, int), np.zeros(0, int), np.zeros(0))]
    for block, near in _near(poses.points[keys], others.points[last], limit):
        pairs = _Pairs(keys[block], last[near], np.zeros(len(block)))
        for offset in (0, _KEY_STEP, _KEY_STEP // 2):
            apart = np.linalg.norm(poses.points[pairs.mine + offset] - others.points[pairs.theirs + offset], axis=1)
            closer = pairs._replace(closeness=pairs.closeness + 1.0 - apart / limit)
            pairs = _Pairs(*(column[apart <= limit] for column in closer))
        found.append(pairs)
        bar.update(min(_KEYS_AT_ONCE * _KEY_STEP, bar.total - bar.n))
    return _Pairs(*map(np.concatenate, zip(*found, strict=True)))


def _keys(poses: _Poses, limit: float) -> np.ndarray:
    """Every tenth frame of each clip, but for the last ones, and but for those about which nobody moves."""
    keys: list[int] = []
    for start, end in zip(poses.starts[:-1], poses.starts[1:], strict=True):
        for key in range(start, end - _KEY_STEP, _KEY_STEP):
            about = poses.points[max(start, key - _SHORTEST) : min(end, key + _SHORTEST)]
            keys += [key] if _spread(about) > limit else []
    return np.array(keys, int)


def _near(keys: np.ndarray, points: np.ndarray, limit: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Numbers of keys and of points that may be within the limit of each other, block by block of the keys.

    Points and keys are sorted along the first direction, so that a block is compared only with what is near there.
    """
    if not keys.size or not points.size:
        return
    mean, directions = _principal(points)
    keys, points = (keys - mean) @ directions, (points - mean) @ directions
    order, by_first = np.argsort(keys[:, 0]), np.argsort(points[:, 0])
    points = points[by_first]
    squares = np.sum(points**2, 1)
    for start in range(0, len(order), _KEYS_AT_ONCE):
        block = order[start : start + _KEYS_AT_ONCE]
        mine = keys[block]
        low, high = np.searchsorted(points[:, 0], [mine[0, 0] - limit, mine[-1, 0] + limit])
        apart = squares[low:high] - 2.0 * mine @ points[low:high].T + np.sum(mine**2, 1)[:, None]
        key, point = np.nonzero(apart <= 1.01 * limit**2 + 1e-6)  # rounding of float32
        yield block[key], by_first[low + point]


def _principal(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (39,) and the directions (39, 8) in which points (N, 39) differ most, from at most 20,000 of them."""
    some = points[:: max(1, len(points) // 20_000)]
    _, directions = np.linalg.eigh(np.cov(some, rowvar=False))
    return some.mean(0), np.ascontiguousarray(directions[:, : -_DIRECTIONS - 1 : -1]).astype(np.float32)


def _likely_shifts(pairs: _Pairs, poses: _Poses, others: _Poses) -> dict[tuple[int, int], list[int]]:
    """Two clips -> the shifts (frame of the second less frame of the first) that most pairs agree on, by closeness."""
    mine, theirs = poses.clips[pairs.mine], others.clips[pairs.theirs]
    shifts = (pairs.theirs - others.starts[theirs]) - (pairs.mine - poses.starts[mine])
    ways, which = np.unique(np.stack([mine, theirs, shifts], 1), axis=0, return_inverse=True)
    votes = np.bincount(which.reshape(-1), weights=pairs.closeness, minlength=len(ways))
    likely: dict[tuple[int, int], list[int]] = {}
    for clip, other, shift in ways[np.argsort(-votes, kind="stable")].tolist():
        known = likely.setdefault((clip, other), [])
        known += [shift] if len(known) < _SHIFTS_TRIED else []
    return likely


def _longest(
    poses: _Poses, others: _Poses, clip: int, other: int, shift: int, limit: float
) -> tuple[int, int, int, float] | None:
    """First frames, number and mean distance of the longest stretch of two clips at a shift, or None."""
    mine = poses.points[poses.starts[clip] : poses.starts[clip + 1]]
    theirs = others.points[others.starts[other] : others.starts[other + 1]]
    begin, end = max(0, -shift), min(len(mine), len(theirs) - shift)
    apart = np.linalg.norm(mine[begin:end] - theirs[begin + shift : end + shift], axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], apart <= limit, [False]]).astype(int)))
    start, stop = max(edges.reshape(-1, 2).tolist(), key=lambda run: run[1] - run[0], default=(0, 0))
    if stop - start < _SHORTEST or _spread(mine[begin + start : begin + stop]) <= limit:
        return None
    return begin + start, begin + start + shift, stop - start, float(apart[start:stop].mean())


def _spread(points: np.ndarray) -> float:
    """Root mean square of the distances of points (T, 39) from their mean."""
    return float(np.sqrt(np.sum(points.var(0))))
