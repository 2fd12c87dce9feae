"""A joint set of another program: points that hang on SMPL's joints."""

import dataclasses
import functools
from typing import NamedTuple

import numpy as np

from niki_tf.skeletons.landmarks import LANDMARKS, Landmark, other_side
from niki_tf.skeletons.rest import rest_joints
from niki_tf.skeletons.skeleton import Skeleton
from niki_tf.skeletons.smpl import NUM_ROTATIONS, SMPL_24, SMPL_29


@dataclasses.dataclass(frozen=True)
class PointSet:
    """Points of the body, each a joint of SMPL's 29 or a landmark.

    Attributes:
        name: of the set.
        points: for each point of an array the name of a joint of `SMPL_29` or of `LANDMARKS`, or a `Landmark` of its
            own; None for a point that is left out.

    Raises:
        ValueError: a point is none of these, or a landmark's joint is none of `SMPL_24`.

    Example:
        >>> from niki_tf import skeletons
        >>> coco = skeletons.POINT_SETS["coco_17"]
        >>> len(coco), coco.points[11], coco.carriers[11]
        (17, 'left_outer_hip', 0)
        >>> stick = skeletons.PointSet("stick", ("left_wrist", skeletons.Landmark("left_hand", (0.0, 0.0, 0.8))))
        >>> stick.carriers
        (20, 22)
    """

    name: str
    points: tuple[str | Landmark | None, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.points, tuple | list):
            raise ValueError(f"`points` must be a tuple of points; got {self.points!r}. None is for one to leave out.")
        if not isinstance(self.name, str):
            raise ValueError(f"`name` must be text; got {self.name!r}. Any will do.")
        for point in self.points:
            if isinstance(point, Landmark):
                _check(point)
            elif point is not None and (not isinstance(point, str) or point not in (*SMPL_29.names, *LANDMARKS)):
                known = ", ".join([*SMPL_29.names, *LANDMARKS])
                raise ValueError(f"`points` must be joints or landmarks; got {point!r}. Known: {known}.")

    def __len__(self) -> int:
        return len(self.points)

    @functools.cached_property
    def used(self) -> tuple[int, ...]:
        """Numbers of the points that are not left out."""
        return tuple(k for k, point in enumerate(self.points) if point is not None)

    @functools.cached_property
    def all_joints(self) -> bool:
        """Whether every point that is used is a joint of `SMPL_29`."""
        return len(self.skeleton) == len(SMPL_29)

    @functools.cached_property
    def landmarks(self) -> tuple[Landmark | None, ...]:
        """For each point its landmark; None for one that is a joint of `SMPL_29` or is left out."""
        return tuple(point if isinstance(point, Landmark) else LANDMARKS.get(point or "") for point in self.points)

    @functools.cached_property
    def carriers(self) -> tuple[int, ...]:
        """For each point the joint of the 24 that it moves with; 0 for one that is left out."""
        pairs = zip(self.points, self.landmarks, strict=True)
        return tuple(
            SMPL_24.index(landmark.joint) if landmark else _carrier(str(point)) if point else 0
            for point, landmark in pairs
        )

    @functools.cached_property
    def at_rest(self) -> np.ndarray:
        """(J, 3) metres: where each point is on the mannequin at rest; NaN for one that is left out."""
        joints, places = rest_joints(), np.full([len(self), 3], np.nan)
        for k in self.used:
            landmark = self.landmarks[k]
            if landmark:
                places[k] = joints[self.carriers[k]] + landmark.offset
            else:
                places[k] = joints[SMPL_29.index(str(self.points[k]))]
        return places

    @functools.cached_property
    def skeleton(self) -> Skeleton:
        """SMPL_29, and the points that are used and no joint of it as leaves: what can be posed and fitted."""
        leaves = [
            (f"point_{k}", self.carriers[k]) for k, row in zip(self.used, self.rows, strict=True) if row >= len(SMPL_29)
        ]
        names, parents = zip(*leaves, strict=True) if leaves else ((), ())
        return Skeleton(SMPL_29.names + names, SMPL_29.parents + parents)

    @functools.cached_property
    def rows(self) -> tuple[int, ...]:
        """For each point that is used its joint in `skeleton`; a joint that comes twice is a leaf, too."""
        rows: list[int] = []
        for k in self.used:
            joint = -1 if self.landmarks[k] else SMPL_29.index(str(self.points[k]))
            leaf = len(SMPL_29) + sum(row >= len(SMPL_29) for row in rows)
            rows.append(leaf if joint < 0 or joint in rows else joint)
        return tuple(rows)

    @functools.cached_property
    def bones(self) -> np.ndarray:
        """(K, K) bool, of the points that are used: whether a bone leads from that of the column to that of the row."""
        rows, above = np.array(self.rows), np.array([self.skeleton.parents[row] for row in self.rows])
        return above[:, None] == rows

    @functools.cached_property
    def clues(self) -> tuple["Clue", ...]:
        """What each point that is used tells of the joints of `SMPL_29`."""
        found = []
        for place, k in enumerate(self.used):
            landmark, carrier = self.landmarks[k], self.carriers[k]
            if landmark:
                told = landmark.tells or (landmark.joint,)
                found += [Clue(place, SMPL_29.index(joint), carrier, exact=False) for joint in told]
            else:
                found.append(Clue(place, SMPL_29.index(str(self.points[k])), carrier, exact=True))
        return tuple(found)

    def with_sides_swapped(self) -> "PointSet":
        """The set whose left points are right ones and the other way round: for arrays that have them exchanged."""
        return PointSet(self.name, tuple(_other_side(point) for point in self.points))


class Clue(NamedTuple):
    """A point from which the place of a joint follows."""

    point: int
    """Number of the point among those that are used."""
    joint: int
    """Number of the joint of `SMPL_29`."""
    carrier: int
    """Joint of the 24 with which the point and, nearly, the joint turn."""
    exact: bool
    """Whether the point is the joint."""


def _carrier(point: str) -> int:
    """The joint of the 24 that moves a joint of the 29."""
    joint = SMPL_29.index(point)
    return joint if joint < NUM_ROTATIONS else SMPL_29.parents[joint]


def _other_side(point: str | Landmark | None) -> str | Landmark | None:
    if isinstance(point, Landmark):
        return point.mirrored()
    return point and other_side(point)


def _check(landmark: Landmark) -> None:
    """ValueError unless a landmark's joints are known and its offset is three finite numbers."""
    for joint, known in [(landmark.joint, SMPL_24), *((told, SMPL_29) for told in landmark.tells)]:
        if joint not in known.names:
            raise ValueError(f"`points` must hang on joints of {', '.join(known.names)}; got {joint!r}.")
    if np.shape(landmark.offset) != (3,) or not np.isfinite(landmark.offset).all():
        raise ValueError(f"`points` must have offsets of 3 finite numbers, metres; got {landmark.offset}.")
