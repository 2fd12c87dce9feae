"""Landmarks of one's own: from a place near a joint, between two points, or regressed from a body's vertices."""

import os
import pathlib
from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from niki_tf import archives
from niki_tf.skeletons.landmarks import Landmark
from niki_tf.skeletons.point_set import PointSet
from niki_tf.skeletons.rest import rest_joints
from niki_tf.skeletons.smpl import BONE_CHILD, SMPL_24, SMPL_29

_LARGEST_DENSE = 10**8
"""Most entries of a regressor that is made dense; that of SMPL has 165,360."""
_RIGID = ("spine1", "spine2", "spine3", "left_collar", "right_collar")
"""Joints that turn so little that what is above them moves, nearly, with what is below."""


class Surface(Protocol):
    """What is needed of a body, such as a `body.BodyData`."""

    @property
    def v_template(self) -> np.ndarray:
        """(V, 3) metres."""

    @property
    def lbs_weights(self) -> np.ndarray:
        """(V, 24)."""

    @property
    def joints(self) -> np.ndarray:
        """(29, 3) metres."""


def landmark_at(place: np.ndarray, joint: str) -> Landmark:
    """The landmark at `place` (3,) metres on the mannequin at rest that moves with `joint`, one of `SMPL_24`.

    It tells the joint that is nearest of those that its own bone holds, `joint` and its children, or several as near.
    """
    joints, number = rest_joints(), SMPL_24.index(joint)
    held = [k for k in range(len(SMPL_29)) if k == number or SMPL_29.parents[k] == number]
    away = np.linalg.norm(joints[held] - place, axis=-1)
    nearest = [k for k, distance in zip(held, away, strict=True) if distance <= _AS_NEAR * away.min()]
    x, y, z = (float(number) for number in place - joints[number])
    return Landmark(joint, (x, y, z), tuple(SMPL_29.names[k] for k in nearest))


_AS_NEAR = 1.05
"""Distances up to this times the least are taken to be as short."""


def landmark_between(first: str | Landmark, second: str | Landmark, *, fraction: float = 0.5) -> Landmark:
    """The landmark on the line from one point to another that move, nearly, as one: on one bone, or on the trunk.

    Args:
        first: name of a joint or landmark, or a `Landmark`.
        second: the same.
        fraction: 0 at the first, 1 at the second; less or more are beyond them.

    Raises:
        ValueError: a point is not known, or the two turn about a joint between them.

    Example:
        >>> from niki_tf.skeletons import own_landmarks
        >>> own_landmarks.landmark_between("left_hip", "right_hip").joint
        'pelvis'
    """
    ends = PointSet("ends", (first, second))
    common = [joint for joint in _held_by(ends, 0) if joint in _held_by(ends, 1)]
    if not common:
        raise ValueError(
            f"`between` must be two points that move as one; got {first} and {second}, which turn about a joint. "
            "Name a joint and an offset."
        )
    place = ends.at_rest[0] + fraction * (ends.at_rest[1] - ends.at_rest[0])
    return landmark_at(place, common[0])


def _held_by(ends: PointSet, end: int) -> list[str]:
    """Joints with which a point moves, the nearest first: its carrier, its parent if it is a joint, and so on."""
    joint = SMPL_24.names[ends.carriers[end]]
    found = [joint]
    if joint == ends.points[end] and SMPL_24.parents[ends.carriers[end]] >= 0:
        joint = SMPL_24.names[SMPL_24.parents[ends.carriers[end]]]
        found.append(joint)
    while joint in _RIGID:
        joint = SMPL_24.names[SMPL_24.parents[SMPL_24.index(joint)]]
        found.append(joint)
    return found


def from_regressor(regressor: str | os.PathLike | np.ndarray, body_data: Surface, *, name: str = "own") -> PointSet:
    """The points that a regressor of SMPL's format takes from a body's vertices, each as a landmark of its own.

    A point moves with the joint that has the most weight, by the regressor, in the skinning of its vertices. The body
    is that of the mean shape; offsets are turned to the mannequin's size by the length of the joint's bone.

    Args:
        regressor: (J, V) weights, or the path of an .npy file of them, such as J_regressor_h36m.npy, or of an .npz
            file that scipy.sparse wrote.
        body_data: the body whose V vertices the regressor is for, such as a `body.BodyData`.
        name: of the set.

    Raises:
        ValueError: the regressor is for another number of vertices, holds no finite numbers, or cannot be read.

    Example:
        >>> import numpy as np
        >>> from niki_tf import body
        >>> from niki_tf.skeletons import own_landmarks
        >>> one_vertex = np.eye(1, 6879)
        >>> own_landmarks.from_regressor(one_vertex, body.mannequin()).carriers
        (0,)
    """
    if not all(hasattr(body_data, name) for name in ("v_template", "lbs_weights", "joints")):
        raise ValueError(
            f"`body_data` must be a body; got {type(body_data).__name__}. Give mannequin() or load_body(path)."
        )
    if isinstance(regressor, str | os.PathLike):
        weights = _read(archives.as_path("regressor", regressor))
    else:
        weights = _array(regressor)
    vertices = np.asarray(body_data.v_template, np.float64)
    if weights.ndim != 2 or weights.shape[1] != len(vertices) or not len(weights):
        raise ValueError(
            f"`regressor` must have shape (J, {len(vertices)}), the body's vertices; got {weights.shape}. It goes with "
            "one body."
        )
    if weights.dtype.kind not in "fiu" or not np.isfinite(weights).all():
        raise ValueError("`regressor` must hold finite numbers; got others. Fetch the file again.")
    places, shares = weights @ vertices, weights @ np.asarray(body_data.lbs_weights, np.float64)
    points = tuple(_regressed(*pair, body_data) for pair in zip(places, np.argmax(shares, -1), strict=True))
    return PointSet(name, points)


def _regressed(place: np.ndarray, carrier: int, body_data: Surface) -> Landmark:
    """The landmark at `place` on a body at rest, brought to the mannequin."""
    own, child = rest_joints(), BONE_CHILD[carrier]
    bones = [np.linalg.norm(joints[child] - joints[carrier]) for joints in (own, body_data.joints)]
    offset = (place - body_data.joints[carrier]) * (bones[0] / bones[1])
    return landmark_at(own[carrier] + offset, SMPL_24.names[carrier])


def _array(regressor: Any) -> np.ndarray:
    """What is given as an array; ValueError if it holds no numbers."""
    try:
        array = np.asarray(regressor)
    except ValueError:  # lists of different lengths
        array = np.array(None)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"`regressor` must be an array of numbers or a path; got {array.dtype}. Fetch the file again.")
    return array


def _read(path: pathlib.Path) -> np.ndarray:
    """The array of an .npy file, or the sparse one of an .npz file of scipy; ValueError if there is none."""
    try:
        return _dense(archives.read_arrays(path)) if path.suffix == ".npz" else archives.read_array(path)
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, MemoryError) as error:
        raise ValueError(
            f"`regressor` must be an .npy file of numbers; got {path}, which cannot be read: {error}. Check the "
            "spelling."
        ) from None


def _dense(file: Any) -> np.ndarray:
    """The matrix of scipy's file of a matrix in coordinate, row or column form."""
    kind, shape, data = file["format"].item(), file["shape"], file["data"]
    form = kind.decode() if isinstance(kind, bytes) else str(kind)
    if form == "coo":
        rows, columns = file["row"], file["col"]
    elif form in ("csr", "csc"):
        starts = file["indptr"]
        rows, columns = np.repeat(np.arange(len(starts) - 1), np.diff(starts)), file["indices"]
        rows, columns = (rows, columns) if form == "csr" else (columns, rows)
    else:
        raise ValueError(f"sparse format {form}: convert it to csr")
    if np.shape(shape) != (2,) or not 0 <= int(shape[0]) * int(shape[1]) <= _LARGEST_DENSE:
        raise ValueError(f"a sparse matrix of shape {np.ravel(shape)[:4].tolist()}, which is too large or no matrix")
    dense = np.zeros(shape)
    np.add.at(dense, (rows, columns), data)
    return dense


def offsets(values: Iterable[Any]) -> tuple[float, float, float]:
    """Three finite numbers, metres; ValueError if they are something else."""
    try:
        x, y, z = (float(value) for value in values)
    except (TypeError, ValueError):
        x = y = z = np.nan
    if not np.isfinite([x, y, z]).all():
        raise ValueError(f"`offset` must be three finite numbers, metres; got {values!r}.")
    return x, y, z
