"""Random numbers of training as a function of seed, step and shard alone."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from niki_tf.shapes import TensorLike


class RandomStreams:
    """Random numbers for one shard of one batch, the same whatever the number of shards.

    Each call opens a stream: the numbers depend on seed, step and the number of calls before.

    Args:
        seed: the run's seed.
        step: number of the batch, a scalar integer tensor.
        batch_size: examples of the whole batch.
        shard: (number of this shard, number of shards); the shards cut the batch in equal pieces.

    Example:
        >>> import numpy as np
        >>> from niki_tf import data
        >>> whole = data.RandomStreams(0, 7, batch_size=4, shard=(0, 1)).normal(3)
        >>> second = data.RandomStreams(0, 7, batch_size=4, shard=(1, 2)).normal(3)
        >>> bool(np.all(whole[2:] == second))
        True
    """

    def __init__(self, seed: TensorLike, step: TensorLike, *, batch_size: int, shard: tuple[TensorLike, int]) -> None:
        self._seed = tf.stack([tf.cast(seed, tf.int64), tf.cast(step, tf.int64)])
        self._batch_size, self._shard, self._num_opened = batch_size, shard[0], 0
        self.count = batch_size // shard[1]

    def _draw(self, sampler: Callable[..., tf.Tensor], shape: Sequence[int]) -> tf.Tensor:
        self._num_opened += 1
        seed = tf.random.fold_in(self._seed, self._num_opened)
        start = tf.cast(self._shard, tf.int32) * self.count
        return sampler([self._batch_size, *shape], seed=seed)[start : start + self.count]

    def uniform(self, *shape: int) -> tf.Tensor:
        """Uniform numbers in [0, 1), (count, *shape)."""
        return self._draw(tf.random.stateless_uniform, shape)

    def normal(self, *shape: int) -> tf.Tensor:
        """Standard normal numbers, (count, *shape)."""
        return self._draw(tf.random.stateless_normal, shape)
