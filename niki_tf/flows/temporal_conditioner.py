"""The network of a temporal coupling step: self-attention over the frames kept, read out for those that move."""

import keras
import numpy as np
import tensorflow as tf

from niki_tf.flows.conditioner import Conditioner

_FARTHEST = 16
"""Frames farther apart than this count as so far apart."""
_UNSEEN = -1e9


class TemporalConditioner(keras.layers.Layer):
    """Log-scale s and translation t of the frames that move, each tanh_on as in `Conditioner`.

    A layer of self-attention over the frames kept says of each what it knows. What a moving frame takes of it are
    means, one a head, weighed by how much a kept frame has to say (learned from its content) and by how far away in
    time it is (a learned table): of the frame that moves nothing but its time may be known. From these S and T are
    found; and what a frame is scaled down by it is given back from the mean m of the kept frames' own entries,

        s = S,   t = T + (1 - exp(s)) m,   so that   b exp(s) + t  =  T + b weighed by exp(s) against m,

    which makes leaning on one's neighbours in time as easy to learn as doing nothing. Positions count by differences
    only, so a window may begin anywhere and have any length.

    Args:
        size: entries of a frame, D.
        hidden_dim: width of the attention; a multiple of `heads`.
        heads: number of heads, each with a table of distances of its own.
        tanh_on: what the tanh bounds, "scale" or "translation".
        neighbour_mean: add (1 - exp(s)) m to the translation; without it t = T, as in the paper.

    Raises:
        ValueError: `hidden_dim` is no multiple of `heads`, or `neighbour_mean` goes with a bounded translation.

    Source: supplementary C.1; Vaswani et al., Attention is all you need, NeurIPS 2017.
    """

    def __init__(self, size, *, hidden_dim, heads=8, tanh_on="scale", neighbour_mean=True, **kwargs):
        super().__init__(**kwargs)
        if hidden_dim % heads:
            raise ValueError(f"`hidden_dim` must be a multiple of `heads`, {heads}; got {hidden_dim}.")
        if neighbour_mean and tanh_on == "translation":
            raise ValueError(
                '`neighbour_mean` must be False where `tanh_on` is "translation": the translation would not be bounded.'
            )
        self.size, self.hidden_dim, self.heads, self.tanh_on = size, hidden_dim, heads, tanh_on
        self.neighbour_mean = neighbour_mean
        (
            self.input_projection,
            self.query,
            self.key,
            self.value,
            self.output_projection,
            self.readout_score,
            self.readout_value,
        ) = (
            self._dense(entries, width)
            for entries, width in (
                (size, hidden_dim),
                *[(hidden_dim, hidden_dim)] * 4,
                (hidden_dim, heads),
                (hidden_dim, hidden_dim),
            )
        )
        self.norms = [keras.layers.LayerNormalization() for _ in range(3)]
        for norm in self.norms:
            norm.build([None, None, hidden_dim])
        self.ffn_in, self.ffn_out = (
            self._dense(hidden_dim, 2 * hidden_dim, activated=True),
            self._dense(2 * hidden_dim, hidden_dim),
        )
        self.out = Conditioner(size, kept=hidden_dim, condition=0, hidden_dim=hidden_dim, tanh_on=tanh_on)
        slopes = -np.abs(np.arange(-_FARTHEST, _FARTHEST + 1)) * 2.0 ** -np.arange(heads)[:, None]
        slopes = slopes.astype(np.float32)
        self.position_bias, self.readout_position_bias = (
            self.add_weight(name=name, shape=slopes.shape, initializer=keras.initializers.Constant(slopes))
            for name in ("position_bias", "readout_position_bias")
        )
        if neighbour_mean:
            self.head_shares = self.add_weight(name="head_shares", shape=[heads, size], initializer="zeros")
        self.built = True

    def _dense(self, entries, width, *, activated=False):
        layer = keras.layers.Dense(width, activation=keras.layers.LeakyReLU(0.01) if activated else None)
        layer.build([None, entries])
        return layer

    def _position_scores(self, table, times, others):
        """What distance adds to the scores, (heads, len(times), len(others))."""
        apart = tf.clip_by_value(times[:, None] - others[None], -_FARTHEST, _FARTHEST)
        return tf.gather(tf.convert_to_tensor(table), apart + _FARTHEST, axis=1)

    def _attend(self, weights, values):
        """Means (..., M, hidden_dim) of `values` (..., K, hidden_dim) by each head's weights (..., heads, M, K)."""
        means = _swap_axes(tf.linalg.matmul(weights, self._heads(values)))
        return tf.reshape(means, tf.concat([tf.shape(means)[:-2], [self.hidden_dim]], 0))

    def _heads(self, values):
        """Values (..., K, hidden_dim) shared out among the heads, (..., heads, K, hidden_dim / heads)."""
        shape = [self.heads, values.shape[-1] // self.heads]
        return _swap_axes(tf.reshape(values, tf.concat([tf.shape(values)[:-1], shape], 0)))

    def _mean_entries(self, weights, kept):
        """Mean (..., M, D) of the kept frames' own entries; each entry chooses among the heads' weights."""
        shape = tf.shape(weights)
        means = tf.linalg.matmul(tf.reshape(weights, tf.concat([shape[:-3], [-1], shape[-1:]], 0)), kept)
        means = tf.reshape(means, tf.concat([shape[:-1], [self.size]], 0))
        return tf.reduce_sum(tf.nn.softmax(self.head_shares, axis=0)[:, None] * means, -3)

    def _encode(self, kept, times, unseen):
        """What the frames kept (..., K, D) know, (..., K, hidden_dim)."""
        known = self.input_projection(kept)
        seen = self.norms[0](known)
        query, key = (self._heads(layer(seen)) for layer in (self.query, self.key))
        scores = (self.hidden_dim // self.heads) ** -0.5 * tf.linalg.matmul(query, key, transpose_b=True)
        weights = tf.nn.softmax(scores + self._position_scores(self.position_bias, times, times) + unseen)
        known += self.output_projection(self._attend(weights, self.value(seen)))
        return known + self.ffn_out(self.ffn_in(self.norms[1](known)))

    def call(self, kept, kept_times, moved_times, kept_mask):
        """Log-scale and translation, each (..., M, D); see `TemporalCoupling`."""
        unseen = tf.expand_dims(tf.expand_dims(_UNSEEN * (1.0 - kept_mask), -2), -2)
        known = self.norms[2](self._encode(kept, kept_times, unseen))
        scores = tf.linalg.matrix_transpose(self._heads(self.readout_score(known))) + unseen
        weights = tf.nn.softmax(scores + self._position_scores(self.readout_position_bias, moved_times, kept_times))
        scale, translation = self.out(self._attend(weights, self.readout_value(known)))
        if self.neighbour_mean:
            translation += (1.0 - tf.exp(scale)) * self._mean_entries(weights, kept)
        any_kept = tf.pad(kept_mask, [[0, 0]] * (kept_mask.shape.rank - 1) + [[1, 0]])
        any_kept = tf.expand_dims(tf.reduce_max(any_kept, -1, keepdims=True), -1)
        return scale * any_kept, translation * any_kept

    def get_config(self):
        """Constructor arguments."""
        names = ("size", "hidden_dim", "heads", "tanh_on", "neighbour_mean")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _swap_axes(values):
    """Values (..., a, b, c) as (..., b, a, c)."""
    rank = values.shape.rank
    return tf.transpose(values, [*range(rank - 3), rank - 2, rank - 3, rank - 1])
