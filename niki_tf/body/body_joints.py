"""What a solver needs of a body: its 29 joints at rest and how shape moves them, without a mesh."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from niki_tf import contract, precision
from niki_tf.shapes import LeadingAxes, TensorLike, real_array, real_tensors

_SHAPE = contract.INPUTS["joints"]


@keras.saving.register_keras_serializable("niki_tf")
class BodyJoints(keras.layers.Layer):
    """Rest joints of a body shape: `joints + directions @ betas`.

    Args:
        joints: (29, 3) metres, the joints of the mean shape in the T-pose.
        directions: (29, 3, B) metres per unit of each shape coefficient.

    Raises:
        ValueError: a shape does not fit.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body
        >>> body.mannequin_joints()(tf.zeros([5, 10])).shape.as_list()
        [5, 29, 3]
    """

    def __init__(self, joints: TensorLike, *, directions: TensorLike, **kwargs: Any) -> None:
        super().__init__(**{"trainable": False, "dtype": precision.FLOAT32, **kwargs})
        self.joints = real_array("joints", joints).astype(np.float64)
        self.directions = real_array("directions", directions).astype(np.float64)
        if self.joints.shape != _SHAPE:
            raise ValueError(f"`joints` must have shape {_SHAPE}; got {self.joints.shape}. Use skeletons.SMPL_29.")
        if self.directions.shape[:2] != _SHAPE or self.directions.ndim != 3:
            raise ValueError(
                f"`directions` must have shape (29, 3, B); got {self.directions.shape}. B is the number of betas."
            )

    @property
    def num_betas(self) -> int:
        """Number of shape coefficients, B."""
        return self.directions.shape[-1]

    def __call__(self, betas: TensorLike, **kwargs: Any) -> tf.Tensor:
        """Rest joints (..., 29, 3) in metres for `betas` (..., B); ValueError if they have another shape."""
        if not isinstance(betas, keras.KerasTensor):  # before Keras has the call, which would wrap the message
            betas = real_tensors({"betas": betas}, {"betas": (self.num_betas,)})["betas"]
        return super().__call__(betas, **kwargs)

    def call(self, betas: tf.Tensor) -> tf.Tensor:
        """Rest joints (..., 29, 3) in metres for `betas` (..., B)."""
        directions = self.directions.reshape(-1, self.num_betas).T
        leading = LeadingAxes(betas, inner=1)
        moved = tf.linalg.matmul(leading.flatten(betas), tf.constant(directions, betas.dtype))
        return tf.constant(self.joints, betas.dtype) + leading.restore(tf.reshape(moved, [-1, *_SHAPE]))

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments as plain lists, for JSON."""
        return {**super().get_config(), "joints": self.joints.tolist(), "directions": self.directions.tolist()}
