"""The denoising protocol: the error of a body that faces the front, of which noisy joints of SMPL-H are seen.

Every `stride`-th clip is cut to its first 60 frames; the rotation of the root is taken away, the pelvis stays at the
origin, and the body has the mean shape, which is given. The first 22 joints, those of SMPL-H without hands, have noise
of the same size along each axis; hands and tips are absent. The error is that of the 22 joints relative to joint 0.
The column `way` says what else is known:

- `root_sought`: nothing;
- `root_known`: rotation and place of the root, as in the published program, whose optimiser holds both; so the four
  joints that move with the root, itself, the hips and the lowest of the spine, are without noise.

Rows `joints`, of the way `input`, are the error of the noisy joints themselves. Source: Lu et al., DPoser, 2023, and
its `run/motion_denoising.py` for what it knows.
"""

import dataclasses
import os
from collections.abc import Mapping, Sequence

import numpy as np
import tqdm

from niki_tf import skeletons
from niki_tf.body import BodyData, BodyPoser
from niki_tf.evaluation import figures, metrics
from niki_tf.evaluation.filters import Filter
from niki_tf.evaluation.protocols import common, world_motion
from niki_tf.evaluation.protocols.common import Arrays
from niki_tf.evaluation.protocols.world_motion import OBSERVED, solved
from niki_tf.evaluation.tables import Row, pivot, text_table
from niki_tf.motion.clip import Clip
from niki_tf.solvers.solver import Solver

LEVELS_MM = (20, 40, 100)
"""Standard deviations of the noise along each axis, millimetres."""
NUM_OBSERVED = 22
"""Joints that are observed: the first of `skeletons.SMPL_29`."""
WAYS = ("root_sought", "root_known")
"""What is known of the root."""

_INPUT = "input"
_OF_ROOT = (0, *(joint for joint, parent in enumerate(skeletons.SMPL_24.parents) if parent == 0))
"""Joints whose place follows from the root's rotation and place."""


def denoising_rows(
    clips: Sequence[Clip],
    *,
    solvers: Mapping[str, Solver],
    body: BodyData,
    stride: int = 1,
    seed: int = 0,
    levels_mm: Sequence[float] = LEVELS_MM,
    filters: Mapping[str, Filter] | None = None,
    batch_size: int = 256,
    progress: bool = False,
) -> list[Row]:
    """The rows of the protocol; every solver is given the same noise.

    Args:
        clips: list of Clip; of every `stride`-th those of 60 frames or more are used.
        solvers: dict of name -> solver; the names go into the rows.
        body: BodyData that moves.
        stride: use every n-th clip.
        seed: of the noise.
        levels_mm: standard deviations of the noise along each axis, millimetres.
        filters: dict of name -> one of the values of `evaluation.FILTERS`, for the solvers whose joints are filtered.
        batch_size: not used: a clip is solved at a time.
        progress: show a progress bar.

    Returns:
        list of dicts: solver, way, noise_mm, frames, mpjpe, the mean over frames and the 22 joints, relative to joint
        0, and world_mpjpe, the same of joints as they stand, millimetres. The last rows are those of the noisy joints.

    Raises:
        ValueError: no clips of 60 frames, no solvers, one that needs the twist, or a number out of range.
        FloatingPointError: a solver gave numbers that are not finite.
    """
    common.check_arguments(clips, solvers, stride=stride, batch_size=batch_size)
    world_motion.check_no_twist(solvers)
    if not levels_mm or min(levels_mm) < 0:
        raise ValueError(f"`levels_mm` must be millimetres, none below 0; got {tuple(levels_mm)}.")
    poser, used = BodyPoser(body), common.long_clips(clips, stride=stride)
    noise = common.random_noise(len(used) * common.CLIP_FRAMES, seed=seed)
    noise = noise.reshape(len(used), common.CLIP_FRAMES, skeletons.NUM_JOINTS, 3)
    keys = [*((name, way) for name in solvers for way in WAYS), (OBSERVED, _INPUT)]
    errors: dict[tuple[str, str, float], list[np.ndarray]] = {(*key, level): [] for key in keys for level in levels_mm}
    with tqdm.tqdm(total=len(used) * len(errors), unit="clip", disable=not progress) as bar:
        for clip, unit in zip(used, noise, strict=True):
            truth = world_motion.true_motion(poser, _facing(clip), np.zeros(poser.num_betas, np.float32))
            for (name, way, level), of_clips in errors.items():
                joints = truth["joints"] + np.float32(level / 1000) * unit
                joints[:, NUM_OBSERVED:] = np.nan
                if name != OBSERVED:
                    function = (filters or {}).get(name)
                    joints = _answer(joints, truth, way, solvers[name], function)
                of_clips.append(_errors(joints, truth["joints"]))
                bar.update()
    return [_row(name, way, level, of_clips) for (name, way, level), of_clips in errors.items()]


def denoising_tables(rows: Sequence[Row]) -> str:
    """A text table for each alignment, a column for each level of noise."""
    lines = [{**row, "line": f"{row['solver']}, {row['way'].replace('_', ' ')}"} for row in rows]
    headings = {"mpjpe": "Relative to joint 0, mm", "world_mpjpe": "As they stand, mm"}
    tables = [
        f"{heading}\n{text_table(pivot(lines, index='line', column='noise_mm', value=metric))}"
        for metric, heading in headings.items()
    ]
    return "\n\n".join([f"Columns are mm of noise on each axis; MPJPE of {NUM_OBSERVED} joints.", *tables])


def denoising_figure(rows: Sequence[Row], path: str | os.PathLike, *, title: str) -> None:
    """Draws the errors of the solvers over the noise as a PNG."""
    answers = [row for row in rows if row["solver"] != OBSERVED]
    meaning = "noise on each axis, standard deviation (mm)"
    figures.level_figure(
        {"22 joints, relative to joint 0": answers}, path, level="noise_mm", meaning=meaning, title=title
    )


def _facing(clip: Clip) -> Clip:
    """The first 60 frames of a clip without the rotation and the way of the root."""
    poses = np.array(clip.poses[: common.CLIP_FRAMES])
    poses[:, 0] = 0.0
    return dataclasses.replace(clip, poses=poses, trans=np.zeros([len(poses), 3]), trans_convention="pelvis")


def _answer(joints: np.ndarray, truth: Arrays, way: str, solver: Solver, function: Filter | None) -> np.ndarray:
    """Joints (T, 29, 3) of the answer to noisy ones, metres."""
    known = None
    if way == "root_known":
        known = np.zeros_like(truth["rotations"])
        known[:, 0] = truth["rotations"][:, 0]
        joints = np.array(joints)
        joints[:, _OF_ROOT] = truth["joints"][:, _OF_ROOT]
    betas = truth["betas"]
    return solved(joints, betas=betas, solver=solver, known_rotations=known, function=function).joints()


def _errors(joints: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Errors (T, 2) of each frame relative to joint 0 and as they stand, millimetres."""
    joints, true = joints[:, :NUM_OBSERVED], true[:, :NUM_OBSERVED]
    return np.stack([metrics.root_aligned_mpjpe(joints, true), metrics.mpjpe(joints, true)], -1)


def _row(name: str, way: str, level: float, errors: Sequence[np.ndarray]) -> Row:
    of_frames = np.concatenate(errors)
    aligned, world = of_frames.mean(0)
    row = {"solver": name, "way": way, "noise_mm": level, "frames": len(of_frames)}
    return {**row, "mpjpe": float(aligned), "world_mpjpe": float(world)}
