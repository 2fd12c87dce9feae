"""Joint sets of one's own in JSON files."""

import json
import os
from typing import Any

from niki_tf import archives
from niki_tf.skeletons import naming, own_landmarks
from niki_tf.skeletons.landmarks import LANDMARKS, Landmark
from niki_tf.skeletons.point_set import PointSet
from niki_tf.skeletons.rest import rest_joints
from niki_tf.skeletons.smpl import SMPL_24, SMPL_29

_FORM = (
    '{"name": "mine", "points": ["left_hip", null, {"joint": "left_ankle", "offset": [0, -0.05, -0.07]}, '
    '{"between": ["left_hip", "right_hip"], "fraction": 0.5}]}'
)


def from_json(path: str | os.PathLike) -> PointSet:
    """The joint set that a file describes.

    The file holds an object with `points`, a list with one entry for each point of the array, and perhaps `name`. An
    entry is the name of a joint of `SMPL_29` or of `LANDMARKS`; null for a point to leave out; an object with `joint`,
    one of `SMPL_24`, and `offset`, metres on the mannequin at rest (x left, y up, z front); or one with `between`, two
    points that move as one, and perhaps `fraction`. In place of `points`, `names` are names in any spelling, matched
    as `naming.from_names` does.

    Args:
        path: of the file.

    Raises:
        ValueError: the file cannot be read, or an entry is none of these; names the entry.

    Example:
        >>> import json, pathlib, tempfile
        >>> from niki_tf.skeletons import own_set_files
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "mine.json")
        ...     _ = path.write_text(json.dumps({"points": ["left_hip", None, {"between": ["left_hip", "left_knee"]}]}))
        ...     own_set_files.from_json(path).carriers
        (1, 0, 1)
    """
    path = archives.as_path("path", path)
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"`path` must be a JSON file of a joint set; got {path}, which cannot be read: {error}. It is such as "
            f"{_FORM}."
        ) from None
    if not isinstance(told, dict) or not isinstance(told.get("points", told.get("names")), list):
        raise ValueError(f"{path} must hold an object with a list `points` or `names`, such as {_FORM}.")
    name = str(told.get("name", path.stem))
    try:
        if "points" not in told:
            return naming.from_names(told["names"], name=name)
        return PointSet(name, tuple(_entry(number, entry) for number, entry in enumerate(told["points"])))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _entry(number: int, entry: Any) -> str | Landmark | None:
    """One entry of the list; ValueError that names it."""
    try:
        return entry if entry is None else _point(entry)
    except ValueError as error:
        raise ValueError(f"`points[{number}]`: {error}") from None


def _point(entry: Any) -> str | Landmark:
    if isinstance(entry, str):
        return _known(entry)
    keys = set(entry) if isinstance(entry, dict) else set()
    if keys == {"joint", "offset"}:
        joint, offset = entry["joint"], own_landmarks.offsets(entry["offset"])
        if joint not in SMPL_24.names:
            raise ValueError(f"`joint` must be one of {', '.join(SMPL_24.names)}; got {joint!r}.")
        return own_landmarks.landmark_at(rest_joints()[SMPL_24.index(joint)] + offset, joint)
    if {"between"} <= keys <= {"between", "fraction"}:
        ends, fraction = entry["between"], entry.get("fraction", 0.5)
        if not isinstance(ends, list) or len(ends) != 2 or isinstance(fraction, bool):
            raise ValueError(f"`between` must be two points, `fraction` a number; got {entry!r}.")
        if not isinstance(fraction, int | float):
            raise ValueError(f"`fraction` must be a number; got {fraction!r}.")
        first, second = (_point(end) for end in ends)
        return own_landmarks.landmark_between(first, second, fraction=fraction)
    raise ValueError(f"must be a name, null, or as in {_FORM}; got {entry!r}.")


def _known(name: str) -> str:
    """`name` if it is a point of the body; else ValueError with those that are spelled alike."""
    if name in SMPL_29.names or name in LANDMARKS:
        return name
    raise ValueError(f"must be a joint or landmark; got {name!r}{naming.closest(name)}.")
