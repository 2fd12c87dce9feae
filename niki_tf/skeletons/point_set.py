"""A joint set of another program: points that hang on SMPL's joints."""

import dataclasses
import functools
from typing import NamedTuple

from niki_tf.skeletons.landmarks import LANDMARKS
from niki_tf.skeletons.skeleton import Skeleton
from niki_tf.skeletons.smpl import NUM_ROTATIONS, SMPL_24, SMPL_29


@dataclasses.dataclass(frozen=True)
class PointSet:
    """Points of the body, each a joint of SMPL's 29 or a landmark.

    Attributes:
        name: of the set.
        points: for each point of an array the name of a joint of `SMPL_29` or of `LANDMARKS`; None for a point that
            is left out.

    Raises:
        ValueError: a point is neither.

    Example:
        >>> from niki_tf import skeletons
        >>> coco = skeletons.POINT_SETS["coco_17"]
        >>> len(coco), coco.points[11], coco.carriers[11]
        (17, 'left_outer_hip', 0)
    """

    name: str
    points: tuple[str | None, ...]

    def __post_init__(self) -> None:
        for point in self.points:
            if point is not None and point not in SMPL_29.names and point not in LANDMARKS:
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
    def carriers(self) -> tuple[int, ...]:
        """For each point the joint of the 24 that it moves with; 0 for one that is left out."""
        return tuple(_carrier(point) for point in self.points)

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
            name = self.points[k]
            joint = SMPL_29.index(name) if name in SMPL_29.names else -1
            leaf = len(SMPL_29) + sum(row >= len(SMPL_29) for row in rows)
            rows.append(leaf if joint < 0 or joint in rows else joint)
        return tuple(rows)

    @functools.cached_property
    def clues(self) -> tuple["Clue", ...]:
        """What each point that is used tells of the joints of `SMPL_29`."""
        found = []
        for place, k in enumerate(self.used):
            name, carrier = str(self.points[k]), self.carriers[k]
            if name in SMPL_29.names:
                found.append(Clue(place, SMPL_29.index(name), carrier, exact=True))
            else:
                told = LANDMARKS[name].tells or (LANDMARKS[name].joint,)
                found += [Clue(place, SMPL_29.index(joint), carrier, exact=False) for joint in told]
        return tuple(found)


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


def _carrier(point: str | None) -> int:
    if point is None:
        return 0
    if point in LANDMARKS:
        return SMPL_24.index(LANDMARKS[point].joint)
    joint = SMPL_29.index(point)
    return joint if joint < NUM_ROTATIONS else SMPL_29.parents[joint]
