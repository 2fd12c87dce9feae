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
_MOST_WRONG, _MOST_APART = 0.15, 0.28
"""Share of wrong bones and mean |ln| of a set that still fits. By trial on training clips: a right one has at most 0.09
and 0.17 with noise of 50 mm, a wrong one of the known sets at least 0.17 and 0.31; files of CMU have up to 0.22."""
_MORE_WRONG, _MORE_APART = 0.12, 0.03
"""What is added for a single frame, whose noise no median takes away; over T frames, divided by sqrt(T)."""


class Fit(NamedTuple):
    """How the bones of a set fit points."""

    scale: float
    """Length of the bones against the mannequin's, in the unit of the points per metre; NaN if none was seen."""
    wrong: float
    """Share of bones, by their length, that are far from the mannequin's proportions."""
    apart: float
    """Mean, by length, of |ln(length / (scale mannequin's length))|, each at most 1."""
    worst: tuple[int, int]
    """Numbers of the points of the bone that fits worst."""
    frames: int
    """Number of frames that this comes from."""

    @property
    def fits(self) -> bool:
        """Whether the proportions are those of a person; True if there are too few bones to tell."""
        single = 1.0 / np.sqrt(max(self.frames, 1))
        return bool(
            self.wrong <= _MOST_WRONG + single * _MORE_WRONG and self.apart <= _MOST_APART + single * _MORE_APART
        )


def fit(points: np.ndarray, point_set: PointSet) -> Fit:
    """How the bones of `point_set` fit `points` (T, J, 3), NaN where absent, in any unit: medians over the frames."""
    pairs, at_rest, weights = _bones(point_set)
    lengths = np.linalg.norm(points[:, pairs[:, 0]] - points[:, pairs[:, 1]], axis=-1)
    seen = np.isfinite(lengths).any(0)
    if not seen.any():
        return Fit(np.nan, 0.0, 0.0, (0, 0), 0)
    pairs, at_rest = pairs[seen], at_rest[seen]
    ratio = np.log(np.maximum(np.nanmedian(lengths[:, seen], axis=0), 1e-9) / at_rest)
    scale = _weighted_median(ratio, weights[seen])
    apart = np.minimum(np.abs(ratio - scale), 1.0)
    worst = pairs[np.argmax(apart)]
    enough = len(pairs) >= _FEWEST
    return Fit(
        float(np.exp(scale)),
        float(np.average(apart > _WRONG, weights=at_rest)) if enough else 0.0,
        float(np.average(apart, weights=at_rest)) if enough else 0.0,
        (int(worst[0]), int(worst[1])),
        len(points),
    )


_FEWEST = 4
"""Bones that proportions take."""


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    summed = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(summed, 0.5 * summed[-1])])


_VAGUE = ("spine1", "spine2", "spine3", "mid_spine", "left_collar", "right_collar")
"""Points that each program has somewhere else: collars on the midline, joints of the spine at any height."""


@functools.lru_cache(maxsize=64)
def _bones(point_set: PointSet) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs (P, 2) of points at a distance that hardly changes, the distances (P,) on the mannequin, and weights (P,).

    Distances are metres. Weights are the distances; the trunk, which has many pairs, weighs as much as four.
    """
    joined = {k: _moves_with(point_set, k) for k in point_set.used if point_set.points[k] not in _VAGUE}
    pairs = [(a, b) for a in joined for b in joined if a < b and joined[a] & joined[b]]
    chosen = np.array(pairs, int).reshape(-1, 2)
    length = np.linalg.norm(point_set.at_rest[chosen[:, 0]] - point_set.at_rest[chosen[:, 1]], axis=-1)
    chosen, length = chosen[length >= _SHORTEST], length[length >= _SHORTEST]
    of_trunk = np.array([joined[a] & joined[b] == {_TRUNK} for a, b in chosen], bool)
    return chosen, length, length * np.where(of_trunk, min(4 / max(of_trunk.sum(), 1), 1.0), 1.0)


_TRUNK = -2
"""Stands for the trunk as a whole."""


def _moves_with(point_set: PointSet, number: int) -> set[int]:
    """Joints that a point is at a fixed distance from, or nearly so, and `_TRUNK` if it is on it."""
    landmark, carrier = point_set.landmarks[number], point_set.carriers[number]
    if landmark is None:
        joint = SMPL_29.index(str(point_set.points[number]))
        near = {joint, SMPL_29.parents[joint]} if joint < NUM_ROTATIONS else {carrier}
        on_trunk = joint in TRUNK
    else:
        near = {carrier, *(SMPL_29.index(name) for name in landmark.tells)}
        on_trunk = carrier in (0, 3, 6, 9)
    return (near | ({_TRUNK} if on_trunk else set())) - {-1}
