"""What AMASS's layout is: keys and shapes of its .npz files, read without opening what is pickled."""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from niki_tf import archives, skeletons
from niki_tf.motion.clip import LARGEST_TURN, Clip, checked_array

BODY_JOINTS = {66: 22, 72: skeletons.NUM_ROTATIONS, 156: 22, 165: 22}
"""Columns of `poses` -> number of body joints: of the body alone; SMPL; SMPL-H and SMPL-X with fingers and face."""
RATES = ("mocap_framerate", "mocap_frame_rate")
"""Keys of the frame rate: of SMPL-H and of SMPL-X files."""
CONVENTION = "trans_convention"
"""Key of this package's files that says what `trans` is; see `Clip.trans_convention`."""
UP = "up"
"""Key of this package's files that says which axis is up."""
TIMES = "times"
"""Key of the seconds of each frame, (T,), where frames are not even."""
PARTS = ("root_orient", "pose_body")
"""Keys of the rotations of root and body, (T, 3) and (T, 63), of files without `poses` or beside it."""
_KEYS = ("poses", "trans", "betas", CONVENTION, UP, TIMES, *PARTS, *RATES)


def read_arrays(file: pathlib.Path) -> dict[str, Any]:
    """Key -> array of `file` for the keys of a motion file, None for others; pickled objects are never loaded."""
    return archives.read_arrays(file, names=_KEYS, wanted="a whole .npz file of motion")


def rotations_of(arrays: Mapping[str, Any], file: pathlib.Path) -> np.ndarray:
    """(T, columns) rotations of all joints that a file holds, or of root and body if it holds no `poses`."""
    if "poses" in arrays:
        wanted = [(None, columns) for columns in BODY_JOINTS]
        return checked_array(arrays["poses"], f"{file}: `poses`", wanted, largest=LARGEST_TURN)
    root = checked_array(arrays["root_orient"], f"{file}: `root_orient`", [(None, 3)], largest=LARGEST_TURN)
    shapes = [(len(root), 63)]
    body = checked_array(arrays["pose_body"], f"{file}: `pose_body`", shapes, largest=LARGEST_TURN)
    return np.concatenate([root, body], 1)


def times_of(arrays: Mapping[str, Any], *, frames: int, fps: float) -> np.ndarray | None:
    """Seconds of frames that are not even, (T,); None if they are, or if `times` are something else.

    They are what they seem if there is one a frame, they increase, and some step is longer and another shorter than
    that of the frame rate.
    """
    times = arrays.get(TIMES)
    if times is None or times.shape != (frames,) or times.dtype.kind not in "fiu" or frames < 3:
        return None
    steps = np.diff(times.astype(np.float64)) * fps
    is_even = np.abs(steps - 1.0).max() < _EVEN
    return times if (steps > 0.0).all() and steps.min() < 1.0 < steps.max() and not is_even else None


_EVEN = 1e-3
"""Part of a step by which the steps of even frames may differ from it."""


def with_body(poses: np.ndarray, clip: Clip) -> np.ndarray:
    """`poses` (T, columns) with the clip's rotations of the body in their first columns."""
    body = 3 * BODY_JOINTS[poses.shape[1]]
    poses[:, :body] = clip.poses.reshape(len(clip), -1)[:, :body]
    return poses


def told(clip: Clip) -> dict[str, Any]:
    """The keys that say what `trans` is, and which axis is up and when each frame was if that is known."""
    known = {UP: clip.up, TIMES: clip.times}
    return {CONVENTION: clip.trans_convention} | {key: value for key, value in known.items() if value is not None}
