"""Persons annotated in pictures: the .json files that HybrIK's code lists for Human3.6M, 3DPW, 3DOH and COCO.

They are COCO's layout, `images` and `annotations`, with SMPL's joints, pose and shape under several names. Pictures
are not read here, and who may have them is told by their sets.
"""

import dataclasses
import json
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from niki_tf import skeletons

_JOINTS = ("smpl_joint_cam", "smpl_joints")
_FOCAL, _CENTER = ("focal", "f"), ("princpt", "c")
_UNKNOWN_ANGLE = -10.0
"""Radians; twist angles below are placeholders. Source: code of HybrIK."""
_LARGEST_PERSON = 50.0
"""Joints further apart than that are in millimetres, not in metres."""
_MOST_BYTES = 4 * 2**30
"""Of a file; the largest published one has 2 GB."""


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class AnnotatedPerson:
    """One person in one picture; what a set does not tell is None, joints that it does not tell are NaN.

    Attributes:
        file: path of the picture below the set's folder of pictures.
        box: (4,) left, top, right, bottom, pixels.
        size: width and height of the picture, pixels.
        focal: (2,) pixels.
        center: (2,) pixels, where the camera's axis meets the picture.
        joints: (29, 3) metres, in the camera's axes: x to the right, y down, z away.
        keypoints: (K, 3) pixels and visibility, as annotated in the picture.
        poses: (24, 3) local rotation vectors, the root's in the camera's axes.
        betas: (B,).
        twist: (23, 2) as (cos, sin), zeros where it is not known.
    """

    file: str
    box: np.ndarray
    size: tuple[int, int] | None = None
    focal: np.ndarray | None = None
    center: np.ndarray | None = None
    joints: np.ndarray | None = None
    keypoints: np.ndarray | None = None
    poses: np.ndarray | None = None
    betas: np.ndarray | None = None
    twist: np.ndarray | None = None

    @property
    def uv(self) -> np.ndarray | None:
        """Where the camera sees the joints, (29, 2) pixels; None if joints or camera are not told."""
        if self.joints is None or self.focal is None or self.center is None:
            return None
        return self.joints[:, :2] / self.joints[:, 2:] * self.focal + self.center


def read_annotations(path: str | os.PathLike) -> list[AnnotatedPerson]:
    """The persons of a .json file in COCO's layout with SMPL's annotations, in its order.

    Args:
        path: of the file.

    Raises:
        ValueError: there is no such file, or it is none of these; names file, person and key.
    """
    path = pathlib.Path(path)
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"`path` must be a .json file of at most {_MOST_BYTES:,} bytes; got {str(path)!r}.")
    try:
        content = json.loads(path.read_text())
    except (ValueError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: a whole JSON file is wanted; it cannot be read ({error}).") from None
    people = []
    for number, (image, person) in enumerate(_pairs(content, path)):
        try:
            people.append(_person(image, person))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else error
            raise ValueError(f"{path}: annotation {number} must be of a person in a picture; {reason}.") from None
    return people


def told_box(low: np.ndarray, high: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """The box (4,) from `low` to `high`, within the picture; ValueError if nothing is left of it.

    Args:
        low: (2,) left and top, pixels.
        high: (2,) right and bottom.
        size: width and height of the picture, if they are known.
    """
    if size is not None:
        low, high = np.clip(low, 0, size), np.clip(high, 0, size)
    box = np.concatenate([low, high]).astype(np.float64)
    if not np.isfinite(box).all() or (high <= low).any():
        raise ValueError(f"a box with an area is wanted, got {np.round(box, 1).tolist()}")
    return box


def _pairs(content: Any, path: pathlib.Path) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Image and annotation of each person: by the image's id, or, where images have none, one after the other."""
    told = content if isinstance(content, Mapping) else {}
    images, people = (_mappings(told.get(key)) for key in ("images", "annotations"))
    if images is None or people is None:
        raise ValueError(f"{path}: lists `images` and `annotations` are wanted, as COCO has them.")
    if all("id" in image for image in images) and all("image_id" in person for person in people):
        by_id = {image["id"]: image for image in images}
        lost = [person["image_id"] for person in people if person["image_id"] not in by_id]
        if lost:
            raise ValueError(f"{path}: annotations must be of images that are listed; {lost[0]!r} is none.")
        return ((by_id[person["image_id"]], person) for person in people)
    if len(images) != len(people):
        raise ValueError(f"{path}: as many images as annotations are wanted; got {len(images)} and {len(people)}.")
    return zip(images, people, strict=True)


def _mappings(value: Any) -> list[Mapping[str, Any]] | None:
    """A list of dictionaries, or None if it is none."""
    return value if isinstance(value, list) and all(isinstance(item, Mapping) for item in value) else None


def _person(image: Mapping[str, Any], person: Mapping[str, Any]) -> AnnotatedPerson:
    size = (int(image["width"]), int(image["height"])) if "width" in image and "height" in image else None
    corner, extent = np.split(_numbers(person["bbox"], "bbox", (4,)), 2)
    camera = image.get("cam_param") or person.get("cam_param") or {}
    parameters = person.get("smpl_param") or {"pose": person.get("thetas"), "shape": person.get("betas")}
    joints = next((person[key] for key in _JOINTS if person.get(key) is not None), None)
    file = str(image["file_name"])
    return AnnotatedPerson(
        file=f"{image['sequence']}/{file}" if image.get("sequence") else file,
        box=told_box(corner, corner + extent, size),
        size=size,
        focal=_first(camera, _FOCAL),
        center=_first(camera, _CENTER),
        joints=None if joints is None else _joints(joints),
        keypoints=_numbers(person["keypoints"], "keypoints", (-1, 3)) if person.get("keypoints") else None,
        poses=_optional(parameters.get("pose"), "pose", (skeletons.NUM_ROTATIONS, 3)),
        betas=_optional(parameters.get("shape"), "shape", (-1,)),
        twist=_twist(person.get("angle_twist")),
    )


def _joints(values: Any) -> np.ndarray:
    """Joints (29, 3), metres, of 24 or 29 of them in metres or millimetres."""
    flat = _numbers(values, "joints", (-1, 3))
    if len(flat) not in (skeletons.NUM_ROTATIONS, skeletons.NUM_JOINTS):
        raise ValueError(f"24 or 29 joints are wanted, got {len(flat)}")
    if np.ptp(flat, 0).max() > _LARGEST_PERSON:
        flat = 1e-3 * flat
    return all_joints(flat)


def all_joints(joints: np.ndarray) -> np.ndarray:
    """Joints (29, 3) of the first n of them, (n, 3); the others are NaN."""
    found = np.full([skeletons.NUM_JOINTS, 3], np.nan)
    found[: len(joints)] = joints
    return found


def _twist(told: Any) -> np.ndarray | None:
    """Twists (23, 2) as (cos, sin), zeros where the angle is a placeholder."""
    if told is None:
        return None
    angle, cos, sin = (_numbers(told[key], key, (skeletons.NUM_TWISTS,)) for key in ("angle", "cos", "sin"))
    return np.where((angle > _UNKNOWN_ANGLE)[:, None], np.stack([cos, sin], -1), 0.0)


def _first(camera: Mapping[str, Any], names: Sequence[str]) -> np.ndarray | None:
    """The two numbers of the first of `names` that the camera has."""
    return next((_numbers(camera[name], name, (2,)) for name in names if camera.get(name) is not None), None)


def _optional(value: Any, what: str, shape: tuple[int, ...]) -> np.ndarray | None:
    return None if value is None else _numbers(value, what, shape)


def _numbers(value: Any, what: str, shape: tuple[int, ...]) -> np.ndarray:
    """Finite numbers of a shape; ValueError names them."""
    array = np.asarray(value, np.float64)
    if array.size == 0 or not np.isfinite(array).all() or (-1 not in shape and array.size != np.prod(shape)):
        raise ValueError(f"{what} must be finite numbers of shape {shape}, got {array.shape}")
    return array.reshape(shape)
