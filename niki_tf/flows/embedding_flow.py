"""A flow between an error embedding and one that is standard normal, whatever the pose."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from niki_tf.flows.flow import Flow


@keras.saving.register_keras_serializable("niki_tf")
class EmbeddingFlow(Flow):
    """Affine coupling steps on an embedding, given the pose; zero stays zero.

    `bijector(pose).inverse` maps the embedding that a solver's flow gives to a standard normal one, `forward` maps
    back. The translation of a step is T(a, c) - T(0, c), so that zero, which stands for joints without error, is zero
    on both sides. A scale for each entry comes first.

    Args:
        size: entries of the embedding.
        condition: entries of the pose.
        num_couplings: see `Flow`.
        hidden_dim: see `Flow`.
        **kwargs: see `Flow`.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import flows
        >>> flow = flows.EmbeddingFlow(32, condition=144, hidden_dim=16, num_couplings=2)
        >>> z, pose = tf.random.normal([5, 32]), tf.random.normal([5, 144])
        >>> normal = flow.bijector(pose).inverse(z)
        >>> bool(tf.reduce_max(tf.abs(flow.bijector(pose).forward(normal + 0) - z)) < 1e-4)
        True
        >>> bool(tf.reduce_all(flow.bijector(pose).inverse(0 * z) == 0))
        True
    """

    def __init__(
        self, size: int, *, condition: int, num_couplings: int = 8, hidden_dim: int = 64, **kwargs: Any
    ) -> None:
        super().__init__(size, condition=condition, num_couplings=num_couplings, hidden_dim=hidden_dim, **kwargs)
        self.log_scale = self.add_weight(name="log_scale", shape=[size], initializer="zeros")
        """Logarithm of the size of each entry of the embedding."""

    def steps(self, condition: tf.Tensor | None = None, *, training: bool = False) -> list[tfp.bijectors.Bijector]:
        """See `Flow.steps`; the scale is the last forwards."""
        scale = tfp.bijectors.Scale(log_scale=tf.convert_to_tensor(self.log_scale))
        return [scale, *super().steps(condition, training=training)]

    def transform(
        self, x: tf.Tensor, condition: tf.Tensor | None = None, *, direction: str = "inverse", training: bool = False
    ) -> tf.Tensor:
        """See `Flow.transform`."""
        scale, to_standard = tf.exp(self.log_scale), direction == "inverse"
        x = super().transform(x / scale if to_standard else x, condition, direction=direction, training=training)
        return x if to_standard else x * scale

    def _network(self, step: int, *, training: bool) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
        network, kept = super()._network(step, training=training), self._kept(step)

        def from_zero(given: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            at_zero = tf.concat([tf.zeros_like(given[..., :kept]), given[..., kept:]], -1)
            scale, translation = network(given)
            return scale, translation - network(at_zero)[1]

        return from_zero
