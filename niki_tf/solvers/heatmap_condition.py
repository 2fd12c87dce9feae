"""The heatmap condition: what heat maps tell beside their mean, as every coupling of a flow is given it.

Source: Wehrbein et al., Probabilistic monocular 3D human pose estimation with normalizing flows, ICCV 2021; NIKI,
supplementary material, section G.
"""

from typing import Any

import keras
import tensorflow as tf

from niki_tf import contract, precision

CONDITION = 56
"""Numbers of the condition."""
_HIDDEN = 256


@keras.saving.register_keras_serializable("niki_tf")
class HeatmapCondition(keras.layers.Layer):
    """`contract.HEAT` (..., 78) -> condition (..., 56): 256 hidden units with ReLU, 56 numbers; 0 of all zeros.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import solvers
        >>> solvers.HeatmapCondition()(tf.ones([2, 78])).shape.as_list()
        [2, 56]
    """

    @precision.in_float32
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden = keras.layers.Dense(_HIDDEN, activation="relu", name="hidden")
        self.hidden.build([None, *contract.HEAT["heat_moments"]])
        self.numbers = keras.layers.Dense(CONDITION, name="numbers")
        self.numbers.build([None, _HIDDEN])
        self.built = True

    def build(self, input_shape: Any = None) -> None:
        """Nothing to do: weights are made in the constructor."""

    def call(self, moments: tf.Tensor) -> tf.Tensor:
        """See the class."""
        known = tf.reduce_any(tf.not_equal(moments, 0.0), -1, keepdims=True)
        return tf.where(known, self.numbers(self.hidden(moments)), 0.0)
