"""The points of people in one frame of a JSON file: MediaPipe, OpenPose, EasyMocap, COCO-like persons."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

_WORLD = ("pose_world_landmarks", "poseWorldLandmarks", "worldLandmarks", "world_landmarks", "smoothedWorldLandmarks")
"""Names of MediaPipe's landmarks in metres about the hips."""
_IMAGE = ("pose_landmarks", "poseLandmarks", "landmarks", "landmark")
"""Names of MediaPipe's landmarks in shares of the picture, under which some programs store the former."""
KEYS = (*_WORLD, *_IMAGE)
"""Names of MediaPipe's landmarks, the better ones first."""
_PERSONS = ("people", "persons", "instances", "detections", "poses", "humans", "bodies", "annotations")
_POINTS = ("pose_keypoints_3d", "keypoints3d", "keypoints_3d", "joints3d", "joints_3d", "joints", "keypoints", "points")
_PICTURE = ("pose_keypoints_2d", "keypoints2d", "keypoints_2d")
_SCORES = ("visibility", "score", "confidence", "conf", "c", "v")
_IDS = ("person_id", "personId", "track_id", "trackId", "tracking_id", "trackingId")
_POINT_SCORES = ("keypoint_scores", "keypoint_score", "scores", "confidence")


class Person(NamedTuple):
    """The points of one person in one frame."""

    id: str | None
    """Its own name or number, if the file gives one."""
    points: np.ndarray
    """(J, 3), or (J, 4) with confidence."""
    names: tuple[str, ...] | None
    kind: str
    """Name of the points in the file; of MediaPipe "landmarks" in metres, "image" if they may be of a picture."""


def people(frame: Any) -> list[Person]:
    """The people in `frame`, what a JSON file holds of one frame; none if nobody was found.

    Raises:
        ValueError: points of a picture only, or something that is no person.
    """
    if not frame:
        return []
    if isinstance(frame, Mapping):
        return _of_mapping(frame)
    if not isinstance(frame, Sequence) or isinstance(frame, str):
        raise ValueError(f"a frame must be a person or a list of them; got {_short(frame)}.")
    if is_pose(frame):
        return [_person(None, frame, "image")]
    if _is_numbers(frame):
        return [_person(None, frame, "points")]
    return [person for one in frame for person in people(one)]


def is_pose(value: Any) -> bool:
    """Whether `value` is a list of landmarks, each a mapping with x."""
    points = value if isinstance(value, list) else []
    return bool(points) and all(isinstance(point, Mapping) and "x" in point for point in points)


def _of_mapping(frame: Mapping[str, Any]) -> list[Person]:
    """The people in a mapping: a person, or a frame with its people."""
    for kind, keys in {"landmarks": _WORLD, "image": _IMAGE}.items():
        for key in keys:
            if frame.get(key):
                return _landmarks(frame, frame[key], kind)
    persons = next((frame[key] for key in _PERSONS if isinstance(frame.get(key), list)), None)
    if persons is not None:
        return [person for one in persons for person in people(one)]
    own = next((key for key in _POINTS if frame.get(key)), None)
    if own:
        return [_person(frame, frame[own], own)]
    picture = next((key for key in _PICTURE if frame.get(key)), None)
    if picture:
        raise _picture_only(picture)
    if set(frame) & {*KEYS, *_POINTS, "frame", "timestamp", "timestamp_ms", "timestampMs", "frame_id"}:
        return []
    raise ValueError(f"a frame must hold the points of people; got {_short(frame)}.")


def _landmarks(frame: Mapping[str, Any], found: Any, kind: str) -> list[Person]:
    """MediaPipe's landmarks of one or several people."""
    if isinstance(found, Mapping):
        found = found.get("landmark") or found.get("landmarks") or found
    if isinstance(found, Mapping):
        found = [{"name": name, **_xyz(point)} for name, point in found.items()]
    if not isinstance(found, list):
        raise ValueError(f"landmarks must be a list of them; got {_short(found)}.")
    several = not is_pose(found) and isinstance(found[0], list | Mapping) and not _is_numbers(found)
    poses = [_unwrapped(pose) for pose in found] if several else [found]
    return [_person(frame if len(poses) == 1 else None, pose, kind) for pose in poses]


def _unwrapped(pose: Any) -> Any:
    return pose.get("landmark", pose.get("landmarks")) if isinstance(pose, Mapping) else pose


def _xyz(point: Any) -> dict[str, Any]:
    """A named landmark as a mapping, which may also be a list of numbers."""
    return dict(point) if isinstance(point, Mapping) else dict(zip("xyzv", point, strict=False))


def _is_numbers(found: Any) -> bool:
    """Whether `found` is a list of points, each a list of numbers."""
    return all(isinstance(point, list) and point and not isinstance(point[0], list | Mapping) for point in found)


def _person(frame: Mapping[str, Any] | None, points: Any, kind: str) -> Person:
    """The `Person` of points in whatever form, and of the mapping that they stand in."""
    names = None
    if isinstance(points, Mapping):
        points = [{"name": name, **_xyz(point)} for name, point in points.items()]
    if is_pose(points):
        given = [point.get("name") for point in points]
        names = tuple(map(str, given)) if all(given) else None
        array = _from_landmarks(points)
    else:
        array = _from_numbers(points, kind)
        scores = next((frame[key] for key in _POINT_SCORES if key in frame), None) if frame else None
        if isinstance(scores, list) and len(scores) == len(array) and array.shape[1] == 3:
            array = np.column_stack([array, np.asarray(scores, np.float64)])
    return Person(_id(frame), array, names, kind)


def _from_landmarks(points: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """(J, 3) or (J, 4) of landmarks with x, y, z and perhaps a score."""
    if not all("z" in point for point in points):
        raise _picture_only("x and y")
    score = next((key for key in _SCORES if all(key in point for point in points)), None)
    rows = [[point["x"], point["y"], point["z"], *([point[score]] if score else [])] for point in points]
    return _floats(rows)


def _from_numbers(points: Any, kind: str) -> np.ndarray:
    """(J, 3) or (J, 4) of rows of numbers, or of one flat row: OpenPose's has four numbers a point."""
    array = _floats(points)
    if array.ndim == 1:
        order = (4, 3) if kind == "pose_keypoints_3d" else (3, 4)
        numbers = next((n for n in order if len(array) % n == 0), len(array))
        array = array.reshape(-1, numbers)
    if array.ndim == 2 and array.shape[1] == 2 or _is_coco_picture(array, kind):
        raise _picture_only(kind)
    if array.ndim != 2 or array.shape[1] not in (3, 4, 5):
        raise ValueError(f"`{kind}` must be (J, 3) or, with confidence, (J, 4); got {array.shape}.")
    return array[:, :4]


def _is_coco_picture(array: np.ndarray, kind: str) -> bool:
    """Whether `array` is COCO's x, y in pixels and a flag 0, 1 or 2: whole numbers that no depth in metres takes."""
    if kind != "keypoints" or array.ndim != 2 or array.shape[1] != 3:
        return False
    return bool(np.isin(array[:, 2], (0, 1, 2)).all()) and float(np.nanmax(np.abs(array[:, :2]))) > 3


def _floats(rows: Any) -> np.ndarray:
    try:
        return np.asarray(rows, np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"points must be numbers, or null if not seen; got {_short(rows)}.") from None


def _id(frame: Mapping[str, Any] | None) -> str | None:
    """The person's own number or name; OpenPose writes [-1] for none, and `id` is a person's with EasyMocap only."""
    own = next((key for key in (*_IDS, "id") if frame.get(key) is not None), None) if frame else None
    if not frame or own is None or own == "id" and "keypoints3d" not in frame:
        return None
    value = frame[own]
    if isinstance(value, list):
        value = value[0] if value else None
    return None if value is None or value == -1 else str(value)


def _picture_only(what: str) -> ValueError:
    return ValueError(
        f"keypoints in space are wanted; got those of a picture ({what}). Give 3D ones: world landmarks of MediaPipe, "
        "pose_keypoints_3d of OpenPose, or lift or triangulate them first."
    )


def _short(value: Any) -> str:
    """`value` in few words, for messages."""
    if isinstance(value, Mapping):
        names = [" ".join(str(name)[:40].split()) for name in value][:8]
        return f"a mapping with {', '.join(names) or 'nothing'}"
    return repr(value)[:60]
