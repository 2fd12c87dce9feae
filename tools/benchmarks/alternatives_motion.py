"""The motion that alternatives.py measures on: its truth, what is seen of it, and errors of answers.

Arrays are (S, T, ...): S motions of T frames, each of a body of its own; single frames are motions of one.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from niki_tf import body, rotations, skeletons
from niki_tf.evaluation import metrics
from niki_tf.evaluation.protocols import common
from niki_tf.fitting import trunk_frame
from niki_tf.motion import Clip

Arrays = dict[str, np.ndarray]


def single_frames(clips: Sequence[Clip], count: int) -> Arrays:
    """The truth of so many frames, spread evenly over all clips, as motions of one frame; see `_truth`."""
    poses = np.concatenate([clip.poses for clip in clips])
    if count > len(poses):
        raise ValueError(f"`frames` must be at most those of the clips, {len(poses)}; got {count}.")
    return _truth(poses[((np.arange(count) + 0.5) * len(poses) / count).astype(int)][:, None])


def motions(clips: Sequence[Clip], count: int, length: int) -> Arrays:
    """The truth of so many motions from the middle of clips that are spread evenly over all; see `_truth`."""
    long = [clip.poses for clip in clips if len(clip) >= length]
    if len(long) < count:
        raise ValueError(f"`motions` must be at most the clips of {length} frames, {len(long)}; got {count}.")
    chosen = [long[place] for place in ((np.arange(count) + 0.5) * len(long) / count).astype(int)]
    return _truth(np.stack([poses[(len(poses) - length) // 2 :][:length] for poses in chosen]))


def _truth(poses: np.ndarray) -> Arrays:
    """What `BodyPoser.truth` gives, but (S, T, ...), of rotation vectors (S, T, 24, 3); betas (S, B) of S bodies."""
    poser = body.BodyPoser(body.mannequin())
    betas = common.random_bodies(len(poses), num_betas=poser.num_betas, seed=0)
    matrices = rotations.rotvec_to_matrix(poses.astype(np.float32)).numpy()
    truth = [poser.truth(some, betas=np.tile(own, [len(some), 1])) for some, own in zip(matrices, betas, strict=True)]
    stacked = {name: np.stack([one[name] for one in truth]) for name in ("rotations", "joints", "vertices")}
    return {**stacked, "betas": betas}


def observe(truth: Arrays, level: int) -> Arrays:
    """What is seen: joints (S, T, 29, 3) with noise of `level` mm on each axis, and the true betas (S, B).

    `turns` (S, 1, 3, 3) is the frame of the trunk in the first frame of each motion.
    """
    noise = np.random.default_rng(0).standard_normal(truth["joints"].shape)
    joints = (truth["joints"] + level / 1000 * noise).astype(np.float32)
    rest = np.broadcast_to(body.mannequin_joints().joints.astype(np.float32), joints.shape)
    seen = (joints, rest, np.zeros(joints.shape[:-1], np.float32))
    turns, _ = trunk_frame.trunk_frame(*(tf.constant(array[:, :1]) for array in seen))
    return {"joints": joints, "betas": truth["betas"], "turns": turns.numpy()}


def errors(answers: dict[int, np.ndarray], truth: Arrays) -> dict[str, Any]:
    """Columns: MPJPE of the 24 joints and rotation error of the frames that have not failed, by noise.

    Args:
        answers: noise in mm -> local rotations (S, T, 24, 3, 3), NaN where it failed.
        truth: what `single_frames` or `motions` gave.
    """
    poser, frames = body.BodyPoser(body.mannequin()), truth["rotations"].shape[:2]
    betas = np.repeat(truth["betas"], frames[1], 0)
    true, true_joints = (truth[name].reshape(-1, *truth[name].shape[2:]) for name in ("rotations", "joints"))
    mpjpe, degrees, failed = {}, {}, 0
    for level, answer in answers.items():
        local = answer.reshape(true.shape)
        whole = np.isfinite(local).all((1, 2, 3))
        failed += int((~whole).sum())
        posed = poser.pose(np.where(whole[:, None, None, None], local, np.eye(3)).astype(np.float32), betas=betas)
        joints, wanted = (each[:, : skeletons.NUM_ROTATIONS] for each in (posed["joints"], true_joints))
        found = {"mpjpe": metrics.mpjpe(joints, wanted), "deg": metrics.rotation_error_deg(local, true)}
        mpjpe[f"{level} mm"], degrees[f"deg at {level}"] = (
            float(values[whole].mean()) if whole.any() else None for values in found.values()
        )
    return {"frames": len(true), "failed": failed, **mpjpe, **degrees}
