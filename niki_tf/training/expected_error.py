"""Fits the network that tells the expected error of a joint from what is known of an answer."""

import numpy as np
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.contract import JointState
from niki_tf.fitting.expected_error import Network

STEPS = 2000
"""Steps of Adam."""
_HIDDEN = 24
"""Hidden units. By trial on training clips, as all constants here."""
_BATCH, _RATE, _LAST_RATE = 512, 1e-2, 1e-4
"""Frames of a step; learning rate in the beginning and at the end, along a cosine."""
_CONSTANT = 1e-4
"""Standard deviation below which a feature tells nothing and gets no weight."""
_LEAST = 2e-6
"""Metres; errors are not told apart below."""


def fit(features: np.ndarray, errors: np.ndarray, states: np.ndarray, *, seed: int = 0, steps: int = STEPS) -> Network:
    """The `Network` that gives the mean of the errors.

    It minimises log(expected) + error / expected, whose least value is at the mean. Rare states count more, by the root
    of their share.

    Args:
        features: (N, 24, F); see `fitting.expected_error.features`.
        errors: (N, 24) metres.
        states: (N, 24), of `JointState`.
        seed: of start and batches.
        steps: of Adam.
    """
    mean, scale = features.mean((0, 1)), features.std((0, 1))
    varies = scale > _CONSTANT
    scale = np.where(varies, scale, 1.0)
    counts = np.maximum(np.bincount(states.ravel(), minlength=len(JointState)), 1)
    weights = np.sqrt(counts.mean() / counts)[states] * (np.arange(skeletons.NUM_ROTATIONS) > 0)
    data = [np.float32(array) for array in ((features - mean) / scale, np.maximum(errors, _LEAST), weights)]
    start = _start(features.shape[-1], np.log(errors[:, 1:].mean() / 0.01), seed)
    skip, bias, hidden, hidden_bias, out = _descended(start, data, steps=steps, seed=seed)
    skip, hidden = (np.where(varies[:, None], array / scale[:, None], 0.0) for array in (skip, hidden))
    return Network(*map(np.float32, (skip, bias - mean @ skip, hidden, hidden_bias - mean @ hidden, out)))


def _start(count: int, level: float, seed: int) -> list[np.ndarray]:
    """The arrays of a network of `count` features that gives exp(`level`) times 10 mm, nearly."""
    rng = np.random.default_rng(seed)
    joints = skeletons.NUM_ROTATIONS
    hidden = rng.standard_normal([count, _HIDDEN]) / count**0.5
    shapes = (np.zeros([count, 1]), np.full([joints], level), hidden, np.zeros([joints, _HIDDEN]))
    return [np.float32(array) for array in (*shapes, 0.1 * rng.standard_normal([_HIDDEN, 1]))]


def _descended(start: list[np.ndarray], data: list[np.ndarray], *, steps: int, seed: int) -> list[np.ndarray]:
    """The weights after `steps` of Adam on batches of the data: features, errors, weights."""
    weights = [tf.Variable(array) for array in start]
    rate = tf.keras.optimizers.schedules.CosineDecay(_RATE, steps, alpha=_LAST_RATE / _RATE)
    adam = tf.keras.optimizers.Adam(rate)

    @tf.function(autograph=False)
    def step(told: tf.Tensor, errors: tf.Tensor, counted: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            logarithm = Network(*weights).logarithm(told)
            loss = tf.reduce_sum(counted * (logarithm + errors * tf.exp(-logarithm) / 0.01)) / tf.reduce_sum(counted)
        adam.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))

    rng = np.random.default_rng(seed)
    for _ in range(steps):
        rows = rng.integers(len(data[0]), size=_BATCH)
        step(*(tf.constant(array[rows]) for array in data))
    return [weight.numpy() for weight in weights]
