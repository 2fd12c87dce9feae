"""Which way the parts of a body point: up, to the left and to the front, by how points lie at rest."""

import functools

import numpy as np

from niki_tf.skeletons.point_set import PointSet
from niki_tf.skeletons.smpl import SMPL_29, TRUNK

_ARMS = (18, 19, 20, 21, 22, 23)
"""Joints whose height tells nothing of what is up."""
_FEET = (7, 10), (8, 11)
_HEAD = (12, 15)
_SPINE = (0, 3, 6, 9)
_WEIGHTS = {"foot": 0.15, "head": 0.1, "trunk": 0.3}
"""Metres by which a part that points straight to the front counts beside the knees, which count by how far they stand
out of the line from hip to ankle; by trial on training clips."""


def directions(points: np.ndarray, at_rest: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """What the rest pose's left, up and front (rows) became in each frame, (T, 3, 3), not of unit length.

    The covariance of the points with their places at rest, over the points that were seen.

    Args:
        points: (T, J, 3), NaN where absent.
        at_rest: (J, 3).
        chosen: (C,) numbers of the points.
    """
    some = points[:, chosen]
    seen = np.isfinite(some).all(-1, keepdims=True)
    count = np.maximum(seen.sum(1, keepdims=True), 1)
    moved, still = np.where(seen, some, 0.0), np.where(seen, at_rest[chosen], 0.0)
    moved = np.where(seen, moved - moved.sum(1, keepdims=True) / count, 0.0)
    still = np.where(seen, still - still.sum(1, keepdims=True) / count, 0.0)
    return np.einsum("tki,tkj->tij", still, moved)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., 3) of length 1; zero where they were."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def body_up(points: np.ndarray, point_set: PointSet) -> np.ndarray:
    """The direction (T, 3) from the feet to the head in each frame, of unit length; zero where it cannot be told."""
    upright = np.array([k for k in point_set.used if point_set.carriers[k] not in _ARMS], int)
    at_rest = point_set.at_rest
    if len(upright) < 2 or np.ptp(at_rest[upright, 1]) < _TALL:
        return np.zeros([len(points), 3])
    return unit(directions(points, at_rest, upright)[:, 1])


_TALL = 0.3
"""Metres between the highest and the lowest point that tell what is up."""


def forwardness(points: np.ndarray, point_set: PointSet) -> np.ndarray:
    """How far knees, feet, face and chest point to the front of left x up in each frame, (T,) metres; NaN if unknown.

    Negative throughout where left and right are exchanged or the axes are mirrored: geometry cannot tell which.

    Args:
        points: (T, J, 3) in units of the mannequin's metres, NaN where absent.
        point_set: that they are of.
    """
    trunk = _on_trunk(points, point_set)
    at_rest = point_set.at_rest
    if len(trunk) < 2 or np.ptp(at_rest[trunk, 0]) < _WIDE:
        return np.full(len(points), np.nan)
    axes = directions(points, at_rest, trunk)
    up = axes[:, 1] if np.ptp(at_rest[trunk, 1]) > _TALL else body_up(points, point_set)
    across = np.cross(unit(axes[:, 0]), unit(up))
    cues = [np.sum(out * unit(across), -1) for out in _knees(points, point_set)]
    for part, numbers in _parts(point_set):
        front = unit(directions(points, at_rest, numbers)[:, 2])
        cues.append(_WEIGHTS[part] * np.sum(front * unit(across), -1))
    told = np.array(cues).reshape(len(cues), len(points))
    known = np.isfinite(told).any(0) & (np.linalg.norm(across, axis=-1) > _SQUARE)
    return np.where(known, np.nansum(told, 0), np.nan)


_WIDE, _DEEP, _SQUARE = 0.08, 0.06, 0.3
"""Metres from left to right, and from back to front, that tell a direction; sine of the angle between left and up."""


def hips_against_shoulders(points: np.ndarray, point_set: PointSet) -> np.ndarray:
    """Cosine (T,) between left of the hips and left of the shoulders; NaN if unknown."""
    at_rest, trunk = point_set.at_rest, _on_trunk(points, point_set)
    low, high = trunk[at_rest[trunk, 1] < _HIP_LEVEL], trunk[at_rest[trunk, 1] > _CHEST_LEVEL]
    if any(len(half) < 2 or np.ptp(at_rest[half, 0]) < _WIDER for half in (low, high)):
        return np.full(len(points), np.nan)
    left = [unit(directions(points, at_rest, half)[:, 0]) for half in (low, high)]
    cosine = np.sum(left[0] * left[1], -1)
    return np.where(cosine == 0.0, np.nan, cosine)


_HIP_LEVEL, _CHEST_LEVEL, _WIDER = -0.2, 0.1, 0.1
"""Metres on the mannequin at rest: two heights, and what hips and shoulders measure at least from left to right."""


def _on_trunk(points: np.ndarray, point_set: PointSet) -> np.ndarray:
    """Numbers of the points on hips, spine and shoulders that were seen in enough frames."""
    chosen = []
    for k in point_set.used:
        joint = point_set.landmarks[k] is None
        on_trunk = SMPL_29.index(str(point_set.points[k])) in TRUNK if joint else point_set.carriers[k] in _CHEST
        if on_trunk and np.isfinite(points[:, k]).all(-1).mean() > _SEEN:
            chosen.append(k)
    return np.array(chosen, int)


_CHEST = (*_SPINE, 13, 14)
"""Joints that carry landmarks of the trunk."""
_SEEN = 0.2
"""Share of frames that is enough."""


@functools.lru_cache(maxsize=64)
def _parts(point_set: PointSet) -> tuple[tuple[str, np.ndarray], ...]:
    """Parts that have a front, with the numbers of their points: those that are deep enough to show it."""
    parts = [("foot", _FEET[0], _DEEP), ("foot", _FEET[1], _DEEP), ("head", _HEAD, 0.1), ("trunk", _SPINE, 0.1)]
    found = []
    for part, carriers, least in parts:
        numbers = np.array([k for k in point_set.used if point_set.carriers[k] in carriers], int)
        if len(numbers) > 1 and np.ptp(point_set.at_rest[numbers, 2]) > least:
            found.append((part, numbers))
    return tuple(found)


def _knees(points: np.ndarray, point_set: PointSet) -> list[np.ndarray]:
    """Vectors (T, 3) from the line between hip and ankle to the knee, of the legs whose three joints are there."""
    places = {name: k for k, name in enumerate(point_set.points) if isinstance(name, str)}
    found = []
    for side in ("left", "right"):
        hip = places.get(f"{side}_hip", places.get(f"{side}_outer_hip"))
        knee, ankle = places.get(f"{side}_knee"), places.get(f"{side}_ankle")
        if hip is not None and knee is not None and ankle is not None:
            found.append(points[:, knee] - 0.5 * (points[:, hip] + points[:, ankle]))
    return found
