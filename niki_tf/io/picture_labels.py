"""Labels of a folder of frames: joints and boxes of one person, in pixels."""

import dataclasses
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from niki_tf import archives, skeletons
from niki_tf.skeletons import PointSet

_BY_COUNT = {24: "smpl_24", 29: "smpl_29", 17: "coco_17"}
"""Number of joints -> the set that is meant if a file has no names."""


@dataclasses.dataclass(frozen=True)
class PictureLabels:
    """One person in T frames.

    Attributes:
        points: (T, J, 2) pixels.
        seen: (T, J), bool, joints that are labelled.
        boxes: (T, 4) left, top, right, bottom, pixels.
        point_set: of the J points.
    """

    points: np.ndarray
    seen: np.ndarray
    boxes: np.ndarray
    point_set: PointSet


def read_labels(path: str | os.PathLike) -> PictureLabels:
    """Joints and boxes of a .npz or .json file.

    Its entries are `joints` (T, J, 2 or 3), pixels, the third whether a joint is labelled, optionally `boxes` (T, 4),
    left, top, right, bottom, and `names` (J,), without which 17, 24 or 29 joints are COCO's or SMPL's. Boxes that are
    not told are those around the joints.

    Args:
        path: of the file.

    Raises:
        ValueError: there is no such file, or it holds something else.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise ValueError(f"`labels` must be a .npz or .json file; there is no file {str(path)!r}.")
    try:
        return _labels(archives.read_arrays(path) if path.suffix == ".npz" else json.loads(path.read_text()))
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}") from None


def _labels(entries: Any) -> PictureLabels:
    """The labels of named entries; ValueError if they are none."""
    if not isinstance(entries, Mapping) or "joints" not in entries:
        raise ValueError("`joints` (T, J, 2 or 3) in pixels is wanted; the file has none.")
    joints = np.asarray(entries["joints"], np.float64)
    if joints.ndim != 3 or joints.shape[2] not in (2, 3) or not joints.size:
        raise ValueError(f"`joints` must have shape (T, J, 2 or 3), of one person; got {joints.shape}.")
    points, seen = joints[..., :2], np.all(np.isfinite(joints), axis=-1)
    if joints.shape[2] == 3:
        seen &= joints[..., 2] > 0
    if not seen.any(1).all():
        raise ValueError(f"`joints` must have one that is labelled in each frame; frame {int(np.argmin(seen.any(1)))}.")
    points = np.where(seen[..., None], points, 0.0)
    low, high = (edge(np.where(seen[..., None], points, far), 1) for edge, far in ((np.min, np.inf), (np.max, -np.inf)))
    boxes = np.concatenate([low, high], -1)
    if entries.get("boxes") is not None:
        boxes = np.asarray(entries["boxes"], np.float64)
    if boxes.shape != (len(points), 4) or not np.isfinite(boxes).all():
        raise ValueError(f"`boxes` must be numbers of shape ({len(points)}, 4); got {boxes.shape}.")
    return PictureLabels(points, seen, boxes, _point_set(entries.get("names"), points.shape[1]))


def _point_set(names: Any, count: int) -> PointSet:
    """The set of points that names, or their number, mean."""
    if names is not None and len(names) == count:
        return skeletons.from_names([str(name) for name in names])
    if names is not None or count not in _BY_COUNT:
        told = f"`names` must be as many as joints, {count}" if names is not None else f"`names` of {count} joints"
        raise ValueError(f"{told}, such as left_wrist; or give the joints of {', '.join(_BY_COUNT.values())}.")
    return skeletons.POINT_SETS[_BY_COUNT[count]]
