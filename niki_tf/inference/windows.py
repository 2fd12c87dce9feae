"""Motion of any length by overlapping windows, whose answers are blended in the space of rotations."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from niki_tf import contract, rotations
from niki_tf.contract import JointState
from niki_tf.fitting import held_rotations
from niki_tf.shapes import real_array

FRAMES, STEP = 16, 4
"""Frames of a window, as in training, and frames from the beginning of one window to that of the next."""

_AT_ONCE = 64
"""Windows that are solved at a time: enough to fill two cores, few enough to fit their caches."""


def solve_motion(
    solve: Callable[[dict[str, np.ndarray]], Mapping[str, Any]],
    inputs: Mapping[str, np.ndarray],
    *,
    frames: int = FRAMES,
    step: int = STEP,
    at_once: int = _AT_ONCE,
) -> dict[str, np.ndarray]:
    """Solves one motion with a solver of windows.

    The answer for a frame is the weighted mean over all windows that hold it, with the largest weight where it is in
    the middle of the window. A motion shorter than a window is padded, and the padding is masked out.

    Args:
        solve: the solver, or another callable of the same dictionaries, such as a compiled one.
        inputs: dict of arrays, joints (T, 29, 3) and perhaps joint_sigma (T, 29), betas (T, B), known_rotations
            (T, 24, 3, 3), of one person; joints of all frames relative to the same origin, NaN where absent.
        frames: frames of a window.
        step: frames from window to window, at most `frames`.
        at_once: windows that are solved at a time.

    Returns:
        dict of arrays, `contract.ANSWER`: global_orient (T, 1, 3, 3), body_pose (T, 23, 3, 3), transl (T, 3), state
        (T, 24), of the window that knows most, and expected_error (T, 24), those that `solve` gives. The embedding z
        belongs to a window, so it is left out; `residuals.joint_residuals` of the answer says how far each joint is
        from it.

    Raises:
        ValueError: no frames, `step` is not 1 to `frames`, or an input is infinite.

    Example:
        >>> import numpy as np
        >>> from niki_tf import body, solvers
        >>> from niki_tf.inference import windows
        >>> solver = solvers.Recurrent(body.mannequin_joints(), hidden_dim=8)
        >>> windows.solve_motion(solver, {"joints": np.zeros([21, 29, 3])})["body_pose"].shape
        (21, 23, 3, 3)
    """
    inputs = {name: real_array(name, array) for name, array in inputs.items()}
    length = _length(inputs)
    if not length or not 1 <= step <= frames:
        raise ValueError(
            f"`inputs` must hold frames and `step` be 1 to {frames}; got {length} frames and step {step}. They overlap."
        )
    contract.check_values(inputs)
    places, present, weights = cut(length, frames=frames, step=step)
    means = _Means(length)
    for first in range(0, len(places), at_once):
        some = slice(first, first + at_once)
        windows = {name: np.asarray(array, np.float32)[places[some]] for name, array in inputs.items()}
        answer = solve({**windows, "frame_mask": present[some]})
        means.add(answer, places[some], weights[some])
    answer = means.result()
    return _with_known(answer, inputs["known_rotations"]) if "known_rotations" in inputs else answer


def _length(inputs: Mapping[str, np.ndarray]) -> int:
    """Number of the frames; ValueError if it is not the same in all inputs."""
    lengths = {name: len(np.atleast_1d(array)) for name, array in inputs.items()}
    first = next(iter(lengths), "joints")
    for name, length in lengths.items():
        if length != lengths[first] or inputs[name].ndim < 2:
            raise ValueError(
                f"`{name}` must have the {lengths[first]} frames of `{first}`, (T, ...); got {inputs[name].shape}. "
                "Give a row for each."
            )
    return lengths.get(first, 0)


def _with_known(answer: dict[str, np.ndarray], known: np.ndarray) -> dict[str, np.ndarray]:
    """The answer of all frames with known rotations (T, 24, 3, 3), which blending may have changed a little."""
    held = held_rotations.read(tf.constant(known, tf.float32))
    local = held_rotations.hold(tf.constant(contract.local_rotations(answer)), held).numpy()
    return {**answer, "global_orient": local[:, :1], "body_pose": local[:, 1:]}


class _Means:
    """Weighted means of answers over the windows that hold each of `length` frames; of states the least."""

    def __init__(self, length: int) -> None:
        self._length, self._shares = length, np.zeros(length)
        self._totals: dict[str, np.ndarray] = {}

    def add(self, answer: Mapping[str, Any], places: np.ndarray, weights: np.ndarray) -> None:
        """Takes answers (N, frames, ...) for the frames `places` (N, frames), padding with a weight of zero."""
        np.add.at(self._shares, places, weights)
        for name in (name for name in contract.ANSWER if name in answer):
            values = np.asarray(answer[name])
            inner = values.shape[2:]
            if name == "state":
                total = self._totals.setdefault(name, np.full([self._length, *inner], JointState.GUESSED, np.int32))
                there = weights > 0.0
                np.minimum.at(total, places[there], values[there])
            else:
                total = self._totals.setdefault(name, np.zeros([self._length, *inner]))
                np.add.at(total, places, weights.reshape(*weights.shape, *[1] * len(inner)) * values)

    def result(self) -> dict[str, np.ndarray]:
        """The means; of rotations the nearest rotation."""
        return {name: self._mean(name, total) for name, total in self._totals.items()}

    def _mean(self, name: str, total: np.ndarray) -> np.ndarray:
        if name in contract.POSE:
            moments = np.swapaxes(total, -1, -2).astype(np.float32)
            return _nearest_rotations()(moments.reshape(-1, 3, 3)).numpy().reshape(total.shape)
        if name == "state":
            return total
        return (total / self._shares.reshape(-1, *[1] * (total.ndim - 1))).astype(np.float32)


@functools.cache
def _nearest_rotations() -> tf.types.experimental.PolymorphicFunction:
    """`rotations.moment_to_rotation` as a graph of any number of moments."""
    return tf.function(rotations.moment_to_rotation, input_signature=[tf.TensorSpec([None, 3, 3], tf.float32)])


def cut(length: int, *, frames: int = FRAMES, step: int = STEP) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The overlapping windows on `length` frames, each array (N, frames).

    Returns:
        the numbers of their frames; 1.0 for frames and 0.0 for padding, float32; and the weight of an answer in the
        mean over windows, which grows towards the middle of its window.
    """
    places = np.arange(frames) + np.array(starts(length, frames=frames, step=step))[:, None]
    present = (places < length).astype(np.float32)
    weights = np.minimum(np.arange(1, frames + 1), np.arange(frames, 0, -1)) * present
    return np.minimum(places, length - 1), present, weights


def starts(length: int, *, frames: int, step: int) -> list[int]:
    """First frames of the windows on `length` frames: every `step`-th, and one that ends with the motion."""
    last = max(0, length - frames)
    return [*range(0, last, step), last]
