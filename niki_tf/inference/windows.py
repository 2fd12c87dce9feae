"""Motion of any length by overlapping windows, whose answers are blended in the space of rotations.

A network that sees time is asked in windows as long as those of its training. The finish, the translation and how sure
each joint is lean on neighbouring frames alone, so they follow once for each frame, after the blend, in longer windows
that hardly overlap.
"""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from niki_tf import contract, rotations
from niki_tf.contract import JointState
from niki_tf.fitting import held_rotations
from niki_tf.log import logger
from niki_tf.shapes import check_shape, real_array
from niki_tf.solvers.window_solver import WindowSolver

FRAMES, STEP = 16, 4
"""Frames of a window, as in training, and frames from the beginning of one window to that of the next."""

_AT_ONCE = 64
"""Windows that are solved at a time: enough to fill two cores, few enough to fit their caches."""
_COMPLETED, _SHARED = 64, 16
"""Frames of a window of the finish, and those that it shares with the next: more than its kernel is wide."""
_COMPLETED_AT_ONCE = 8
"""Windows of the finish at a time."""
_BLENDED = "blended_"
"""What the names of blended estimates begin with among the inputs."""
_CLOSE = 2.7
"""Sum of the squares of a mean of rotations from which on its polar decomposition is soon found; 3 of equal ones."""
_EQUAL = 2.99999
"""The same sum of squares from which on the mean is a rotation but for rounding errors."""
_POLAR_STEPS = 3
"""Newton-Schulz steps, each of which squares the distance from a rotation."""

_Arrays = Mapping[str, np.ndarray]


class Stages(NamedTuple):
    """A solver of windows in two steps; see `WindowSolver.estimate` and `WindowSolver.complete`."""

    estimate: Callable[[_Arrays], Mapping[str, Any]]
    complete: Callable[[_Arrays, _Arrays], Mapping[str, Any]]


def solve_motion(
    solve: WindowSolver | Stages | Callable[[_Arrays], Mapping[str, Any]],
    inputs: _Arrays,
    *,
    frames: int = FRAMES,
    step: int = STEP,
    at_once: int = _AT_ONCE,
) -> dict[str, np.ndarray]:
    """Solves one motion with a solver of windows.

    The answer for a frame is the weighted mean over all windows that hold it, with the largest weight where it is in
    the middle of the window. A motion shorter than a window is padded, and the padding is masked out. The finish of a
    solver follows once for each frame. Memory grows with the answer alone.

    Args:
        solve: the solver, its `Stages`, or another callable of the same dictionaries, whose answers are blended.
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
    if isinstance(solve, WindowSolver):
        solve.thaw_kept()
        solve = Stages(solve.estimate, solve.complete)
    if not isinstance(solve, Stages):
        answer = _blended(solve, inputs, frames=frames, step=step, at_once=at_once)
    else:
        estimate = _blended(solve.estimate, inputs, frames=frames, step=step, at_once=at_once)
        longer = min(_COMPLETED, length)
        several = {"frames": longer, "step": max(longer - _SHARED, 1), "at_once": _COMPLETED_AT_ONCE}
        complete = functools.partial(_complete, solve.complete, tuple(estimate))
        answer = _blended(complete, {**inputs, **{_BLENDED + name: x for name, x in estimate.items()}}, **several)
    return _with_known(answer, inputs["known_rotations"]) if "known_rotations" in inputs else answer


def warm_up(
    solver: WindowSolver,
    *,
    inputs: Sequence[str] = ("joints",),
    frames: int = FRAMES,
    at_once: int = _AT_ONCE,
) -> float:
    """Has XLA compile what `solve_motion` runs over and over, and gives the seconds that it took.

    It is worth it for hundreds of thousands of frames of `temporal`; `temporal_prior` is no faster. The weights are
    constants of what is compiled; `solve_motion` forgets it if they have changed since. The last windows of a motion,
    which are fewer, run by graphs as without it.

    Args:
        solver: of windows.
        inputs: names of what motions will come with.
        frames: see `solve_motion`.
        at_once: see `solve_motion`.

    Raises:
        ValueError: a name is none of an input.
    """
    began = time.monotonic()

    def zeros(*leading: int) -> dict[str, np.ndarray]:
        given = contract.zeros(inputs, leading, num_betas=solver.body_joints.num_betas)
        return {**given, "frame_mask": np.ones(leading, np.float32)}

    solver.freeze(zeros(at_once, frames))
    found = solver.estimate(zeros(at_once, frames))
    several = [_COMPLETED_AT_ONCE, _COMPLETED]
    solver.freeze(zeros(*several), {name: np.zeros([*several, *x.shape[2:]], np.float32) for name, x in found.items()})
    seconds = time.monotonic() - began
    logger.info("What solves motion was compiled in %.1f s.", seconds)
    return seconds


def _complete(
    complete: Callable[[_Arrays, _Arrays], Mapping[str, Any]], names: tuple[str, ...], windows: _Arrays
) -> Mapping[str, Any]:
    """What `complete` gives for windows, whose estimate is among them by other names."""
    inputs = {name: value for name, value in windows.items() if not name.startswith(_BLENDED)}
    return complete(inputs, {name: windows[_BLENDED + name] for name in names})


def _blended(
    solve: Callable[[_Arrays], Mapping[str, Any]], inputs: _Arrays, *, frames: int, step: int, at_once: int
) -> dict[str, np.ndarray]:
    """The blend of what `solve` gives for overlapping windows of `inputs`."""
    length = len(next(iter(inputs.values())))
    places, present, weights = cut(length, frames=frames, step=step)
    blend = _Blend(length)
    for first in range(0, len(places), at_once):
        some = slice(first, first + at_once)
        windows = {name: np.asarray(array[places[some]], np.float32) for name, array in inputs.items()}
        answer = solve({**windows, "frame_mask": present[some]})
        following = places[first + at_once, 0] if first + at_once < len(places) else length
        blend.add(answer, places[some, 0], weights[some], until=int(following))
    return blend.answer


def _length(inputs: Mapping[str, np.ndarray]) -> int:
    """Number of the frames; ValueError if it is not the same in all inputs."""
    lengths = {name: len(np.atleast_1d(array)) for name, array in inputs.items()}
    first = next(iter(lengths), "joints")
    for name, length in lengths.items():
        if name in contract.INPUTS:
            check_shape(name, tf.TensorShape(inputs[name].shape), contract.INPUTS[name])
        if length != lengths[first] or inputs[name].ndim <= len(contract.INPUTS.get(name, ())):
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


class _Blend:
    """Weighted means of answers over the windows that hold each of `length` frames; of states the least.

    Windows come in order, so that all but the last frames are finished with as they come.

    Attributes:
        answer: name -> array (T, ...), of the frames that are finished with.
    """

    def __init__(self, length: int) -> None:
        self.answer: dict[str, np.ndarray] = {}
        self._length, self._first = length, 0
        self._shares = np.zeros(0)
        self._totals: dict[str, np.ndarray] = {}

    def add(self, answer: Mapping[str, Any], firsts: np.ndarray, weights: np.ndarray, *, until: int) -> None:
        """Takes answers (N, frames, ...) for windows of frames from `firsts` (N,) on, padding with a weight of zero.

        Frames before `until` are in no later window.
        """
        last = min(int(firsts[-1]) + weights.shape[1], self._length)
        self._shares = _longer(self._shares, last - self._first, 0.0)
        parts = [
            slice(first - self._first, min(first + weights.shape[1], self._length) - self._first) for first in firsts
        ]
        for part, weight in zip(parts, weights, strict=True):
            self._shares[part] += weight[: part.stop - part.start]
        for name in (name for name in contract.ANSWER if name in answer):
            self._add(name, np.asarray(answer[name]), parts, weights)
        self._finish(until)

    def _add(self, name: str, values: np.ndarray, parts: list[slice], weights: np.ndarray) -> None:
        is_state, inner = name == "state", values.shape[2:]
        empty = np.zeros([0, *inner], np.int32 if is_state else np.float64)
        total = _longer(self._totals.get(name, empty), len(self._shares), JointState.GUESSED if is_state else 0.0)
        if not is_state:
            values = weights.reshape(*weights.shape, *[1] * len(inner)) * values
        for part, value in zip(parts, values, strict=True):
            there = value[: part.stop - part.start]
            total[part] = np.minimum(total[part], there) if is_state else total[part] + there
        self._totals[name] = total

    def _finish(self, until: int) -> None:
        """Puts the means of the frames before `until` into the answer and forgets what they were made of."""
        done = until - self._first
        for name, total in self._totals.items():
            mean = _mean(name, total[:done], self._shares[:done])
            whole = self.answer.setdefault(name, np.empty([self._length, *mean.shape[1:]], mean.dtype))
            whole[self._first : until] = mean
            self._totals[name] = total[done:]
        self._shares, self._first = self._shares[done:], until


def _longer(array: np.ndarray, length: int, value: float) -> np.ndarray:
    """The array (n, ...) made longer with `value`, to `length`."""
    added = np.full([length - len(array), *array.shape[1:]], value, array.dtype)
    return np.concatenate([array, added])


def _mean(name: str, total: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The mean of what was summed up with `shares` (n,); of rotations the nearest rotation."""
    if name == "state":
        return total
    mean = (total / shares.reshape(-1, *[1] * (total.ndim - 1))).astype(np.float32)
    return nearest_rotations(mean.reshape(-1, 3, 3)).reshape(mean.shape) if name in contract.POSE else mean


def nearest_rotations(means: np.ndarray) -> np.ndarray:
    """The rotations (n, 3, 3), float32, that are nearest to means of rotations (n, 3, 3).

    Means of rotations that are close to each other are nearly rotations: M <- M (3 - M^T M) / 2 makes them so.
    """
    squares = np.square(means).sum((-2, -1))
    blended, apart = squares < _EQUAL, squares < _CLOSE
    found = means.copy()
    if blended.any():
        found[blended] = _polar()(means[blended]).numpy()
    if apart.any():
        found[apart] = _of_moments()(np.swapaxes(means[apart], -1, -2)).numpy()
    return found


@functools.cache
def _polar() -> tf.types.experimental.PolymorphicFunction:
    """The Newton-Schulz steps as a graph of any number of matrices."""

    def steps(matrices: tf.Tensor) -> tf.Tensor:
        for _ in range(_POLAR_STEPS):
            square = tf.linalg.matmul(matrices, matrices, transpose_a=True)
            matrices = 0.5 * tf.linalg.matmul(matrices, 3.0 * tf.eye(3) - square)
        return matrices

    return tf.function(steps, input_signature=[tf.TensorSpec([None, 3, 3], tf.float32)], autograph=False)


@functools.cache
def _of_moments() -> tf.types.experimental.PolymorphicFunction:
    """`rotations.moment_to_rotation` as a graph of any number of moments."""
    return tf.function(
        rotations.moment_to_rotation, input_signature=[tf.TensorSpec([None, 3, 3], tf.float32)], autograph=False
    )


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
