"""A conditional flow: a Keras layer that owns the weights and hands out a chain of bijectors."""

import functools

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from niki_tf.flows import masks
from niki_tf.flows.conditioner import Conditioner
from niki_tf.flows.coupling import AffineCoupling

tfb = tfp.bijectors


@keras.saving.register_keras_serializable("niki_tf")
class Flow(keras.layers.Layer):
    """Affine coupling steps on R^size; the even ones keep the entries of a mask, the odd ones the others.

    `flow.bijector(condition)` is an ordinary TensorFlow Probability bijector; `inverse` is inverse kinematics
    (joints -> pose), `forward` is kinematics (pose -> joints). Make one per call: bijectors cache tensors.

    Args:
        size: entries of the vector.
        condition: entries of the condition, 0 for none.
        num_couplings: number of steps.
        hidden_dim: width of the conditioners.
        tanh_on: what the conditioners' tanh bounds, "scale" or "translation".
        dropout: dropout of the conditioners in training.
        mask: list of `size` booleans, True for what the even steps keep; None for False, True, False, True, ...

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import flows
        >>> flow = flows.Flow(176, condition=10, hidden_dim=32)
        >>> x, betas = tf.random.normal([5, 176]), tf.zeros([5, 10])
        >>> y = flow.bijector(betas).inverse(x)
        >>> bool(tf.reduce_max(tf.abs(flow.bijector(betas).forward(y + 0) - x)) < 1e-4)
        True

    Source: supplementary A.1 and A.2, 8 blocks of two steps.
    """

    def __init__(
        self, size, *, condition=0, num_couplings=16, hidden_dim=512, tanh_on="scale", dropout=0.0, mask=None, **kwargs
    ):
        super().__init__(**kwargs)
        if size < 2 or num_couplings < 1 or hidden_dim < 1:
            raise ValueError(
                "`size`, `num_couplings` and `hidden_dim` must be at least 2, 1 and 1; "
                f"got {size}, {num_couplings} and {hidden_dim}."
            )
        self.size, self.condition, self.num_couplings = size, condition, num_couplings
        self.hidden_dim, self.tanh_on, self.dropout = hidden_dim, tanh_on, dropout
        self.mask = None if mask is None else masks.check_mask(mask, size).tolist()
        self.conditioners = [self._conditioner(step) for step in range(num_couplings)]
        self.built = True

    def _kept_by_even_steps(self):
        return masks.alternating(self.size, first=False) if self.mask is None else np.array(self.mask)

    def _kept(self, step):
        count = int(self._kept_by_even_steps().sum())
        return count if step % 2 == 0 else self.size - count

    def _conditioner(self, step):
        kept = self._kept(step)
        return Conditioner(
            self.size - kept,
            kept=kept,
            condition=self.condition,
            hidden_dim=self.hidden_dim,
            tanh_on=self.tanh_on,
            dropout=self.dropout,
            name=f"conditioner_{step}",
        )

    def bijector(self, condition=None, *, training=False):
        """A fresh `tfb.Chain` with `condition` (..., C) bound.

        Raises:
            ValueError: the condition is missing, superfluous or of another length.
        """
        return tfb.Chain(self.steps(condition, training=training), name="flow")

    def steps(self, condition=None, *, training=False):
        """The bijectors of `bijector`'s chain: all coupling steps between two that order the entries by the mask."""
        self._check(condition)
        steps = [
            AffineCoupling(
                functools.partial(network, training=training),
                kept=self._kept(step),
                condition=condition,
                swap=step % 2 == 1,
                name=f"step_{step}",
            )
            for step, network in enumerate(self.conditioners)
        ]
        order = masks.kept_first(self._kept_by_even_steps())
        return [tfb.Permute(np.argsort(order)), *steps, tfb.Permute(order)]

    def call(self, x, condition=None, *, training=False):
        """Joints to pose: `bijector(condition).inverse(x)`, (..., size)."""
        return self.bijector(condition, training=training).inverse(tf.convert_to_tensor(x))

    @property
    def masked_weights(self):
        """Weights that the same flow has where masks are multiplied in, as published: dead halves are stored too."""
        seen = self.size + self.condition
        network = (
            (seen + 1) * self.hidden_dim + (self.hidden_dim + 1) * self.hidden_dim + (self.hidden_dim + 1) * self.size
        )
        return 2 * self.num_couplings * network

    def _check(self, condition):
        got = 0 if condition is None else condition.shape[-1]
        if got != self.condition:
            raise ValueError(f"`condition` must end in {self.condition} entries; got {got or 'none'}.")

    def get_config(self):
        """Constructor arguments."""
        names = ("size", "condition", "num_couplings", "hidden_dim", "tanh_on", "dropout")
        mask = None if self.mask is None else list(self.mask)
        return {**super().get_config(), **{name: getattr(self, name) for name in names}, "mask": mask}
