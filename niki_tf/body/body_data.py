"""A body as plain arrays: surface, its change with shape and pose, skinning weights, joints."""

import dataclasses
from typing import Any

import numpy as np

from niki_tf import skeletons
from niki_tf.body.body_joints import BodyJoints
from niki_tf.shapes import TensorLike, real_array

POSE_FEATURES = 9 * skeletons.NUM_TWISTS
"""Number of pose directions: one for each entry of the 23 body rotations minus the identity."""

_WEIGHT_TOLERANCE = 1e-3
"""By how much skinning weights may be negative and their sums differ from 1: files round them."""
_CURE = "Take all arrays from one body, such as mannequin() or load_body(path)."


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BodyData:
    """The arrays of one SMPL-type body (24 joints with rotations, 29 joints with the tips), checked and read-only.

    V vertices, F faces, B shape coefficients. The fields are given as anything that NumPy converts to an array.

    Raises:
        ValueError: a shape or value does not fit; names the first such field.

    Example:
        >>> import numpy as np
        >>> from niki_tf import body
        >>> body_joints = body.mannequin_joints()
        >>> ball = body.BodyData(
        ...     v_template=np.eye(3), shapedirs=np.zeros([3, 3, 10]), lbs_weights=np.full([3, 24], 1 / 24),
        ...     faces=[[0, 1, 2]], joints=body_joints.joints, joint_directions=body_joints.directions)
        >>> ball.v_template.shape, ball.num_betas
        ((3, 3), 10)
    """

    v_template: np.ndarray
    """(V, 3) float32, metres: vertices of the mean shape in the T-pose."""
    shapedirs: np.ndarray
    """(V, 3, B) float32, metres per unit of each shape coefficient."""
    lbs_weights: np.ndarray
    """(V, 24) float32, no unit: share of each joint in the motion of each vertex; rows add up to 1."""
    faces: np.ndarray
    """(F, 3) int32: vertex numbers of each triangle, counter-clockwise seen from outside."""
    joints: np.ndarray
    """(29, 3) float64, metres: joints of the mean shape in the T-pose."""
    joint_directions: np.ndarray
    """(29, 3, B) float64, metres per unit of each shape coefficient."""
    posedirs: np.ndarray | None = None
    """(V, 3, 207) float32, metres per unit of each entry of (R - 1), joints 1 to 23, rows first; None means zero."""

    def __post_init__(self) -> None:
        """Converts the fields to read-only arrays and checks them."""
        for name, (dtype, _) in _FIELDS.items():
            if getattr(self, name) is not None or name != "posedirs":
                object.__setattr__(self, name, _as_array(name, getattr(self, name), dtype))
        sizes = {"V": self.v_template.shape[0], "F": self.faces.shape[0], "B": self.shapedirs.shape[-1]}
        for name, (_, wanted) in _FIELDS.items():
            array, shape = getattr(self, name), tuple(sizes.get(size, size) for size in wanted)
            if array is not None and array.shape != shape:
                raise ValueError(f"`{name}` must have shape {_text(wanted)}, here {shape}; got {array.shape}. {_CURE}")
        self._check_values()

    def _check_values(self) -> None:
        """ValueError unless numbers are finite, faces have vertices, and skinning weights add up to 1."""
        for name in _FIELDS:
            array = getattr(self, name)
            if array is not None and not np.isfinite(array).all():
                raise ValueError(
                    f"`{name}` must be finite; got {np.sum(~np.isfinite(array))} NaN or infinite numbers. {_CURE}"
                )
        last = len(self.v_template) - 1
        if self.faces.size and not 0 <= self.faces.min() <= self.faces.max() <= last:
            raise ValueError(
                f"`faces` must hold vertex numbers 0 to {last}; got {self.faces.min()} to {self.faces.max()}. {_CURE}"
            )
        sums, least = self.lbs_weights.sum(-1), self.lbs_weights.min(initial=0.0)
        if np.abs(sums - 1).max(initial=0.0) > _WEIGHT_TOLERANCE or least < -_WEIGHT_TOLERANCE:
            raise ValueError(
                f"`lbs_weights` must not be negative and each row must add up to 1; got a least weight of "
                f"{self.lbs_weights.min():.4g} and sums from {sums.min():.4g} to {sums.max():.4g}. {_CURE}"
            )

    @property
    def num_betas(self) -> int:
        """Number of shape coefficients, B."""
        return self.shapedirs.shape[-1]

    def body_joints(self) -> BodyJoints:
        """The body's `BodyJoints`, betas (..., B) -> rest joints (..., 29, 3): all that a solver needs of a body."""
        return BodyJoints(self.joints, directions=self.joint_directions)

    def __repr__(self) -> str:
        """Sizes instead of numbers."""
        return f"BodyData(vertices={len(self.v_template)}, faces={len(self.faces)}, num_betas={self.num_betas})"


_FIELDS: dict[str, tuple[type, tuple[Any, ...]]] = {
    "v_template": (np.float32, ("V", 3)),
    "shapedirs": (np.float32, ("V", 3, "B")),
    "lbs_weights": (np.float32, ("V", skeletons.NUM_ROTATIONS)),
    "faces": (np.int32, ("F", 3)),
    "joints": (np.float64, (skeletons.NUM_JOINTS, 3)),
    "joint_directions": (np.float64, (skeletons.NUM_JOINTS, 3, "B")),
    "posedirs": (np.float32, ("V", 3, POSE_FEATURES)),
}
"""Field -> its type and shape."""


def _text(shape: tuple[Any, ...]) -> str:
    """A shape of numbers and letters as a tuple is written."""
    return f"({', '.join(map(str, shape))})"


def _as_array(name: str, value: TensorLike, dtype: type) -> np.ndarray:
    """A read-only copy of `value`; ValueError that names the field if it holds no numbers or has another rank."""
    array = real_array(name, value)
    wanted = _FIELDS[name][1]
    if array.ndim != len(wanted):
        raise ValueError(f"`{name}` must have shape {_text(wanted)}; got {array.shape}. {_CURE}")
    array = array.astype(dtype)
    array.flags.writeable = False
    return array
