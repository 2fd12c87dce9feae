"""How sure each joint of a whole motion is: what it was told by, and how far off it may be."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.body import kinematics
from niki_tf.contract import JointState
from niki_tf.fitting import expected_error
from niki_tf.fitting.expected_error import NEVER, Evidence
from niki_tf.inference import graphs, windows
from niki_tf.inference.rates import FPS
from niki_tf.motion import gap_filling
from niki_tf.skeletons import PointSet
from niki_tf.solvers.solver import Solver
from niki_tf.solvers.window_solver import WindowSolver

_FRAMES, _STEP, _AT_ONCE = 64, 48, 8
"""Frames of a window that noise and speeds are measured in, from one to the next, and windows at a time."""
_FARTHEST = 15.0
"""Frames; a pose that is held is not expected to be further off than after so many."""


def joints_seen(point_set: PointSet, sigma: np.ndarray) -> np.ndarray:
    """Whether a point that was seen tells where each joint is, (T, 24) bool; `sigma` (T, K) of the points, metres."""
    told = np.zeros([len(sigma), skeletons.NUM_JOINTS], bool)
    for clue in point_set.clues:
        told[:, clue.joint] |= sigma[:, clue.point] < skeletons.ABSENT
    return told[:, : skeletons.NUM_ROTATIONS]


def certainty(
    answer: Mapping[str, np.ndarray], seen: np.ndarray, times: np.ndarray, *, solver: Solver, finish: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The `JointState` (T, 24), int32, and expected error (T, 24), metres, of each joint of one motion.

    Args:
        answer: dict of joints (T, 29, 3) and joint_sigma (T, 29) that the points tell, betas (T, B), local
            (T, 24, 3, 3), and first (T, 24), what the network expects of its own answer.
        seen: (T, 24) bool; see `joints_seen`.
        times: (T,) seconds.
        solver: that found the answer.
        finish: whether a finish followed.
    """
    over_time = isinstance(solver, WindowSolver)
    away = np.where(seen, np.float32(0.0), np.float32(NEVER))
    since, until = expected_error.times_to_seen(seen, times) if over_time else (away, away)
    state = expected_error.joint_states(since, until).numpy()
    inputs = {**answer, "since": since, "until": until, "times": times - times[0]}
    frames = min(_FRAMES, len(times))
    step = max(frames + _STEP - _FRAMES, 1) if over_time else frames
    found = windows.solve_motion(_graph(solver, finish), inputs, frames=frames, step=step, at_once=_AT_ONCE)
    return state, found["expected_error"]


@graphs.kept_with_owner(2)
def _graph(solver: Solver, finish: bool) -> graphs.ArrayFunction:  # noqa: FBT001
    """A graph from windows of an answer to the expected error (N, T, 24)."""
    over_time = isinstance(solver, WindowSolver)
    calibration = solver.calibrated(finish=finish, motion=True)

    def expected(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        posed, _ = kinematics.forward_kinematics(inputs["local"], solver.body_joints(inputs["betas"]))
        names = ("joints", "joint_sigma", "frame_mask", "since", "until", "first")
        times = inputs["times"] if over_time else None
        evidence = Evidence(posed=posed, over_time=over_time, times=times, **{name: inputs[name] for name in names})
        state = expected_error.joint_states(evidence.since, evidence.until)
        return {"expected_error": calibration(expected_error.features(evidence, state))}

    return graphs.array_function(expected)


def held(state: np.ndarray, error: np.ndarray, frames: slice, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """State and expected error (T, 24) of all frames where the pose of the first and last of `frames` is held.

    Args:
        state: (n, 24), of the n frames that were solved.
        error: (n, 24) metres.
        frames: that were solved.
        times: (T,) seconds of all frames.
    """
    nearest = np.clip(np.arange(len(times)), frames.start, frames.stop - 1)
    away = FPS * np.abs(times - times[nearest])[:, None]
    beyond = away > 0.0
    state, error = state[nearest - frames.start], error[nearest - frames.start]
    if not beyond.any():
        return state, error
    unseen = np.where(away <= expected_error.REACH, np.maximum(state, JointState.FILLED), JointState.GUESSED)
    drift = gap_filling.SIGMA_BEYOND * np.minimum(away, _FARTHEST)
    return np.where(beyond, unseen, state).astype(np.int32), np.hypot(error, drift * (error > 0.0)).astype(np.float32)
