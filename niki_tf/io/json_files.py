"""Keypoints in JSON: one file of frames, or a folder of a file for each frame."""

import contextlib
import json
import pathlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from niki_tf.io import arrays, frame_times, landmarks
from niki_tf.io.landmarks import Person
from niki_tf.io.people import Sighting, persons
from niki_tf.motion.keypoints import Keypoints

_FRAMES = ("frames", "results", "instance_info", "keyframes", "data", "sequence")
_NUMBERS = ("frame", "frame_index", "frameIndex", "frame_id", "frame_number", "frameNumber", "image_id")
_TIMES = {
    **dict.fromkeys(("timestamp_ms", "timestampMs", "time_ms", "timeMs"), 1e-3),
    **dict.fromkeys(("time_sec", "time_s", "timestamp_s"), 1.0),
    **dict.fromkeys(("timestamp", "time", "t"), None),
}
"""Name of a frame's time -> seconds in its unit, None if the name does not tell it."""
_SIZES = (("width", "height"), ("frame_width", "frame_height"), ("image_width", "image_height"), ("w", "h"))
_MEDIAPIPE = 33
"""Number of MediaPipe's landmarks."""
_SKELETONS: dict[tuple[str, int], dict[str, Any]] = {
    ("landmarks", _MEDIAPIPE): {"skeleton": "mediapipe_33", "unit": 1.0, "up": "-y"},
    ("image", _MEDIAPIPE): {"skeleton": "mediapipe_33", "up": "-y"},
    ("pose_keypoints_3d", 25): {"skeleton": "openpose_25", "up": "-y"},
    ("keypoints3d", 25): {"skeleton": "openpose_25"},
}
"""Kind and number of points -> what the format fixes; keypoints3d are EasyMocap's."""
_HIPS = [23, 24]
_CENTRED = 0.02
"""Most by which the middle of the hips of MediaPipe's world landmarks, their origin, is off, metres."""


def read_json(path: pathlib.Path) -> list[Keypoints]:
    """The persons of a JSON file, or of one with a JSON value on each line (.jsonl)."""
    content = _lines(path) if path.suffix.lower() == ".jsonl" else _parsed(path.read_bytes())
    with _other_structure():
        return from_json(content)


@contextlib.contextmanager
def _other_structure() -> Iterator[None]:
    """Makes a ValueError of what goes wrong in mappings and lists that stand where others are wanted."""
    try:
        yield
    except (AttributeError, KeyError, IndexError, OverflowError, TypeError) as error:
        wanted = "frames of people are wanted, or joints by name"
        raise ValueError(f"{wanted}; what the file holds has another structure ({error}).") from error


def read_folder(path: pathlib.Path) -> list[Keypoints]:
    """The persons of a folder with a JSON file for each frame, in the order of the last number in their names.

    Frames whose number is missing are NaN. People without an id of their own are told apart by their place in the
    frame, as OpenPose writes them.
    """
    files = sorted(path.glob("*.json"), key=lambda file: (_last_number(file.stem), file.name))
    if not files:
        raise ValueError("a folder must hold a .json file for each frame; got none.")
    found = []
    for file in files:
        try:
            with _other_structure():
                found.append(landmarks.people(_single_frame(_parsed(file.read_bytes()))))
        except ValueError as error:
            raise ValueError(f"{file.name}: {error}") from None
    return _assembled(found, [_last_number(file.stem) for file in files], {})


def holds_frames(path: pathlib.Path) -> bool:
    """Whether the first JSON file of the folder `path` is a frame, and not motion or something else."""
    first = min(path.glob("*.json"), key=lambda file: (_last_number(file.stem), file.name), default=None)
    if first is None or _last_number(first.stem) < 0:
        return False
    try:
        with _other_structure():
            landmarks.people(_single_frame(_parsed(first.read_bytes())))
    except ValueError:
        return False
    return True


def _single_frame(content: Any) -> Any:
    """The frame that a file holds; ValueError if it holds several."""
    frames = [content] if _is_numbers(content) else _frames(content)
    if len(frames) != 1:
        raise ValueError(f"each file of a folder must hold one frame; got {len(frames)}. Read motion file by file.")
    return frames[0]


def from_json(content: Any) -> list[Keypoints]:
    """The persons of what a JSON file holds: arrays by name, COCO annotations, a frame or frames of people."""
    header = content if isinstance(content, Mapping) else {}
    key = next((key for key in arrays.KEYS["points"] if _is_numbers(header.get(key))), None)
    if key:
        return arrays.from_mapping(header)
    if _is_numbers(content):
        return arrays.from_shape(arrays.numbers(content, "the list"))
    frames = _frames(content)
    numbers = [_field(frame, _NUMBERS) for frame in frames]
    names = _names(header)
    header = {**header, "names": names} if names else header
    return _assembled([landmarks.people(frame) for frame in frames], numbers, header, frames)


def _frames(content: Any) -> list[Any]:
    """The frames, or parts of frames that tell their number, of a file."""
    if isinstance(content, Mapping):
        if isinstance(content.get("annotations"), list):
            return [_with_points(one, len(_names(content))) for one in content["annotations"]]
        key = next((key for key in _FRAMES if isinstance(content.get(key), list)), None)
        if key == "instance_info" and not any("instances" in one for one in content[key]):
            return [{"instances": content[key]}]
        if key:
            return list(content[key])
        key = next((key for key in landmarks.KEYS if _are_poses(content.get(key))), None)
        timed = any(arrays.find(content, what) for what in ("fps", "times"))
        return [{key: pose} for pose in content[key]] if key and timed else [content]
    if not isinstance(content, list):
        raise ValueError(f"frames of people are wanted; got {type(content).__name__}.")
    one_frame = landmarks.is_pose(content) or all(isinstance(one, Mapping) and _is_person(one) for one in content)
    return [content] if one_frame else content


def _are_poses(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(landmarks.is_pose(pose) for pose in value)


def _is_person(one: Mapping[str, Any]) -> bool:
    """Whether `one` is a person of EasyMocap, with an id and no frame."""
    return "id" in one and "keypoints3d" in one and _field(one, _NUMBERS) is None


def _with_points(annotation: Mapping[str, Any], joints: int) -> dict[str, Any]:
    """A COCO annotation whose flat keypoints are in rows, as many as the category names."""
    flat = annotation.get("keypoints")
    if joints and isinstance(flat, list) and len(flat) in (3 * joints, 4 * joints):
        return {**annotation, "keypoints": np.reshape(np.asarray(flat, np.float64), (joints, -1)).tolist()}
    return dict(annotation)


def _names(header: Mapping[str, Any]) -> list[str]:
    """Names of the points as COCO's categories or MMPose's meta_info tell them."""
    categories, meta = header.get("categories"), header.get("meta_info")
    if isinstance(categories, list) and categories and isinstance(categories[0], Mapping):
        return list(map(str, categories[0].get("keypoints", [])))
    by_number = meta.get("keypoint_id2name") if isinstance(meta, Mapping) else None
    return [str(by_number[key]) for key in sorted(by_number, key=int)] if isinstance(by_number, Mapping) else []


def _assembled(
    found: Sequence[Sequence[Person]], numbers: Sequence[Any], header: Mapping[str, Any], frames: Sequence[Any] = ()
) -> list[Keypoints]:
    """One `Keypoints` for each person of the people `found` in each frame."""
    everybody = [person for people in found for person in people]
    counted = all(number is not None for number in numbers)
    place = frame_times.places([_as_number(number) for number in numbers]) if counted else np.arange(len(found))
    seen: dict[int, int] = {}
    sightings = []
    for frame, people in zip(place.tolist(), found, strict=True):
        for person in people:
            sightings.append(Sighting(frame, person.id or str(seen.get(frame, 0)), person.points))
            seen[frame] = seen.get(frame, 0) + 1
    common = _common(everybody, header, frames) | _timing(frames, place) | arrays.common_fields(header)
    return persons(sightings, frames=int(place.max()) + 1, **common)


def _common(people: Sequence[Person], header: Mapping[str, Any], frames: Sequence[Any]) -> dict[str, Any]:
    """What the kind of the points tells of all `people`; those of a picture are checked and brought to scale."""
    kinds = {person.kind for person in people}
    if len(kinds) > 1:
        raise ValueError(f"all frames must hold the same kind of points; got {', '.join(sorted(kinds))}.")
    if not people:
        return {}
    kind, points = people[0].kind, people[0].points
    if kind == "image" and len(points) == _MEDIAPIPE:
        if _hips_are_origin(people):
            kind = "landmarks"
        else:
            _to_scale(people, _size(header, frames))
    names = people[0].names
    return {"names": names} | _SKELETONS.get((kind, len(points)), {})


def _hips_are_origin(people: Sequence[Person]) -> bool:
    """Whether these are MediaPipe's world landmarks, whatever their name is."""
    middle = np.stack([person.points[_HIPS, :2].mean(0) for person in people])
    return float(np.nanmax(np.abs(middle))) < _CENTRED


def _to_scale(people: Sequence[Person], size: tuple[float, float] | None) -> None:
    """Makes x, y and z of landmarks of a picture pixels; ValueError if the size of the picture is not known."""
    if size is None:
        raise ValueError(
            "world landmarks are wanted; got landmarks in shares of the width and height of a picture, which distort "
            "the body. Write pose_world_landmarks, or width and height of the picture beside them."
        )
    for person in people:
        person.points[:, :3] *= (size[0], size[1], size[0])


def _size(header: Mapping[str, Any], frames: Sequence[Any]) -> tuple[float, float] | None:
    """Width and height of the picture, as the file or its first frame tells them."""
    for place in (header, *(frame for frame in frames[:1] if isinstance(frame, Mapping))):
        for width, height in _SIZES:
            if place.get(width) and place.get(height):
                return float(place[width]), float(place[height])
    return None


def _timing(frames: Sequence[Any], place: np.ndarray) -> dict[str, Any]:
    """Rate and uneven times by the times of the frames, if all have one."""
    key = next((key for key in _TIMES if frames and all(_field(frame, [key]) is not None for frame in frames)), None)
    if key is None:
        return {}
    times = frame_times.at_places(arrays.numbers([frame[key] for frame in frames], key).astype(np.float64), place)
    scale = _TIMES[key]
    fps, uneven = frame_times.rate_and_times(frame_times.to_seconds(times) if scale is None else times * scale)
    return {"fps": fps, "times": uneven}


def _field(frame: Any, names: Iterable[str]) -> Any:
    """The first of `names` that `frame` holds with a value, or None."""
    if not isinstance(frame, Mapping):
        return None
    return next((frame[name] for name in names if isinstance(frame.get(name), int | float | str)), None)


def _as_number(value: Any) -> float:
    return float(_last_number(value) if isinstance(value, str) else value)


def _last_number(name: str) -> int:
    """The last number in `name`, such as 12 in walk_000000000012_keypoints_3d; -1 if there is none."""
    found = re.findall(r"\d+(?![\ddD])", name)
    return int(found[-1]) if found else -1


def _is_numbers(value: Any) -> bool:
    """Whether `value` is a list, of lists, of numbers or null."""
    if not isinstance(value, list) or not value:
        return False
    while isinstance(value, list) and value:
        value = value[0]
    return value is None or isinstance(value, int | float)


def _parsed(text: bytes) -> Any:
    """The JSON value of `text`."""
    try:
        return json.loads(text.decode("utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"a whole JSON file is wanted; it cannot be read ({error}). Write it again.") from None


def _lines(path: pathlib.Path) -> list[Any]:
    """The JSON value of each line that is not empty."""
    return [_parsed(line) for line in path.read_bytes().splitlines() if line.strip()]
