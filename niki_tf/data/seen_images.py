"""What a frozen network of images says of sets of them, as training batches of the solvers behind it.

A network that stays as it is says the same each time, so it is asked once and its answers are kept.
"""

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from niki_tf import archives, files
from niki_tf.body import BodyJoints, kinematics, swing_twist
from niki_tf.data.random_streams import RandomStreams
from niki_tf.data.sharded_batches import sharded_batches

_UNKNOWN = 0.1
"""Share of examples whose `heat_moments` are not told, so that a solver can do without them; set by hand."""


class SeenImages(NamedTuple):
    """What is said of N images, and what is true; frames of a clip follow each other."""

    joints: np.ndarray
    """(N, 29, 3) metres, relative to joint 0."""
    joint_sigma: np.ndarray
    """(N, 29) metres."""
    twist: np.ndarray
    """(N, 23, 2) as (cos, sin)."""
    betas: np.ndarray
    """(N, B)."""
    heat_moments: np.ndarray
    """(N, 78), `contract.HEAT`; zeros of a network without heat maps."""
    true_rotations: np.ndarray
    """(N, 24, 3, 3)."""
    true_betas: np.ndarray
    """(N, B)."""
    clips: np.ndarray
    """(N,) number of each frame's clip."""


def write(path: str | os.PathLike, seen: SeenImages) -> None:
    """Writes a .npz file, whole or not at all."""
    with files.atomic_write(path) as beside:
        np.savez(beside, **seen._asdict())


def read(path: str | os.PathLike) -> SeenImages:
    """What `write` has written.

    Raises:
        ValueError: the file is damaged.
    """
    arrays = archives.read_arrays(path, cure="Remove it: it is made again.")
    return SeenImages(**{name: arrays[name] for name in SeenImages._fields})  # type: ignore[arg-type]


class _Table(NamedTuple):
    """The images of all sets end to end, and the frames that an example may begin with, set after set."""

    seen: SeenImages
    firsts: np.ndarray
    starts: np.ndarray
    counts: np.ndarray
    edges: np.ndarray


def batches(
    sets: Sequence[SeenImages],
    shares: np.ndarray,
    *,
    body_joints: BodyJoints,
    batch_size: int,
    seed: int,
    frames: int | None = None,
    first_step: int = 0,
    shards: int = 1,
    own_shards: Sequence[int] = (0,),
    noise_sizes: Mapping[str, int] | None = None,
) -> tf.data.Dataset:
    """Endless dataset of what `pipeline.batches` gives, with what is said of images as the observation.

    Betas are those that are said, and true joints are those of the true rotations on a body that has them.

    Args:
        sets: what is said of each set.
        shares: (S,) of the sets in the examples, summing to 1.
        body_joints: `BodyJoints` of the body.
        batch_size: see `pipeline.batches`, as all that follow.
        seed: seed of the run.
        frames: None, or frames of a window.
        first_step: number of the first batch.
        shards: number of replicas.
        own_shards: the shards of this process.
        noise_sizes: of standard normal vectors.

    Raises:
        ValueError: no clip of a set has as many frames, or the batch cannot be divided into equal shards.
    """
    table = _table(sets, shares, frames or 1)

    def sample(step: tf.Tensor, shard: tf.Tensor) -> dict[str, tf.Tensor]:
        streams = RandomStreams(seed, step, batch_size=batch_size, shard=(shard, shards))
        rows = _drawn(streams, table)
        if frames is not None:
            rows = rows[:, None] + tf.range(frames, dtype=rows.dtype)
        batch = _batch(table.seen, rows, body_joints)
        told = tf.cast(streams.uniform() >= _UNKNOWN, tf.float32)
        batch["heat_moments"] *= tf.reshape(told, [-1] + [1] * (batch["heat_moments"].shape.rank - 1))
        inner = [] if frames is None else [frames]
        batch |= {name: streams.normal(*inner, size) for name, size in (noise_sizes or {}).items()}
        if frames is not None:
            batch["frame_mask"] = tf.ones([streams.count, frames])
        return {
            name: tf.ensure_shape(value, [streams.count, *inner, *value.shape[rows.shape.rank :]])
            for name, value in batch.items()
        }

    return sharded_batches(sample, batch_size=batch_size, first_step=first_step, shards=shards, own_shards=own_shards)


def _table(sets: Sequence[SeenImages], shares: np.ndarray, frames: int) -> _Table:
    """The sets as a table; ValueError if one has no clip of so many frames."""
    firsts = [np.flatnonzero(seen.clips[frames - 1 :] == seen.clips[: len(seen.clips) - frames + 1]) for seen in sets]
    if not all(map(len, firsts)):
        raise ValueError(
            f"`images` must be sets with clips of {frames} frames or more; got one without. Draw longer ones."
        )
    offsets = np.cumsum([0, *(len(seen.clips) for seen in sets)])[:-1]
    counts = np.array([len(some) for some in firsts], np.int64)
    together = SeenImages(*(np.concatenate(parts) for parts in zip(*sets, strict=True)))
    all_firsts = np.concatenate([some + offset for some, offset in zip(firsts, offsets, strict=True)])
    return _Table(together, all_firsts, np.cumsum(counts) - counts, counts, np.cumsum(shares)[:-1])


def _drawn(streams: RandomStreams, table: _Table) -> tf.Tensor:
    """First frames (n,) of examples: a set by its share, then uniform."""
    edges = tf.constant(table.edges, tf.float32)
    which = tf.searchsorted(edges, streams.uniform(), side="right")
    counts = tf.gather(tf.constant(table.counts), which)
    within = tf.cast(streams.uniform() * tf.cast(counts, tf.float32), tf.int64)
    places = tf.gather(tf.constant(table.starts), which) + tf.minimum(within, counts - 1)
    return tf.gather(tf.constant(table.firsts, tf.int64), places)


def _batch(seen: SeenImages, rows: tf.Tensor, body_joints: BodyJoints) -> dict[str, tf.Tensor]:
    """The images of `rows` (n,) or (n, T) as a batch."""
    told = {name: tf.gather(tf.constant(array), rows) for name, array in seen._asdict().items() if name != "clips"}
    rest_joints = body_joints(told["betas"])
    joints, _ = kinematics.forward_kinematics(told["true_rotations"], rest_joints)
    swing, twist = swing_twist.rotations_to_swing_twist(told["true_rotations"], rest_joints)
    return {
        "rotations": told["true_rotations"],
        "betas": told["betas"],
        "rest_joints": rest_joints,
        "joints": joints - joints[..., :1, :],
        "noisy": told["joints"],
        "joint_sigma": told["joint_sigma"],
        "swing": swing,
        "twist": tf.reshape(twist, tf.shape(told["twist"])),
        "noisy_twist": told["twist"],
        "heat_moments": told["heat_moments"],
    }
