"""Adam, whose step is one operation for each variable."""

import keras
import tensorflow as tf


class Adam(keras.optimizers.Adam):
    """`keras.optimizers.Adam`, a step of which is TensorFlow's own kernel instead of some twenty operations a variable.

    So the graph of a training step is made sooner. Variables and arguments are Keras's, but for `amsgrad`, which the
    kernel does not know.
    """

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        """Moves a variable, its momentum and its velocity.

        Args:
            gradient: of the variable's shape.
            variable: that is trained.
            learning_rate: scalar.
        """
        index, dtype = self._get_variable_index(variable), variable.dtype
        step = tf.cast(self.iterations + 1, dtype)
        beta_1, beta_2 = tf.constant(self.beta_1, dtype), tf.constant(self.beta_2, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=beta_1**step,
            beta2_power=beta_2**step,
            lr=tf.cast(learning_rate, dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.constant(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )
