"""The names and shapes that solvers take and give: the one place from which data, models and exports have them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.shapes import TensorLike

_JOINTS, _TWISTS = skeletons.NUM_JOINTS, skeletons.NUM_TWISTS

INPUTS: dict[str, tuple[int | None, ...]] = {
    "joints": (_JOINTS, 3),
    "joint_sigma": (_JOINTS,),
    "betas": (None,),
    "twist": (_TWISTS, 2),
}
"""Names of the inputs and their shapes after the leading axes; `joints` is needed, the others are optional: zeros
stand for what is not known."""

POSE: dict[str, tuple[int, ...]] = {"global_orient": (1, 3, 3), "body_pose": (_TWISTS, 3, 3)}
"""Names and shapes of the rotation matrices that every solver gives."""

PER_FRAME = ("joints", "joint_sigma", "betas")
"""What is known of each frame of a motion by itself, and so what a stream remembers of the last frames."""

_CURES = {"joints": " Use the joint set skeletons.SMPL_29."}


def input_shapes(num_betas: int | None = None) -> dict[str, tuple[int | None, ...]]:
    """`INPUTS` for a body of `num_betas` shape coefficients."""
    return {**INPUTS, "betas": (num_betas,)}


def check_names(inputs: Mapping[str, Any], *, extra: Mapping[str, tuple[int, ...]]) -> None:
    """Raises ValueError if a name is unknown or `joints` is missing; see `INPUTS`.

    Args:
        inputs: of a solver, by name.
        extra: the solver's own names and shapes.
    """
    if not isinstance(inputs, Mapping):
        raise ValueError(
            f"`inputs` must be a dictionary of arrays by name; got {type(inputs).__name__}. Use ik(joints)."
        )
    known = {**INPUTS, **extra}
    unknown = sorted(set(inputs) - set(known))
    if unknown:
        raise ValueError(f"`{unknown[0]}` is no input of a solver; the inputs are {', '.join(known)}.")
    if inputs.get("joints") is None:
        raise ValueError(f"`joints` (..., {_JOINTS}, 3) is missing; got {', '.join(inputs) or 'nothing'}.")


def check_shapes(shapes: Mapping[str, Any], *, num_betas: int | None, extra: Mapping[str, tuple[int, ...]]) -> None:
    """Raises ValueError if the static shape of an input, by name, does not fit.

    Args:
        shapes: of the inputs that are given, by name.
        num_betas: shape coefficients of the solver's body; None for any.
        extra: the solver's own names and shapes.
    """
    wanted = {**input_shapes(num_betas), **extra}
    shapes = {name: tf.TensorShape(shape) for name, shape in shapes.items()}
    leading = shapes["joints"][:-2]
    for name, shape in shapes.items():
        inner = len(wanted[name])
        if shape.rank < inner or not shape[shape.rank - inner :].is_compatible_with(wanted[name]):
            raise ValueError(f"`{name}` must end in shape {wanted[name]}; got {tuple(shape)}.{_CURES.get(name, '')}")
        if not shape[: shape.rank - inner].is_compatible_with(leading):
            raise ValueError(f"`{name}` must have the leading axes of `joints`, {tuple(leading)}; got {tuple(shape)}.")


def check_pose(global_orient: TensorLike, body_pose: TensorLike) -> tf.Tensor:
    """Global orientation and body pose as one float32 tensor of local rotations (..., 24, 3, 3).

    Raises:
        ValueError: `global_orient` does not end in (1, 3, 3) or `body_pose` not in (23, 3, 3).
    """
    parts = {"global_orient": tf.cast(global_orient, tf.float32), "body_pose": tf.cast(body_pose, tf.float32)}
    for name, value in parts.items():
        if value.shape.rank < 3 or not value.shape[-3:].is_compatible_with(POSE[name]):
            raise ValueError(f"`{name}` must end in shape {POSE[name]} (rotation matrices); got {tuple(value.shape)}.")
    return tf.concat(list(parts.values()), -3)


def local_rotations(answer: Mapping[str, Any]) -> np.ndarray:
    """The local rotations (..., 24, 3, 3) of a solver's answer, root first."""
    return np.concatenate([answer[name] for name in POSE], -3)
