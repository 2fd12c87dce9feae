"""The occlusion protocol: motion of people who are cut off and hidden for a while, as an estimator sees them.

Every clip is one person of random shape before a camera that stands anywhere around; its joints are observed as
`niki_tf.data.occluded_motion` says. Solvers that see time are given windows of the motion (`solvers.windows`), all
others single frames; all are told the sigma that the estimator reports and, if they use one, the twist of the joints
that are seen. Source: NIKI, supplementary material, sections C.2 and I, carried over from images to joints.
"""

import dataclasses
import zlib

import numpy as np
import tqdm

from niki_tf import rotations, skeletons
from niki_tf.body import BodyPoser
from niki_tf.evaluation import metrics
from niki_tf.evaluation.protocols import noise
from niki_tf.inference.graphs import compile_solver
from niki_tf.motion.observed_motion import ObservedMotion, local_rotations

ALIGNMENTS = {
    "14": skeletons.EVALUATION_14,
    "17": (*skeletons.EVALUATION_14, *(skeletons.SMPL_29.index(name) for name in ("pelvis", "spine2", "head"))),
}
"""Joints that PA-MPJPE is aligned by: the 14 that it goes over, or Human3.6M's 17, as in the published evaluation."""

_FEWEST_FRAMES = 3
_DISTANCES = ("mpjpe", "pa_mpjpe", "pve", "accel")


def xocc_rows(
    clips,
    *,
    solvers,
    body,
    occlude,
    smoothing=None,
    alignment="14",
    stride=1,
    seed=0,
    batch_size=256,
    twist=True,
    progress=False,
):
    """Runs the protocol; every solver is given the same bodies and the same observations.

    Args:
        clips: list of Clip; every `stride`-th is used.
        solvers: dict of name -> solver; the names go into the rows.
        body: BodyData that makes the joints and poses the answers.
        occlude: function (clip, joints, twist, seed=) -> dict of joints, joint_sigma, twist and hidden, such as
            `niki_tf.data.occluded_motion`; None observes everything as it is.
        smoothing: dict of name -> one of the values of `filters.FILTERS`, for the solvers whose joints are filtered.
        alignment: a key of ALIGNMENTS.
        stride: use every n-th clip.
        seed: of shapes, cameras and occlusions.
        batch_size: frames posed at a time.
        twist: tell the observed twist to the solvers that use one.
        progress: show a progress bar.

    Returns:
        list of dicts: solver, joints (all, visible or hidden), frames, and the means mpjpe, pa_mpjpe, pve (mm) and
        accel (mm/frame^2): MPJPE and ACCEL over SMPL's 24 joints and PVE over the vertices, root-aligned, PA-MPJPE
        over 14 joints. Where `joints` is visible or hidden, over those only; a vertex is what its heaviest joint is.
        The first row of a solver is that of all joints.

    Raises:
        ValueError: no clips, no solvers, a number out of range, a clip of fewer than three frames, or an unknown
            alignment.
        FloatingPointError: a solver gave numbers that are not finite.
    """
    noise.check(clips, solvers, stride=stride, batch_size=batch_size)
    if alignment not in ALIGNMENTS:
        raise ValueError(f"`alignment` must be one of {', '.join(ALIGNMENTS)}; got {alignment!r}.")
    clips = clips[::stride]
    if min(map(len, clips)) < _FEWEST_FRAMES:
        raise ValueError(f"`clips` must have {_FEWEST_FRAMES} frames or more for an acceleration; got a shorter one.")
    stage = _ClipRunner(body, occlude, seed, batch_size, twist)
    solve, smoothing = {}, smoothing or {}
    sums = {name: _Sums(stage.carriers, ALIGNMENTS[alignment]) for name in solvers}
    with tqdm.tqdm(total=len(solvers) * sum(map(len, clips)), unit="frame", disable=not progress) as bar:
        for clip in clips:
            truth, seen, hidden = stage.play(clip)
            for name, solver in solvers.items():
                if name not in solve:
                    solve[name] = compile_solver(solver, inputs=seen, motion=True)
                sums[name].add(stage.answered(solve[name], seen, clip, smoothing.get(name)), truth, hidden)
                bar.update(len(clip))
    frames = sum(map(len, clips))
    return [
        {"solver": name, "joints": which, "frames": frames, **means}
        for name, total in sums.items()
        for which, means in total.means()
    ]


@dataclasses.dataclass(frozen=True, eq=False)
class HardClip:
    """One clip of the protocol with the answers to it.

    Attributes:
        name: of the clip.
        scene: `ObservedMotion`, what was observed and the truth.
        answers: dict of solver's name -> local rotations (T, 24, 3, 3).
        accel: dict of solver's name -> acceleration error (T - 2,), mm/frame^2.
        hidden: (T, 29), which joints were hidden.
    """

    name: str
    scene: ObservedMotion
    answers: dict
    accel: dict
    hidden: np.ndarray


def hardest_clip(clips, *, solvers, body, occlude, smoothing=None, stride=1, seed=0, batch_size=256, twist=True):
    """The `HardClip` whose joints are hidden most, with the answers of all solvers; arguments as of `xocc_rows`."""
    stage = _ClipRunner(body, occlude, seed, batch_size, twist)
    clip = max(clips[::stride], key=lambda clip: stage.play(clip)[2].mean())
    truth, seen, hidden = stage.play(clip)
    answers, accel = {}, {}
    for name, solver in solvers.items():
        solve = compile_solver(solver, inputs=seen, motion=True)
        posed = stage.answered(solve, seen, clip, (smoothing or {}).get(name))
        answers[name] = posed["rotations"]
        accel[name] = metrics.accel_error(posed["joints"][:, :24], truth["joints"][:, :24])
    scene = ObservedMotion(seen["joints"], seen, clip.fps, truth["rotations"])
    return HardClip(clip.name, scene, answers, accel, hidden)


class _ClipRunner:
    """Poses the body by clips and by answers, a batch of frames at a time."""

    def __init__(self, body, occlude, seed, batch_size, twist):
        self.poser, self.occlude, self.seed, self.batch_size = BodyPoser(body), occlude, seed, batch_size
        self.twist, self.carriers = twist, np.argmax(body.lbs_weights, -1)

    def play(self, clip):
        """Truth, what solvers are given, and which joints are hidden (T, 29), of one clip."""
        own = zlib.crc32(clip.poses.tobytes())
        camera, shape = np.random.default_rng([self.seed, own]).spawn(2)
        local = rotations.rotvec_to_matrix(clip.poses)
        turn = rotations.rotvec_to_matrix(np.array([0.0, camera.uniform(0.0, 2.0 * np.pi), 0.0], np.float32))
        local = np.concatenate([turn @ local[:, :1], local[:, 1:]], 1)
        betas = np.zeros([len(clip), self.poser.num_betas], np.float32)
        betas[:, :10] = np.clip(shape.standard_normal(10), -noise.LARGEST_BETA, noise.LARGEST_BETA)[: betas.shape[1]]
        truth = self._batched(lambda some: self.poser.truth(local[some], betas=betas[some]), len(clip))
        if self.occlude is None:
            seen = {"joints": truth["joints"], "twist": truth["twist"], "hidden": np.zeros([len(clip), 29], bool)}
        else:
            seen = self.occlude(clip, truth["joints"], truth["twist"], seed=self.seed)
        hidden = seen.pop("hidden")
        if not self.twist:
            del seen["twist"]
        return truth, {**seen, "betas": betas}, hidden

    def answered(self, solve, seen, clip, smooth):
        """The body posed by a solver's answer: dict of rotations, joints and vertices; `smooth` may be None."""
        if smooth is not None:
            seen = {**seen, "joints": smooth(seen["joints"], fps=clip.fps).astype(np.float32)}
        local = local_rotations(solve(seen))
        if not np.isfinite(local).all():
            raise FloatingPointError(f"an answer to clip {clip.name} holds NaN or infinity. Are the weights whole?")
        betas = seen["betas"]
        posed = self._batched(lambda some: self.poser.pose(local[some], betas=betas[some]), len(clip))
        return {"rotations": local, **posed}

    def _batched(self, function, count):
        """Dictionaries that `function` gives for slices of `count` frames, put together."""
        parts = [function(slice(start, start + self.batch_size)) for start in range(0, count, self.batch_size)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


class _Sums:
    """Sums and counts of all distances of one solver, for all, visible and hidden points."""

    def __init__(self, carriers, aligned):
        self.carriers, self.aligned = carriers, list(aligned)
        self.sums = {which: dict.fromkeys(_DISTANCES, 0.0) for which in ("all", "visible", "hidden")}
        self.counts = {which: dict.fromkeys(_DISTANCES, 0) for which in self.sums}

    def add(self, posed, truth, hidden):
        """Adds one clip: joints and vertices with the root at the origin, and which joints are hidden (T, 29)."""
        scored = list(skeletons.EVALUATION_14)
        joints, true = posed["joints"], truth["joints"]
        aligned = metrics.similarity_aligned(joints[:, self.aligned], true[:, self.aligned])[:, : len(scored)]
        body, true_body = joints[:, :24], true[:, :24]
        for name, found, wanted, lost in (
            ("mpjpe", body, true_body, hidden[:, :24]),
            ("pa_mpjpe", aligned, true[:, scored], hidden[:, scored]),
            ("pve", posed["vertices"], truth["vertices"], hidden[:, self.carriers]),
            ("accel", np.diff(body, 2, axis=0), np.diff(true_body, 2, axis=0), hidden[1:-1, :24]),
        ):
            distance = 1000.0 * np.linalg.norm(found.astype(np.float64) - wanted, axis=-1)
            for which, chosen in (("all", np.ones_like(lost)), ("visible", ~lost), ("hidden", lost)):
                self.sums[which][name] += distance[chosen].sum()
                self.counts[which][name] += chosen.sum()

    def means(self):
        """Pairs of all, visible or hidden, and its means; those without any point are left out."""
        for which, sums in self.sums.items():
            counts = self.counts[which]
            if all(counts.values()):
                yield which, {name: float(sums[name] / counts[name]) for name in _DISTANCES}
