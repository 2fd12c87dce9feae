"""The network of a temporal coupling step: self-attention over the frames kept, read out for those that move."""

import keras
import numpy as np
import tensorflow as tf

from niki_tf.flows.conditioner import Conditioner

_FARTHEST = 16
"""Frames farther apart than this count as so far apart."""
_UNSEEN = -1e9


class TemporalConditioner(keras.layers.Layer):
    """Log-scale s and translation t of the frames that move, each bounded as in `Conditioner`.

    A layer of self-attention over the frames kept says of each what it knows. What a moving frame takes of it are
    means, one a head, weighed by how much a kept frame has to say (learned from its content) and by how far away in
    time it is (a learned table): of the frame that moves nothing but its time may be known. From these S and T are
    found; and what a frame is scaled down by it is given back from the mean m of the kept frames' own entries,

        s = S,   t = T + (1 - exp(s)) m,   so that   b exp(s) + t  =  T + b weighed by exp(s) against m,

    which makes leaning on one's neighbours in time as easy to learn as doing nothing. Positions count by differences
    only, so a window may begin anywhere and have any length.

    Args:
        size: entries of a frame, D.
        hidden: width of the attention; a multiple of `heads`.
        heads: number of heads, each with a table of distances of its own.
        bounded: where the tanh sits, "scale" or "translation".

    Raises:
        ValueError: `hidden` is no multiple of `heads`.

    Source: supplementary C.1; Vaswani et al., Attention is all you need, NeurIPS 2017.
    """

    def __init__(self, size, *, hidden, heads=8, bounded="scale", **kwargs):
        super().__init__(**kwargs)
        if hidden % heads:
            raise ValueError(f"`hidden` must be a multiple of `heads`, {heads}; got {hidden}.")
        self.size, self.hidden, self.heads, self.bounded = size, hidden, heads, bounded
        self.enter, self.query, self.key, self.value, self.mix, self.weight, self.told = (
            self._dense(entries, width)
            for entries, width in ((size, hidden), *[(hidden, hidden)] * 4, (hidden, heads), (hidden, hidden))
        )
        self.norms = [keras.layers.LayerNormalization() for _ in range(3)]
        for norm in self.norms:
            norm.build([None, None, hidden])
        self.widen, self.narrow = self._dense(hidden, 2 * hidden, bent=True), self._dense(2 * hidden, hidden)
        self.out = Conditioner(size, kept=hidden, condition=0, hidden=hidden, bounded=bounded)
        slopes = -np.abs(np.arange(-_FARTHEST, _FARTHEST + 1)) * 2.0 ** -np.arange(heads)[:, None]
        near = keras.initializers.Constant(slopes.astype(np.float32))
        self.near, self.near_read = (
            self.add_weight(name=name, shape=slopes.shape, initializer=near) for name in ("near", "near_read")
        )
        self.shares = self.add_weight(name="shares", shape=[heads, size], initializer="zeros")
        self.built = True

    def _dense(self, entries, width, *, bent=False):
        layer = keras.layers.Dense(width, activation=keras.layers.LeakyReLU(0.01) if bent else None)
        layer.build([None, entries])
        return layer

    def _nearness(self, table, times, others):
        """What distance adds to the scores, (heads, len(times), len(others))."""
        apart = tf.clip_by_value(times[:, None] - others[None], -_FARTHEST, _FARTHEST)
        return tf.gather(tf.convert_to_tensor(table), apart + _FARTHEST, axis=1)

    def _attend(self, weights, values):
        """Means (..., M, hidden) of `values` (..., K, hidden), each head with its own weights (..., heads, M, K)."""
        means = _exchanged(tf.linalg.matmul(weights, self._heads(values)))
        return tf.reshape(means, tf.concat([tf.shape(means)[:-2], [self.hidden]], 0))

    def _heads(self, values):
        """Values (..., K, hidden) shared out among the heads, (..., heads, K, hidden / heads)."""
        shape = [self.heads, values.shape[-1] // self.heads]
        return _exchanged(tf.reshape(values, tf.concat([tf.shape(values)[:-1], shape], 0)))

    def _mean_entries(self, weights, kept):
        """Mean (..., M, D) of the kept frames' own entries; each entry chooses among the heads' weights."""
        shape = tf.shape(weights)
        means = tf.linalg.matmul(tf.reshape(weights, tf.concat([shape[:-3], [-1], shape[-1:]], 0)), kept)
        means = tf.reshape(means, tf.concat([shape[:-1], [self.size]], 0))
        return tf.reduce_sum(tf.nn.softmax(self.shares, axis=0)[:, None] * means, -3)

    def _understood(self, kept, times, unseen):
        """What the frames kept (..., K, D) know, (..., K, hidden)."""
        known = self.enter(kept)
        seen = self.norms[0](known)
        query, key = (self._heads(layer(seen)) for layer in (self.query, self.key))
        scores = (self.hidden // self.heads) ** -0.5 * tf.linalg.matmul(query, key, transpose_b=True)
        weights = tf.nn.softmax(scores + self._nearness(self.near, times, times) + unseen)
        known += self.mix(self._attend(weights, self.value(seen)))
        return known + self.narrow(self.widen(self.norms[1](known)))

    def call(self, kept, kept_times, moved_times, kept_mask):
        """Log-scale and translation, each (..., M, D); see `TemporalCoupling`."""
        unseen = tf.expand_dims(tf.expand_dims(_UNSEEN * (1.0 - kept_mask), -2), -2)
        known = self.norms[2](self._understood(kept, kept_times, unseen))
        scores = tf.linalg.matrix_transpose(self._heads(self.weight(known))) + unseen
        weights = tf.nn.softmax(scores + self._nearness(self.near_read, moved_times, kept_times))
        scale, translation = self.out(self._attend(weights, self.told(known)))
        translation += (1.0 - tf.exp(scale)) * self._mean_entries(weights, kept)
        any_kept = tf.pad(kept_mask, [[0, 0]] * (kept_mask.shape.rank - 1) + [[1, 0]])
        any_kept = tf.expand_dims(tf.reduce_max(any_kept, -1, keepdims=True), -1)
        return scale * any_kept, translation * any_kept

    def get_config(self):
        """Constructor arguments."""
        names = ("size", "hidden", "heads", "bounded")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _exchanged(values):
    """Values (..., a, b, c) as (..., b, a, c)."""
    rank = values.shape.rank
    return tf.transpose(values, [*range(rank - 3), rank - 2, rank - 3, rank - 1])
