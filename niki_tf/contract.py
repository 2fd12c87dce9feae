"""Names and shapes of solvers' inputs and outputs, defined here for data, models and exports alike."""

import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.shapes import LARGEST, TensorLike, are_rotations, check_shape, describe, real_array, real_tensors

_JOINTS, _TWISTS = skeletons.NUM_JOINTS, skeletons.NUM_TWISTS

INPUTS: dict[str, tuple[int | None, ...]] = {
    "joints": (_JOINTS, 3),
    "joint_sigma": (_JOINTS,),
    "betas": (None,),
    "twist": (_TWISTS, 2),
}
"""Names of the inputs and their shapes after the leading axes. `joints` is needed; the others are optional, and zeros
stand for an unknown value."""

KNOWN: dict[str, tuple[int, ...]] = {"known_rotations": (skeletons.NUM_ROTATIONS, 3, 3)}
"""Name and shape of a further optional input of every solver: rotation matrices of joints relative to the world, root
first, which the answer keeps. Zeros, and a matrix with a NaN, stand for one that is not known. Exports take it by a
signature of its own, so that those who know no rotation do not pay for it."""

HEAT: dict[str, tuple[int, ...]] = {"heat_moments": (78,)}
"""Name and shape of a further optional input of solvers with a heatmap condition, and an output of networks of images:
amplitude, mean, widths and covariance of thirteen heat maps (`vision.heatmap_moments`). Zeros stand for unknown."""

POSE: dict[str, tuple[int, ...]] = {"global_orient": (1, 3, 3), "body_pose": (_TWISTS, 3, 3)}
"""Names and shapes of the rotation matrices that every solver returns."""

CERTAINTY: dict[str, tuple[int, ...]] = dict.fromkeys(("state", "expected_error"), (skeletons.NUM_ROTATIONS,))
"""Names and shapes of how sure each joint is: its `JointState`, int32, and the mean distance from the truth that is to
be expected, relative to joint 0, metres."""

ANSWER: dict[str, tuple[int, ...]] = {**POSE, "transl": (3,), **CERTAINTY}
"""Names and shapes of all that every solver returns: `POSE`, the translation, metres, and `CERTAINTY`."""


class JointState(enum.IntEnum):
    """What the place of a joint was told by."""

    SEEN = 0
    """The joint itself was seen in this frame."""
    FILLED = 1
    """It was not, but within a second before or afterwards, by a solver that sees time."""
    GUESSED = 2
    """Neither: it follows from other joints and from how people move."""


class Reason(enum.IntEnum):
    """Why an exported solver's answer is not valid or, from `NOTHING_SEEN`, 16, on, is valid but to be doubted."""

    FINE = 0
    NOT_FINITE = 1
    """An input other than joints, or the answer, holds NaN or infinity."""
    TOO_FAR = 2
    """A joint is more than 10 km from the origin, or infinitely far."""
    ONE_PLACE = 3
    """All joints are at one place."""
    TOO_LARGE = 4
    """The bones are more than twice as long as a person's: mm, cm, inches or feet for metres."""
    TOO_SMALL = 5
    """The bones are less than a third of a person's."""
    NOTHING_SEEN = 16
    """No joint was seen: the pose is a guess."""
    OTHER_BONES = 17
    """The bones are not a person's: the joints are in another order."""
    SIDES = 18
    """Knees and feet point backwards: left and right are exchanged, or the axes are mirrored."""


PER_FRAME = ("joints", "joint_sigma", "betas")
"""Inputs that each frame of a motion has, and that a stream stores of its last frames."""

_SHARED = {"betas", "joint_sigma"}
"""Inputs that may be given once for all examples."""
FARTHEST = 10_000.0
"""Metres; how far apart joints may be: single precision knows a millimetre there."""
_FAR = 100.0
"""Metres; the distance from which on single precision is coarser than a hundredth of a millimetre."""
_LARGE_SIGMA = 0.25
"""Metres; no half of a body is that uncertain, but numbers in mm, or confidences, are above it."""
_LARGEST_OF = {"betas": 1e3}
"""Of inputs whose numbers have a limit of their own: more is no person's shape."""
_CURES = {
    "joints": " Use the joint set skeletons.SMPL_29.",
    "joint_sigma": " Give one sigma for each joint, in metres.",
    "betas": " Give as many shape coefficients as the body has.",
    "twist": " Give (cos, sin) for each joint but the root.",
    "known_rotations": " Give a matrix for each joint, relative to the world, zeros where it is not known.",
}


def input_shapes(num_betas: int | None = None) -> dict[str, tuple[int | None, ...]]:
    """`INPUTS` for a body of `num_betas` shape coefficients."""
    return {**INPUTS, "betas": (num_betas,)}


def zeros(names: Iterable[str], leading: Sequence[int], *, num_betas: int) -> dict[str, np.ndarray]:
    """Inputs of those names, zeros (*leading, ...) float32, to make graphs with; ValueError if a name is of none."""
    shapes = {name: shape for name, shape in input_shapes(num_betas).items() if name in PER_FRAME} | KNOWN
    unknown = sorted(set(names) - {*shapes})
    if unknown:
        raise ValueError(f"`inputs` must be of {', '.join(shapes)}; got {unknown[0]}.")
    return {name: np.zeros((*leading, *(size or 0 for size in shapes[name])), np.float32) for name in names}


def check_names(inputs: Mapping[str, Any], *, extra: Mapping[str, tuple[int, ...]]) -> None:
    """Checks the names of a solver's inputs; see `INPUTS`.

    Args:
        inputs: of the solver, by name.
        extra: names and shapes of the solver's additional inputs.

    Raises:
        ValueError: `inputs` is no dictionary, a name is unknown, or `joints` is missing.
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
        got = ", ".join(inputs) or "nothing"
        raise ValueError(f"`joints` (..., {_JOINTS}, 3) is missing; got {got}.{_CURES['joints']}")


def as_tensors(inputs: Mapping[str, TensorLike]) -> dict[str, tf.Tensor]:
    """A solver's inputs as float32 tensors: those that are None left out, what is given once for all repeated.

    `betas` and `joint_sigma` may have no leading axes, or axes of 1 in place of those of `joints`.

    Args:
        inputs: by name; see `INPUTS`.

    Raises:
        ValueError: one is complex, text, an object, or lists of different lengths.

    Example:
        >>> import numpy as np
        >>> from niki_tf import contract
        >>> contract.as_tensors({"joints": np.zeros([5, 29, 3]), "betas": [0.0] * 10})["betas"].shape.as_list()
        [5, 10]
    """
    given = {name: _as_tensor(name, value) for name, value in inputs.items() if value is not None}
    leading = given["joints"].shape[:-2] if "joints" in given and given["joints"].shape.rank else tf.TensorShape(None)
    for name in _SHARED & given.keys():
        own = given[name].shape[:-1]
        if given[name].shape[-1:].is_compatible_with(INPUTS[name]) and _is_shared(own, leading):
            axes = tf.concat([tf.shape(given["joints"])[:-2], tf.shape(given[name])[-1:]], 0)
            given[name] = tf.broadcast_to(given[name], axes)
    return given


def _as_tensor(name: str, value: TensorLike) -> tf.Tensor:
    """`value` as a float32 tensor; ValueError if it is made of something else than real numbers."""
    if not tf.is_tensor(value):
        return tf.convert_to_tensor(real_array(name, value).astype(np.float32))
    if value.dtype.is_complex or not (value.dtype.is_bool or value.dtype.is_floating or value.dtype.is_integer):
        raise ValueError(f"`{name}` must be an array of real numbers; got {value.dtype.name}.{_CURES.get(name, '')}")
    return tf.cast(value, tf.float32)


def _is_shared(own: tf.TensorShape, leading: tf.TensorShape) -> bool:
    """Whether leading axes `own` stand for all of `leading`: there are none, or some are 1 and the others the same."""
    if own.rank is None or not leading.rank or own.rank not in (0, leading.rank):
        return False
    pairs = list(zip(own, leading[: own.rank], strict=True))
    return all(one in (1, size) for one, size in pairs) and (own.rank == 0 or any(one != size for one, size in pairs))


def check_shapes(shapes: Mapping[str, Any], *, num_betas: int | None, extra: Mapping[str, tuple[int, ...]]) -> None:
    """Checks the static shapes of a solver's inputs.

    Args:
        shapes: of the inputs that are given, by name.
        num_betas: number of shape coefficients of the solver's body; None for any.
        extra: names and shapes of the solver's additional inputs.

    Raises:
        ValueError: a shape does not end as it must, or has other leading axes than `joints`.
    """
    wanted = {**input_shapes(num_betas), **extra}
    shapes = {name: tf.TensorShape(shape) for name, shape in shapes.items()}
    leading = shapes["joints"][:-2]
    for name, shape in shapes.items():
        check_shape(name, shape, wanted[name], _CURES.get(name, ""))
        if not shape[: shape.rank - len(wanted[name])].is_compatible_with(leading):
            raise ValueError(
                f"`{name}` must have the leading axes of `joints`, {describe(leading)}; got {describe(shape)}. "
                f"Give one for each example."
            )


def mark_absent(joints: tf.Tensor, joint_sigma: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Joints and sigma where a joint that was not seen is absent, as one of `skeletons.ABSENT` is; those are zeros.

    A joint with a NaN was not seen, nor was one at exactly (0, 0, 0), as detectors write it; joint 0 may be there if no
    other joint of the frame is whose sigma does not tell that it is absent, as joints may be relative to it.

    Args:
        joints: (..., 29, 3) metres.
        joint_sigma: (..., 29) metres.

    Example:
        >>> import numpy as np
        >>> from niki_tf import contract
        >>> joints, sigma = contract.mark_absent(np.float32([[0, 0, 0], [1, np.nan, 1]]), np.float32([0, 0]))
        >>> joints.numpy().tolist(), sigma.numpy().tolist()
        ([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]], [0.0, 10.0])
    """
    # comparisons with NaN are false; LiteRT has no `is_nan`, and its converter makes a finite number of infinity
    size = tf.reduce_sum(tf.abs(joints), -1)
    told, away = size >= 0.0, tf.not_equal(size, 0.0)
    others = tf.reduce_all(away[..., 1:] | (joint_sigma[..., 1:] >= skeletons.ABSENT), -1, keepdims=True)
    told &= away | (others & (tf.range(joints.shape[-2]) == 0))
    sigma = tf.where(told, joint_sigma, tf.maximum(joint_sigma, skeletons.ABSENT))
    return tf.where(tf.expand_dims(sigma >= skeletons.ABSENT, -1), 0.0, joints), sigma


def are_absent(joints: np.ndarray, joint_sigma: np.ndarray) -> np.ndarray:
    """Which joints are absent by the rules of `mark_absent`, (..., 29) bool, of arrays; sigma may be one for all."""
    sigma = np.broadcast_to(np.float32(joint_sigma), joints.shape[:-1])
    with np.errstate(over="ignore"):
        joints = np.asarray(joints, np.float32)
    told, away = ~np.isnan(joints).any(-1), (joints != 0.0).any(-1)
    away[..., 0] |= (away | (sigma >= skeletons.ABSENT))[..., 1:].all(-1)
    return ~(told & away) | (sigma >= skeletons.ABSENT)


def check_values(inputs: Mapping[str, Any]) -> None:
    """Checks that a solver's inputs are finite, but for absent joints and rotations that are not known.

    Args:
        inputs: arrays by name.

    Raises:
        ValueError: joints that are not absent, or another input, hold NaN or infinity, a sigma is below 0, or a known
            rotation is none.
    """
    arrays = {name: np.asarray(value) for name, value in inputs.items()}
    if "known_rotations" in arrays:
        check_rotations("known_rotations", arrays.pop("known_rotations"))
    if "joint_sigma" in arrays:  # of any size, infinity too, for absent joints
        if "padding" not in arrays:  # what a network gave on its way back may be any number
            check_sigma(arrays["joint_sigma"])
        arrays["joint_sigma"] = np.minimum(arrays["joint_sigma"], skeletons.ABSENT)
    if "joints" in arrays and np.abs(arrays["joints"]).max(initial=0.0) <= 0.5 * FARTHEST:  # nor is one of them NaN
        del arrays["joints"]
    if "joints" in arrays:
        absent = are_absent(arrays["joints"], arrays.get("joint_sigma", np.zeros(())))
        check_extent(np.where(absent[..., None], np.nan, arrays["joints"]))
        arrays["joints"] = arrays["joints"][~absent]
    for name, array in arrays.items():
        cure = "NaN is for a joint that was not seen" if name == "joints" else "Zeros stand for what is not known"
        if not np.isfinite(array).all():
            raise ValueError(f"`{name}` must be finite; got NaN or infinity. {cure}.")
        largest = _LARGEST_OF.get(name, LARGEST)
        if np.abs(array).max(initial=0.0) > largest:
            raise ValueError(f"`{name}` must be at most {largest:g}; got {np.abs(array).max():g}. {cure}.")


def check_extent(joints: np.ndarray) -> None:
    """Checks that the joints (..., n, 3), metres, of each frame are within 10 km of each other, NaN left aside.

    Args:
        joints: (..., n, 3) metres.

    Raises:
        ValueError: they are not.
    """
    joints = np.where(np.isfinite(joints), joints, np.nan).astype(np.float64)
    if np.isnan(joints).all():
        return
    extent = np.fmax.reduce(joints, -2) - np.fmin.reduce(joints, -2)
    if np.nanmax(extent) > FARTHEST:
        raise ValueError(
            f"`joints` of a frame must be metres, within {FARTHEST:g} m of each other; got some "
            f"{np.nanmax(extent):g} m apart. NaN is for a joint that was not seen."
        )


def moved_near(joints: np.ndarray, *, axes: int) -> tuple[np.ndarray, np.ndarray]:
    """Joints (..., 29, 3), float32, relative to the origin that is taken off, and that origin, metres.

    Single precision loses millimetres far from the origin, so joints further away than 100 m are moved to their mean.

    Args:
        joints: (..., 29, 3) metres, NaN where absent.
        axes: of an example, before the coordinates: 1 for the joints of a frame, 2 for those of a window of frames.

    Returns:
        joints, float32, and origin (..., 1, 3), float64, with one axis less than `joints`, zeros where they are near.
    """
    joints = np.asarray(joints, np.float64)
    places = tuple(range(-1 - axes, -1))
    seen = np.isfinite(joints)
    total, count = np.where(seen, joints, 0.0).sum(places, keepdims=True), seen.sum(places, keepdims=True)
    mean = total / np.maximum(count, 1)
    mean = np.where((np.abs(mean) > _FAR).any(-1, keepdims=True), mean, 0.0)
    return (joints - mean).astype(np.float32), mean[..., 0, :]


def check_sigma(joint_sigma: np.ndarray) -> None:
    """Checks that no sigma, metres, of any shape, is below 0; ValueError if one is."""
    if joint_sigma.size and np.min(joint_sigma) < 0.0:
        raise ValueError(
            f"`joint_sigma` must be metres, 0 or more; got {np.min(joint_sigma):g}. 0 stands for what is not known, "
            f"{skeletons.ABSENT:g} for a joint that was not seen."
        )


def sigma_doubts(joint_sigma: np.ndarray) -> tuple[str, ...]:
    """A line, with the cure, if numbers of any shape hardly are standard deviations in metres.

    That is if half of them or more, zeros and `skeletons.ABSENT` left aside, have a median above 250 mm.

    Example:
        >>> import numpy as np
        >>> from niki_tf import contract
        >>> len(contract.sigma_doubts(np.full([29], 0.8))), contract.sigma_doubts(np.full([29], 0.03))
        (1, ())
    """
    told = joint_sigma[(joint_sigma > 0.0) & (joint_sigma != skeletons.ABSENT)]
    if 2 * told.size < joint_sigma.size or not told.size or not np.median(told) > _LARGE_SIGMA:
        return ()
    return (
        "`joint_sigma` does not look like metres: joints so uncertain count as not seen. Multiply mm by 0.001; "
        "confidences from 0 to 1 are the fourth column of the joints of niki_tf.solve.",
    )


def check_rotations(name: str, matrices: np.ndarray) -> None:
    """Checks that matrices (..., 3, 3) are rotations, but for those that are zero or hold a NaN.

    Args:
        name: of the argument, for the message.
        matrices: those to check.

    Raises:
        ValueError: one is further than 0.001 from being orthonormal, a reflection or infinite, or the shape is not
            that of matrices.
    """
    matrices = np.asarray(matrices, np.float64)
    if matrices.shape[-2:] != (3, 3):
        raise ValueError(f"`{name}` must end in shape (24, 3, 3); got {matrices.shape}.{_CURES.get(name, '')}")
    flat = matrices.reshape(-1, 3, 3)
    flat = flat[~np.isnan(flat).any((1, 2)) & (flat != 0.0).any((1, 2))]
    wrong = ~are_rotations(flat)
    if wrong.any():
        got = np.array2string(flat[wrong][0], precision=3, separator=", ").replace("\n", "")
        raise ValueError(
            f"`{name}` must be rotation matrices, orthonormal with determinant 1; got {got}. Convert rotation vectors "
            "with rotations.rotvec_to_matrix; zeros stand for what is not known."
        )


def check_pose(global_orient: TensorLike, body_pose: TensorLike) -> tf.Tensor:
    """Local rotations (..., 24, 3, 3), float32, root first, from global orientation and body pose.

    Args:
        global_orient: (..., 1, 3, 3) rotation matrices.
        body_pose: (..., 23, 3, 3) rotation matrices.

    Raises:
        ValueError: a shape does not end as it must, leading axes differ, or a matrix of an array is no rotation.
    """
    given = {"global_orient": global_orient, "body_pose": body_pose}
    parts = real_tensors(given, POSE, turns=tuple(POSE), dtype=tf.float32)
    if parts["global_orient"].shape.rank != parts["body_pose"].shape.rank:
        raise ValueError(
            f"`body_pose` must have the leading axes of `global_orient`; got {describe(parts['body_pose'].shape)} and "
            f"{describe(parts['global_orient'].shape)}. Give both for each example."
        )
    return tf.concat(list(parts.values()), -3)


def local_rotations(answer: Mapping[str, Any]) -> np.ndarray:
    """The local rotations (..., 24, 3, 3) of a solver's answer, root first."""
    return np.concatenate([answer[name] for name in POSE], -3)
