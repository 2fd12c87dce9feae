"""The occlusion protocol: motion of people who are truncated and occluded for a while, as an estimator reports them.

Every clip is one person of random shape, turned to a camera at a random azimuth; its joints are observed by
`niki_tf.data.occluded_motion`, and given as they stand in the world, on the person's true path. Solvers that see time
are given overlapping windows of the motion (`niki_tf.inference.windows`), all others single frames. All are given the
sigma that the estimator reports and, if they use one, the twist of the joints that are visible. Source: NIKI,
supplementary material, sections C.2 and I, carried over from images to joints.
"""

import dataclasses
import functools
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tqdm

from niki_tf import contract, rotations, skeletons
from niki_tf.body import BodyData, BodyPoser
from niki_tf.evaluation import feet, metrics
from niki_tf.evaluation.filters import Filter
from niki_tf.evaluation.protocols import common, given_shape
from niki_tf.evaluation.protocols.common import Arrays
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

Occlude = Callable[..., Mapping[str, Any]]
"""A function (clip, joints, twist, seed=) -> dict of joints, root, joint_sigma, twist and hidden (T, 29), such as
`niki_tf.data.occluded_motion`."""
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
        occlude: see `Occlude`; None gives all joints without errors.
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
    clips, filters = clips[::stride], filters or {}
    if min(map(len, clips)) < _FEWEST_FRAMES:
        raise ValueError(f"`clips` must have {_FEWEST_FRAMES} frames or more for an acceleration; got a shorter one.")
    runner = _ClipRunner(body, occlude, seed=seed, batch_size=batch_size, twist=twist, betas=betas)
    heaviest = np.argmax(body.lbs_weights, -1)
    compiled: dict[str, Callable[[Arrays], Arrays]] = {}
    sums = {name: _Sums(heaviest, ALIGNMENTS[alignment]) for name in solvers}
    with tqdm.tqdm(total=len(solvers) * sum(map(len, clips)), unit="frame", disable=not progress) as bar:
        for clip in clips:
            observed = runner.observe(clip)
            for name, solver in solvers.items():
                if name not in compiled:
                    compiled[name] = compile_solver(solver, inputs=observed.inputs, motion=True)
                sums[name].add(runner.solve(compiled[name], observed, filters.get(name)), observed)
                bar.update(len(clip))
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
    runner = _ClipRunner(body, occlude, seed=seed, batch_size=batch_size, twist=twist, betas=betas)
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


@dataclasses.dataclass(frozen=True, eq=False)
class _ObservedClip:
    """One clip of the protocol: the truth and what solvers are given."""

    clip: Clip
    truth: Arrays
    """What `BodyPoser.truth` gives."""
    path: np.ndarray
    """(T, 3) metres, where joint 0 is in the world, to which the joints that solvers are given belong."""
    inputs: Arrays
    """What solvers are given."""
    hidden: np.ndarray
    """(T, 29), which joints are hidden."""


class _ClipRunner:
    """Observes clips and poses the answers to them, a batch of frames at a time."""

    def __init__(
        self, body: BodyData, occlude: Occlude | None, *, seed: int, batch_size: int, twist: bool, betas: str
    ) -> None:
        self._poser, self._occlude, self._seed, self._batch_size = BodyPoser(body), occlude, seed, batch_size
        self._twist, self._betas = twist, betas

    def observe(self, clip: Clip) -> _ObservedClip:
        """The clip as a camera at a random azimuth sees it, on a body of random shape."""
        camera, shape = np.random.default_rng([self._seed, zlib.crc32(clip.poses.tobytes())]).spawn(2)
        local = rotations.rotvec_to_matrix(clip.poses)
        turn = rotations.rotvec_to_matrix(np.array([0.0, camera.uniform(0.0, 2.0 * np.pi), 0.0], np.float32))
        local = np.concatenate([turn @ local[:, :1], local[:, 1:]], 1)
        betas = np.repeat(common.random_betas(shape, 1, num_betas=self._poser.num_betas), len(clip), 0)
        truth = self._batched(lambda some: self._poser.truth(local[some], betas=betas[some]), len(clip))
        path = (clip.trans - clip.trans[0]) @ turn.numpy().T
        if self._occlude is None:
            hidden = np.zeros([len(clip), skeletons.NUM_JOINTS], bool)
            inputs = {"joints": truth["joints"] + path[:, None], "twist": truth["twist"]}
        else:
            inputs = dict(self._occlude(clip, truth["joints"], truth["twist"], seed=self._seed))
            hidden = inputs.pop("hidden")
            inputs["joints"] = inputs["joints"] + (inputs.pop("root") + path)[:, None]
        if not self._twist:
            del inputs["twist"]
        find = functools.partial(given_shape.found_betas, inputs, self._poser.body_joints)
        inputs["betas"] = given_shape.given_betas(betas, self._betas, find=find)
        return _ObservedClip(clip, truth, path, inputs, hidden)

    def solve(
        self, solve: Callable[[Arrays], Mapping[str, Any]], observed: _ObservedClip, function: Filter | None
    ) -> Arrays:
        """The true body posed by the answer of `solve`: dict of rotations, joints, vertices and root.

        Joints and vertices have the root at the origin, `root` (T, 3) metres is its place in the world.

        Raises:
            FloatingPointError: the answer holds numbers that are not finite.
        """
        clip, inputs = observed.clip, observed.inputs
        if function is not None:
            inputs = {**inputs, "joints": function(inputs["joints"], fps=clip.fps).astype(np.float32)}
        answer = solve(inputs)
        local = contract.local_rotations(answer)
        root = answer["transl"] + self._poser.body_joints(inputs["betas"]).numpy()[:, 0]
        if not (np.isfinite(local).all() and np.isfinite(root).all()):
            raise FloatingPointError(f"an answer to clip {clip.name} holds NaN or infinity. Are the weights whole?")
        betas = observed.truth["betas"]
        posed = self._batched(lambda some: self._poser.pose(local[some], betas=betas[some]), len(clip))
        return {"rotations": local, "root": root, **posed}

    def _batched(self, function: Callable[[slice], Arrays], count: int) -> Arrays:
        """The dictionaries that `function` gives for slices of `count` frames, concatenated."""
        parts = [function(some) for some in common.batches(count, self._batch_size)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


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

    def add(self, posed: Arrays, observed: _ObservedClip) -> None:
        """Adds one clip: what `_ClipRunner.solve` gave."""
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

    def _add_feet(self, posed: Arrays, observed: _ObservedClip) -> None:
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
