"""Distances between points that hardly change with the pose, against the mannequin's: size, and whether names fit."""

import functools
from typing import NamedTuple

import numpy as np

from niki_tf.skeletons.point_set import PointSet
from niki_tf.skeletons.smpl import NUM_ROTATIONS, SMPL_29, TRUNK

_SHORTEST = 0.12
"""Metres at rest: what is shorter drowns in noise."""
_WRONG = 0.45
"""|ln| of a bone's length against the mannequin's: more is another bone. By trial: people stay below 0.4."""
_MOST_WRONG, _MOST_APART = 0.15, 0.25
"""Share of wrong bones and mean |ln| of a set that still fits. By trial on training clips: a right one has at most 0.03
and 0.15 with noise of 50 mm, a wrong one of the known sets at least 0.21 and 0.33."""


class Fit(NamedTuple):
    """How the bones of a set fit points."""

    scale: float
    """Length of the bones against the mannequin's, in the unit of the points per metre; NaN if none was seen."""
    wrong: float
    """Share of bones that are far from the mannequin's proportions."""
    apart: float
    """Mean of |ln(length / (scale mannequin's length))|."""
    worst: tuple[int, int]
    """Numbers of the points of the bone that fits worst."""

    @property
    def fits(self) -> bool:
        """Whether the proportions are those of a person; True if there are too few bones to tell."""
        return not (self.wrong > _MOST_WRONG or self.apart > _MOST_APART)


def fit(points: np.ndarray, point_set: PointSet) -> Fit:
    """How the bones of `point_set` fit `points` (T, J, 3), NaN where absent, in any unit: medians over the frames."""
    pairs, at_rest = _bones(point_set)
    if not len(pairs):
        return Fit(np.nan, 0.0, 0.0, (0, 0))
    lengths = np.linalg.norm(points[:, pairs[:, 0]] - points[:, pairs[:, 1]], axis=-1)
    seen = np.isfinite(lengths).any(0)
    pairs, at_rest = pairs[seen], at_rest[seen]
    if not len(pairs):
        return Fit(np.nan, 0.0, 0.0, (0, 0))
    ratio = np.log(np.maximum(np.nanmedian(lengths[:, seen], axis=0), 1e-9) / at_rest)
    scale = _weighted_median(ratio, at_rest)
    apart = np.abs(ratio - scale)
    worst = pairs[np.argmax(apart)]
    enough = len(pairs) >= _FEWEST
    return Fit(
        float(np.exp(scale)),
        float(np.mean(apart > _WRONG)) if enough else 0.0,
        float(np.mean(apart)) if enough else 0.0,
        (int(worst[0]), int(worst[1])),
    )


_FEWEST = 4
"""Bones that proportions take."""


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    summed = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(summed, 0.5 * summed[-1])])


@functools.lru_cache(maxsize=64)
def _bones(point_set: PointSet) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (P, 2) of points at a distance that hardly changes, and the distances (P,) on the mannequin, metres."""
    joined = {k: _moves_with(point_set, k) for k in point_set.used}
    pairs = [(a, b) for a in point_set.used for b in point_set.used if a < b and joined[a] & joined[b]]
    chosen = np.array(pairs, int).reshape(-1, 2)
    length = np.linalg.norm(point_set.at_rest[chosen[:, 0]] - point_set.at_rest[chosen[:, 1]], axis=-1)
    return chosen[length >= _SHORTEST], length[length >= _SHORTEST]


def _moves_with(point_set: PointSet, number: int) -> set[int]:
    """Joints that a point is at a fixed distance from, or nearly so; -2 stands for the trunk as a whole."""
    landmark, carrier = point_set.landmarks[number], point_set.carriers[number]
    if landmark is None:
        joint = SMPL_29.index(str(point_set.points[number]))
        near = {joint, SMPL_29.parents[joint]} if joint < NUM_ROTATIONS else {carrier}
        on_trunk = joint in TRUNK
    else:
        near = {carrier, *(SMPL_29.index(name) for name in landmark.tells)}
        on_trunk = carrier in (0, 3, 6, 9)
    return (near | ({-2} if on_trunk else set())) - {-1}
