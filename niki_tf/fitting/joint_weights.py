"""What a joint's uncertainty is worth: its precision, and weights of joints against each other."""

import tensorflow as tf

from niki_tf import skeletons

_TRUSTED = 0.02
_LEAST_TRUST = 1e-6
_TOLD_OF_ABSENT = 1.0


def normalized_weights(joint_sigma):
    """Weights of joints by their uncertainty, both (..., n), summing to 1: as 1 / (sigma^2 + (20 mm)^2).

    A joint that is absent has no weight; where all are, all have the same.
    """
    weights = precision(joint_sigma)
    return weights / tf.reduce_sum(weights, -1, keepdims=True)


def precision(joint_sigma):
    """What `normalized_weights` shares out: 1 / (sigma^2 + (20 mm)^2), next to nothing for a joint that is absent."""
    absent = joint_sigma >= skeletons.ABSENT
    return tf.where(absent, _LEAST_TRUST, 1.0 / (clip_sigma(joint_sigma) ** 2 + _TRUSTED**2))


def clip_sigma(joint_sigma):
    """What a network is told of joint_sigma (..., n): the same, but 1 m for every joint that is absent."""
    return tf.where(joint_sigma >= skeletons.ABSENT, _TOLD_OF_ABSENT, joint_sigma)


def weighted_mean(weights, points):
    """Mean (..., 1, 3) of points (..., n, 3) with weights (..., n) that sum to 1."""
    return tf.reduce_sum(tf.expand_dims(weights, -1) * points, -2, keepdims=True)
