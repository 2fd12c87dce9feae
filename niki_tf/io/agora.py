"""AGORA's tables (.pkl): people put into pictures, with SMPL's joints, and with their poses where the fits are at hand.

Source: Patel et al., AGORA: Avatars in geography optimized for regression analysis, CVPR 2021; its published code,
which tells the cameras of pictures by their names.
"""

import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from niki_tf import rotations as rot
from niki_tf import skeletons
from niki_tf.body.unpickling import load_pickle, to_array
from niki_tf.io.annotated_images import AnnotatedPerson, all_joints, told_box
from niki_tf.io.dataframes import read_dataframe

_SIZE, _SMALL = (3840, 2160), (1280, 720)
"""Width and height of the pictures, pixels; tables are of the larger ones."""
_SMALL_ENDING = "_1280x720.png"
_CAMERAS = {
    "hdri": (0.0, 0.0),
    "cam00": (135.0, 30.0),
    "cam01": (-135.0, 30.0),
    "cam02": (-45.0, 30.0),
    "cam03": (45.0, 30.0),
    "ag2": (0.0, 15.0),
}
"""Part of a picture's name -> yaw and pitch of its camera, degrees; others have the yaw of the table. Its code."""
_SCAN_YAW = -90.0
"""Degrees by which scans are turned. Source: published code."""
_TO_CAMERA = np.diag([1.0, -1.0, -1.0])
_COLUMNS = ("imgPath", "isValid", "kid", "Yaw", "camYaw", "gt_path_smpl", "gt_joints_2d", "gt_joints_3d")
_NUM_BETAS = 10
_NEAREST = 0.1
"""Metres from the camera of a person's joints, at least."""
_MOST_APART = 4.0
"""Pixels of the larger pictures between a joint's place and what the camera sees of it, at most."""


class _Pose(NamedTuple):
    """Local rotation vectors (24, 3), the root's in the camera's axes, and betas (10,)."""

    poses: np.ndarray
    betas: np.ndarray


def read_agora(
    path: str | os.PathLike, *, pictures: str | os.PathLike, parameters: str | os.PathLike | None = None
) -> list[AnnotatedPerson]:
    """The persons of a table with SMPL's joints, `..._withjv.pkl`, that AGORA counts as valid and that are seen.

    Boxes are those around the projected joints, focal lengths those that project them. Children have no pose, since
    SMPL's betas do not tell their shape. Nothing that the pickles name is executed.

    Args:
        path: of the table, at most 1 GiB.
        pictures: folder of the pictures; those of 1280 x 720 are taken where it has no larger ones.
        parameters: folder of SMPL's fits, which the table names; persons have no poses if it is None.

    Raises:
        ValueError: a file is damaged, or none of AGORA's; names file and column.
        FileNotFoundError: a fit is not there.
    """
    table = read_dataframe(path)
    lost = [name for name in _COLUMNS if name not in table]
    if lost:
        raise ValueError(f"{path}: a table of AGORA with joints is wanted; it has no column {lost[0]!r}.")
    people: list[AnnotatedPerson] = []
    for number in range(len(table["imgPath"])):
        row = {name: table[name][number] for name in _COLUMNS}
        try:
            people += _people(row, pathlib.Path(pictures), parameters)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ValueError(f"{path}: row {number} must be of a picture of AGORA; {error}.") from None
    return people


def _people(
    row: Mapping[str, Any], pictures: pathlib.Path, parameters: str | os.PathLike | None
) -> Iterator[AnnotatedPerson]:
    """The persons of a picture."""
    file, scale = str(row["imgPath"]), 1.0
    small = file if file.endswith(_SMALL_ENDING) else file.removesuffix(".png") + _SMALL_ENDING
    if file == small or ((pictures / small).is_file() and not (pictures / file).is_file()):
        file, scale = small, _SMALL[0] / _SIZE[0]
    size = _SMALL if scale < 1.0 else _SIZE
    for number, valid in enumerate(row["isValid"]):
        seen, joints = (_joints(row[name][number], name) for name in ("gt_joints_2d", "gt_joints_3d"))
        if not valid or joints[:, 2].min() < _NEAREST:
            continue
        focal = scale * _focal(seen, joints)
        try:
            box = told_box(scale * seen.min(0), scale * seen.max(0), size)
        except ValueError:  # outside the picture
            continue
        pose = None if parameters is None or row["kid"][number] else _pose(row, number, pathlib.Path(parameters))
        yield AnnotatedPerson(
            file=file,
            box=box,
            size=size,
            focal=np.full(2, focal),
            center=0.5 * np.array(size),
            joints=all_joints(joints),
            poses=None if pose is None else pose.poses,
            betas=None if pose is None else pose.betas,
        )


def _joints(told: Any, name: str) -> np.ndarray:
    """The first 24 of a person's joints, (24, 2) or (24, 3)."""
    joints, width = np.asarray(told, np.float64), 2 if name == "gt_joints_2d" else 3
    if joints.ndim != 2 or len(joints) < skeletons.NUM_ROTATIONS or joints.shape[1] != width:
        raise ValueError(f"{name} must be 24 joints or more, (J, {width}), got {joints.shape}")
    if not np.isfinite(joints).all():
        raise ValueError(f"{name} must be finite")
    return joints[: skeletons.NUM_ROTATIONS]


def _focal(seen: np.ndarray, joints: np.ndarray) -> float:
    """The focal length by which the camera sees joints (24, 3) at places (24, 2) of the larger picture, pixels."""
    rays, places = joints[:, :2] / joints[:, 2:], seen - 0.5 * np.array(_SIZE)
    focal = float((rays * places).sum() / (rays * rays).sum())
    apart = float(np.abs(focal * rays - places).max())
    if focal <= 0.0 or apart > _MOST_APART:
        raise ValueError(
            f"gt_joints_2d must be gt_joints_3d as the camera sees them, they are {apart:.0f} pixels apart"
        )
    return focal


def _pose(row: Mapping[str, Any], number: int, folder: pathlib.Path) -> _Pose:
    """The fit of a person, which the table names."""
    path = (folder / str(row["gt_path_smpl"][number])).with_suffix(".pkl")
    content = load_pickle(path)
    root = to_array(content["global_orient" if "global_orient" in content else "root_pose"]).reshape(3)
    rest = to_array(content["body_pose"]).reshape(skeletons.NUM_TWISTS, 3)
    betas = to_array(content["betas"]).reshape(-1)[:_NUM_BETAS]
    told = next((angles for part, angles in _CAMERAS.items() if part in str(row["imgPath"])), None)
    yaw, pitch = told or (float(row["camYaw"]), 0.0)
    turns = [[pitch, 0.0, 0.0], [0.0, -yaw, 0.0], [0.0, float(row["Yaw"][number]) + _SCAN_YAW, 0.0]]
    by_camera, by_yaw, by_scan = rot.rotvec_to_matrix(tf.constant(np.deg2rad(turns))).numpy()
    turn = by_camera @ by_yaw @ by_scan @ _TO_CAMERA @ rot.rotvec_to_matrix(tf.constant(np.float64(root))).numpy()
    return _Pose(np.concatenate([rot.matrix_to_rotvec(tf.constant(turn)).numpy()[None], rest]), np.float64(betas))
