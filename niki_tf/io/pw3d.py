"""3DPW's own sequence files (.pkl): persons with SMPL's pose and shape before a camera that moves.

Source: von Marcard et al., Recovering accurate 3D human pose in the wild using IMUs and a moving camera, ECCV 2018.
"""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from niki_tf import rotations as rot
from niki_tf import skeletons
from niki_tf.body.unpickling import load_pickle, to_array
from niki_tf.io.annotated_images import AnnotatedPerson, all_joints, told_box

OCCLUDED = frozenset(
    [
        "courtyard_backpack",
        "courtyard_basketball",
        "courtyard_bodyScannerMotions",
        "courtyard_box",
        "courtyard_golf",
        "courtyard_jacket",
        "courtyard_laceShoe",
        "downtown_stairs",
        "flat_guitar",
        "flat_packBags",
        "outdoors_climbing",
        "outdoors_crosscountry",
        "outdoors_fencing",
        "outdoors_freestyle",
        "outdoors_golf",
        "outdoors_parcours",
        "outdoors_slalom",
    ]
)
"""Names of the sequences of 3DPW-OCC, without their numbers. Source: published code of ROMP; the set is that of Zhang,
Huang and Wang, Object-occluded human shape and pose estimation from a single color image, CVPR 2020."""
_SIZE = (1920, 1080)
"""Longer and shorter side of 3DPW's pictures, pixels; they are held upright or across, as the camera's centre tells."""
_NUM_BETAS = 10
_NEAREST = 0.1
"""Metres from the camera of a person's joints, at least."""


def read_pw3d(path: str | os.PathLike) -> list[AnnotatedPerson]:
    """The persons of a sequence of 3DPW, frame by frame, where the camera's place is known and the person is seen.

    Boxes are those around the projected joints. Nothing that the pickle names is executed.

    Args:
        path: of a file of `sequenceFiles`.

    Raises:
        ValueError: the file is damaged, or no sequence of 3DPW; names file and key.
    """
    content = load_pickle(path)
    try:
        arrays = _arrays(content)
        return list(_people(str(content["sequence"]), arrays))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else error
        raise ValueError(f"{path}: a sequence of 3DPW is wanted; {reason}.") from None


def is_occluded(person: AnnotatedPerson) -> bool:
    """Whether a person of 3DPW, whose file begins with the sequence, is of 3DPW-OCC."""
    return person.file.split("/")[0].rpartition("_")[0] in OCCLUDED


def _arrays(content: dict[str, Any]) -> dict[str, Any]:
    """The arrays of a sequence by name, of persons lists of them, checked."""
    frames = to_array(content["cam_poses"]).shape[0]
    shapes = {
        "poses": (frames, 3 * skeletons.NUM_ROTATIONS),
        "jointPositions": (frames, 3 * skeletons.NUM_ROTATIONS),
        "campose_valid": (frames,),
    }
    found: dict[str, Any] = {
        name: [_array(one, name, shape) for one in content[name]] for name, shape in shapes.items()
    }
    found["betas"] = [_array(one, "betas", (None,)) for one in content["betas"]]
    found["cam_poses"] = _array(content["cam_poses"], "cam_poses", (frames, 4, 4))
    found["cam_intrinsics"] = _array(content["cam_intrinsics"], "cam_intrinsics", (3, 3))
    if len({len(found[name]) for name in (*shapes, "betas")}) != 1:
        raise ValueError("as many persons are wanted in poses, betas, jointPositions and campose_valid")
    return found


def _array(record: Any, name: str, shape: tuple[int | None, ...]) -> np.ndarray:
    """A finite array of a shape; ValueError names it."""
    array = record if isinstance(record, np.ndarray) else to_array(record)
    fits = array.ndim == len(shape) and all(want in (None, size) for size, want in zip(array.shape, shape, strict=True))
    if not fits or not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, of shape {shape}, got {array.shape}")
    return array.astype(np.float64)


def _people(sequence: str, arrays: dict[str, Any]) -> Iterator[AnnotatedPerson]:
    """Each person of each frame in which it is before the camera and in the picture."""
    intrinsics = arrays["cam_intrinsics"]
    focal, center = np.diag(intrinsics)[:2], intrinsics[:2, 2]
    size = _SIZE if center[0] > center[1] else _SIZE[::-1]
    people = zip(*(arrays[name] for name in ("poses", "jointPositions", "campose_valid", "betas")), strict=True)
    for poses, positions, valid, betas in people:
        seen = _turned(poses.reshape(len(poses), -1, 3), arrays["cam_poses"])
        for frame in np.flatnonzero(valid > 0):
            camera = arrays["cam_poses"][frame]
            joints = positions[frame].reshape(-1, 3) @ camera[:3, :3].T + camera[:3, 3]
            uv = joints[:, :2] / joints[:, 2:] * focal + center
            try:
                box = told_box(uv.min(0), uv.max(0), size)
            except ValueError:  # outside the picture
                continue
            if joints[:, 2].min() < _NEAREST:
                continue
            yield AnnotatedPerson(
                file=f"{sequence}/image_{frame:05d}.jpg",
                box=box,
                size=size,
                focal=focal,
                center=center,
                joints=all_joints(joints),
                poses=seen[frame],
                betas=betas[:_NUM_BETAS],
            )


def _turned(poses: np.ndarray, cameras: np.ndarray) -> np.ndarray:
    """Local rotation vectors (T, 24, 3) whose roots are in the axes of each frame's camera (T, 4, 4)."""
    root = rot.rotvec_to_matrix(tf.constant(poses[:, 0])).numpy()
    turned = rot.matrix_to_rotvec(tf.constant(cameras[:, :3, :3] @ root)).numpy()
    return np.concatenate([turned[:, None], poses[:, 1:]], 1)
