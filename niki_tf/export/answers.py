"""What a server may answer: the names, shapes and numbers of a signature's outputs, and how long an answer can be."""

import math
from collections.abc import Mapping

import numpy as np

from niki_tf import contract
from niki_tf.shapes import TensorLike

_NEEDED = (*contract.POSE, "transl", "valid")
"""Outputs without which an answer to `ik`, `ik_full` or `ik_known` is none."""
_OUTPUTS: dict[str, tuple[int | None, ...]] = {
    **contract.INPUTS,
    **contract.ANSWER,
    "residual": contract.INPUTS["joint_sigma"],
    "z": (None,),
    "padding": (None,),
    "vertices": (None, 3),
}
"""Outputs of all signatures and their shapes after the leading axes; `_OF_EXAMPLES` have the first of these alone."""
_OF_EXAMPLES = {"valid": ("b", "true and false"), "reason": ("iu", "whole numbers")}
"""Outputs of whole examples, frames or windows, the kinds of NumPy's types that they may have, and what those are."""
_FARTHEST = 1e4
"""Metres: no joint, and no body, is further from the origin than that."""
_MOST_NUMBERS = 1024
"""Numbers of one example, more than twice those of the largest network."""
_MOST_VERTICES = 2**14
"""Vertices of one body, half as many again as SMPL-X has."""
_BESIDE = 2**20
"""Bytes of names, brackets and headers."""
BYTES = {"rest": 48, "grpc": 8}
"""Protocol -> bytes of one number at most: JSON may be indented."""
_CURE = " Is it a model that tools/export.py of this version wrote?"


def leading_axes(inputs: Mapping[str, TensorLike]) -> tuple[int, ...] | None:
    """The axes before those of an example, of inputs by name; None if no input tells them."""
    for name, ending in (("joints", contract.INPUTS["joints"]), *contract.POSE.items()):
        shape = np.shape(inputs.get(name, ()))
        if len(shape) > len(ending):
            return shape[: len(shape) - len(ending)]
    return None


def most_bytes(inputs: Mapping[str, TensorLike], *, signature: str, protocol: str) -> int:
    """Bytes that an answer to the inputs can have at most.

    Args:
        inputs: arrays by name.
        signature: that is asked; only `mesh` answers with vertices.
        protocol: rest or grpc.
    """
    numbers = _MOST_NUMBERS + (3 * _MOST_VERTICES if signature == "mesh" else 0)
    return _BESIDE + BYTES[protocol] * numbers * math.prod(leading_axes(inputs) or (1,))


def check(answer: Mapping[str, np.ndarray], inputs: Mapping[str, TensorLike], *, signature: str, url: str) -> None:
    """Checks that an answer has the names, shapes and kinds of numbers that a signature gives.

    Outputs of other names are left as they are.

    Args:
        answer: arrays by output name.
        inputs: arrays that were sent, by name.
        signature: that was asked.
        url: of the server, for the message.

    Raises:
        ValueError: an output is missing, has another shape, holds something else than finite numbers, positions beyond
            10 km or matrices that are no rotations, `valid` is not made of true and false, or `reason`, which former
            exports do not have, of whole numbers.
    """
    missing = [name for name in _NEEDED if name not in answer]
    if signature.startswith("ik") and missing:
        got = ", ".join(answer) or "no output"
        raise ValueError(
            f"{url} must answer with {', '.join(_NEEDED)}; {missing[0]} is missing, got {got[:200]}.{_CURE}"
        )
    leading = leading_axes(inputs)
    for name, array in answer.items():
        if name in _OF_EXAMPLES:
            _check_array(url, name, array, None if leading is None else leading[:1], (), *_OF_EXAMPLES[name])
        elif name in _OUTPUTS:
            kinds, wanted = ("iu", "whole numbers") if name == "state" else ("f", "finite numbers")
            _check_array(url, name, array, leading, _OUTPUTS[name], kinds, wanted)
            _check_numbers(url, name, array)


def _check_array(
    url: str,
    name: str,
    array: np.ndarray,
    leading: tuple[int, ...] | None,
    ending: tuple[int | None, ...],
    kinds: str,
    wanted: str,
) -> None:
    """Raises ValueError unless `array` has the shape (*leading, *ending) and a type of `kinds`."""
    if array.dtype.kind not in kinds:
        raise ValueError(f"{url} must answer `{name}` with {wanted}; got {_some(array)}.{_CURE}")
    first = (None,) * (array.ndim - len(ending)) if leading is None else leading
    shape = (*first, *ending)
    if array.ndim != len(shape) or any(size not in (None, got) for size, got in zip(shape, array.shape, strict=True)):
        sizes = str(tuple("n" if size is None else size for size in shape)).replace("'", "")
        raise ValueError(f"{url} must answer `{name}` with the shape {sizes}; got {array.shape}.{_CURE}")


def _check_numbers(url: str, name: str, array: np.ndarray) -> None:
    """Raises ValueError unless numbers are finite, states are known, places near and matrices rotations."""
    if not np.isfinite(array).all():
        raise ValueError(
            f"{url} must answer `{name}` with finite numbers; got {_some(array[~np.isfinite(array)])}.{_CURE}"
        )
    if name == "state" and not np.isin(array, list(contract.JointState)).all():
        raise ValueError(f"{url} must answer `state` with 0, 1 or 2; got {array.min()} to {array.max()}.{_CURE}")
    if name == "transl" and array.size and np.abs(array).max() > _FARTHEST:
        raise ValueError(f"{url} must answer `transl` within 10 km; got {np.abs(array).max():g} m.{_CURE}")
    if name in contract.POSE:
        wrong = ~contract.are_rotations(array)
        if wrong.any():
            raise ValueError(
                f"{url} must answer `{name}` with rotation matrices, orthonormal with determinant 1; "
                f"got {_some(array[wrong][0])}.{_CURE}"
            )


def _some(array: np.ndarray) -> str:
    """The first few values, on one line."""
    return " ".join(str(array.reshape(-1)[:9].tolist()).split())[:120]
