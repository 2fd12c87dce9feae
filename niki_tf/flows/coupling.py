"""One affine coupling step as a stateless bijector."""

from collections.abc import Callable

import tensorflow as tf

from niki_tf.flows.step import Step


class AffineCoupling(Step):
    """Keeps the part a of a vector (a, b); scales and shifts b by functions of a and the condition c.

    inverse (inverse kinematics): b -> b * exp(s(a, c)) + t(a, c),   log-det  sum s
    forward (kinematics):         b -> (b - t(a, c)) * exp(-s(a, c)), log-det -sum s

    Args:
        network: callable, a and c (..., kept + C) -> log-scale and translation of b, each (..., moved).
        kept: number of entries of a.
        condition: c (..., C), or None.
        swap: whether a is the end of the vector instead of its beginning.
        name: of the bijector.

    Source: Dinh et al., Density estimation using Real NVP, ICLR 2017; supplementary A.1.
    """

    def __init__(
        self,
        network: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]],
        *,
        kept: int,
        condition: tf.Tensor | None = None,
        swap: bool = False,
        name: str = "affine_coupling",
    ) -> None:
        self._network, self._kept, self._condition, self._swap = network, kept, condition, swap
        super().__init__(event_ndims=1, name=name)

    def _split(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Kept and moved part of `x`."""
        if self._swap:
            moved, kept = x[..., : -self._kept], x[..., -self._kept :]
        else:
            kept, moved = x[..., : self._kept], x[..., self._kept :]
        return kept, moved

    def _coefficients(self, kept: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Log-scale and translation of the moved part."""
        return self._network(kept if self._condition is None else tf.concat([kept, self._condition], -1))

    def _join(self, kept: tf.Tensor, moved: tf.Tensor) -> tf.Tensor:
        return tf.concat([moved, kept] if self._swap else [kept, moved], -1)

    def _inverse(self, y: tf.Tensor) -> tf.Tensor:
        kept, moved = self._split(y)
        scale, translation = self._coefficients(kept)
        return self._join(kept, moved * tf.exp(scale) + translation)

    def _forward(self, x: tf.Tensor) -> tf.Tensor:
        kept, moved = self._split(x)
        scale, translation = self._coefficients(kept)
        return self._join(kept, (moved - translation) * tf.exp(-scale))

    def _inverse_log_det_jacobian(self, y: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(self._coefficients(self._split(y)[0])[0], -1)

    def _forward_log_det_jacobian(self, x: tf.Tensor) -> tf.Tensor:
        return -tf.reduce_sum(self._coefficients(self._split(x)[0])[0], -1)
