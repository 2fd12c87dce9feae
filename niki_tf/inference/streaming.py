"""Live solving with a solver that sees time: frame by frame, with an explicit state and a fixed delay.

    state = streaming.start(solver)
    while frames come:
        state, answer = streaming.push(solver, state, {"joints": joints, "joint_sigma": sigma})
    answers = streaming.remaining(solver, state)

All are functions from tensors to tensors, fit for tf.function.
"""

from collections.abc import Mapping

import tensorflow as tf

from niki_tf import contract
from niki_tf.inference.rates import FPS
from niki_tf.motion.clip import checked_rate
from niki_tf.shapes import TensorLike
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

    As many frames are kept as a window of the solver has.

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
    if not 0 <= delay < solver.frames:
        raise ValueError(f"`delay` must be 0 to {solver.frames - 1} frames; got {delay}.")
    state = _with_frame(state, inputs)
    place = tf.minimum(state["count"], solver.frames) - 1 - delay
    answer = _solved(solver, state)
    answer = {name: tf.gather(answer[name], tf.maximum(place, 0), axis=1) for name in contract.ANSWER}
    return state, {**answer, "frame": state["count"] - 1 - delay}


def remaining(solver: WindowSolver, state: State, *, delay: int = DELAY) -> dict[str, tf.Tensor]:
    """The answers that are still to come when no more frames do: global_orient (people, n, 1, 3, 3), and so on.

    n is `delay`, or fewer if there were not so many frames.
    """
    last = tf.minimum(state["count"], solver.frames)
    answer = _solved(solver, state)
    return {name: answer[name][:, tf.maximum(last - delay, 0) : last] for name in contract.ANSWER}


def _with_frame(state: State, inputs: Mapping[str, TensorLike]) -> State:
    """The state with one frame more, the oldest forgotten once all places are filled."""
    if inputs.get("joints") is None:
        got = ", ".join(inputs) or "nothing"
        raise ValueError(f"`joints` (people, 29, 3) is missing; got {got}. NaN stands for joints that were not seen.")
    if inputs.get("known_rotations") is not None and "known_rotations" not in state:
        raise ValueError(
            "`known_rotations` must be told of before; got them in a frame. Say start(known_rotations=True)."
        )
    kept = state["joints"].shape[1]
    place = tf.minimum(state["count"], kept - 1)
    full = state["count"] >= kept
    following = {"count": state["count"] + 1}
    for name in _names(state):
        frames = state[name]
        given = contract.as_tensors({name: inputs.get(name)})
        new = given.get(name, tf.zeros_like(frames[:, 0]))
        if not new.shape.is_compatible_with(frames.shape[:1] + frames.shape[2:]):
            wanted = (frames.shape[0], *frames.shape[2:])
            raise ValueError(
                f"`{name}` must be one frame of each person, {wanted}; got {tuple(new.shape)}. Say how many with "
                "start(people=)."
            )
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
