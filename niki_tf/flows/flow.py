"""A conditional flow: a Keras layer that has the weights and makes chains of bijectors."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from niki_tf import shared_traces
from niki_tf.flows import masks
from niki_tf.flows.conditioner import Conditioner
from niki_tf.flows.coupling import AffineCoupling
from niki_tf.shapes import TensorLike

Halves = tuple[tf.Tensor, tf.Tensor]
"""The entries that even steps keep (..., K), and the others (..., size - K)."""


@keras.saving.register_keras_serializable("niki_tf")
class Flow(keras.layers.Layer):
    """Affine coupling steps on R^size: even steps keep the entries that a mask selects, odd steps the others.

    `flow.bijector(condition)` is a TensorFlow Probability bijector; its `inverse` is inverse kinematics (joints ->
    pose), its `forward` is kinematics (pose -> joints). Make one for each call: bijectors cache tensors.

    Args:
        size: entries of the vector.
        condition: entries of the condition, 0 for none.
        num_couplings: number of coupling steps; two are a block of the paper, and the published code has 8 blocks.
        hidden_dim: width of the conditioners; 512 in the paper.
        tanh_on: which network of the conditioners ends in a tanh, "scale" or "translation".
        dropout: dropout of the conditioners in training.
        mask: list of `size` booleans, True for entries that even steps keep; None for False, True, False, True, ...

    Raises:
        ValueError: a size is too small, or `mask` or `tanh_on` does not fit.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import flows
        >>> flow = flows.Flow(176, condition=10, hidden_dim=32, num_couplings=2)
        >>> x, betas = tf.random.normal([5, 176]), tf.zeros([5, 10])
        >>> y = flow.bijector(betas).inverse(x)
        >>> bool(tf.reduce_max(tf.abs(flow.bijector(betas).forward(y + 0) - x)) < 1e-4)
        True

    Source: supplementary A.1 and A.2.
    """

    def __init__(
        self,
        size: int,
        *,
        condition: int = 0,
        num_couplings: int = 16,
        hidden_dim: int = 512,
        tanh_on: str = "scale",
        dropout: float = 0.0,
        mask: list[bool] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if size < 2 or num_couplings < 1 or hidden_dim < 1:
            raise ValueError(
                "`size`, `num_couplings` and `hidden_dim` must be at least 2, 1 and 1; "
                f"got {size}, {num_couplings} and {hidden_dim}."
            )
        self.size, self.condition, self.num_couplings = size, condition, num_couplings
        self.hidden_dim, self.tanh_on, self.dropout = hidden_dim, tanh_on, dropout
        self.mask = None if mask is None else masks.check_mask(mask, size).tolist()
        self.conditioners: list[keras.layers.Layer] = [self._conditioner(step) for step in range(num_couplings)]
        self.built = True

    def _even_mask(self) -> np.ndarray:
        """Boolean mask (size,) of the entries that even steps keep."""
        return masks.alternating(self.size, first=False) if self.mask is None else np.array(self.mask)

    def _kept(self, step: int) -> int:
        """Number of entries that a step keeps."""
        count = int(self._even_mask().sum())
        return count if step % 2 == 0 else self.size - count

    def _conditioner(self, step: int) -> Conditioner:
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

    def _network(self, step: int, *, training: bool) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
        """Log-scale and translation of the entries that a step moves, from those that it keeps and the condition."""
        return functools.partial(shared_traces.run, self.conditioners[step], training=training)

    def bijector(self, condition: tf.Tensor | None = None, *, training: bool = False) -> tfp.bijectors.Chain:
        """A new `tfp.bijectors.Chain` on (..., size) given `condition` (..., C).

        Raises:
            ValueError: the condition is missing, superfluous or of another length.
        """
        return tfp.bijectors.Chain(self.steps(condition, training=training), name="flow")

    def steps(self, condition: tf.Tensor | None = None, *, training: bool = False) -> list[tfp.bijectors.Bijector]:
        """The bijectors of `bijector`: coupling steps between two permutations that sort the entries by the mask."""
        self._check_condition(condition)
        steps = [
            AffineCoupling(
                self._network(step, training=training),
                kept=self._kept(step),
                condition=condition,
                swap=step % 2 == 1,
                name=f"step_{step}",
            )
            for step in range(self.num_couplings)
        ]
        order = masks.kept_first(self._even_mask())
        return [tfp.bijectors.Permute(np.argsort(order)), *steps, tfp.bijectors.Permute(order)]

    def call(self, x: TensorLike, condition: tf.Tensor | None = None, *, training: bool = False) -> tf.Tensor:
        """Joints to pose, both (..., size): `bijector(condition).inverse(x)`."""
        return self.transform(tf.convert_to_tensor(x), condition, training=training)

    def transform(
        self, x: tf.Tensor, condition: tf.Tensor | None = None, *, direction: str = "inverse", training: bool = False
    ) -> tf.Tensor:
        """The vector that `direction` ("inverse", "forward") of `bijector` gives for `x` (..., size).

        The entries that even and odd steps keep stay apart from the first step to the last, so that a step is nothing
        but its networks and three operations, and no bijector is made.

        Raises:
            ValueError: the condition is missing, superfluous or of another length.
        """
        self._check_condition(condition)
        halves = self.halves(x)
        for step in range(self.num_couplings)[:: 1 if direction == "inverse" else -1]:
            halves = self.step(step, halves, condition, direction=direction, training=training)
        return self.joined(halves)

    def halves(self, x: tf.Tensor) -> Halves:
        """The entries of `x` (..., size) that even steps keep, and those that odd steps keep."""
        order, count = masks.kept_first(self._even_mask()), self._kept(0)
        return tf.gather(x, order[:count], axis=-1), tf.gather(x, order[count:], axis=-1)

    def joined(self, halves: Halves) -> tf.Tensor:
        """The vector (..., size) of `halves`; the inverse of it."""
        return tf.gather(tf.concat(halves, -1), np.argsort(masks.kept_first(self._even_mask())), axis=-1)

    def step(
        self, step: int, halves: Halves, condition: tf.Tensor | None, *, direction: str, training: bool = False
    ) -> Halves:
        """The halves after one coupling step in a direction; see `AffineCoupling`."""
        kept, moved = halves[:: -1 if step % 2 else 1]
        given = kept if condition is None else tf.concat([kept, condition], -1)
        scale, translation = self._network(step, training=training)(given)
        if direction == "inverse":
            moved = moved * tf.exp(scale) + translation
        else:
            moved = (moved - translation) * tf.exp(-scale)
        return (moved, kept) if step % 2 else (kept, moved)

    @property
    def masked_weights(self) -> int:
        """Number of weights of the same flow in the published code, whose networks map masked whole vectors."""
        widths = (self.size + self.condition, self.hidden_dim, self.hidden_dim, self.size)
        network = sum((inputs + 1) * outputs for inputs, outputs in zip(widths[:-1], widths[1:], strict=True))
        return 2 * self.num_couplings * network

    def _check_condition(self, condition: tf.Tensor | None) -> None:
        """ValueError unless the condition has the length that the flow was made for."""
        got = 0 if condition is None else condition.shape[-1]
        if got != self.condition:
            raise ValueError(f"`condition` must end in {self.condition} entries; got {got or 'none'}.")

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        names = ("size", "condition", "num_couplings", "hidden_dim", "tanh_on", "dropout")
        mask = None if self.mask is None else list(self.mask)
        return {**super().get_config(), **{name: getattr(self, name) for name in names}, "mask": mask}
