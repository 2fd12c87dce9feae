"""The networks that say how far a coupling step scales and shifts."""

import functools

import keras

_leaky_relu = functools.partial(keras.ops.leaky_relu, negative_slope=0.01)


@keras.saving.register_keras_serializable("niki_tf")
class Conditioner(keras.layers.Layer):
    """Scale and translation of the moving half from the kept half: `s = S(kept, c)`, `t = T(kept, c)`.

    S and T are MLPs of two hidden layers with LeakyReLU of slope 0.01. They see the kept half only, so no weight is
    spent on entries that a mask would kill.

    Args:
        moved: number of entries that move.
        kept: number of entries that stay.
        condition: number of entries of the condition, 0 for none.
        hidden_dim: width of the two hidden layers.
        tanh_on: what the tanh bounds, "scale" (the published code) or "translation" (the paper's text).
        dropout: share of hidden units dropped between the layers in training (the published second flow: 0.5).

    Source: supplementary A.1.
    """

    def __init__(self, moved, *, kept, condition, hidden_dim, tanh_on="scale", dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        if tanh_on not in ("scale", "translation"):
            raise ValueError(f'`tanh_on` must be "scale" or "translation"; got {tanh_on!r}.')
        self.moved, self.kept, self.condition, self.hidden_dim = moved, kept, condition, hidden_dim
        self.tanh_on, self.dropout = tanh_on, dropout
        self.drop = keras.layers.Dropout(dropout)
        self.scale = self._network(tanh=tanh_on == "scale")
        self.translation = self._network(tanh=tanh_on == "translation")
        self.built = True

    def _network(self, *, tanh):
        """Layers of one MLP, built here so that the weights exist before the first call."""
        hidden = [keras.layers.Dense(self.hidden_dim, activation=_leaky_relu) for _ in range(2)]
        small = keras.initializers.RandomNormal(stddev=0.01)
        layers = [
            *hidden,
            keras.layers.Dense(self.moved, activation="tanh" if tanh else None, kernel_initializer=small),
        ]
        for layer, size in zip(layers, (self.kept + self.condition, self.hidden_dim, self.hidden_dim), strict=True):
            layer.build([None, size])
        return layers

    def _run(self, layers, x, *, training):
        for layer in layers[:-1]:
            x = self.drop(layer(x), training=training)
        return layers[-1](x)

    def call(self, kept, *, training=False):
        """Log-scale and translation, each (..., moved), for the kept half joined with the condition (..., n)."""
        if len(kept.shape) == 1:
            return tuple(x[0] for x in self.call(kept[None], training=training))
        return self._run(self.scale, kept, training=training), self._run(self.translation, kept, training=training)

    def get_config(self):
        """Constructor arguments."""
        names = ("moved", "kept", "condition", "hidden_dim", "tanh_on", "dropout")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
