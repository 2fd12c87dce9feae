"""Random numbers of training as a function of seed, step and shard alone."""

import tensorflow as tf


class RandomStreams:
    """Random numbers for one shard of one batch, the same whatever the number of shards.

    Args:
        seed: the run's seed.
        step: number of the batch, a scalar integer tensor.
        batch_size: examples of the whole batch.
        shard: (number of this shard, number of shards); the shards cut the batch in equal pieces.
    """

    def __init__(self, seed, step, *, batch_size, shard):
        self._seed = tf.stack([tf.cast(seed, tf.int64), tf.cast(step, tf.int64)])
        self._whole, self._index, self._streams = batch_size, shard[0], 0
        self.count = batch_size // shard[1]

    def _draw(self, sampler, shape):
        self._streams += 1
        seed = tf.random.fold_in(self._seed, self._streams)
        start = tf.cast(self._index, tf.int32) * self.count
        return sampler([self._whole, *shape], seed=seed)[start : start + self.count]

    def uniform(self, *shape):
        """Uniform numbers in [0, 1), (count, *shape)."""
        return self._draw(tf.random.stateless_uniform, shape)

    def normal(self, *shape):
        """Standard normal numbers, (count, *shape)."""
        return self._draw(tf.random.stateless_normal, shape)
