"""From a file of any format to what is solved: the joints of each person and the set that they are of."""

import dataclasses
import functools
import os
import pathlib

import numpy as np

from niki_tf import skeletons
from niki_tf.io import formats
from niki_tf.motion.keypoints import Keypoints
from niki_tf.skeletons import PointSet, bones, catalog, naming, own_landmarks, own_set_files
from niki_tf.skeletons.own_landmarks import Surface

_NAMED = 5
"""Names that a line lists."""


@dataclasses.dataclass(frozen=True, eq=False)
class Person:
    """One person of a file, as `niki_tf.solve` takes it."""

    name: str
    """Empty if the file holds one person only."""
    joints: np.ndarray
    """(T, J, 3), or (T, J, 4) with confidence, in the unit and axes of the file."""
    point_set: PointSet
    """That the joints are of."""
    fps: float | None
    """None if the file does not tell it."""
    times: np.ndarray | None = None
    """(T,) seconds, of frames that are not evenly spaced."""
    unit: float | None = None
    """Metres in one unit, if the file tells it."""
    up: str | None = None
    """Axis that is up, if the file tells it."""
    joint_sigma: np.ndarray | None = None
    """(T, J) or (J,) metres."""
    betas: np.ndarray | None = None
    """(B,) or (T, B)."""
    twist: np.ndarray | None = None
    """(T, 23, 2) as (cos, sin); (0, 0) = not known."""
    in_camera: bool = False
    """Whether the axes are those of a camera, which may be tilted or move: they show no ground."""
    notes: tuple[str, ...] = ()
    """How the set was chosen, where that was a choice."""

    def __len__(self) -> int:
        return len(self.joints)

    def first(self, frames: int | None) -> "Person":
        """The first `frames` frames; all of them if None."""
        return dataclasses.replace(
            self,
            joints=self.joints[:frames],
            times=None if self.times is None else self.times[:frames],
            joint_sigma=_first(self.joint_sigma, len(self), frames),
            betas=_first(self.betas, len(self), frames),
            twist=None if self.twist is None else self.twist[:frames],
        )


def read_people(path: str | os.PathLike, *, skeleton: PointSet | None = None) -> list[Person]:
    """The people of a file of keypoints, or of a folder of frames.

    The joint set is `skeleton`, if that has as many points; else that of the joints' names, if the file has names; else
    the format's own; else the known set of as many points whose bones fit best.

    Args:
        path: see `io.read_keypoints`.
        skeleton: the joint set of files that do not tell it.

    Raises:
        ValueError: the file cannot be read, or no joint set is known for it.
        ImportError: a package is missing that the format needs.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from niki_tf import skeletons
        >>> from niki_tf.inference import reading
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.save(f"{folder}/walk.npy", skeletons.POINT_SETS["coco_17"].at_rest[None].repeat(9, 0))
        ...     (person,) = reading.read_people(f"{folder}/walk.npy")
        >>> person.point_set.name, person.notes
        ('coco_17', ('The skeleton is taken to be coco_17, by the 17 joints and the bones; else give `skeleton`.',))
    """
    people = formats.read_keypoints(path)
    try:
        return [_person(found, skeleton) for found in people]
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def named_skeleton(skeleton: str, surface: Surface) -> PointSet:
    """The joint set that a text means.

    Args:
        skeleton: a name of `skeletons.POINT_SETS`, the path of a .json file of a set (`skeletons.from_json`), or of an
            .npy or .npz file of a regressor for the vertices of `surface` (`skeletons.from_regressor`).
        surface: the body.

    Raises:
        ValueError: there is no such set or file.
    """
    path = pathlib.Path(skeleton).expanduser()
    if path.suffix.lower() == ".json":
        return own_set_files.from_json(path)
    if path.suffix.lower() in (".npy", ".npz"):
        return own_landmarks.from_regressor(str(path), surface, name=path.stem)
    return catalog.known_set(skeleton, or_else=", or a .json or .npy file")


def _person(found: Keypoints, skeleton: PointSet | None) -> Person:
    point_set, notes = _set_of(found, skeleton)
    joints = found.positions
    if found.confidence is not None:
        joints = np.concatenate([joints, found.confidence[..., None]], -1)
    return Person(
        name=found.person,
        joints=joints,
        point_set=point_set,
        fps=found.fps,
        times=found.times,
        unit=found.unit,
        up=found.up,
        joint_sigma=found.joint_sigma,
        betas=found.betas,
        notes=notes,
    )


def _set_of(found: Keypoints, skeleton: PointSet | None) -> tuple[PointSet, tuple[str, ...]]:
    """The joint set of keypoints, and lines about the choice."""
    count = found.positions.shape[1]
    if skeleton is not None and len(skeleton) == count:
        return skeleton, ()
    unused = ""
    if skeleton is not None:
        unused = f"The skeleton {skeleton.name} has {len(skeleton)} joints, the file {count}: "
    if found.names is not None:
        point_set, notes = _by_names(found.names)
        return point_set, (unused + "that of its names is taken.", *notes) if unused else notes
    if found.skeleton is not None:
        name = found.skeleton
        return skeletons.POINT_SETS[name], (f"{unused}{name}, which the format has, is taken.",) if unused else ()
    if skeleton is not None:
        raise ValueError(f"`skeleton` must have the {count} joints of the file; {skeleton.name} has {len(skeleton)}.")
    return _guessed(found.positions)


@functools.lru_cache(maxsize=32)
def _by_names(names: tuple[str, ...]) -> tuple[PointSet, tuple[str, ...]]:
    """The joint set that names mean, and a line about those that are not known."""
    problems = naming.name_problems(names)
    point_set = naming.from_names(names, strict=False)
    if not problems:
        return point_set, ()
    some = "; ".join(f"{problem.name!r} {problem.reason}" for problem in problems[:_NAMED])
    more = f" and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
    return point_set, (f"{len(problems)} of {len(names)} names are left out: {some}{more}.",)


def _guessed(positions: np.ndarray) -> tuple[PointSet, tuple[str, ...]]:
    """The known set of as many points whose bones fit best."""
    count = positions.shape[1]
    candidates = [known for known in skeletons.POINT_SETS.values() if len(known) == count]
    if not candidates:
        sizes = sorted({len(known) for known in skeletons.POINT_SETS.values()})
        raise ValueError(
            f"`skeleton` must be given for {count} joints without names: known sets have "
            f"{', '.join(map(str, sizes))}. Name the joints, or describe your set in a .json file."
        )
    some = positions[np.unique(np.linspace(0, len(positions) - 1, _LOOKED_AT).astype(int))]
    some = np.where((some == 0.0).all(-1, keepdims=True), np.nan, some)
    best = min(candidates, key=lambda known: bones.fit(some, known).apart)
    by = f"by the {count} joints and the bones" if len(candidates) > 1 else f"by the {count} joints"
    return best, (f"The skeleton is taken to be {best.name}, {by}; else give `skeleton`.",)


_LOOKED_AT = 200
"""Frames by which a set is chosen."""


def _first(array: np.ndarray | None, length: int, frames: int | None) -> np.ndarray | None:
    """The first frames of an array (T, ...); one of all frames as it is."""
    return array[:frames] if array is not None and array.ndim == 2 and len(array) == length else array
