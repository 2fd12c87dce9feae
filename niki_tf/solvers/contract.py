"""Names and shapes that every solver takes, checked here and nowhere else."""

import tensorflow as tf

INPUTS = {"joints": (29, 3), "joint_sigma": (29,), "betas": (None,), "twist": (23, 2)}
"""Names of the inputs and their shapes after the leading axes; `joints` is needed, the others are optional."""


def check(inputs, *, num_betas, extra):
    """The inputs as float32 tensors, absent ones left out; `extra` has a solver's own names and shapes.

    Raises:
        ValueError: a name is unknown, `joints` is missing, or a shape does not fit the contract.
    """
    known = {**INPUTS, "betas": (num_betas,), **extra}
    unknown = sorted(set(inputs) - set(known))
    if unknown:
        raise ValueError(f"`{unknown[0]}` is no input of a solver; the inputs are {', '.join(known)}.")
    given = {name: tf.cast(value, tf.float32) for name, value in inputs.items() if value is not None}
    if "joints" not in given:
        raise ValueError(f"`joints` (..., 29, 3) is missing; got {', '.join(given) or 'nothing'}.")
    leading = given["joints"].shape[:-2]
    for name, value in given.items():
        _check_shape(name, value.shape, leading, known[name])
    return given


def _check_shape(name, shape, leading, wanted):
    cure = " Use the joint set skeletons.SMPL_29." if name == "joints" else ""
    if shape.rank < len(wanted) or not shape[shape.rank - len(wanted) :].is_compatible_with(wanted):
        raise ValueError(f"`{name}` must end in shape {wanted}; got {tuple(shape)}.{cure}")
    if not shape[: shape.rank - len(wanted)].is_compatible_with(leading):
        raise ValueError(f"`{name}` must have the leading axes of `joints`, {tuple(leading)}; got {tuple(shape)}.")


def check_pose(global_orient, body_pose):
    """Global orientation and body pose as one float32 tensor of local rotations (..., 24, 3, 3).

    Raises:
        ValueError: `global_orient` does not end in (1, 3, 3) or `body_pose` not in (23, 3, 3).
    """
    parts = {"global_orient": tf.cast(global_orient, tf.float32), "body_pose": tf.cast(body_pose, tf.float32)}
    for (name, value), wanted in zip(parts.items(), ((1, 3, 3), (23, 3, 3)), strict=True):
        if value.shape.rank < 3 or not value.shape[-3:].is_compatible_with(wanted):
            raise ValueError(f"`{name}` must end in shape {wanted} (rotation matrices); got {tuple(value.shape)}.")
    return tf.concat(list(parts.values()), -3)
