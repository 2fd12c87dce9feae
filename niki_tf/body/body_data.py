"""A body as plain arrays: surface, how shape and pose move it, skinning weights, joints."""

import dataclasses

import numpy as np

from niki_tf.body.body_joints import BodyJoints

POSE_FEATURES = 207
"""Pose directions: the nine entries of each of the 23 body rotations, minus those of the identity."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BodyData:
    """The arrays of one SMPL-type body (24 turning joints, 29 joints with the tips), checked and read-only.

    V vertices, F faces, B shape coefficients. Anything that NumPy can turn into an array is taken; ValueError
    names the first field whose shape or values do not fit.

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

    def __post_init__(self):
        """Turns the fields into read-only arrays and checks them."""
        for name, dtype in _DTYPES.items():
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _as_array(name, getattr(self, name), dtype))
        vertices, betas = self.v_template.shape[0], self.shapedirs.shape[-1] if self.shapedirs.ndim else 0
        wanted = {
            "v_template": (vertices, 3),
            "shapedirs": (vertices, 3, betas),
            "lbs_weights": (vertices, 24),
            "faces": (self.faces.shape[0], 3),
            "joints": (29, 3),
            "joint_directions": (29, 3, betas),
            "posedirs": (vertices, 3, POSE_FEATURES),
        }
        for name, shape in wanted.items():
            array = getattr(self, name)
            if array is not None and array.shape != shape:
                raise ValueError(f"`{name}` must have shape {_WANTED[name]}, here {shape}; got {array.shape}.")
        self._check_values()

    def _check_values(self):
        """Finite numbers, faces that exist, weights that add up."""
        for name in _DTYPES:
            array = getattr(self, name)
            if array is not None and not np.isfinite(array).all():
                raise ValueError(f"`{name}` must be finite; got {np.sum(~np.isfinite(array))} NaN or infinite numbers.")
        last = len(self.v_template) - 1
        if self.faces.size and not 0 <= self.faces.min() <= self.faces.max() <= last:
            raise ValueError(
                f"`faces` must hold vertex numbers 0 to {last}; got {self.faces.min()} to {self.faces.max()}."
            )
        sums = self.lbs_weights.sum(-1)
        if np.abs(sums - 1).max(initial=0.0) > 1e-3 or self.lbs_weights.min(initial=0.0) < -1e-3:
            raise ValueError(
                f"`lbs_weights` must not be negative and each row must add up to 1; got a least weight of "
                f"{self.lbs_weights.min():.4g} and sums from {sums.min():.4g} to {sums.max():.4g}."
            )

    @property
    def num_betas(self):
        """Number of shape coefficients, B."""
        return self.shapedirs.shape[-1]

    def body_joints(self):
        """The body's `BodyJoints`, betas (..., B) -> joints (..., 29, 3): all that a solver needs of a body."""
        return BodyJoints(self.joints, directions=self.joint_directions)

    def __repr__(self):
        """Sizes rather than numbers."""
        return f"BodyData(vertices={len(self.v_template)}, faces={len(self.faces)}, num_betas={self.num_betas})"


_DTYPES = {
    "v_template": np.float32,
    "shapedirs": np.float32,
    "lbs_weights": np.float32,
    "faces": np.int32,
    "joints": np.float64,
    "joint_directions": np.float64,
    "posedirs": np.float32,
}
_WANTED = {
    "v_template": "(V, 3)",
    "shapedirs": "(V, 3, B)",
    "lbs_weights": "(V, 24)",
    "faces": "(F, 3)",
    "joints": "(29, 3)",
    "joint_directions": "(29, 3, B)",
    "posedirs": "(V, 3, 207)",
}


def _as_array(name, value, dtype):
    """A read-only copy of `value`; ValueError that names the field where it holds no numbers."""
    try:
        array = np.array(value, dtype)
    except (TypeError, ValueError) as error:
        raise ValueError(f"`{name}` must be an array of numbers; {error}.") from None
    if array.ndim != _WANTED[name].count(",") + 1:
        raise ValueError(f"`{name}` must have shape {_WANTED[name]}; got {array.shape}.")
    array.flags.writeable = False
    return array
