"""Adam in one operation against Keras's own; over several replicas it is tried by `test_distribution`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from niki_tf.training import adam


def _moved(make, gradients, **arguments):
    """All variables, the trained ones first, after a step for each of the gradients."""
    variables = [keras.Variable(np.linspace(-1.0, 1.0, size, dtype=np.float32)) for size in (3, 5)]
    rate = keras.optimizers.schedules.CosineDecay(0.1, 10)
    optimizer = make(rate, use_ema=True, ema_momentum=0.9, **arguments)
    optimizer.build(variables)
    step = tf.function(lambda *values: optimizer.apply(list(values), variables), autograph=False)
    for values in gradients:
        step(*map(tf.constant, values))
    return [keras.ops.convert_to_numpy(variable) for variable in (*variables, *optimizer.variables)]


@pytest.mark.parametrize("weight_decay", [None, 0.1])
def test_it_moves_as_keras_own(rng, weight_decay):
    gradients = [[rng.normal(size=size).astype(np.float32) for size in (3, 5)] for _ in range(4)]
    ours, other = (
        _moved(make, gradients, weight_decay=weight_decay, beta_2=0.99, epsilon=1e-3)
        for make in (adam.Adam, keras.optimizers.Adam)
    )
    assert len(ours) == len(other) == 9
    for one, two in zip(ours, other, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)
    assert np.abs(ours[0] - np.linspace(-1.0, 1.0, 3)).min() > 0.01
