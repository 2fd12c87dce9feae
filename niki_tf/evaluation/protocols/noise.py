"""The noise protocol: how the error of a solver grows with the noise of the joints it is given.

For every frame a random body shape, its true joints, and on all 29 of them, the root included, Gaussian noise of the
same size along each axis; then all is made relative to the (noisy) root. No sigma is given; the true twist is, unless
it is left out, to solvers that take one. Source: NIKI, supplementary material, section D and figure 5.

Solvers that see time, and filters in front of others, are given the frames around as well, 16 in all, on the same body
with errors of their own; scored is the same frame, with the same errors, as for everybody else.

Two variants, which can be combined, are asked for by `JointErrors`. The errors can be those of an estimator, whose size
depends on joint and axis, at 0.5, 1 and 1.5 times their usual size: the column `factor`, in place of `noise_mm`, where
1 is 30 mm on each axis as a root mean square over all joints. And joints can be absent.
"""

import collections.abc
import dataclasses
import types

import numpy as np
import tqdm

from niki_tf import rotations, skeletons
from niki_tf.body import BodyPoser
from niki_tf.evaluation.protocols import frame_windows
from niki_tf.evaluation.scoring import METRICS, pose_errors
from niki_tf.inference.graphs import compile_solver
from niki_tf.solvers.window_solver import WindowSolver

LEVELS_MM = (0, 10, 20, 30, 50, 70, 100)
"""Standard deviations of the noise along each axis, millimetres."""

FACTORS = (0.5, 1, 1.5)
"""Common factors of an estimator's errors, from the least to the largest that its recipe draws."""

LARGEST_BETA = 2.5
"""Shape coefficients of random bodies are N(0, 1), clipped here."""


@dataclasses.dataclass(frozen=True)
class JointErrors:
    """What is done to the true joints before a solver is given them.

    Attributes:
        estimate: None for noise of the same size along each axis of each joint; or an estimator's recipe, a function
            (draws, joints) -> joints, sigma, such as `niki_tf.data.estimate`.
        sigma: tell solvers the sigma that `estimate` reports.
        absent: probability that a joint of a frame is absent. It is given as (0, 0, 0) with the sigma
            `niki_tf.skeletons.ABSENT`; without joint 0 the others are relative to the mean of those present.

    Raises:
        ValueError: `sigma` without `estimate`, or `absent` not in [0, 1).
    """

    estimate: collections.abc.Callable | None = None
    sigma: bool = False
    absent: float = 0.0

    def __post_init__(self):
        if self.sigma and self.estimate is None:
            raise ValueError("`sigma` can be told of an estimator's errors only; got isotropic noise. Leave it out.")
        if not 0.0 <= self.absent < 1.0:
            raise ValueError(f"`absent` must be a probability of at least 0 and below 1; got {self.absent}.")


ISOTROPIC = JointErrors()
"""The paper's: noise alone, the same on every joint and axis."""


def noise_rows(
    clips,
    *,
    solvers,
    body,
    stride=1,
    seed=0,
    levels_mm=LEVELS_MM,
    errors=ISOTROPIC,
    smoothing=None,
    batch_size=256,
    twist=True,
    progress=False,
):
    """Runs the protocol; every solver is given the same shapes and the same errors, whatever the batch size.

    Args:
        clips: list of Clip. Every `stride`-th frame of all clips one after the other is used, so that short clips do
            not weigh more than long ones.
        solvers: dict of name -> solver; the names go into the rows.
        body: BodyData that makes the joints and poses the answers.
        stride: use every n-th frame.
        seed: of the shapes and the errors.
        levels_mm: standard deviations of isotropic noise along each axis, millimetres; not used with an estimator's
            errors, which come at FACTORS.
        errors: `JointErrors`, what is done to the joints.
        smoothing: dict of name -> one of the values of `filters.FILTERS`, for the solvers whose joints are filtered.
        batch_size: frames at a time.
        twist: tell the true twist to the solvers that use one.
        progress: show a progress bar.

    Returns:
        list of dicts: solver, noise_mm (or factor, of an estimator's errors), frames, and the means over the frames of
        mpjpe, pa_mpjpe, pve (millimetres) and rotation_deg (degrees); solver by solver, in the order given.

    Raises:
        ValueError: no clips, no solvers, a number out of range, a solver that needs the twist and is not told, or a
            filter where joints are absent or of a solver that sees time.
        FloatingPointError: a solver gave numbers that are not finite.
    """
    check(clips, solvers, stride=stride, batch_size=batch_size)
    if not levels_mm or min(levels_mm) < 0:
        raise ValueError(f"`levels_mm` must be millimetres, none below 0; got {tuple(levels_mm)}.")
    over_time = {name for name, solver in solvers.items() if isinstance(solver, WindowSolver)}
    smoothing = smoothing or {}
    for name in smoothing:
        if errors.absent:
            raise ValueError(f"`absent` must be 0 where joints are filtered; got {errors.absent} and {name}.")
        if name in over_time:
            raise ValueError(
                f"`smoothing` must be of solvers of single frames; {name} sees time. Take the filter away."
            )
    poser = BodyPoser(body)
    poses = strided_poses(clips, stride=stride)
    betas, noise = draws(len(poses), num_betas=poser.num_betas, seed=seed)
    drawn = _Drawn(noise, *_further_random_numbers(len(poses), seed=seed))
    column, levels = ("noise_mm", levels_mm) if errors.estimate is None else ("factor", FACTORS)
    contests = {(name, level): [] for name in solvers for level in levels}
    around = _WindowObserver(clips, poser.body_joints, drawn, stride, seed) if over_time or smoothing else None
    solve = {}
    with tqdm.tqdm(total=len(poses) * len(contests), unit="frame", disable=not progress) as bar:
        for start in range(0, len(poses), batch_size):
            some = slice(start, start + batch_size)
            truth, own = true_bodies(poser, poses[some], betas[some]), drawn.of(some)
            if around:
                around.move_to(some, betas[some])
            for (name, level), scores in contests.items():
                if name in over_time:
                    seen = around.observed(level, errors)
                else:
                    seen = _observed(truth, level, own, errors, twist=twist)
                if name in smoothing:
                    seen["joints"] = around.filtered(smoothing[name], level, errors)
                if name not in solve:
                    solve[name] = compile_solver(solvers[name], inputs=seen)
                answer = solve[name](seen)
                answer = around.measured(answer) if name in over_time else answer
                scores.append(pose_errors(answer, truth=truth, poser=poser))
                bar.update(len(truth["betas"]))
    return [_row({"solver": name, column: level}, scores) for (name, level), scores in contests.items()]


class _WindowObserver:
    """The windows about the measured frames, one batch of them after the other."""

    def __init__(self, clips, body_joints, drawn, stride, seed):
        self._fps = clips[0].fps
        self._poses = strided_poses(clips, stride=1)
        self._all = frame_windows.frame_windows_of([len(clip) for clip in clips], stride=stride)
        self._drawn, self._joints = drawn.around(self._all, seed=seed), frame_windows.posed_joints(body_joints)

    def move_to(self, some, betas):
        """Takes up `some` of the measured frames, on bodies of `betas` (N, B)."""
        self._here, self._own = self._all.of(some), self._drawn.of(some)
        joints = self._joints(self._poses[self._here.frames], betas).numpy()
        self._truth = {"joints": joints, "betas": np.repeat(betas[:, None], joints.shape[1], 1)}

    def observed(self, level, errors):
        """What a solver that sees time is given: windows (N, T, ...), without a twist."""
        seen = _observed(self._truth, level, self._own, errors, twist=False)
        return {**seen, "frame_mask": self._here.present}

    def measured(self, answer):
        """The measured frames' part of an answer to windows."""
        return {name: self._here.measured(value) for name, value in answer.items()}

    def filtered(self, smooth, level, errors):
        """Joints (N, 29, 3) of the measured frames, each filtered within its window."""
        windows = self.observed(level, errors)["joints"]
        found = [
            smooth(window[: int(present.sum())], fps=self._fps)[middle]
            for window, present, middle in zip(windows, self._here.present, self._here.middle, strict=True)
        ]
        return np.stack(found).astype(np.float32)


def strided_poses(clips, *, stride):
    """Rotation vectors (N, 24, 3), float32, of every `stride`-th frame of all clips one after the other."""
    return np.concatenate([clip.poses for clip in clips])[::stride].astype(np.float32)


def observation(truth, *, noise, twist=True):
    """What a solver is given: true joints plus `noise` (..., 29, 3) metres, made root-relative; true betas, twist."""
    joints = truth["joints"] + noise
    told = {"twist": truth["twist"]} if twist else {}
    return {"joints": joints - joints[..., :1, :], "betas": truth["betas"], **told}


def _observed(truth, level, drawn, errors, *, twist):
    """What a solver is given at one level: millimetres, or the factor of an estimator's errors."""
    if errors.estimate is None:
        seen = observation(truth, noise=drawn.noise * (level / 1000), twist=twist)
    else:
        joints, sigma = errors.estimate(drawn.for_estimator(level), truth["joints"])
        seen = observation(truth, noise=np.asarray(joints) - truth["joints"], twist=twist)
        seen |= {"joint_sigma": np.asarray(sigma)} if errors.sigma else {}
    return _without(seen, drawn.absent < errors.absent) if errors.absent else seen


def _without(seen, absent):
    """The observation without the joints that are `absent` (..., 29): zeros, and a sigma that says so."""
    present = ~absent[..., None]
    mean = np.sum(seen["joints"] * present, -2, keepdims=True) / np.maximum(present.sum(-2, keepdims=True), 1)
    # Relative to joint 0, the others would tell where it is.
    joints = seen["joints"] - np.where(absent[..., :1, None], mean, 0.0)
    sigma = np.where(absent, skeletons.ABSENT, seen.get("joint_sigma", 0.0))
    return {**seen, "joints": (joints * present).astype(np.float32), "joint_sigma": sigma.astype(np.float32)}


def true_bodies(poser, poses, betas):
    """What `BodyPoser.truth` gives for rotation vectors `poses` (N, 24, 3) and `betas` (N, B)."""
    return poser.truth(rotations.rotvec_to_matrix(poses), betas=betas)


def draws(frames, *, num_betas, seed):
    """Betas (frames, num_betas), the first ten N(0, 1) clipped to 2.5, and N(0, 1) noise (frames, 29, 3), float32."""
    shape_random, noise_random = np.random.default_rng(seed).spawn(2)
    drawn = np.clip(shape_random.standard_normal((frames, 10)), -LARGEST_BETA, LARGEST_BETA)
    betas = np.zeros((frames, num_betas), np.float32)
    betas[:, :10] = drawn[:, :num_betas]
    return betas, noise_random.standard_normal((frames, 29, 3), np.float32)


def _further_random_numbers(frames, *, seed):
    """Uniform numbers (frames, 29) and (frames, 1, 1) and normal ones (frames, 29), float32; see `_Drawn`."""
    # The first three streams are those of `draws` and of the error-score protocol.
    absent_random, scale_random, sigma_random = np.random.default_rng(seed).spawn(6)[3:]
    absent, scale = absent_random.random((frames, 29), np.float32), scale_random.random((frames, 1, 1), np.float32)
    return absent, scale, sigma_random.standard_normal((frames, 29), np.float32)


@dataclasses.dataclass(frozen=True)
class _Drawn:
    """Random numbers of some frames, or of windows about them, the same for all solvers and levels.

    Attributes:
        noise: (N, 29, 3) or (N, T, 29, 3), standard normal.
        absent: (N, 29) or (N, T, 29), uniform; a joint is absent where it is below the probability.
        scale: (N, 1, 1) or (N, 1, 1, 1), uniform, for the size of an estimator's body.
        sigma: (N, 29) or (N, T, 29), standard normal, for the sigma that an estimator reports.
    """

    noise: np.ndarray
    absent: np.ndarray
    scale: np.ndarray
    sigma: np.ndarray

    def of(self, some):
        """Those of `some` frames."""
        return _Drawn(self.noise[some], self.absent[some], self.scale[some], self.sigma[some])

    def around(self, windows, *, seed):
        """Those of the windows of a `FrameWindows`, in which the measured frames keep theirs."""
        random = np.random.default_rng(seed).spawn(7)[6]
        size, places = windows.frames.shape, (np.arange(len(windows.middle)), windows.middle)
        noise, sigma = (random.standard_normal((*size, *shape), np.float32) for shape in ((29, 3), (29,)))
        absent = random.random((*size, 29), np.float32)
        for of_all, of_measured in ((noise, self.noise), (absent, self.absent), (sigma, self.sigma)):
            of_all[places] = of_measured
        return _Drawn(noise, absent, self.scale[:, None], sigma)

    def for_estimator(self, factor):
        """The `draws` of an estimator's recipe, which asks once for each shape; its factor is set instead of drawn."""
        share = (factor - FACTORS[0]) / (FACTORS[-1] - FACTORS[0])
        place = np.full(self.scale.shape[:-1], share, np.float32)
        uniform = {values.shape[1:]: values for values in (place, self.scale)}
        normal = {values.shape[1:]: values for values in (self.noise, self.sigma)}
        return types.SimpleNamespace(
            uniform=lambda *shape: uniform[shape],
            normal=lambda *shape: normal[shape],
        )


def _row(which, scores):
    """One line of the table, `which` with its solver and level, from the per-frame scores of all batches."""
    means = {metric: float(np.concatenate([batch[metric] for batch in scores]).mean()) for metric in METRICS}
    return {**which, "frames": sum(len(batch["mpjpe"]) for batch in scores), **means}


def check(clips, solvers, *, stride, batch_size):
    """Raises ValueError for no clips, no solvers, or a number below 1; of every protocol on clips of motion."""
    if not clips:
        raise ValueError("`clips` must hold at least one clip; got none. Is the folder of motion the right one?")
    if not solvers:
        raise ValueError("`solvers` must name at least one solver; got none.")
    for name, number in (("stride", stride), ("batch_size", batch_size)):
        if number < 1:
            raise ValueError(f"`{name}` must be at least 1; got {number}.")
