"""The networks of a temporal coupling step: self-attention over the kept frames, read out for the moved frames."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from niki_tf.flows.conditioner import Conditioner
from niki_tf.shapes import reshape_last

_LARGEST_DISTANCE = 16
"""Frames; larger distances in time share one entry of the tables. About half a second, by trial on training clips."""
_MASKED_SCORE = -1e9
"""Added to the attention scores of padding frames."""


class TemporalConditioner(keras.layers.Layer):
    """Log-scale s and translation t of the moved frames, from the kept frames.

    A layer of self-attention encodes the kept frames. Nothing is known of a moved frame but its time, so it has no
    query: it is given one mean of the encoded frames a head, weighted by a learned function of each kept frame's
    content and by a learned table of distances in time. From these means a `Conditioner` makes S and T. With m, a mean
    of the kept frames' entries with the same weights,

        s = S,   t = T + (1 - exp(s)) m,   so that   b exp(s) + t  =  T + exp(s) b + (1 - exp(s)) m,

    which makes smoothing over time as easy to learn as the identity. Only differences of times count, so a window may
    begin at any frame and have any length.

    Args:
        size: entries of a frame, D.
        hidden_dim: width of the attention; a multiple of `heads`.
        heads: number of heads, each with its own table of distances.
        tanh_on: which of S and T ends in a tanh, "scale" or "translation".
        neighbour_mean: whether (1 - exp(s)) m is added to the translation; False for t = T, as in the paper.

    Raises:
        ValueError: `hidden_dim` is no multiple of `heads`, or `neighbour_mean` goes with a bounded translation.

    Source: supplementary C.1; Vaswani et al., Attention is all you need, NeurIPS 2017.
    """

    def __init__(
        self,
        size: int,
        *,
        hidden_dim: int,
        heads: int = 8,
        tanh_on: str = "scale",
        neighbour_mean: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if hidden_dim % heads:
            raise ValueError(f"`hidden_dim` must be a multiple of `heads`, {heads}; got {hidden_dim}.")
        if neighbour_mean and tanh_on == "translation":
            raise ValueError(
                '`neighbour_mean` must be False where `tanh_on` is "translation": the translation would not be bounded.'
            )
        self.size, self.hidden_dim, self.heads, self.tanh_on = size, hidden_dim, heads, tanh_on
        self.neighbour_mean = neighbour_mean
        self.input_projection = _dense("input_projection", size, hidden_dim)
        names = ("query", "key", "value", "output_projection")
        self.query, self.key, self.value, self.output_projection = (_dense(n, hidden_dim, hidden_dim) for n in names)
        self.readout_score = _dense("readout_score", hidden_dim, heads)
        self.readout_value = _dense("readout_value", hidden_dim, hidden_dim)
        self.norms = [keras.layers.LayerNormalization(name=f"norm_{k}") for k in range(3)]
        for norm in self.norms:
            norm.build([None, None, hidden_dim])
        self.ffn_in = _dense("ffn_in", hidden_dim, 2 * hidden_dim, activation=keras.layers.LeakyReLU(0.01))
        self.ffn_out = _dense("ffn_out", 2 * hidden_dim, hidden_dim)
        self.out = Conditioner(size, kept=hidden_dim, condition=0, hidden_dim=hidden_dim, tanh_on=tanh_on)
        self.position_bias = self._distance_table("position_bias")
        self.readout_position_bias = self._distance_table("readout_position_bias")
        if neighbour_mean:
            self.head_shares = self.add_weight(name="head_shares", shape=[heads, size], initializer="zeros")
        self.built = True

    def _distance_table(self, name: str) -> keras.Variable:
        """Scores (heads, 33) of distances in time; at first they fall linearly, half as fast from head to head."""
        distances = np.abs(np.arange(-_LARGEST_DISTANCE, _LARGEST_DISTANCE + 1))
        slopes = (-distances * 2.0 ** -np.arange(self.heads)[:, None]).astype(np.float32)
        return self.add_weight(name=name, shape=slopes.shape, initializer=keras.initializers.Constant(slopes))

    def _position_scores(self, table: keras.Variable, times: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
        """Entries of `table` for the distances between times, (heads, len(times), len(others))."""
        apart = tf.clip_by_value(times[:, None] - others[None], -_LARGEST_DISTANCE, _LARGEST_DISTANCE)
        return tf.gather(tf.convert_to_tensor(table), apart + _LARGEST_DISTANCE, axis=1)

    def _attend(self, weights: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
        """Means (..., M, hidden_dim) of `values` (..., K, hidden_dim) by each head's weights (..., heads, M, K)."""
        means = _swap_axes(tf.linalg.matmul(weights, self._heads(values)))
        return reshape_last(means, 2, [self.hidden_dim])

    def _heads(self, values: tf.Tensor) -> tf.Tensor:
        """Values (..., K, hidden_dim) split into heads, (..., heads, K, hidden_dim / heads)."""
        return _swap_axes(reshape_last(values, 1, [self.heads, values.shape[-1] // self.heads]))

    def _mean_entries(self, weights: tf.Tensor, kept: tf.Tensor) -> tf.Tensor:
        """Mean m (..., M, D) of `kept` (..., K, D): of each entry a learned mixture of the means of all heads."""
        moved, frames = tf.shape(weights)[-2], tf.shape(weights)[-1]
        means = tf.linalg.matmul(reshape_last(weights, 3, [-1, frames]), kept)
        means = reshape_last(means, 2, [self.heads, moved, self.size])
        return tf.reduce_sum(tf.nn.softmax(self.head_shares, axis=0)[:, None] * means, -3)

    def _encode(self, kept: tf.Tensor, times: tf.Tensor, masked: tf.Tensor) -> tf.Tensor:
        """The kept frames (..., K, D) encoded by self-attention, (..., K, hidden_dim)."""
        encoded = self.input_projection(kept)
        normed = self.norms[0](encoded)
        query, key = (self._heads(layer(normed)) for layer in (self.query, self.key))
        scores = (self.hidden_dim // self.heads) ** -0.5 * tf.linalg.matmul(query, key, transpose_b=True)
        weights = tf.nn.softmax(scores + self._position_scores(self.position_bias, times, times) + masked)
        encoded += self.output_projection(self._attend(weights, self.value(normed)))
        return encoded + self.ffn_out(self.ffn_in(self.norms[1](encoded)))

    def call(
        self, kept: tf.Tensor, kept_times: tf.Tensor, moved_times: tf.Tensor, kept_mask: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Log-scale and translation, each (..., M, D), zero where no frame is kept.

        Args:
            kept: (..., K, D), the kept frames.
            kept_times: (K,), their numbers.
            moved_times: (M,), the numbers of the moved frames.
            kept_mask: (..., K), 1 for frames and 0 for padding frames.
        """
        masked = tf.expand_dims(tf.expand_dims(_MASKED_SCORE * (1.0 - kept_mask), -2), -2)
        encoded = self.norms[2](self._encode(kept, kept_times, masked))
        scores = tf.linalg.matrix_transpose(self._heads(self.readout_score(encoded))) + masked
        weights = tf.nn.softmax(scores + self._position_scores(self.readout_position_bias, moved_times, kept_times))
        scale, translation = self.out(self._attend(weights, self.readout_value(encoded)))
        if self.neighbour_mean:
            translation += (1.0 - tf.exp(scale)) * self._mean_entries(weights, kept)
        any_kept = tf.pad(kept_mask, [[0, 0]] * (kept_mask.shape.rank - 1) + [[1, 0]])
        any_kept = tf.expand_dims(tf.reduce_max(any_kept, -1, keepdims=True), -1)
        return scale * any_kept, translation * any_kept

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        names = ("size", "hidden_dim", "heads", "tanh_on", "neighbour_mean")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _dense(name: str, inputs: int, units: int, activation: keras.layers.Layer | None = None) -> keras.layers.Dense:
    """A dense layer that is built at once."""
    layer = keras.layers.Dense(units, activation=activation, name=name)
    layer.build([None, inputs])
    return layer


def _swap_axes(values: tf.Tensor) -> tf.Tensor:
    """Values (..., a, b, c) as (..., b, a, c)."""
    rank = values.shape.rank
    return tf.transpose(values, [*range(rank - 3), rank - 2, rank - 3, rank - 1])
