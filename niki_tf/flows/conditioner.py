"""The scale and translation networks of a coupling step."""

import functools
from typing import Any

import keras
import tensorflow as tf

_leaky_relu = functools.partial(keras.ops.leaky_relu, negative_slope=0.01)


@keras.saving.register_keras_serializable("niki_tf")
class Conditioner(keras.layers.Layer):
    """Log-scale and translation of the moved part from the kept part and the condition: `s = S(a, c)`, `t = T(a, c)`.

    S and T are MLPs of two hidden layers with LeakyReLU of slope 0.01, as in the published code. Their input is the
    kept part alone, not a masked whole, so no weight is multiplied by zero.

    Args:
        moved: number of entries that move.
        kept: number of entries that stay.
        condition: number of entries of the condition, 0 for none.
        hidden_dim: width of the two hidden layers; 512 in the paper.
        tanh_on: which of the two ends in a tanh, "scale" (the published code) or "translation" (the paper).
        dropout: share of hidden units dropped in training; 0.5 in the second flow of the published code.

    Raises:
        ValueError: `tanh_on` is unknown.

    Source: supplementary A.1.
    """

    def __init__(
        self,
        moved: int,
        *,
        kept: int,
        condition: int,
        hidden_dim: int,
        tanh_on: str = "scale",
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if tanh_on not in ("scale", "translation"):
            raise ValueError(f'`tanh_on` must be "scale" or "translation"; got {tanh_on!r}.')
        self.moved, self.kept, self.condition, self.hidden_dim = moved, kept, condition, hidden_dim
        self.tanh_on, self.dropout = tanh_on, dropout
        self.drop = keras.layers.Dropout(dropout)
        self.scale = self._network("scale")
        self.translation = self._network("translation")
        self.built = True

    def _network(self, name: str) -> list[keras.layers.Layer]:
        """Layers of one MLP, built at once, so that the weights exist before the first call."""
        hidden = [keras.layers.Dense(self.hidden_dim, activation=_leaky_relu, name=f"{name}_{k}") for k in range(2)]
        end, small = "tanh" if self.tanh_on == name else None, keras.initializers.RandomNormal(stddev=0.01)
        last = keras.layers.Dense(self.moved, activation=end, kernel_initializer=small, name=f"{name}_2")
        layers = [*hidden, last]
        for layer, size in zip(layers, (self.kept + self.condition, self.hidden_dim, self.hidden_dim), strict=True):
            layer.build([None, size])
        return layers

    def _run(self, layers: list[keras.layers.Layer], x: tf.Tensor, *, training: bool) -> tf.Tensor:
        # Through `call`: what Keras does around it takes longer than the products of small networks, and when traced.
        for layer in layers[:-1]:
            x = layer.call(x)
            x = self.drop(x, training=training) if self.dropout else x
        return layers[-1].call(x)

    def call(self, kept: tf.Tensor, *, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Log-scale and translation, each (..., moved), from kept part and condition in one vector (..., n)."""
        if len(kept.shape) == 1:
            scale, translation = self.call(kept[None], training=training)
            return scale[0], translation[0]
        return self._run(self.scale, kept, training=training), self._run(self.translation, kept, training=training)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        names = ("moved", "kept", "condition", "hidden_dim", "tanh_on", "dropout")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
