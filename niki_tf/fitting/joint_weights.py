"""Weights of joints by their uncertainty."""

from collections.abc import Sequence

import tensorflow as tf

from niki_tf import skeletons

COMMON_SIGMA = 0.02
"""Metres; error expected of every joint besides its sigma, by trial on training clips."""
_PRECISION_OF_ABSENT = 1e-6
"""1 / metres^2; far below that of any observed joint, 0.01 or more, but positive, so that the weights have a sum."""
_SIGMA_OF_ABSENT = 1.0
"""Metres; the sigma of absent joints that networks were trained with."""


def normalized_weights(joint_sigma: tf.Tensor, joints: Sequence[int] | None = None) -> tf.Tensor:
    """Weights of joints by their sigma (..., n), proportional to `precision` and summing to 1.

    Absent joints have practically no weight; if all joints are absent, all have the same weight.

    Args:
        joint_sigma: (..., n) metres.
        joints: numbers of those to weigh, m of them; all if None.

    Returns:
        (..., m).
    """
    weights = precision(joint_sigma)
    weights = weights if joints is None else tf.gather(weights, joints, axis=-1)
    return weights / tf.reduce_sum(weights, -1, keepdims=True)


def precision(joint_sigma: tf.Tensor) -> tf.Tensor:
    """Precision of joints by their sigma, both (..., n): 1 / (sigma^2 + (20 mm)^2), and 1e-6 for absent joints."""
    absent = joint_sigma >= skeletons.ABSENT
    return tf.where(absent, _PRECISION_OF_ABSENT, 1.0 / (clip_sigma(joint_sigma) ** 2 + COMMON_SIGMA**2))


def clip_sigma(joint_sigma: tf.Tensor) -> tf.Tensor:
    """The sigma (..., n) as networks are given it: 1 m for every absent joint, unchanged for all others."""
    return tf.where(joint_sigma >= skeletons.ABSENT, _SIGMA_OF_ABSENT, joint_sigma)


def weighted_mean(weights: tf.Tensor, points: tf.Tensor) -> tf.Tensor:
    """Mean (..., 1, 3) of `points` (..., n, 3) with `weights` (..., n) that sum to 1."""
    return tf.reduce_sum(tf.expand_dims(weights, -1) * points, -2, keepdims=True)


def centred(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Values (N, n, ...) minus their weighted mean over the joints, which eliminates the common translation.

    Args:
        values: (N, n, ...).
        weights: (N, n), of any sum; if that is 0, nothing is taken off.
    """
    weights = tf.reshape(weights, [-1, weights.shape[-1]] + [1] * (values.shape.rank - 2))
    total = tf.reduce_sum(weights, 1, keepdims=True)
    return values - tf.math.divide_no_nan(tf.reduce_sum(weights * values, 1, keepdims=True), total)
