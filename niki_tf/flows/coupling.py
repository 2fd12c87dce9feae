"""One affine coupling step as a stateless bijector."""

import tensorflow as tf
import tensorflow_probability as tfp

tfb = tfp.bijectors


class AffineCoupling(tfb.Bijector):
    """Keeps the first part a of a vector (a, b) and scales and shifts b by what a and the condition say.

    inverse (inverse kinematics): b -> b * exp(s(a, c)) + t(a, c),   log-det  sum s
    forward (kinematics):         b -> (b - t(a, c)) * exp(-s(a, c)), log-det -sum s

    Args:
        network: callable, (..., kept + condition) -> log-scale and translation of b.
        kept: number of entries of a.
        condition: (..., C) tensor already bound, or None.
        swap: keep the last `kept` entries and move the first ones instead.

    Source: Dinh et al., Density estimation using Real NVP, ICLR 2017; supplementary A.1.
    """

    def __init__(self, network, *, kept, condition=None, swap=False, name="affine_coupling"):
        self._network, self._kept, self._condition, self._swap = network, kept, condition, swap
        # Without `parameters` no two bijectors are equal, so none is handed the cached tensors of another.
        super().__init__(forward_min_event_ndims=1, validate_args=False, parameters=None, name=name)

    @classmethod
    def _parameter_properties(cls, dtype=None):
        return {}

    def _halves(self, x):
        if self._swap:
            moved, kept = x[..., : -self._kept], x[..., -self._kept :]
        else:
            kept, moved = x[..., : self._kept], x[..., self._kept :]
        return kept, moved

    def _coefficients(self, kept):
        seen = kept if self._condition is None else tf.concat([kept, self._condition], -1)
        return self._network(seen)

    def _join(self, kept, moved):
        return tf.concat([moved, kept] if self._swap else [kept, moved], -1)

    def _inverse(self, y):
        kept, moved = self._halves(y)
        scale, translation = self._coefficients(kept)
        return self._join(kept, moved * tf.exp(scale) + translation)

    def _forward(self, x):
        kept, moved = self._halves(x)
        scale, translation = self._coefficients(kept)
        return self._join(kept, (moved - translation) * tf.exp(-scale))

    def _inverse_log_det_jacobian(self, y):
        return tf.reduce_sum(self._coefficients(self._halves(y)[0])[0], -1)

    def _forward_log_det_jacobian(self, x):
        return -tf.reduce_sum(self._coefficients(self._halves(x)[0])[0], -1)
