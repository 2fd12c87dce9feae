"""Live solving with a solver that sees time: frame by frame, with an explicit state and a fixed delay.

    streaming.warm_up(solver)
    state = streaming.start(solver)
    while frames come:
        state, answer = streaming.push(solver, state, {"joints": joints, "joint_sigma": sigma})
    answers = streaming.remaining(solver, state)

All are functions from tensors to tensors, fit for tf.function; outside of one `push` runs by a graph of its own.
`warm_up` makes it by XLA, the first `push` without one that is made sooner and is slower. `Stream` has a state inside,
for frames that may come faster than they are solved.
"""

import collections
import functools
import threading
import time
from collections.abc import Mapping, Sequence

import tensorflow as tf

from niki_tf import contract
from niki_tf.inference.rates import FPS
from niki_tf.log import logger
from niki_tf.motion.clip import checked_rate
from niki_tf.shapes import TensorLike
from niki_tf.solvers import kept_graphs
from niki_tf.solvers.window_solver import WindowSolver

_RATE_ERROR = 0.2
"""Relative difference from it that is taken: frames at 24 a second, solved as if
at 30, have an error that is 2 percent larger."""

State = dict[str, tf.Tensor]
"""The joints, joint_sigma and betas of the last frames, perhaps known_rotations, and `count`, the number so far."""

DELAY = 8
"""Frames that a pose comes after its joints, so that it knows what follows."""


def start(solver: WindowSolver, *, people: int = 1, fps: float = FPS, known_rotations: bool = False) -> State:
    """The state before the first frame: dict of the last frames' joints, joint_sigma and betas, and their count.

    As many frames are kept as a window of the solver has. If weights were changed since `warm_up`, what it made is
    forgotten.

    Args:
        solver: a `WindowSolver`.
        people: persons in every frame.
        fps: frames a second that are to come.
        known_rotations: whether frames may come with rotations that are known.

    Raises:
        ValueError: `fps` is not within 20 percent of 30, at which solvers that see time were trained.
    """
    if not abs(checked_rate(fps, "`fps`") - FPS) <= _RATE_ERROR * FPS:
        raise ValueError(
            f"`fps` must be about {FPS:g} frames a second, which is expected of a stream; got {fps:g}. "
            "Push every second frame of 60, or give the whole motion to niki_tf.solve, which takes any rate."
        )
    solver.thaw_kept()
    shapes = {**contract.input_shapes(solver.body_joints.num_betas), **contract.KNOWN}
    names = (*contract.PER_FRAME, *(contract.KNOWN if known_rotations else ()))
    state = {name: tf.zeros([people, solver.frames, *shapes[name]]) for name in names}
    return {**state, "count": tf.constant(0)}


def push(
    solver: WindowSolver, state: State, inputs: Mapping[str, TensorLike], *, delay: int = DELAY
) -> tuple[State, dict[str, tf.Tensor]]:
    """Takes one frame of each person and gives the pose of `delay` frames before.

    Args:
        solver: a `WindowSolver`.
        state: from `start` or the last `push`.
        inputs: dict of joints (people, 29, 3), NaN where absent, and, as far as known, joint_sigma (people, 29) and
            betas (people, B), and known_rotations (people, 24, 3, 3) if `start` was told so.
        delay: frames to wait, fewer than a window of the solver has; the same in every call.

    Returns:
        the next state, and a dict: global_orient (people, 1, 3, 3), body_pose (people, 23, 3, 3), transl (people, 3),
        state (people, 24) and expected_error (people, 24), see `contract.CERTAINTY`, and `frame`, the number of the
        frame that they belong to, which is below zero as long as there is none.

    Raises:
        ValueError: `delay` is out of range, joints are missing, a shape is not that of one frame of each person,
            `start` was not told of known rotations, or, outside of graphs, a number is infinite.
    """
    _check_delay(solver, delay)
    frame = _checked_frame(state, inputs)
    given = _given(state, frame)
    shapes = {name: tuple(x.shape) for name, x in given.items()}
    found = solver.run_kept(_name(delay), functools.partial(_pushed, solver, delay), given, shapes)
    return _named(_STATE, found), _named(_FRAME, found)


def warm_up(solver: WindowSolver, *, people: int = 1, delay: int = DELAY, inputs: Sequence[str] = ("joints",)) -> float:
    """Makes the graph of `push` by XLA, and gives the seconds that it took, thousands of times what a push takes.

    The weights are constants of the graph, those of the last `warm_up` or `start`; no gradients pass through it. What
    else changes, such as `refine`, shows at once, by the slower graph that `push` makes itself.

    Args:
        solver: a `WindowSolver`.
        people: see `start`.
        delay: see `push`.
        inputs: names of what frames will come with.

    Raises:
        ValueError: `delay` is out of range, or a name is none of an input.
    """
    began = time.monotonic()
    frame = contract.zeros(inputs, [people], num_betas=solver.body_joints.num_betas)
    state = start(solver, people=people, known_rotations="known_rotations" in inputs)
    _check_delay(solver, delay)
    if kept_graphs.are_wanted():
        given = _given(state, _checked_frame(state, frame))
        solver.freeze_kept(_name(delay), functools.partial(_pushed, solver, delay), given)
    push(solver, state, frame, delay=delay)
    seconds = time.monotonic() - began
    logger.info("The graph of a stream of %d people was made in %.1f s.", people, seconds)
    return seconds


class Stream:
    """A stream of frames that may come faster than they are solved: poses are left out then, joints never.

    Each frame that is put in becomes a part of the motion, whatever has been solved by then. `pose` solves that of the
    newest frame less `delay`; poses of the frames before it that were not asked for in time are left out, and `skipped`
    counts them. So the answer never lags behind, and of the frames that wait a window's are kept. One thread may put
    frames in while another asks for poses.

    Args:
        solver: a `WindowSolver`.
        people: persons in every frame.
        fps: frames a second that are to come.
        delay: frames to wait; see `push`.
        inputs: names of what every frame comes with.

    Raises:
        ValueError: see `start` and `warm_up`.

    Example:
        >>> import numpy as np
        >>> from niki_tf import body, solvers
        >>> from niki_tf.inference import streaming
        >>> stream = streaming.Stream(solvers.Recurrent(body.mannequin_joints(), hidden_dim=8), delay=2)
        >>> for _ in range(6):
        ...     stream.put({"joints": np.ones([1, 29, 3])})
        >>> int(stream.pose()["frame"]), stream.pose(), stream.skipped
        (3, None, 5)
    """

    def __init__(
        self,
        solver: WindowSolver,
        *,
        people: int = 1,
        fps: float = FPS,
        delay: int = DELAY,
        inputs: Sequence[str] = ("joints",),
    ) -> None:
        self._state = start(solver, people=people, fps=fps, known_rotations="known_rotations" in inputs)
        warm_up(solver, people=people, delay=delay, inputs=inputs)
        self._solver, self._delay, self._names = solver, delay, set(inputs)
        self._waiting: collections.deque[State] = collections.deque(maxlen=solver.frames)
        self._lock, self._turn, self._came = threading.Lock(), threading.Lock(), 0
        self.skipped = 0

    def put(self, inputs: Mapping[str, TensorLike]) -> None:
        """Takes one frame of each person, without solving it.

        Raises:
            ValueError: see `push`; or the names are not those of `inputs`.
        """
        if set(inputs) != self._names:
            wanted, got = (", ".join(sorted(names)) for names in (self._names, inputs))
            raise ValueError(f"A frame must come with {wanted}; got {got or 'nothing'}.")
        frame = _checked_frame(self._state, inputs)
        with self._lock:
            self._waiting.append(frame)
            self._came += 1

    def pose(self) -> dict[str, tf.Tensor] | None:
        """The answer, see `push`, that the newest frame makes possible; None if none has come since the last."""
        with self._turn:
            with self._lock:
                frames, came = [*self._waiting], self._came
                self._waiting.clear()
                self._came = 0
            if not frames:
                return None
            self.skipped += came - 1
            state = {**self._state, "count": self._state["count"] + (came - len(frames))}
            for frame in frames[:-1]:
                state = _with_frame(state, frame)
            self._state, answer = push(self._solver, state, frames[-1], delay=self._delay)
            return answer


_STATE, _FRAME = "state_", "frame_"
"""What the names of the state and of the frame begin with in a graph."""


def _name(delay: int) -> str:
    """The name of the graph of `push`."""
    return f"push {delay}"


def _given(state: State, frame: State) -> State:
    """What a graph is given."""
    return {**{_STATE + name: x for name, x in state.items()}, **{_FRAME + name: x for name, x in frame.items()}}


def _pushed(solver: WindowSolver, delay: int, given: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The next state and the answer, from the state and a frame."""
    state = _with_frame(_named(_STATE, given), _named(_FRAME, given))
    place = tf.minimum(state["count"], solver.frames) - 1 - delay
    solved = _solved(solver, state)
    answer = {name: tf.gather(solved[name], tf.maximum(place, 0), axis=1) for name in contract.ANSWER}
    answer["frame"] = state["count"] - 1 - delay
    return {**{_STATE + name: x for name, x in state.items()}, **{_FRAME + name: x for name, x in answer.items()}}


def _named(which: str, tensors: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Those of the tensors whose names begin with `which`, without it."""
    return {name.removeprefix(which): tensor for name, tensor in tensors.items() if name.startswith(which)}


def _check_delay(solver: WindowSolver, delay: int) -> None:
    """Raises ValueError if a window of the solver has not so many frames."""
    if not 0 <= delay < solver.frames:
        raise ValueError(f"`delay` must be 0 to {solver.frames - 1} frames; got {delay}.")


def remaining(solver: WindowSolver, state: State, *, delay: int = DELAY) -> dict[str, tf.Tensor]:
    """The answers that are still to come when no more frames do: global_orient (people, n, 1, 3, 3), and so on.

    n is `delay`, or fewer if there were not so many frames.
    """
    last = tf.minimum(state["count"], solver.frames)
    answer = _solved(solver, state)
    return {name: answer[name][:, tf.maximum(last - delay, 0) : last] for name in contract.ANSWER}


def _checked_frame(state: State, inputs: Mapping[str, TensorLike]) -> State:
    """The inputs of a frame that the state stores, float32; ValueError if they do not fit it."""
    if inputs.get("joints") is None:
        got = ", ".join(inputs) or "nothing"
        raise ValueError(f"`joints` (people, 29, 3) is missing; got {got}. NaN stands for joints that were not seen.")
    if inputs.get("known_rotations") is not None and "known_rotations" not in state:
        raise ValueError(
            "`known_rotations` must be told of before; got them in a frame. Say start(known_rotations=True)."
        )
    frame = contract.as_tensors({name: inputs.get(name) for name in _names(state)})
    for name, new in frame.items():
        wanted = state[name].shape[:1] + state[name].shape[2:]
        if not new.shape.is_compatible_with(wanted):
            raise ValueError(
                f"`{name}` must be one frame of each person, {tuple(wanted)}; got {tuple(new.shape)}. Say how many "
                "with start(people=)."
            )
    if tf.executing_eagerly():
        contract.check_values(frame)
    return frame


def _with_frame(state: State, frame: State) -> State:
    """The state with one frame more, the oldest forgotten once all places are filled."""
    kept = state["joints"].shape[1]
    place = tf.minimum(state["count"], kept - 1)
    full = state["count"] >= kept
    following = {"count": state["count"] + 1}
    for name in _names(state):
        frames = state[name]
        new = frame[name] if name in frame else tf.zeros_like(frames[:, 0])
        here = tf.reshape(tf.range(kept) == place, [kept] + [1] * (new.shape.rank - 1))
        following[name] = tf.where(here, new[:, None], tf.where(full, tf.roll(frames, -1, axis=1), frames))
    return following


def _names(state: State) -> list[str]:
    """The inputs that the state stores."""
    return [name for name in state if name != "count"]


def _solved(solver: WindowSolver, state: State) -> dict[str, tf.Tensor]:
    """Answers for all places of the state, those not filled yet masked out."""
    mask = tf.cast(tf.range(solver.frames) < state["count"], tf.float32)
    mask = tf.zeros_like(state["joints"][..., 0, 0]) + mask
    given = {name: state[name] for name in _names(state)}
    return solver({**given, "frame_mask": mask})
