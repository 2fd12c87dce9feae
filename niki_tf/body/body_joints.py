"""What a solver needs of a body: its 29 joints at rest and how shape moves them. No mesh."""

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable("niki_tf")
class BodyJoints(keras.layers.Layer):
    """Rest joints of a body shape: `joints + directions @ betas`.

    Args:
        joints: (29, 3) metres, the joints of the mean shape in the T-pose.
        directions: (29, 3, B) metres per unit of each shape coefficient.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body
        >>> body.mannequin_joints()(tf.zeros([5, 10])).shape.as_list()
        [5, 29, 3]
    """

    def __init__(self, joints, *, directions, **kwargs):
        super().__init__(**{"trainable": False, **kwargs})
        self.joints = np.asarray(joints, np.float64)
        self.directions = np.asarray(directions, np.float64)
        if self.joints.shape != (29, 3):
            raise ValueError(f"`joints` must have shape (29, 3); got {self.joints.shape}.")
        if self.directions.shape[:2] != (29, 3) or self.directions.ndim != 3:
            raise ValueError(f"`directions` must have shape (29, 3, B); got {self.directions.shape}.")

    @property
    def num_betas(self):
        """Number of shape coefficients."""
        return self.directions.shape[-1]

    def call(self, betas):
        """Rest joints (..., 29, 3) in metres for `betas` (..., B)."""
        directions = self.directions.reshape(-1, self.num_betas).T
        moved = tf.tensordot(betas, tf.constant(directions, betas.dtype), 1)
        moved = tf.reshape(moved, tf.concat([tf.shape(betas)[:-1], [29, 3]], 0))
        return tf.constant(self.joints, betas.dtype) + moved

    def get_config(self):
        """Constructor arguments as plain lists, for JSON."""
        return {**super().get_config(), "joints": self.joints.tolist(), "directions": self.directions.tolist()}
