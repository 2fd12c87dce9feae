"""What the bijectors of this room have in common."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp


class Step(tfp.bijectors.Bijector):
    """A bijector without parameters of its own, so that no two are equal and none reads the cached tensors of another.

    Args:
        event_ndims: number of last axes that the bijector maps together.
        is_constant_jacobian: whether the log-determinant is the same everywhere.
        name: of the bijector.
    """

    def __init__(self, *, event_ndims: int, is_constant_jacobian: bool = False, name: str) -> None:
        super().__init__(
            forward_min_event_ndims=event_ndims,
            is_constant_jacobian=is_constant_jacobian,
            validate_args=False,
            parameters=None,
            name=name,
        )

    @classmethod
    def _parameter_properties(cls, dtype: Any = None) -> dict[str, Any]:
        return {}

    def transform(self, x: tf.Tensor, *, direction: str) -> tf.Tensor:
        """What `direction` ("inverse", "forward") gives for `x`, past the cache.

        The cache belongs to the class: what is made in a graph stays in it, with the graph, when both are long gone.
        """
        return self._inverse(x) if direction == "inverse" else self._forward(x)
