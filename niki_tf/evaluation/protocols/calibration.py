"""The calibration protocol: whether joints are as far off as a solver expects.

Of every `stride`-th clip the 60 frames in its middle are used, on a body of random shape, seen from a random side, and
observed under each of seven conditions: noise of 0, 10, 30 and 100 mm along each axis; the occlusion protocol's
estimator, with its sigma; 8 frames lost in the middle, 10 mm of noise in all others; the half-body protocol's upper
body. The true betas are given. The column `way` says how a solver is asked: `motion`, by `niki_tf.solve`, or `frames`,
itself, if it sees time in windows one after the other.

All joints but joint 0, from which errors are measured, are sorted by their expected error and cut into tenths; of each
tenth the row tells the mean expected and the mean true error, and what the second is of the first in percent. The
column `state` says which joints: all, or those that were seen, filled or guessed.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tqdm

from niki_tf import contract, skeletons
from niki_tf.body import BodyData, BodyPoser, kinematics
from niki_tf.contract import JointState
from niki_tf.evaluation import figures
from niki_tf.evaluation.protocols import common, conditions, world_motion
from niki_tf.evaluation.protocols.conditions import Observed
from niki_tf.evaluation.protocols.xocc import Occlude
from niki_tf.evaluation.tables import Row, pivot, text_table
from niki_tf.inference.graphs import compile_solver
from niki_tf.motion.clip import Clip
from niki_tf.solvers.solver import Solver
from niki_tf.solvers.window_solver import WindowSolver

WAYS = ("motion", "frames")
"""How a solver is asked."""
PARTS = 10
"""Shares of equal size that joints are cut into by their expected error."""
_STATES = {"all": [*JointState], **{state.name.lower(): [state] for state in JointState}}


class Answered(NamedTuple):
    """Joints of any number of frames."""

    expected: np.ndarray
    """(T, 24) metres."""
    error: np.ndarray
    """(T, 24) metres, relative to joint 0."""
    state: np.ndarray
    """(T, 24)."""


def calibration_rows(
    clips: Sequence[Clip],
    *,
    solvers: Mapping[str, Solver],
    body: BodyData,
    occlude: Occlude,
    stride: int = 1,
    seed: int = 0,
    ways: Sequence[str] = WAYS,
    batch_size: int = 256,
    progress: bool = False,
) -> list[Row]:
    """The rows of the protocol; every solver is given the same observations.

    Args:
        clips: list of Clip; of every `stride`-th those of 60 frames or more are used.
        solvers: dict of name -> solver; the names go into the rows.
        body: BodyData that moves.
        occlude: see `xocc.Occlude`.
        stride: use every n-th clip.
        seed: of shapes, sides, noise and occlusions.
        ways: of `WAYS`.
        batch_size: not used: a clip is solved at a time.
        progress: show a progress bar.

    Returns:
        list of dicts: solver, way, state, tenth (1 to 10), frames, joints (how many in it), expected_mm and error_mm,
        means over them, and percent, the second of the first.

    Raises:
        ValueError: no clips of 60 frames, no solvers, one that needs the twist, or a number or name out of range.
        FloatingPointError: a solver gave numbers that are not finite.
    """
    common.check_arguments(clips, solvers, stride=stride, batch_size=batch_size)
    world_motion.check_no_twist(solvers)
    if not ways or set(ways) - set(WAYS):
        raise ValueError(f"`ways` must be of {', '.join(WAYS)}; got {', '.join(ways) or 'none'}.")
    used = conditions.middles(common.long_clips(clips, stride=stride))
    asked = {(name, way): Asked(solver, way) for name, solver in solvers.items() for way in ways}
    found: dict[tuple[str, str], list[Answered]] = {key: [] for key in asked}
    with tqdm.tqdm(total=len(used) * len(conditions.EQUAL_SHARES), unit="clip", disable=not progress) as bar:
        poser, shares = BodyPoser(body), conditions.EQUAL_SHARES
        for observed in conditions.observations(used, shares, poser=poser, occlude=occlude, seed=seed):
            for key, ask in asked.items():
                found[key].append(ask(observed))
            bar.update()
    frames = len(used) * len(conditions.EQUAL_SHARES) * common.CLIP_FRAMES
    return [
        {"solver": name, "way": way, "state": state, "frames": frames, **row}
        for (name, way), answers in found.items()
        for state in _STATES
        for row in _tenths(answers, state)
    ]


class Asked:
    """A function from `Observed` to `Answered`: a solver that is asked in one way.

    Args:
        solver: any that needs no twist.
        way: of `WAYS`.
    """

    def __init__(self, solver: Solver, way: str) -> None:
        self._solver, self._way = solver, way
        self._graph: Callable[..., common.Arrays] | None = None
        self._step = {"step": solver.frames} if isinstance(solver, WindowSolver) else {}
        self._posed = tf.function(self._pose, autograph=False, reduce_retracing=True)

    def __call__(self, observed: Observed) -> Answered:
        """The answer to one motion.

        Raises:
            FloatingPointError: the answer holds numbers that are not finite.
        """
        inputs = observed.inputs
        if self._way == "motion":
            joints, betas = inputs["joints"], inputs["betas"]
            sigma = inputs.get("joint_sigma")
            motion = world_motion.solved(joints, betas=betas, solver=self._solver, joint_sigma=sigma)
            local, expected, state = motion.rotations, motion.expected_error, motion.state
        else:
            answer = self._ask({"joint_sigma": np.zeros(inputs["joints"].shape[:2]), **inputs})
            local, expected, state = contract.local_rotations(answer), answer["expected_error"], answer["state"]
        if not (np.isfinite(local).all() and np.isfinite(expected).all()):
            raise FloatingPointError(f"{self._solver.name} gave NaN or infinity. Are the weights whole?")
        posed = self._posed(tf.constant(local, tf.float32), tf.constant(inputs["betas"], tf.float32)).numpy()
        error = world_motion.distances_mm(posed, observed.true)[:, : skeletons.NUM_ROTATIONS] / 1000.0
        return Answered(expected, error, state)

    def _ask(self, inputs: common.Arrays) -> common.Arrays:
        if self._graph is None:
            self._graph = compile_solver(self._solver, inputs=inputs, motion=True)
        return self._graph(inputs, **self._step)

    def _pose(self, local: tf.Tensor, betas: tf.Tensor) -> tf.Tensor:
        return kinematics.forward_kinematics(local, self._solver.body_joints(betas))[0]


def _tenths(answers: Sequence[Answered], state: str) -> list[Row]:
    """A row for each tenth of the joints of a state; none if there are too few."""
    expected, error, states = (
        np.concatenate([part[:, 1:].ravel() for part in parts]) for parts in zip(*answers, strict=True)
    )
    chosen = np.isin(states, _STATES[state])
    expected, error = expected[chosen].astype(np.float64), error[chosen]
    if len(expected) < PARTS:
        return []
    rows = []
    for number, part in enumerate(np.array_split(np.argsort(expected, kind="stable"), PARTS), 1):
        means = 1000.0 * expected[part].mean(), 1000.0 * error[part].mean()
        row = {"tenth": number, "joints": len(part), "expected_mm": means[0], "error_mm": means[1]}
        rows.append({**row, "percent": 100.0 * means[1] / means[0]})
    return rows


def calibration_tables(rows: Sequence[Row]) -> str:
    """A text table of the expected error, the true one and their ratio, a column for each tenth."""
    headings = {
        "expected_mm": "Expected error, mm",
        "error_mm": "True error, mm",
        "percent": "True error in % of the expected one",
    }
    lines = [{**row, "line": f"{row['solver']}, {row['way']}, {row['state']}"} for row in rows]
    tables = [
        f"{heading}\n{text_table(pivot(lines, index='line', column='tenth', value=value))}"
        for value, heading in headings.items()
    ]
    return "\n\n".join(["Columns are tenths of the joints by their expected error.", *tables])


def calibration_figure(rows: Sequence[Row], path: str | os.PathLike, *, title: str) -> None:
    """Draws the true over the expected error of each tenth as a PNG, a panel for each state."""
    panels = {state: [row for row in rows if row["state"] == state] for state in _STATES}
    figures.reliability_figure({state: some for state, some in panels.items() if some}, path, title=title)
