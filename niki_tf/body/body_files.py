"""Reading bodies from files in SMPL's format."""

import os
from typing import Any

import numpy as np

from niki_tf import archives, skeletons
from niki_tf.body.body_data import POSE_FEATURES, BodyData
from niki_tf.body.unpickling import load_pickle, to_array

TIP_VERTICES = (411, 2445, 5905, 3216, 6617)
"""Vertices of SMPL's mesh that are joints 24 to 28, as in HybrIK: head top, middle finger tips, big toes."""

_VERTICES = 6890
_SHAPES: dict[str, tuple[Any, ...]] = {
    "v_template": (_VERTICES, 3),
    "shapedirs": (_VERTICES, 3, "B"),
    "posedirs": (_VERTICES, 3, POSE_FEATURES),
    "J_regressor": (skeletons.NUM_ROTATIONS, _VERTICES),
    "weights": (_VERTICES, skeletons.NUM_ROTATIONS),
    "f": ("F", 3),
    "kintree_table": (2, skeletons.NUM_ROTATIONS),
}
"""Key -> shape of its array; a letter stands for any size above 0."""


def load_body(path: str | os.PathLike) -> BodyData:
    """The body in an SMPL file: `.npz`, or `.pkl` of any age (Python 2, chumpy, sparse matrices).

    All shape directions of the file are kept; other keys are ignored. Nothing that a pickle names is executed.

    Args:
        path: file with v_template, shapedirs, posedirs, J_regressor, weights, f and kintree_table.

    Returns:
        BodyData.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, is no SMPL file, or names anything but arrays; says which file and key.

    Source: Loper et al., SMPL, SIGGRAPH Asia 2015; joints 24 to 28 as in HybrIK.
    """
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"`path`: no body file {path!r}. SMPL is licensed: fetch it from "
            f"https://smpl.is.tue.mpg.de, or use niki_tf.body.mannequin(), which needs no file."
        )
    readers = {".npz": _read_npz, ".pkl": _read_pickle}
    ending = os.path.splitext(path)[1].lower()
    if ending not in readers:
        raise ValueError(f"`path` must end in {' or '.join(readers)}; got {path!r}.")
    arrays = readers[ending](path)
    for key, shape in _SHAPES.items():
        _check_array(path, key, arrays[key], shape)
    _check_tree(path, arrays["kintree_table"])
    try:
        return _to_body(arrays)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _read_npz(path: str) -> dict[str, np.ndarray]:
    """The arrays of `_SHAPES` in an .npz file."""
    arrays = archives.read_arrays(path, names=_SHAPES, wanted="a whole .npz file of number arrays")
    _check_keys(path, [key for key in _SHAPES if arrays.get(key) is None])
    return {key: array for key, array in arrays.items() if array is not None}


def _read_pickle(path: str) -> dict[str, np.ndarray]:
    """The arrays of `_SHAPES` in a .pkl file."""
    content = load_pickle(path)
    _check_keys(path, [key for key in _SHAPES if key not in content])
    arrays = {}
    for key in _SHAPES:
        try:
            arrays[key] = to_array(content[key])
        except ValueError as error:
            raise ValueError(f"{path}: `{key}` cannot be read: {archives.in_a_line(error)}.") from None
        _check_array(path, key, arrays[key], _SHAPES[key])  # before the next takes memory
    return arrays


def _check_keys(path: str, missing: list[str]) -> None:
    """ValueError that lists the missing keys, if there are any."""
    if missing:
        raise ValueError(f"{path}: an SMPL file must have the keys {', '.join(_SHAPES)}; missing {', '.join(missing)}.")


def _check_array(path: str, key: str, array: np.ndarray, shape: tuple[Any, ...]) -> None:
    """ValueError unless `array` holds numbers and has `shape`; see `_SHAPES`."""
    pairs = zip(array.shape, shape, strict=False)
    fits = [size == want if isinstance(want, int) else size > 0 for size, want in pairs]
    if array.ndim != len(shape) or not all(fits):
        wanted = "(" + ", ".join(map(str, shape)) + ")"
        raise ValueError(
            f"{path}: `{key}` must have shape {wanted}; got {array.shape}. Only SMPL's own mesh with 24 "
            f"joints is read, not SMPL-H or SMPL-X."
        )
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{path}: `{key}` must hold numbers; got dtype {array.dtype}.")


def _check_tree(path: str, table: np.ndarray) -> None:
    """ValueError unless `table` (2, 24), parents over children, is SMPL's tree; the root's parent is ignored."""
    parents, children = table.astype(np.int64)
    joints = tuple(range(skeletons.NUM_ROTATIONS))
    if tuple(children) != joints or tuple(parents[1:]) != skeletons.SMPL_24.parents[1:]:
        raise ValueError(
            f"{path}: `kintree_table` must be SMPL's tree with parents {skeletons.SMPL_24.parents}; "
            f"got {str(tuple(map(int, parents)))[:200]} over {str(tuple(map(int, children)))[:200]}."
        )


def _to_body(arrays: dict[str, np.ndarray]) -> BodyData:
    """BodyData of checked arrays: 24 joints by the regressor, tips by their vertices."""
    template, directions = arrays["v_template"].astype(np.float64), arrays["shapedirs"].astype(np.float64)
    regressor, tips = arrays["J_regressor"].astype(np.float64), list(TIP_VERTICES)
    moved = np.tensordot(regressor, directions, 1)
    return BodyData(
        v_template=template,
        shapedirs=directions,
        posedirs=arrays["posedirs"],
        lbs_weights=arrays["weights"],
        faces=arrays["f"].astype(np.int64),
        joints=np.concatenate([regressor @ template, template[tips]]),
        joint_directions=np.concatenate([moved, directions[tips]]),
    )
