"""The noise protocol: the error of a solver over the noise of the joints that it is given.

For every frame a random body shape, its true joints, and on all 29 of them, the root included, Gaussian noise of the
same size along each axis; then all joints are made relative to the (noisy) root. No sigma is given; the true betas and,
to solvers that use one, the true twist are, unless they are switched off. Source: NIKI, supplementary material, section
D and figure 5.

In place of the true betas, those can be given that are found from the 60 frames of the clip about the measured one, or
as many as it has, on the same body, with errors of the same kind and level; the answer poses the true body.

Solvers that see time, and filters, are given a window of 16 frames about the measured one, all on the same body, each
frame with errors of its own. The measured frame and its errors are the same for all solvers.

Two variants, which can be combined, are described by `JointErrors`. The errors can be those of an estimator, whose size
depends on joint and axis, at 0.5, 1 and 1.5 times their usual size: the column `factor`, in place of `noise_mm`, where
1 is 30 mm on each axis as a root mean square over all joints. And joints can be absent.
"""

import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tqdm

from niki_tf.body import BodyData, BodyPoser
from niki_tf.evaluation.filters import Filter
from niki_tf.evaluation.protocols import common, given_shape
from niki_tf.evaluation.protocols.common import Arrays, Stream
from niki_tf.evaluation.protocols.joint_errors import ISOTROPIC, JointErrors, RandomErrors, observe
from niki_tf.evaluation.protocols.window_observer import WindowObserver
from niki_tf.evaluation.scoring import METRICS, pose_errors
from niki_tf.evaluation.tables import Row, pivot, text_table
from niki_tf.inference.graphs import compile_solver
from niki_tf.inference.windows import FRAMES
from niki_tf.motion.clip import Clip
from niki_tf.solvers.window_solver import WindowSolver

LEVELS_MM = (0, 10, 20, 30, 50, 70, 100)
"""Standard deviations of the noise along each axis, millimetres."""

FACTORS = (0.5, 1, 1.5)
"""Common factors of an estimator's errors, from the least to the largest of `niki_tf.data.estimator`."""

_HEADINGS = {"mpjpe": "MPJPE, mm", "pa_mpjpe": "PA-MPJPE, mm", "pve": "PVE, mm", "rotation_deg": "Rotation error, deg"}


def noise_rows(
    clips: Sequence[Clip],
    *,
    solvers: Mapping[str, common.Solver],
    body: BodyData,
    stride: int = 1,
    seed: int = 0,
    levels_mm: Sequence[float] = LEVELS_MM,
    errors: JointErrors = ISOTROPIC,
    filters: Mapping[str, Filter] | None = None,
    batch_size: int = 256,
    twist: bool = True,
    betas: str = "true",
    progress: bool = False,
) -> list[Row]:
    """The rows of the protocol; every solver is given the same shapes and errors, whatever the batch size.

    Args:
        clips: list of Clip. Every `stride`-th frame of all clips one after the other is used, so that short clips do
            not weigh more than long ones.
        solvers: dict of name -> solver; the names go into the rows.
        body: BodyData that makes the joints and poses the answers.
        stride: use every n-th frame.
        seed: of the shapes and the errors.
        levels_mm: standard deviations of isotropic noise along each axis, millimetres; not used with an estimator's
            errors, which come at FACTORS.
        errors: `JointErrors` of the joints that are given.
        filters: dict of name -> one of the values of `evaluation.FILTERS`, for the solvers whose joints are filtered.
        batch_size: frames at a time.
        twist: give the true twist to the solvers that use one.
        betas: one of `given_shape.BETAS`. Answers are posed with the true ones either way.
        progress: show a progress bar.

    Returns:
        list of dicts: solver, noise_mm (or factor, of an estimator's errors), frames, and the means over the frames of
        mpjpe, pa_mpjpe, pve (millimetres) and rotation_deg (degrees); solver by solver, in the order given.

    Raises:
        ValueError: no clips, no solvers, a number out of range, a solver that needs the twist without it, or a filter
            where joints are absent or of a solver that sees time.
        FloatingPointError: a solver gave numbers that are not finite.
    """
    common.check_arguments(clips, solvers, stride=stride, batch_size=batch_size)
    filters = filters or {}
    _check(solvers, levels_mm, errors, filters)
    given_shape.check_betas(betas)
    poser, poses = BodyPoser(body), common.strided_poses(clips, stride=stride)
    shapes = common.random_bodies(len(poses), num_betas=poser.num_betas, seed=seed)
    random = RandomErrors.draw(len(poses), seed=seed)
    observer = functools.partial(observe, errors=errors)
    around = functools.partial(WindowObserver, clips, poser.body_joints, random, observer, stride=stride, seed=seed)
    sizes = {solver.frames for solver in solvers.values() if isinstance(solver, WindowSolver)}
    windows = {size: around(size=size) for size in sizes | ({FRAMES} if filters else set())}
    motion = around(size=common.CLIP_FRAMES, stream=Stream.MOTION) if betas == "found" else None
    runner = _SolverRunner(
        solvers, filters, random, functools.partial(observer, twist=twist), betas=betas, windows=windows, motion=motion
    )
    column, levels = ("noise_mm", levels_mm) if errors.estimate is None else ("factor", FACTORS)
    scores: dict[tuple[str, float], list[Arrays]] = {(name, level): [] for name in solvers for level in levels}
    with tqdm.tqdm(total=len(poses) * len(scores), unit="frame", disable=not progress) as bar:
        for some in common.batches(len(poses), batch_size):
            truth = common.true_bodies(poser, poses[some], shapes[some])
            runner.move_to(some, truth)
            for (name, level), of_batches in scores.items():
                of_batches.append(pose_errors(runner.solve(name, level), truth=truth, poser=poser))
                bar.update(len(truth["betas"]))
    return [_row({"solver": name, column: level}, of_batches) for (name, level), of_batches in scores.items()]


def noise_tables(rows: Sequence[Row]) -> str:
    """A text table for each metric, a line for each solver, a column for each level."""
    column = "noise_mm" if "noise_mm" in rows[0] else "factor"
    tables = [
        f"{heading}\n{text_table(pivot(rows, index='solver', column=column, value=metric))}"
        for metric, heading in _HEADINGS.items()
    ]
    meaning = {"noise_mm": "mm of noise on each axis", "factor": "factors of an estimator's errors"}[column]
    return "\n\n".join([f"Columns are {meaning}.", *tables])


def _check(
    solvers: Mapping[str, common.Solver],
    levels_mm: Sequence[float],
    errors: JointErrors,
    filters: Mapping[str, Filter],
) -> None:
    if not levels_mm or min(levels_mm) < 0:
        raise ValueError(f"`levels_mm` must be millimetres, none below 0; got {tuple(levels_mm)}.")
    for name in filters:
        if errors.absent:
            raise ValueError(f"`absent` must be 0 where joints are filtered; got {errors.absent} and {name}.")
        if isinstance(solvers[name], WindowSolver):
            raise ValueError(f"`filters` must be for solvers of single frames; {name} sees time. Leave the filter out.")


class _SolverRunner:
    """Runs the solvers on one batch of measured frames after the other.

    Args:
        solvers: dict of name -> solver.
        filters: dict of name -> filter.
        random: `RandomErrors` of all measured frames.
        observe: `joint_errors.observe` of the protocol's settings.
        betas: one of `given_shape.BETAS`.
        windows: `WindowObserver` of the same, by the size of their windows; empty if nothing sees time.
        motion: `WindowObserver` of the frames that betas are found from; None if they are not.
    """

    def __init__(
        self,
        solvers: Mapping[str, common.Solver],
        filters: Mapping[str, Filter],
        random: RandomErrors,
        observe: Callable[..., Arrays],
        *,
        betas: str,
        windows: Mapping[int, WindowObserver],
        motion: WindowObserver | None,
    ) -> None:
        self._solvers, self._filters, self._random = solvers, filters, random
        self._observe, self._betas, self._windows, self._motion = observe, betas, windows, motion
        self._found: dict[float, np.ndarray] = {}
        self._compiled: dict[str, Callable[[Arrays], Arrays]] = {}

    def move_to(self, some: slice, truth: Arrays) -> None:
        """Takes up `some` of the measured frames, whose true bodies are `truth`."""
        self._truth, self._errors = truth, self._random.of(some)
        self._found.clear()
        for around in (*self._windows.values(), *([self._motion] if self._motion else [])):
            around.move_to(some, truth["betas"])

    def solve(self, name: str, level: float) -> Arrays:
        """The answer of the solver `name` to the measured frames, observed with errors of `level`."""
        solver = self._solvers[name]
        if isinstance(solver, WindowSolver):
            around = self._windows[solver.frames]
            windows = around.observe(level)
            find = functools.partial(self._found_betas, level, frames=True)
            windows["betas"] = given_shape.given_betas(windows["betas"], self._betas, find=find)
            return around.measured(self._answer(name, windows))
        seen = self._observe(self._truth, level, self._errors)
        find = functools.partial(self._found_betas, level)
        seen["betas"] = given_shape.given_betas(seen["betas"], self._betas, find=find)
        if name in self._filters:
            seen["joints"] = self._windows[FRAMES].filter(self._filters[name], level)
        return self._answer(name, seen)

    def _found_betas(self, level: float, *, frames: bool = False) -> np.ndarray:
        """The betas (N, B) that are found, the same for all solvers; (N, 1, B) for the `frames` of windows."""
        if level not in self._found:
            assert self._motion is not None
            self._found[level] = self._motion.found_betas(level)
        return self._found[level][:, None] if frames else self._found[level]

    def _answer(self, name: str, seen: Arrays) -> Arrays:
        if name not in self._compiled:
            self._compiled[name] = compile_solver(self._solvers[name], inputs=seen)
        return self._compiled[name](seen)


def _row(which: Row, scores: Sequence[Arrays]) -> Row:
    """One line of the table, `which` with its solver and level, from the per-frame scores of all batches."""
    means = {metric: float(np.concatenate([batch[metric] for batch in scores]).mean()) for metric in METRICS}
    return {**which, "frames": sum(len(batch["mpjpe"]) for batch in scores), **means}
