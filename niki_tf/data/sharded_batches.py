"""Endless batches, each a function of its step alone, whose shards several replicas and processes share."""

from collections.abc import Callable, Sequence

import tensorflow as tf

Batch = dict[str, tf.Tensor]


def sharded_batches(
    sample: Callable[[tf.Tensor, tf.Tensor], Batch],
    *,
    batch_size: int,
    first_step: int = 0,
    shards: int = 1,
    own_shards: Sequence[int] = (0,),
) -> tf.data.Dataset:
    """Endless dataset of what `sample` gives, one shard of a batch after the other.

    Args:
        sample: function of the step and the shard, scalar int64 tensors, that gives `batch_size` / `shards` examples.
        batch_size: examples of a whole batch, over all shards.
        first_step: number of the first batch, to resume a run.
        shards: number of replicas that share a batch.
        own_shards: the shards that this process feeds, in turn.

    Raises:
        ValueError: the batch cannot be divided into equal shards.

    Example:
        >>> from niki_tf.data.sharded_batches import sharded_batches
        >>> dataset = sharded_batches(lambda step, shard: {"step": step, "shard": shard}, batch_size=4, first_step=7)
        >>> [(int(batch["step"]), int(batch["shard"])) for batch in dataset.take(2)]
        [(7, 0), (8, 0)]
    """
    if batch_size % shards:
        raise ValueError(f"`batch_size` must be a multiple of the number of replicas, {shards}; got {batch_size}.")
    order = tf.constant(own_shards, tf.int64)

    @tf.autograph.experimental.do_not_convert
    def of_turn(turn: tf.Tensor) -> Batch:
        return sample(turn // len(own_shards), tf.gather(order, turn % len(own_shards)))

    turns = tf.data.Dataset.range(first_step * len(own_shards), tf.int64.max)
    return turns.map(of_turn, num_parallel_calls=2, deterministic=True).prefetch(4)
