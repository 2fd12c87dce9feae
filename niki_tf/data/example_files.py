"""Batches of training examples that take long to make: made once, one file a batch, and read in random order."""

import os
import pathlib
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf
import tqdm

from niki_tf import archives, files

Example = Mapping[str, np.ndarray]
"""Arrays by name, (n, ...)."""


def write(folder: str | os.PathLike, count: int, make: Callable[[int], Example], *, progress: bool = False) -> None:
    """Writes the batches 0 to `count` - 1 that are not there yet, each whole or not at all.

    Args:
        folder: is made if it is missing.
        count: number of batches.
        make: function of the number of a batch.
        progress: show a progress bar.

    Raises:
        ValueError: the disk has no room for as many as the first one.
    """
    absent = missing(folder, count)
    with tqdm.tqdm(absent, total=count, initial=count - len(absent), unit="batch", disable=not progress) as bar:
        for number in bar:
            with files.atomic_write(_path(folder, number)) as beside:
                np.savez(beside, **make(number))  # type: ignore[arg-type]
            if number == absent[0]:
                files.check_space(folder, (len(absent) - 1) * _path(folder, number).stat().st_size, name="workdir")


def missing(folder: str | os.PathLike, count: int) -> list[int]:
    """Numbers of the batches 0 to `count` - 1 that are not there."""
    return [number for number in range(count) if not _path(folder, number).exists()]


def batches(
    folder: str | os.PathLike,
    count: int,
    *,
    seed: int,
    first_step: int = 0,
    shards: int = 1,
    own_shards: tuple[int, ...] = (0,),
) -> tf.data.Dataset:
    """Endless dataset of the batches, all of them in a new order each time around.

    Args:
        folder: see `write`.
        count: number of batches.
        seed: of the order.
        first_step: number of the first step, to resume a run.
        shards: number of replicas that share a batch.
        own_shards: the shards that this process feeds, in turn.
    """
    example = _read(folder, 0, 0, 1)

    def read(turn: tf.Tensor) -> dict[str, tf.Tensor]:
        def of_turn(turn: np.ndarray) -> list[np.ndarray]:
            step, shard = divmod(int(turn), len(own_shards))
            order = np.random.default_rng([seed, step // count]).permutation(count)
            return list(_read(folder, order[step % count], own_shards[shard], shards).values())

        values = tf.numpy_function(of_turn, [turn], [array.dtype for array in example.values()])
        return {
            name: tf.ensure_shape(value, [len(array) // shards, *array.shape[1:]])
            for (name, array), value in zip(example.items(), values, strict=True)
        }

    turns = tf.data.Dataset.range(first_step * len(own_shards), tf.int64.max)
    return turns.map(read, num_parallel_calls=2, deterministic=True).prefetch(4)


def _read(folder: str | os.PathLike, number: int, shard: int, shards: int) -> dict[str, np.ndarray]:
    """A shard of one batch."""
    arrays = archives.read_arrays(_path(folder, number), cure="Remove it: it is made again.")
    return {name: array[shard::shards] for name, array in arrays.items() if array is not None}


def _path(folder: str | os.PathLike, number: int) -> pathlib.Path:
    return pathlib.Path(folder) / f"{number:06d}.npz"
