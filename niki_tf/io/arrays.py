"""Keypoints in arrays: every shape in which programs store them, alone or under a name beside others."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from niki_tf import skeletons
from niki_tf.io import frame_times, humanml3d, units
from niki_tf.io.people import from_array
from niki_tf.motion.clip import stated_rate
from niki_tf.motion.keypoints import Keypoints

KEYS = {
    "points": (
        *("joints", "keypoints", "keypoints3d", "keypoints_3d", "joints3d", "joints_3d", "joint_positions"),
        *("positions", "posed_joints", "arr_0"),
    ),
    "confidence": ("confidence", "confidences", "scores", "keypoint_scores", "visibility"),
    "fps": ("fps", "frame_rate", "framerate", "frameRate", "mocap_framerate", "mocap_frame_rate"),
    "times": ("times", "timestamps", "timestamp", "time"),
    "names": ("names", "joint_names", "keypoint_names", "jointNames"),
    "skeleton": ("skeleton", "joint_set"),
    "unit": ("unit", "units"),
    "up": ("up", "up_axis"),
    "persons": ("persons", "person_ids", "people", "track_ids"),
    "joint_sigma": ("joint_sigma",),
    "betas": ("betas",),
}
"""What a file may hold -> names under which it is found, the first that is there."""

SHAPES = (
    "(T, J, 3), (J, 3), (T, J, 4) with confidence, (persons, T, J, 3), flat (T, 3J), HumanML3D's (T, 263) or "
    "KIT-ML's (T, 251), of one frame or more"
)
"""Shapes that are read, for messages."""

_OF_JOINTS = {21: ("kit_21", 0.001, 12.5), 22: ("smplh_22", 1.0, 20.0), 24: ("smpl_24", 1.0, 20.0)}
"""Joints of motion (N, J, 3, T) -> joint set, metres in one unit, frames per second: MDM's output."""

_OF_PERSON = {"joint_sigma": 3, "betas": 2}
"""What can differ between persons -> number of axes if it does: (persons, T, J) and (persons, B)."""


def find(content: Iterable[str], what: str) -> str | None:
    """The first of `KEYS[what]` in `content`, or None."""
    there = set(content)
    return next((key for key in KEYS[what] if key in there), None)


def from_shape(array: np.ndarray, **common: Any) -> list[Keypoints]:
    """One `Keypoints` for each person of an array in one of `SHAPES`, or of motion (N, J, 3, T).

    A flat row is taken for three numbers a point if their number is a multiple of three, else for four.

    Args:
        array: of numbers.
        **common: fields of `Keypoints` that all persons share; they overrule what the shape tells.

    Raises:
        ValueError: another shape, or no numbers.

    Example:
        >>> import numpy as np
        >>> from niki_tf.io import arrays
        >>> track, = arrays.from_shape(np.zeros([90, 66]), fps=20)
        >>> track.positions.shape
        (90, 22, 3)
    """
    array = np.asarray(array)
    if array.dtype.kind not in "fiu" or not array.size:
        raise ValueError(f"keypoints must be numbers of shape {SHAPES}; got {array.dtype} {array.shape}.")
    if array.ndim > 1 and array.shape[-1] in humanml3d.FEATURES:
        clips = array.reshape(-1, *array.shape[-2:])
        made = [humanml3d.keypoints(clip, person=_label(clips, index)) for index, clip in enumerate(clips)]
        return [replace(clip, **common) for clip in made]
    if _is_generated(array) and array.shape[3] not in (3, 4):
        return [replace(clip, **common) for clip in from_generated({"motion": array})]
    persons = _with_persons(array)
    return [from_array(person, **{"person": _label(persons, i)} | common) for i, person in enumerate(persons)]


def _label(persons: np.ndarray, index: int) -> str:
    return str(index) if len(persons) > 1 else ""


def _is_generated(array: np.ndarray) -> bool:
    """Whether `array` has the shape (N, J, 3, T) of MDM's output."""
    return array.ndim == 4 and array.shape[2] == 3 and array.shape[1] in _OF_JOINTS and array.dtype.kind == "f"


def _with_persons(array: np.ndarray) -> np.ndarray:
    """`array` as (persons, T, J, 3 or 4)."""
    flat = 0 < array.ndim < 3 and array.shape[-1] > 4
    if flat:
        width = next((n for n in (3, 4) if array.shape[-1] % n == 0), 0)
        if width:
            return array.reshape(1, -1, array.shape[-1] // width, width)
    elif 2 <= array.ndim <= 4 and array.shape[-1] in (3, 4):
        return array.reshape(*(1,) * (4 - array.ndim), *array.shape)
    flat_image = array.ndim >= 2 and array.shape[-1] == 2
    cure = " Points in a picture are not enough: give positions in space." if flat_image else ""
    raise ValueError(f"keypoints must have shape {SHAPES}; got {array.shape}.{cure}")


def from_mapping(content: Mapping[str, Any]) -> list[Keypoints]:
    """One `Keypoints` for each person of a file's arrays by name; `KEYS` has the names.

    Args:
        content: name -> array or None; points in one of `SHAPES`, and perhaps confidence (T, J), fps or times (T,),
            names of the J points, skeleton, unit ("mm" or metres in one), up, persons, joint_sigma and betas.

    Raises:
        ValueError: no points, or something does not fit them.
    """
    content = {name: value for name, value in content.items() if value is not None}
    key = find(content, "points") or _only_points(content)
    points = numbers(content[key], key)
    confidence = find(content, "confidence")
    if confidence:
        points = _joined(points, numbers(content[confidence], confidence), confidence)
    people = from_shape(points, **common_fields(content))
    labels = _texts(content, "persons")
    if len(labels) == len(people) > 1:
        people = [replace(person, person=label) for person, label in zip(people, labels, strict=True)]
    return [_with_shape_and_sigma(person, content, index, len(people)) for index, person in enumerate(people)]


def _with_shape_and_sigma(person: Keypoints, content: Mapping[str, Any], index: int, count: int) -> Keypoints:
    """`person` with joint_sigma and betas, where they are there: its own, or those of all."""
    fields: dict[str, Any] = {}
    for name, ndim in _OF_PERSON.items():
        if name in content:
            values = numbers(content[name], name)
            own = count > 1 and values.ndim == ndim and len(values) == count
            fields[name] = values[index] if own else values
    return replace(person, **fields)


def from_generated(content: Mapping[str, Any]) -> list[Keypoints]:
    """One `Keypoints` for each clip that MDM made, of its own length.

    Args:
        content: `motion` (N, J, 3, T) and perhaps `lengths` (N,), as in the file results.npy.

    Raises:
        ValueError: another shape, such as motion (N, 25, 6, T) of rotations.
    """
    motion = np.asarray(content["motion"])
    if not _is_generated(motion):
        joints = ", ".join(map(str, _OF_JOINTS))
        raise ValueError(
            f"`motion` must have shape (N, J, 3, T) with J one of {joints}; got {motion.dtype} {motion.shape}. "
            "Rotations of generated motion are not read: write its positions."
        )
    lengths = np.ravel(numbers(content.get("lengths", [motion.shape[-1]] * len(motion)), "lengths"))
    if len(lengths) != len(motion):
        raise ValueError(f"`lengths` must have shape ({len(motion)},), one a clip; got ({len(lengths)},).")
    skeleton, unit, fps = _OF_JOINTS[motion.shape[1]]
    ends = np.clip(np.nan_to_num(lengths), 1, motion.shape[-1]).astype(int)
    clips = [from_array(np.moveaxis(clip[..., :end], -1, 0)) for clip, end in zip(motion, ends, strict=True)]
    return [
        replace(clip, skeleton=skeleton, unit=unit, fps=fps, up="y", person=_label(motion, index))
        for index, clip in enumerate(clips)
    ]


def _only_points(content: Mapping[str, Any]) -> str:
    """Name of the only array of `content` that can be points."""
    shapes = {key: np.shape(value) for key, value in content.items() if isinstance(value, np.ndarray)}
    fitting = [key for key, shape in shapes.items() if len(shape) in (3, 4) and shape[-1] in (3, 4)]
    if len(fitting) == 1:
        return fitting[0]
    got = ", ".join(f"{key} {shapes.get(key, '')}".strip() for key in content) or "nothing"
    raise ValueError(f"`joints` must be there, an array of shape {SHAPES}; got {got}. Name the points joints.")


def common_fields(content: Mapping[str, Any]) -> dict[str, Any]:
    """What all persons of a file share, fields of `Keypoints`: names, skeleton, unit, up, fps and times."""
    common: dict[str, Any] = {}
    names, skeleton, up = _texts(content, "names"), _texts(content, "skeleton"), _texts(content, "up")
    if names:
        common["names"] = tuple(names)
    if len(skeleton) == 1 and skeleton[0] in skeletons.POINT_SETS:
        common["skeleton"] = skeleton[0]
    if len(up) == 1 and units.axis(up[0]):
        common["up"] = units.axis(up[0])
    unit = find(content, "unit")
    if unit and np.size(content[unit]) == 1:
        common["unit"] = _unit(np.asarray(content[unit]).item(), unit)
    times = find(content, "times")
    if times and np.ndim(content[times]) == 1:
        seconds = frame_times.to_seconds(numbers(content[times], times))
        common["fps"], common["times"] = frame_times.rate_and_times(seconds)
    fps = find(content, "fps")
    if fps:
        common["fps"] = stated_rate(content[fps], f"`{fps}`")
    return {name: value for name, value in common.items() if value is not None}


def _unit(value: Any, key: str) -> float:
    """Metres in one unit, given as a number or by its name."""
    unit = units.metres(value) if isinstance(value, str) else float(value or 0)
    if not unit or not 0 < unit < np.inf:
        raise ValueError(f"`{key}` must be m, cm, mm or the metres in one unit; got {value!r}.")
    return unit


def _texts(content: Mapping[str, Any], what: str) -> list[str]:
    """The text under `what`, in a list; empty if there is none."""
    key = find(content, what)
    values = np.ravel(np.asarray(content[key], dtype=object)).tolist() if key else []
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]


def numbers(value: Any, key: str) -> np.ndarray:
    """`value` as an array of numbers; None in lists is NaN. A ValueError names `key`."""
    try:
        array = np.asarray(value)
        return np.asarray(value, np.float64) if array.dtype == object else array
    except (TypeError, ValueError):
        raise ValueError(f"`{key}` must be numbers, as many in every row; got rows that differ, or text.") from None


def _joined(points: np.ndarray, confidence: np.ndarray, key: str) -> np.ndarray:
    """`points` with `confidence` as their fourth number."""
    points = _with_persons(points)
    if confidence.size != points[..., 0].size:
        wanted = points.shape[1:-1] if len(points) == 1 else points.shape[:-1]
        raise ValueError(f"`{key}` must have shape {wanted}, one number a point; got {confidence.shape}.")
    return np.concatenate([points[..., :3], confidence.reshape(*points.shape[:-1], 1)], -1)
