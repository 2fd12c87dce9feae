"""Keypoints in NumPy's files: .npy with one array or one dictionary (MDM's results.npy), .npz with arrays by name."""

import pathlib
from typing import Any

from niki_tf import archives
from niki_tf.body import unpickling
from niki_tf.io import arrays
from niki_tf.motion.keypoints import Keypoints

_ROTATIONS = ({"poses"}, {"root_orient", "pose_body"})
"""Names of which one set is in every file in AMASS's layout."""


def read_npy(path: pathlib.Path) -> list[Keypoints]:
    """The persons of an .npy file of an array in one of `arrays.SHAPES`, or of a dictionary."""
    try:
        array = archives.read_array(path)
    except ValueError as error:
        if "of objects" not in str(error):
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
    try:
        return [*archives.read_arrays(path, names=())]
    except (OSError, ValueError):
        return []


def _arrays(path: pathlib.Path) -> dict[str, Any]:
    """Arrays by name: those of known names, or all if there are no points among them; others and pickled ones None."""
    names = names_in(path)
    if holds_rotations(names):
        return dict.fromkeys(names)
    known = {name for group in arrays.KEYS.values() for name in group}
    read = known if arrays.find(names, "points") else names
    return archives.read_arrays(path, names=read, skip_pickled=True, wanted="a whole .npz file", cure="Write it again.")
