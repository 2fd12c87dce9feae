"""Keypoints in NumPy's files: .npy with one array or one dictionary (MDM's results.npy), .npz with arrays by name."""

import pathlib
import zipfile
from typing import Any

import numpy as np

from niki_tf.body import unpickling
from niki_tf.io import arrays
from niki_tf.motion.keypoints import Keypoints

_ROTATIONS = ({"poses"}, {"root_orient", "pose_body"})
"""Names of which one set is in every file in AMASS's layout."""


def read_npy(path: pathlib.Path) -> list[Keypoints]:
    """The persons of an .npy file of an array in one of `arrays.SHAPES`, or of a dictionary."""
    try:
        array = np.load(path, allow_pickle=False)
    except Exception as error:  # a damaged header shows in a dozen kinds of error
        if "allow_pickle" not in str(error):
            raise ValueError(f"a whole .npy file is wanted; it cannot be read ({error}). Write it again.") from None
    else:
        return arrays.from_shape(array)
    content = unpickling.load_npy_object(path)
    if not isinstance(content, dict):
        raise ValueError(f"an array or a dictionary of arrays is wanted; got {type(content).__name__}.")
    if "motion" in content:
        return arrays.from_generated(content)
    return arrays.from_mapping(content)


def read_npz(path: pathlib.Path) -> list[Keypoints]:
    """The persons of an .npz file of arrays by name; see `arrays.from_mapping`."""
    content = _arrays(path)
    if holds_rotations(content):
        raise ValueError(f"keypoints are wanted; got rotations ({', '.join(content)}). Read it by io.load_clips.")
    return arrays.from_mapping(content)


def holds_rotations(names: Any) -> bool:
    """Whether a file with arrays of these `names` is one of motion in AMASS's layout."""
    return not arrays.find(names, "points") and any(needed <= set(names) for needed in _ROTATIONS)


def names_in(path: pathlib.Path) -> list[str]:
    """Names of the arrays of an .npz file; none if it is no such file."""
    if not zipfile.is_zipfile(path):
        return []
    with zipfile.ZipFile(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]


def _arrays(path: pathlib.Path) -> dict[str, Any]:
    """Arrays by name: those of known names, or all if there are no points among them; others and pickled ones None."""
    if not zipfile.is_zipfile(path):
        size = path.stat().st_size
        raise ValueError(f"a whole .npz file is wanted; got {size} bytes, cut off or something else. Write it again.")
    key = "the list of its arrays"
    try:
        with np.load(path, allow_pickle=False) as file:
            content: dict[str, Any] = dict.fromkeys(file.files)
            if holds_rotations(content):
                return content
            known = {name for names in arrays.KEYS.values() for name in names}
            for key in known & set(content) if arrays.find(content, "points") else set(content):
                content[key] = _array(file, key)
            return content
    except Exception as error:  # a damaged zip or array header shows in a dozen kinds of error
        raise ValueError(f"`{key}` must be a readable array; got {error or repr(error)}. Write it again.") from None


def _array(file: Any, key: str) -> Any:
    """The array under `key`, or None if it is a pickled object."""
    try:
        return file[key]
    except ValueError as error:
        if "allow_pickle" in str(error):
            return None
        raise
