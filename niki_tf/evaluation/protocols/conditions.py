"""What can befall the joints of a person, as one thing: noise, occlusion, frames that are lost, half a body."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from niki_tf import rotations, skeletons
from niki_tf.body import BodyPoser
from niki_tf.evaluation.protocols import common, half_body, lost_joints, world_motion
from niki_tf.evaluation.protocols.common import Arrays, Stream
from niki_tf.evaluation.protocols.xocc import Occlude
from niki_tf.motion.clip import Clip

_LOST, _LOST_NOISE = 8, 0.01
"""Frames that are lost of a gap, and the noise of all others along each axis, metres."""
_LARGEST_NOISE, _LONGEST = 0.1, 30
"""Metres, and frames; limits of what `varied` draws."""


class Observed(NamedTuple):
    """A motion of T frames as it was observed, and the truth."""

    inputs: Arrays
    """joints (T, 29, 3) metres, NaN where absent, betas (T, B), and perhaps joint_sigma (T, 29) metres."""
    true: np.ndarray
    """Joints (T, 29, 3) metres."""


def _turned(clip: Clip, angle: float) -> Clip:
    """The clip turned about the y-axis."""
    turn = rotations.rotvec_to_matrix(np.array([0.0, angle, 0.0], np.float32)).numpy()
    root = rotations.matrix_to_rotvec(turn @ rotations.rotvec_to_matrix(clip.poses[:, :1]).numpy()).numpy()
    return dataclasses.replace(clip, poses=np.concatenate([root, clip.poses[:, 1:]], 1), trans=clip.trans @ turn.T)


def _noisy(joints: np.ndarray, noise: float, random: np.random.Generator) -> np.ndarray:
    return joints + np.float32(noise) * random.standard_normal(joints.shape, np.float32)


class _Moving(NamedTuple):
    """One clip that is observed."""

    clip: Clip
    truth: Arrays
    """What `world_motion.true_motion` gives."""
    random: np.random.Generator
    poser: BodyPoser
    occlude: Occlude


def _noise(noise: float) -> Callable[[_Moving], Arrays]:
    return lambda moving: {"joints": _noisy(moving.truth["joints"], noise, moving.random)}


def _xocc(moving: _Moving) -> Arrays:
    """What an estimator tells of a person who is truncated and occluded."""
    truth = moving.truth
    centre = truth["joints"] - truth["joints"][:, :1]
    unknown = np.zeros([len(centre), skeletons.NUM_TWISTS, 2], np.float32)
    seen = moving.occlude(moving.clip, centre, unknown, seed=int(moving.random.integers(2**31)))
    path = truth["joints"][:, 0] + seen["root"]
    return {"joints": seen["joints"] + path[:, None], "joint_sigma": seen["joint_sigma"]}


def _gap(moving: _Moving) -> Arrays:
    """Frames in the middle in which nothing is seen."""
    joints = _noisy(moving.truth["joints"], _LOST_NOISE, moving.random)
    first = (len(joints) - _LOST) // 2
    joints[first : first + _LOST] = np.nan
    return {"joints": joints}


def _half_body(moving: _Moving) -> Arrays:
    """Legs, hands and tips are absent, all rotations disturbed; see `half_body`."""
    truth, random = moving.truth, moving.random
    angles = random.standard_normal([len(truth["joints"]), skeletons.NUM_ROTATIONS, 3])
    noise = np.radians(random.choice(half_body.LEVELS_DEG)) * angles
    local = half_body.disturbed_rotations(truth["rotations"].astype(np.float64), noise)
    joints = moving.poser.pose(local, betas=truth["betas"])["joints"] + truth["joints"][:, :1]
    joints[:, list(half_body.LEGS + half_body.UNKNOWN)] = np.nan
    return {"joints": joints}


def _varied(moving: _Moving) -> Arrays:
    """Noise of any size, and some joints lost for a while or, if not all are, throughout."""
    random = moving.random
    joints = _noisy(moving.truth["joints"], _LARGEST_NOISE * random.uniform() ** 2, random)
    kind = random.choice([*lost_joints.PARTS])
    length = int(random.integers(1, _LONGEST + 1))
    first = int(random.integers(1, len(joints) - length))
    if kind != "all" and random.uniform() < 0.5:
        first, length = 0, len(joints)
    joints[first : first + length, lost_joints.lost_mask(kind, random.uniform())] = np.nan
    return {"joints": joints}


CONDITIONS: dict[str, Callable[[_Moving], Arrays]] = {
    **{f"noise_{size}": _noise(size / 1000) for size in (0, 10, 30, 100)},
    "xocc": _xocc,
    "gap": _gap,
    "half_body": _half_body,
    "varied": _varied,
}
"""Condition -> function of a clip that moves to what is observed of it."""

EQUAL_SHARES = ("noise_0", "noise_10", "noise_30", "noise_100", "xocc", "gap", "half_body")
"""The conditions of which the calibration protocol has equal shares."""


def middles(clips: Sequence[Clip]) -> list[Clip]:
    """The 60 frames in the middle of each clip, which has as many or more."""
    return [_part(clip, (len(clip) - common.CLIP_FRAMES) // 2) for clip in clips]


def parts(clips: Sequence[Clip]) -> list[Clip]:
    """All parts of 60 frames of each clip, one after the other; frames that are too many are left out at both ends."""
    return [
        _part(clip, len(clip) % common.CLIP_FRAMES // 2 + first)
        for clip in clips
        for first in range(0, len(clip) - common.CLIP_FRAMES + 1, common.CLIP_FRAMES)
    ]


def _part(clip: Clip, first: int) -> Clip:
    """60 frames of a clip from the frame `first` on."""
    part = slice(first, first + common.CLIP_FRAMES)
    return dataclasses.replace(clip, poses=clip.poses[part], trans=clip.trans[part], times=None)


def observations(
    clips: Sequence[Clip], names: Sequence[str], *, poser: BodyPoser, occlude: Occlude, seed: int
) -> Iterator[Observed]:
    """Each clip under each of the conditions `names`, on a body of random shape, from a random side each time.

    Args:
        clips: of 60 frames, y up.
        names: of `CONDITIONS`.
        poser: of the body that moves.
        occlude: see `xocc.Occlude`.
        seed: of all that is random.
    """
    shapes = common.random_bodies(len(clips), num_betas=poser.num_betas, seed=seed)
    streams = common.random_stream(seed, Stream.CONDITIONS).spawn(len(clips))
    for clip, betas, stream in zip(clips, shapes, streams, strict=True):
        for name, random in zip(names, stream.spawn(len(names)), strict=True):
            turned = _turned(clip, random.uniform(0.0, 2.0 * np.pi))
            truth = world_motion.true_motion(poser, turned, betas)
            seen = CONDITIONS[name](_Moving(turned, truth, random, poser, occlude))
            yield Observed({"betas": truth["betas"], **seen}, truth["joints"])
