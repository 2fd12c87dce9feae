"""The noise protocol: how the error of a solver grows with the noise of the joints it is given.

For every frame a random body shape, its true joints, and on all 29 of them, the root included, Gaussian noise of the
same size along each axis; then all is made relative to the (noisy) root. No sigma is given; the true twist is, unless
it is left out, to solvers that take one. Source: NIKI, supplementary material, section D and figure 5.
"""

import numpy as np
import tqdm

from niki_tf import rotations
from niki_tf.evaluation.named_solvers import compiled
from niki_tf.evaluation.scoring import METRICS, Scorer

LEVELS_MM = (0, 10, 20, 30, 50, 70, 100)
"""Standard deviations of the noise along each axis, millimetres."""

_LARGEST_BETA = 2.5


def noise_rows(
    clips, *, solvers, body, stride=1, seed=0, levels_mm=LEVELS_MM, batch_size=256, twist=True, progress=False
):
    """Runs the protocol; every solver is given the same shapes and the same noise, whatever the batch size.

    Args:
        clips: list of Clip. Every `stride`-th frame of all clips one after the other is used, so that short clips do
            not weigh more than long ones.
        solvers: dict of name -> solver; the names go into the rows.
        body: BodyData that makes the joints and poses the answers.
        stride: use every n-th frame.
        seed: of the shapes and the noise.
        levels_mm: standard deviations of the noise along each axis, millimetres.
        batch_size: frames at a time.
        twist: tell the true twist to the solvers that use one.
        progress: show a progress bar.

    Returns:
        list of dicts: solver, noise_mm, frames, and the means over the frames of mpjpe, pa_mpjpe, pve (millimetres)
        and rotation_deg (degrees); solver by solver, in the order given.

    Raises:
        ValueError: no clips, no solvers, a number out of range, or a solver that needs the twist and is not told.
        FloatingPointError: a solver gave numbers that are not finite.
    """
    check(clips, solvers, stride=stride, batch_size=batch_size)
    if not levels_mm or min(levels_mm) < 0:
        raise ValueError(f"`levels_mm` must be millimetres, none below 0; got {tuple(levels_mm)}.")
    scorer = Scorer(body)
    poses = chosen_poses(clips, stride=stride)
    betas, noise = draws(len(poses), num_betas=scorer.num_betas, seed=seed)
    contests = {(name, level): [] for name in solvers for level in levels_mm}
    first = observation(true_bodies(scorer, poses[:1], betas[:1]), noise=noise[:1], twist=twist)
    solve = {name: compiled(solver, inputs=first) for name, solver in solvers.items()}
    with tqdm.tqdm(total=len(poses) * len(contests), unit="frame", disable=not progress) as bar:
        for start in range(0, len(poses), batch_size):
            some = slice(start, start + batch_size)
            truth = true_bodies(scorer, poses[some], betas[some])
            for (name, level), scores in contests.items():
                answer = solve[name](observation(truth, noise=noise[some] * (level / 1000), twist=twist))
                scores.append(scorer.scores(answer, truth=truth))
                bar.update(len(truth["betas"]))
    return [_row(name, level, scores) for (name, level), scores in contests.items()]


def chosen_poses(clips, *, stride):
    """Rotation vectors (N, 24, 3), float32, of every `stride`-th frame of all clips one after the other."""
    return np.concatenate([clip.poses for clip in clips])[::stride].astype(np.float32)


def observation(truth, *, noise, twist=True):
    """What a solver is given: the true joints plus `noise` (N, 29, 3) metres, made root-relative; true betas, twist."""
    joints = truth["joints"] + noise
    told = {"twist": truth["twist"]} if twist else {}
    return {"joints": joints - joints[:, :1], "betas": truth["betas"], **told}


def true_bodies(scorer, poses, betas):
    """What `Scorer.truth` gives for rotation vectors `poses` (N, 24, 3) and `betas` (N, B)."""
    return scorer.truth(rotations.rotvec_to_matrix(poses), betas=betas)


def draws(frames, *, num_betas, seed):
    """Betas (frames, num_betas), the first ten N(0, 1) clipped to 2.5, and N(0, 1) noise (frames, 29, 3), float32."""
    shape_random, noise_random = np.random.default_rng(seed).spawn(2)
    drawn = np.clip(shape_random.standard_normal((frames, 10)), -_LARGEST_BETA, _LARGEST_BETA)
    betas = np.zeros((frames, num_betas), np.float32)
    betas[:, :10] = drawn[:, :num_betas]
    return betas, noise_random.standard_normal((frames, 29, 3), np.float32)


def _row(name, level, scores):
    """One line of the table from the per-frame scores of all batches."""
    means = {metric: float(np.concatenate([batch[metric] for batch in scores]).mean()) for metric in METRICS}
    return {"solver": name, "noise_mm": level, "frames": sum(len(batch["mpjpe"]) for batch in scores), **means}


def check(clips, solvers, *, stride, batch_size):
    """Raises ValueError for no clips, no solvers, or a number below 1; of every protocol on clips of motion."""
    if not clips:
        raise ValueError("`clips` must hold at least one clip; got none. Is the folder of motion the right one?")
    if not solvers:
        raise ValueError("`solvers` must name at least one solver; got none.")
    for name, number in (("stride", stride), ("batch_size", batch_size)):
        if number < 1:
            raise ValueError(f"`{name}` must be at least 1; got {number}.")
