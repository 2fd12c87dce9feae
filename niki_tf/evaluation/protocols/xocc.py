"""The occlusion protocol: motion of people who are truncated and occluded for a while, as an estimator reports them.

Every clip is one person of random shape, turned to a camera at a random azimuth; its joints are observed by
`niki_tf.data.occluded_motion`, and given as they stand in the world, on the person's true path. Solvers that see time
are given overlapping windows of the motion (`niki_tf.inference.windows`), all others single frames. All are given the
sigma that the estimator reports and, if they use one, the twist of the joints that are visible. Source: NIKI,
supplementary material, sections C.2 and I, carried over from images to joints.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from niki_tf import skeletons
from niki_tf.body import BodyData
from niki_tf.evaluation import feet, metrics
from niki_tf.evaluation.filters import Filter
from niki_tf.evaluation.protocols import common, given_shape
from niki_tf.evaluation.protocols.common import Arrays
from niki_tf.evaluation.protocols.occluded_clips import ClipRunner, ObservedClip, Occlude, solved_clips
from niki_tf.evaluation.tables import Row, text_table
from niki_tf.inference.graphs import compile_solver
from niki_tf.motion.clip import Clip
from niki_tf.motion.observed_motion import ObservedMotion

ALIGNMENTS = {
    "14": skeletons.EVALUATION_14,
    "17": (*skeletons.EVALUATION_14, *(skeletons.SMPL_29.index(name) for name in ("pelvis", "spine2", "head"))),
}
"""Joints that PA-MPJPE is aligned by: the 14 that it is the mean of, or Human3.6M's 17, as in the published code."""

_FEWEST_FRAMES = 3
"""An acceleration needs three frames."""
_DISTANCES = ("mpjpe", "pa_mpjpe", "pve", "accel")

_FEET = ("foot_speed", "true_foot_speed", "sliding_percent", "penetration_mm")


def xocc_rows(
    clips: Sequence[Clip],
    *,
    solvers: Mapping[str, common.Solver],
    body: BodyData,
    occlude: Occlude | None,
    filters: Mapping[str, Filter] | None = None,
    alignment: str = "14",
    stride: int = 1,
    seed: int = 0,
    batch_size: int = 256,
    twist: bool = True,
    betas: str = "true",
    progress: bool = False,
) -> list[Row]:
    """The rows of the protocol; every solver is given the same bodies and the same observations.

    Args:
        clips: list of Clip; every `stride`-th is used.
        solvers: dict of name -> solver; the names go into the rows.
        body: BodyData that makes the joints and poses the answers.
        occlude: see `occluded_clips.Occlude`; None gives all joints without errors.
        filters: dict of name -> one of the values of `evaluation.FILTERS`, for the solvers whose joints are filtered.
        alignment: a key of ALIGNMENTS.
        stride: use every n-th clip.
        seed: of shapes, cameras and occlusions.
        batch_size: frames posed at a time.
        twist: give the observed twist to the solvers that use one.
        betas: one of `given_shape.BETAS`; found from the whole clip, before a filter. Answers are posed with the true
            ones either way.
        progress: show a progress bar.

    Returns:
        list of dicts: solver, joints (all, visible or hidden), frames, and the means mpjpe, pa_mpjpe, pve (mm) and
        accel (mm/frame^2): MPJPE and ACCEL over SMPL's 24 joints and PVE over the vertices, root-aligned, PA-MPJPE
        over 14 joints. Where `joints` is visible or hidden, over those only; a vertex counts as the joint of its
        largest skinning weight. The first row of a solver is that of all joints. It alone has, of the body in the
        world, what `feet.foot_columns` gives, metres a second and percent, and the mean of `feet.penetration_mm`; the
        others have None there.

    Raises:
        ValueError: no clips, no solvers, a number out of range, a clip of fewer than three frames, or an unknown
            alignment.
        FloatingPointError: a solver gave numbers that are not finite.
    """
    common.check_arguments(clips, solvers, stride=stride, batch_size=batch_size)
    if alignment not in ALIGNMENTS:
        raise ValueError(f"`alignment` must be one of {', '.join(ALIGNMENTS)}; got {alignment!r}.")
    given_shape.check_betas(betas)
    clips = clips[::stride]
    if min(map(len, clips)) < _FEWEST_FRAMES:
        raise ValueError(f"`clips` must have {_FEWEST_FRAMES} frames or more for an acceleration; got a shorter one.")
    runner = ClipRunner(body, occlude, seed=seed, batch_size=batch_size, twist=twist, betas=betas)
    heaviest = np.argmax(body.lbs_weights, -1)
    sums = {name: _Sums(heaviest, ALIGNMENTS[alignment]) for name in solvers}
    for observed, name, posed in solved_clips(
        clips, solvers=solvers, runner=runner, filters=filters, progress=progress
    ):
        sums[name].add(posed, observed)
    frames = sum(map(len, clips))
    return [
        {"solver": name, "joints": which, "frames": frames, **means}
        for name, total in sums.items()
        for which, means in total.means()
    ]


def xocc_tables(rows: Sequence[Row]) -> str:
    """The rows as a text table of distances, and one of feet where there are planted ones."""
    units = "MPJPE, PA-MPJPE, PVE in mm, ACCEL in mm/frame^2"
    distances = [{key: row[key] for key in ("solver", "joints", *_DISTANCES)} for row in rows]
    tables = [f"{units}\n{text_table(distances)}"]
    of_feet = [{key: row[key] for key in ("solver", *_FEET)} for row in rows if row["foot_speed"] is not None]
    if of_feet:
        heading = "Planted feet: speed, m/s, and share that slides, %; depth of the body under the ground, mm"
        tables.append(f"{heading}\n{text_table(of_feet, decimals=3)}")
    return "\n\n".join(tables)


@dataclasses.dataclass(frozen=True, eq=False)
class HardClip:
    """One clip of the protocol with the answers to it."""

    name: str
    """Name of the clip."""
    observed: ObservedMotion
    """The joints that were observed, and the truth."""
    answers: dict[str, np.ndarray]
    """Solver's name -> local rotations (T, 24, 3, 3)."""
    accel: dict[str, np.ndarray]
    """Solver's name -> acceleration error (T - 2,), mm/frame^2."""
    hidden: np.ndarray
    """(T, 29), which joints were hidden."""


def hardest_clip(
    clips: Sequence[Clip],
    *,
    solvers: Mapping[str, common.Solver],
    body: BodyData,
    occlude: Occlude | None,
    filters: Mapping[str, Filter] | None = None,
    stride: int = 1,
    seed: int = 0,
    batch_size: int = 256,
    twist: bool = True,
    betas: str = "true",
) -> HardClip:
    """The `HardClip` with the largest share of hidden joints and all answers to it; arguments as of `xocc_rows`."""
    runner = ClipRunner(body, occlude, seed=seed, batch_size=batch_size, twist=twist, betas=betas)
    clip = max(clips[::stride], key=lambda clip: runner.observe(clip).hidden.mean())
    observed, joints = runner.observe(clip), slice(skeletons.NUM_ROTATIONS)
    inputs, truth = observed.inputs, observed.truth
    answers, accel = {}, {}
    for name, solver in solvers.items():
        solve = compile_solver(solver, inputs=inputs, motion=True)
        posed = runner.solve(solve, observed, (filters or {}).get(name))
        answers[name] = posed["rotations"]
        accel[name] = metrics.accel_error(posed["joints"][:, joints], truth["joints"][:, joints])
    inputs = {**inputs, "joints": inputs["joints"] - inputs["joints"][:, :1]}
    motion = ObservedMotion(inputs["joints"], inputs, clip.fps, truth["rotations"])
    return HardClip(clip.name, motion, answers, accel, observed.hidden)


class _Sums:
    """Sums and counts of all distances of one solver, for all, visible and hidden points.

    Args:
        heaviest: (V,) the joint of the largest skinning weight of each vertex.
        aligned: joints that PA-MPJPE is aligned by, `EVALUATION_14` first.
    """

    def __init__(self, heaviest: np.ndarray, aligned: Sequence[int]) -> None:
        self._heaviest, self._aligned = heaviest, list(aligned)
        self._sums = {which: dict.fromkeys(_DISTANCES, 0.0) for which in ("all", "visible", "hidden")}
        self._counts = {which: dict.fromkeys(_DISTANCES, 0) for which in self._sums}
        self._speeds: list[np.ndarray] = []
        self._depths: list[np.ndarray] = []

    def add(self, posed: Arrays, observed: ObservedClip) -> None:
        """Adds one clip: what `ClipRunner.solve` gave."""
        self._add_feet(posed, observed)
        scored, body = list(skeletons.EVALUATION_14), slice(skeletons.NUM_ROTATIONS)
        joints, true, hidden = posed["joints"], observed.truth["joints"], observed.hidden
        aligned = metrics.similarity_aligned(joints[:, self._aligned], true[:, self._aligned])[:, : len(scored)]
        for name, found, wanted, lost in (
            ("mpjpe", joints[:, body], true[:, body], hidden[:, body]),
            ("pa_mpjpe", aligned, true[:, scored], hidden[:, scored]),
            ("pve", posed["vertices"], observed.truth["vertices"], hidden[:, self._heaviest]),
            ("accel", np.diff(joints[:, body], 2, axis=0), np.diff(true[:, body], 2, axis=0), hidden[1:-1, body]),
        ):
            distance = 1000.0 * np.linalg.norm(found.astype(np.float64) - wanted, axis=-1)
            for which, chosen in (("all", np.ones_like(lost)), ("visible", ~lost), ("hidden", lost)):
                self._sums[which][name] += distance[chosen].sum()
                self._counts[which][name] += chosen.sum()

    def _add_feet(self, posed: Arrays, observed: ObservedClip) -> None:
        found, true = (
            {name: body[name] + root[:, None] for name in ("joints", "vertices")}
            for body, root in ((posed, posed["root"]), (observed.truth, observed.path))
        )
        self._speeds.append(feet.planted_speeds(found["joints"], true["joints"], fps=observed.clip.fps))
        self._depths.append(feet.penetration_mm(found["vertices"], true["vertices"]))

    def means(self) -> Iterator[tuple[str, Row]]:
        """Pairs of all, visible or hidden, and its means; those without any point are left out."""
        of_feet = {**feet.foot_columns(self._speeds), "penetration_mm": float(np.concatenate(self._depths).mean())}
        for which, sums in self._sums.items():
            counts = self._counts[which]
            if all(counts.values()):
                means = {name: float(sums[name] / counts[name]) for name in _DISTANCES}
                yield which, {**means, **(of_feet if which == "all" else dict.fromkeys(_FEET))}
