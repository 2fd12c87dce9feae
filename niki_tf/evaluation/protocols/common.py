"""What the protocols share: checks, true bodies of random shape, their noise, and what solvers are given."""

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from niki_tf import rotations, skeletons
from niki_tf.body import BodyPoser
from niki_tf.motion.clip import Clip

Arrays = dict[str, np.ndarray]
"""Arrays by name."""

Solver = Callable[..., Any]
"""A solver, or any other function from a dictionary of inputs to one of outputs."""

CLIP_FRAMES = 60
"""Frames that protocols of whole motions use of a clip."""

LARGEST_BETA = 2.5
"""Shape coefficients of random bodies are N(0, 1), clipped here."""

_RANDOM_BETAS = 10
"""Shape coefficients that are random; further ones are 0."""


class Stream(enum.IntEnum):
    """Independent streams of random numbers that one seed gives; the order is part of the protocols."""

    SHAPE = 0
    NOISE = 1
    DISPLACEMENT = 2
    ABSENT = 3
    SCALE = 4
    SIGMA = 5
    WINDOWS = 6
    MOTION = 7
    LOST = 8
    ROTATIONS = 9
    CONDITIONS = 10


def random_stream(seed: int, stream: Stream) -> np.random.Generator:
    """The generator of one stream of `seed`, at its beginning."""
    return np.random.default_rng(seed).spawn(len(Stream))[stream]


def random_betas(random: np.random.Generator, people: int, *, num_betas: int) -> np.ndarray:
    """Shape coefficients (people, num_betas) float32, N(0, 1) clipped to 2.5, zeros after the first ten."""
    drawn = np.clip(random.standard_normal((people, _RANDOM_BETAS)), -LARGEST_BETA, LARGEST_BETA)
    betas = np.zeros((people, num_betas), np.float32)
    betas[:, :_RANDOM_BETAS] = drawn[:, :num_betas]
    return betas


def random_bodies(frames: int, *, num_betas: int, seed: int) -> np.ndarray:
    """Shape coefficients (frames, num_betas) of a random body for every frame; see `random_betas`."""
    return random_betas(random_stream(seed, Stream.SHAPE), frames, num_betas=num_betas)


def random_noise(frames: int, *, seed: int) -> np.ndarray:
    """Standard normal noise (frames, 29, 3), float32."""
    return random_stream(seed, Stream.NOISE).standard_normal((frames, skeletons.NUM_JOINTS, 3), np.float32)


def strided_poses(clips: Sequence[Clip], *, stride: int) -> np.ndarray:
    """Rotation vectors (N, 24, 3), float32, of every `stride`-th frame of all clips one after the other."""
    return np.concatenate([clip.poses for clip in clips])[::stride].astype(np.float32)


def true_bodies(poser: BodyPoser, poses: np.ndarray, betas: np.ndarray) -> Arrays:
    """What `BodyPoser.truth` gives for rotation vectors `poses` (N, 24, 3) and `betas` (N, B)."""
    return poser.truth(rotations.rotvec_to_matrix(poses), betas=betas)


def long_clips(clips: Sequence[Clip], *, stride: int) -> list[Clip]:
    """Of every `stride`-th clip those of 60 frames or more; ValueError if there are none."""
    used = [clip for clip in clips[::stride] if len(clip) >= CLIP_FRAMES]
    if not used:
        raise ValueError(f"`clips` must hold a clip of {CLIP_FRAMES} frames or more; got {len(clips)} shorter ones.")
    return used


def clip_bodies(poser: BodyPoser, clip: Clip, betas: np.ndarray) -> Arrays:
    """True bodies, as of `true_bodies`, of the first 60 frames of a clip on a body of `betas` (B,)."""
    return true_bodies(poser, clip.poses[:CLIP_FRAMES], np.tile(betas, [CLIP_FRAMES, 1]))


def clip_path(clip: Clip) -> np.ndarray:
    """The way (60, 1, 3) of the first 60 frames of a clip from its beginning, metres."""
    return (clip.trans[:CLIP_FRAMES] - clip.trans[0])[:, None]


def observation(truth: Mapping[str, np.ndarray], *, noise: np.ndarray, twist: bool = True) -> Arrays:
    """The inputs of a solver: noisy joints relative to joint 0, true betas and twist.

    Args:
        truth: dict of true joints (..., 29, 3) metres, betas (..., B) and twist (..., 23, 2).
        noise: (..., 29, 3) metres, added to the joints.
        twist: give the true twist.
    """
    joints = truth["joints"] + noise
    inputs = {"joints": joints - joints[..., :1, :], "betas": truth["betas"]}
    return {**inputs, "twist": truth["twist"]} if twist else inputs


def batches(count: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` that cover `count` frames."""
    return (slice(start, start + size) for start in range(0, count, size))


def check_arguments(clips: Sequence[Any], solvers: Mapping[str, Solver], *, stride: int, batch_size: int) -> None:
    """Raises ValueError for no clips, no solvers, or a number below 1."""
    if not clips:
        raise ValueError("`clips` must hold at least one clip; got none. Is the folder of motion the right one?")
    if not solvers:
        raise ValueError("`solvers` must name at least one solver; got none.")
    for name, number in (("stride", stride), ("batch_size", batch_size)):
        if number < 1:
            raise ValueError(f"`{name}` must be at least 1; got {number}.")
