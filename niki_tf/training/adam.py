"""Adam, whose step is one operation for each variable."""

import keras
import tensorflow as tf


class Adam(keras.optimizers.Adam):
    """`keras.optimizers.Adam`, a step of which is TensorFlow's own kernel instead of some twenty operations a variable.

    So the graph of a training step is made sooner. Variables and arguments are Keras's, but for `amsgrad`, which the
    kernel does not know.
    """

    def _distributed_tf_update_step(
        self,
        distribution: tf.distribute.Strategy,
        grads_and_vars: list[tuple[tf.Tensor, tf.Variable]],
        learning_rate: tf.Tensor,
    ) -> None:
        """Moves all variables; what they have in common is computed once."""
        rate = distribution.experimental_local_results(learning_rate)[0]  # all replicas have the same
        shared = {dtype: self._scalars(rate, dtype) for dtype in {v.dtype for _, v in grads_and_vars}}
        for gradient, variable in grads_and_vars:
            arguments = gradient, shared[variable.dtype]
            distribution.extended.update(variable, self._apply_kernel, args=arguments, group=False)

    def _scalars(self, learning_rate: tf.Tensor, dtype: tf.DType) -> dict[str, tf.Tensor]:
        """The arguments of the kernel that all variables of a type share."""
        step = tf.cast(self.iterations + 1, dtype)
        beta_1, beta_2 = tf.constant(self.beta_1, dtype), tf.constant(self.beta_2, dtype)
        return {
            "beta1_power": beta_1**step,
            "beta2_power": beta_2**step,
            "lr": tf.cast(learning_rate, dtype),
            "beta1": beta_1,
            "beta2": beta_2,
            "epsilon": tf.constant(self.epsilon, dtype),
        }

    def _apply_kernel(self, variable: tf.Variable, gradient: tf.Tensor, scalars: dict[str, tf.Tensor]) -> None:
        """Moves a variable, its momentum and its velocity."""
        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            grad=tf.cast(gradient, variable.dtype),
            **scalars,
        )

    def _update_model_variables_moving_average(self, trainable_variables: list[keras.Variable]) -> None:
        """Moves the averages of the weights towards the weights, which Keras does in three times the operations."""
        if not self.use_ema:
            return
        share = 1.0 - self.ema_momentum * tf.cast(self.iterations > 0, tf.float32)
        for variable, average in zip(trainable_variables, self._model_variables_moving_average, strict=True):
            if average is not None:
                apart = tf.convert_to_tensor(average) - tf.convert_to_tensor(variable)
                tf.raw_ops.ResourceApplyGradientDescent(
                    var=average.value.handle, alpha=tf.cast(share, apart.dtype), delta=apart
                )
