"""The gap protocol: the error of what was not seen for some frames, beside simple ways to fill it.

Every `stride`-th clip is cut into windows of 60 frames, one every 30; each is a motion of its own, on a body of random
shape. In its middle, for some frames, all 29 joints are absent, or only some: one, the end of a limb, a limb, half the
body. All other joints have noise of the same size along each axis; the true betas are given. The error is that of the
joints that are lost, in the frames in which they are, relative to joint 0: of the 24 that carry rotations where all are
lost, else of those of the 29 that are. The column `way` says what was done:

- `solver`: `niki_tf.solve` is given the joints, NaN where they are lost;
- `interpolated`: it is given joints that were filled before, on straight lines (`motion.gap_filling`);
- `slerp`: the rotations that place the lost joints come by slerp from the solved frames beside the gap, of which what
  is before it and what is after it are solved apart;
- `stream`: solved live, frame by frame (`inference.streaming`), by a solver that sees time;
- `held`: the same, but the rotations that place the lost joints stay as they were in the last frame before the gap.

The optimiser and solvers behind a filter need all joints: of them there is only `interpolated`.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tqdm

from niki_tf import contract, skeletons
from niki_tf.body import BodyData, BodyPoser
from niki_tf.evaluation import figures
from niki_tf.evaluation.filters import Filter
from niki_tf.evaluation.protocols import common, lost_joints, world_motion
from niki_tf.evaluation.protocols.common import Arrays, Stream
from niki_tf.evaluation.protocols.world_motion import solved
from niki_tf.evaluation.tables import Row, pivot, text_table
from niki_tf.inference import streaming
from niki_tf.motion import gap_filling
from niki_tf.motion.clip import Clip
from niki_tf.solvers.map_fit import MapFit
from niki_tf.solvers.solver import Solver
from niki_tf.solvers.window_solver import WindowSolver

GAPS = (4, 8, 14, 30)
"""Frames that are lost."""
NOISE_MM = 10.0
"""Standard deviation of the noise along each axis, millimetres."""
FRAMES, EVERY = 60, 30
"""Frames of a window, and from the beginning of one to that of the next."""
LONGEST = FRAMES - 2
"""Frames that can be lost, as one is seen before them and one after."""

_SIMPLE = {"solver": ("interpolated", "slerp"), "stream": ("held",)}
"""Way -> the simple ways that it is compared with."""


def gap_rows(
    clips: Sequence[Clip],
    *,
    solvers: Mapping[str, Solver],
    body: BodyData,
    stride: int = 1,
    seed: int = 0,
    gaps: Sequence[int] = GAPS,
    noise_mm: Sequence[float] = (NOISE_MM,),
    parts: Sequence[str] = ("all",),
    stream: bool = False,
    filters: Mapping[str, Filter] | None = None,
    batch_size: int = 256,
    progress: bool = False,
) -> list[Row]:
    """The rows of the protocol; every solver is given the same shapes, noise and losses.

    Args:
        clips: list of Clip; every `stride`-th is used.
        solvers: dict of name -> solver; the names go into the rows.
        body: BodyData that moves.
        stride: use every n-th clip.
        seed: of shapes, noise and of which joints are lost.
        gaps: frames that are lost, 1 to 58.
        noise_mm: standard deviations of the noise along each axis, millimetres.
        parts: what is lost, keys of `lost_joints.PARTS`.
        stream: measure live solving, too.
        filters: dict of name -> one of the values of `evaluation.FILTERS`, for the solvers whose joints are filtered.
        batch_size: windows that are solved live at a time.
        progress: show a progress bar.

    Returns:
        list of dicts: solver, way, lost, noise_mm, gap (frames), frames (how many were measured), and mpjpe, the mean
        over frames and lost joints, millimetres.

    Raises:
        ValueError: no clips of 60 frames, no solvers, one that needs the twist, or a number or name out of range.
        FloatingPointError: a solver gave numbers that are not finite.
    """
    common.check_arguments(clips, solvers, stride=stride, batch_size=batch_size)
    world_motion.check_no_twist(solvers)
    _check(gaps, noise_mm, parts)
    poser = BodyPoser(body)
    windows = list(_windows(common.long_clips(clips, stride=stride), poser, seed=seed))
    cases = [_Case(lost, noise, gap) for lost in parts for noise in noise_mm for gap in gaps]
    rows = []
    with tqdm.tqdm(total=len(cases) * len(solvers) * len(windows), unit="window", disable=not progress) as bar:
        for name, solver in solvers.items():
            run = _Run(solver, (filters or {}).get(name), poser, live=_Live(solver, batch_size) if stream else None)
            found = {case: run.errors(case, windows, bar.update) for case in cases}
            rows += [
                {"solver": name, "way": way, **case._asdict(), "frames": errors.size, "mpjpe": float(errors.mean())}
                for way in next(iter(found.values()))
                for case, errors in ((case, found[case][way]) for case in cases)
            ]
    return rows


def gap_tables(rows: Sequence[Row]) -> str:
    """For each loss and noise a text table of the errors, and one of them as a share of the better simple way's."""
    tables = []
    for (lost, noise), some in _cases(rows).items():
        lines = pivot(some, index="line", column="gap", value="mpjpe")
        tables.append(f"{_heading(lost, noise)}; columns are frames of the gap; MPJPE, mm\n{text_table(lines)}")
        shares = [{**row, "share": 100.0 * row["mpjpe"] / best} for row in some if (best := _best_simple(row, some))]
        if shares:
            shown = text_table(pivot(shares, index="line", column="gap", value="share"))
            tables.append(f"The same in % of the better simple way\n{shown}")
    return "\n\n".join(tables)


def gap_figure(rows: Sequence[Row], path: str | os.PathLike, *, title: str) -> None:
    """Draws the errors over the frames of the gap, a panel for each loss and noise, as a PNG."""
    panels = {_heading(lost, noise): some for (lost, noise), some in _cases(rows).items()}
    figures.level_figure(panels, path, level="gap", meaning="frames of the gap", title=title)


class _Case(NamedTuple):
    """What is lost of every window."""

    lost: str
    noise_mm: float
    gap: int


def _cases(rows: Sequence[Row]) -> dict[tuple[str, float], list[Row]]:
    """The rows of each loss and noise, with `line`, solver and way together."""
    cases: dict[tuple[str, float], list[Row]] = {}
    for row in rows:
        line = {**row, "line": f"{row['solver']}, {row['way']}"}
        cases.setdefault((row["lost"], row["noise_mm"]), []).append(line)
    return cases


def _heading(lost: str, noise: float) -> str:
    return f"Lost: {lost.replace('_', ' ')}, {noise:g} mm of noise"


def _best_simple(row: Row, rows: Sequence[Row]) -> float | None:
    """The least error of the simple ways that a row is compared with; None if there are none."""
    ways = _SIMPLE.get(row["way"], ())
    same = [other for other in rows if other["solver"] == row["solver"] and other["gap"] == row["gap"]]
    return min((other["mpjpe"] for other in same if other["way"] in ways), default=None)


def _check(gaps: Sequence[int], noise_mm: Sequence[float], parts: Sequence[str]) -> None:
    if not gaps or min(gaps) < 1 or max(gaps) > LONGEST:
        raise ValueError(f"`gaps` must be frames, 1 to {LONGEST}; got {tuple(gaps)}.")
    if not noise_mm or min(noise_mm) < 0:
        raise ValueError(f"`noise_mm` must be millimetres, none below 0; got {tuple(noise_mm)}.")
    unknown = [name for name in parts if name not in lost_joints.PARTS]
    if unknown or not parts:
        raise ValueError(f"`parts` must be of {', '.join(lost_joints.PARTS)}; got {', '.join(unknown) or 'none'}.")


class _Window(NamedTuple):
    """One motion of the protocol."""

    truth: Arrays
    """What `world_motion.true_motion` gives."""
    noise: np.ndarray
    """(60, 29, 3), standard normal."""
    draw: float
    """Uniform in [0, 1): which of the sets of joints is lost."""


def _windows(clips: Sequence[Clip], poser: BodyPoser, *, seed: int) -> Iterator[_Window]:
    places = [(clip, start) for clip in clips for start in range(0, len(clip) - FRAMES + 1, EVERY)]
    shapes = common.random_bodies(len(places), num_betas=poser.num_betas, seed=seed)
    noise = common.random_noise(len(places) * FRAMES, seed=seed).reshape(len(places), FRAMES, -1, 3)
    draws = common.random_stream(seed, Stream.LOST).uniform(size=len(places))
    for (clip, start), shape, unit, draw in zip(places, shapes, noise, draws, strict=True):
        frames = slice(start, start + FRAMES)
        yield _Window(world_motion.true_motion(poser, clip, shape, frames), unit, float(draw))


class _Seen(NamedTuple):
    """One window as it was observed."""

    joints: np.ndarray
    """(60, 29, 3) metres, NaN where lost."""
    betas: np.ndarray
    """(60, B)."""
    gap: slice
    """The frames in which joints are lost."""
    lost: np.ndarray
    """(29,) bool."""

    @property
    def known(self) -> np.ndarray:
        """Whether each rotation is known, (60, 24): not, in the gap, those that place the lost joints."""
        known = np.ones([FRAMES, skeletons.NUM_ROTATIONS], bool)
        known[self.gap] = ~lost_joints.turned_mask(self.lost)
        return known


def _seen(window: _Window, case: _Case) -> _Seen:
    joints = window.truth["joints"] + np.float32(case.noise_mm / 1000) * window.noise
    start, lost = (FRAMES - case.gap) // 2, lost_joints.lost_mask(case.lost, window.draw)
    gap = slice(start, start + case.gap)
    joints[gap, lost] = np.nan
    return _Seen(joints, window.truth["betas"], gap, lost)


class _Run:
    """The answers of one solver, in all ways."""

    def __init__(self, solver: Solver, function: Filter | None, poser: BodyPoser, *, live: "_Live | None") -> None:
        self._solver, self._function, self._poser = solver, function, poser
        self._live = live if isinstance(solver, WindowSolver) else None

    def errors(self, case: _Case, windows: Sequence[_Window], update: Callable[[], object]) -> dict[str, np.ndarray]:
        """Way -> the error of each lost frame of all windows, (N,), the mean over the lost joints, millimetres."""
        seen = [_seen(window, case) for window in windows]
        live = self._live(seen) if self._live else [None] * len(seen)
        found: dict[str, list[np.ndarray]] = {}
        for window, one, of_live in zip(windows, seen, live, strict=True):
            for way, local in self._answers(one, of_live).items():
                found.setdefault(way, []).append(self._error(local, window.truth, one))
            update()
        return {way: np.concatenate(of_windows) for way, of_windows in found.items()}

    def _answers(self, seen: _Seen, live: np.ndarray | None) -> dict[str, np.ndarray]:
        """Way -> local rotations (60, 24, 3, 3)."""
        filled, sigma = gap_filling.interpolate_joints(seen.joints, np.zeros(seen.joints.shape[:2]))
        interpolated = self._solve(filled, seen.betas)
        if self._function or isinstance(self._solver, MapFit):
            return {"interpolated": interpolated}
        local = self._solve(seen.joints, seen.betas)
        before, after = (
            self._solve(seen.joints[part], seen.betas[part])
            for part in (slice(seen.gap.start), slice(seen.gap.stop, None))
        )
        neighbours = np.array(local)
        neighbours[seen.gap.start - 1], neighbours[seen.gap.stop] = before[-1], after[0]
        answers = {
            "solver": local,
            "interpolated": interpolated,
            "slerp": gap_filling.slerp_rotations(neighbours, seen.known),
        }
        if live is None:
            return answers
        return {**answers, "stream": live, "held": np.where(seen.known[..., None, None], live, before[-1])}

    def _solve(self, joints: np.ndarray, betas: np.ndarray) -> np.ndarray:
        return solved(joints, betas=betas, solver=self._solver, function=self._function).rotations

    def _error(self, local: np.ndarray, truth: Arrays, seen: _Seen) -> np.ndarray:
        posed = self._poser.pose(local[seen.gap], betas=seen.betas[seen.gap])["joints"]
        distances = world_motion.distances_mm(posed, truth["joints"][seen.gap])
        scored = seen.lost & (np.arange(len(seen.lost)) < skeletons.NUM_ROTATIONS) if seen.lost.all() else seen.lost
        return distances[:, scored].mean(1)


class _Live:
    """Live solving of many windows at once, as if they were people.

    Args:
        solver: a `WindowSolver`.
        batch_size: people at a time.
    """

    def __init__(self, solver: Solver, batch_size: int) -> None:
        self._solver, self._batch_size = solver, batch_size
        self._push = tf.function(self._pushed, autograph=False, reduce_retracing=True)

    def __call__(self, seen: Sequence[_Seen]) -> list[np.ndarray]:
        """Local rotations (60, 24, 3, 3) of each window."""
        answers: list[np.ndarray] = []
        for some in common.batches(len(seen), self._batch_size):
            answers += list(self._solved(seen[some]))
        return answers

    def _pushed(self, state: streaming.State, inputs: Arrays) -> tuple[streaming.State, Arrays]:
        assert isinstance(self._solver, WindowSolver)
        return streaming.push(self._solver, state, inputs)

    def _solved(self, seen: Sequence[_Seen]) -> np.ndarray:
        """Local rotations (windows, 60, 24, 3, 3)."""
        assert isinstance(self._solver, WindowSolver)
        joints, betas = np.stack([one.joints for one in seen]), np.stack([one.betas for one in seen])
        absent = np.isnan(joints).any(-1)
        given = {"joints": np.nan_to_num(joints), "betas": betas, "joint_sigma": np.float32(skeletons.ABSENT) * absent}
        state, found = streaming.start(self._solver, people=len(seen)), []
        for frame in range(FRAMES):
            state, answer = self._push(state, {name: tf.constant(array[:, frame]) for name, array in given.items()})
            found.append(contract.local_rotations(answer))
        ended = contract.local_rotations(streaming.remaining(self._solver, state))
        return np.concatenate([np.stack(found[streaming.DELAY :], 1), ended], 1)
