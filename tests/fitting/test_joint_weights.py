"""Weights of joints by their sigma, worked out by hand."""

import numpy as np
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.fitting import joint_weights

SIGMA = tf.constant([0.0, 0.02, 0.05, 5.0, skeletons.ABSENT, np.inf], tf.float64)
PRECISION = [1 / 0.0004, 1 / 0.0008, 1 / 0.0029, 1 / 25.0004, 1e-6, 1e-6]


def test_precision_by_hand():
    np.testing.assert_allclose(joint_weights.precision(SIGMA), PRECISION, rtol=1e-6)


def test_weights_are_precisions_that_sum_to_1():
    np.testing.assert_allclose(joint_weights.normalized_weights(SIGMA), np.divide(PRECISION, sum(PRECISION)), rtol=1e-6)
    absent = tf.fill([2, 4], 2 * skeletons.ABSENT)
    np.testing.assert_allclose(joint_weights.normalized_weights(absent), np.full([2, 4], 0.25), rtol=1e-6)


def test_networks_are_given_1_m_for_absent_joints():
    np.testing.assert_allclose(joint_weights.clip_sigma(SIGMA), [0.0, 0.02, 0.05, 5.0, 1.0, 1.0])


def test_weighted_mean_by_hand():
    points = tf.constant([[[1.0, 2.0, 3.0], [5.0, 6.0, 7.0]]])
    mean = joint_weights.weighted_mean(tf.constant([[0.75, 0.25]]), points)
    np.testing.assert_allclose(mean, [[[2.0, 3.0, 4.0]]])
