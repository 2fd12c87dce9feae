"""The formats of keypoint files: which ending is read by what, and the one function that reads them all."""

import dataclasses
import difflib
import os
import pathlib
from collections.abc import Callable

import numpy as np

from niki_tf import archives
from niki_tf.io import bvh, bvh_pose, c3d, csv_files, json_files, numpy_files, trc
from niki_tf.motion.clip import LARGEST_BETA, check_size
from niki_tf.motion.keypoints import Keypoints

_LARGEST = 1e12
"""Of a coordinate in a file, whatever its unit: a million kilometres in millimetres."""


@dataclasses.dataclass(frozen=True)
class Format:
    """A format of keypoint files."""

    name: str
    """What it is, for people."""
    read: Callable[[pathlib.Path], list[Keypoints]]
    """From the path to one `Keypoints` for each person."""


def _read_bvh(path: pathlib.Path) -> list[Keypoints]:
    return [bvh_pose.keypoints(bvh.read_bvh(path))]


FORMATS: dict[str, Format] = {
    ".npy": Format("NumPy array: joints, HumanML3D or KIT-ML features, MDM's results.npy", numpy_files.read_npy),
    ".npz": Format("NumPy arrays by name: joints and what else is known of them", numpy_files.read_npz),
    ".json": Format("JSON: MediaPipe, OpenPose, EasyMocap, COCO, MMPose, joints by name", json_files.read_json),
    ".jsonl": Format("JSON with a frame on each line", json_files.read_json),
    ".csv": Format("table of coordinates", csv_files.read_csv),
    ".tsv": Format("table of coordinates", csv_files.read_csv),
    ".trc": Format("markers of OpenSim", trc.read_trc),
    ".c3d": Format("motion capture markers", c3d.read_c3d),
    ".bvh": Format("skeleton with motion", _read_bvh),
    "": Format("folder with a JSON file for each frame: OpenPose, EasyMocap", json_files.read_folder),
}
"""Ending -> format; "" is a folder."""


def read_keypoints(path: str | os.PathLike) -> list[Keypoints]:
    """The keypoints in a file or in a folder of frames, one `Keypoints` for each person.

    The ending tells the format (`FORMATS`), what is inside tells the rest. Units and axes stay as they are in the
    file; a person who is not there in a frame is NaN.

    Args:
        path: a file with one of the endings of `FORMATS`, or a folder with a JSON file for each frame.

    Returns:
        list in the order in which the persons appear in the file.

    Raises:
        ValueError: nothing is there, the ending is not known, or the file is damaged or holds no keypoints.
        ImportError: a package is missing that the format needs; with its name.

    Example:
        >>> import pathlib, tempfile
        >>> import numpy as np
        >>> from niki_tf import io
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(f"{folder}/walk.npz", joints=np.zeros([90, 17, 3]), fps=50)
        ...     persons = io.read_keypoints(f"{folder}/walk.npz")
        >>> len(persons), persons[0].positions.shape, persons[0].fps
        (1, (90, 17, 3), 50.0)
    """
    path = archives.as_path("path", path)
    if not path.exists():
        raise ValueError(f"`path` must be a file or a folder; got {str(path)!r}, where nothing is. Check the spelling.")
    format_ = FORMATS[""] if path.is_dir() else _of_ending(path)
    try:
        persons = format_.read(path)
        for person in persons:
            _check_numbers(person)
    except (ValueError, OSError, MemoryError) as error:
        raise ValueError(f"`path` must be a readable file of keypoints; {str(path)!r}: {error}") from error
    return persons


def _check_numbers(person: Keypoints) -> None:
    """ValueError if the numbers of a file are infinite or too large to be those of a person."""
    if np.isinf(person.positions).any():
        raise ValueError("positions must be finite, or NaN where a point was not seen; got infinite ones.")
    check_size(person.positions, "positions", _LARGEST)
    if person.betas is not None:
        check_size(person.betas, "`betas`", LARGEST_BETA)
    if person.joint_sigma is not None and not (np.asarray(person.joint_sigma) >= 0).all():
        raise ValueError("`joint_sigma` must be 0 or more, metres; got NaN or a number below 0.")


def is_frame_folder(path: str | os.PathLike) -> bool:
    """Whether `path` is a folder with a JSON file for each frame, which `read_keypoints` reads as one motion."""
    path = archives.as_path("path", path)
    return path.is_dir() and json_files.holds_frames(path)


def is_motion(path: str | os.PathLike) -> bool:
    """Whether `path` is a file of rotations in AMASS's layout, which `load_clips` reads, and not one of keypoints."""
    path = archives.as_path("path", path)
    return path.suffix.lower() == ".npz" and path.is_file() and numpy_files.holds_rotations(numpy_files.names_in(path))


def _of_ending(path: pathlib.Path) -> Format:
    """The format of a file by its ending."""
    ending = path.suffix.lower()
    if ending in FORMATS and ending:
        return FORMATS[ending]
    known = [one for one in FORMATS if one]
    close = difflib.get_close_matches(ending, known, n=1, cutoff=0.6)
    hint = f" Did you mean {close[0]}?" if close else ""
    raise ValueError(
        f"`path` must end in one of {', '.join(known)}; got {str(path)!r}.{hint or ' Write it as one of these.'}"
    )
