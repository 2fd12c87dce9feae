"""The moments of heat maps are those of Gaussians."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.vision import heatmap_moments

SIZE = 32


def gaussian(mean, covariance):
    """Heat maps (1, S, S, 29, 4) of one normal distribution, spread over depths."""
    y, x = np.mgrid[:SIZE, :SIZE]
    off = np.stack([x - mean[0], y - mean[1]], -1)
    density = np.exp(-0.5 * np.einsum("hwi,ij,hwj->hw", off, np.linalg.inv(covariance), off))
    depths = np.array([0.1, 0.2, 0.3, 0.4])
    heat = (density / density.sum())[:, :, None, None] * depths
    return tf.constant(np.repeat(heat, 29, 2)[None], tf.float32)


@pytest.mark.parametrize("covariance", [[[4.0, 0.0], [0.0, 4.0]], [[6.0, 2.0], [2.0, 3.0]]])
def test_moments_are_those_of_the_gaussian(covariance):
    found = heatmap_moments.moments(gaussian((18.0, 12.0), covariance)).numpy().reshape(13, 6)
    (xx, xy), (_, yy) = covariance
    amplitude = 4.0 / np.sqrt(np.linalg.det(covariance))
    expected = [amplitude, 18 / SIZE - 0.5, 12 / SIZE - 0.5, np.sqrt(xx), xy, np.sqrt(yy)]
    np.testing.assert_allclose(found, np.tile(expected, (13, 1)), rtol=1e-3, atol=1e-3)


def test_what_is_too_sharp_or_too_wide_is_clipped():
    sharp = heatmap_moments.moments(gaussian((10.0, 10.0), np.eye(2) * 1e-3)).numpy().reshape(13, 6)
    np.testing.assert_allclose(sharp[0], [1.2, 10 / SIZE - 0.5, 10 / SIZE - 0.5, 0.2, 0.0, 0.2], atol=1e-3)
    wide = heatmap_moments.moments(tf.fill([1, 64, 64, 29, 4], 1 / 64**2 / 4)).numpy().reshape(13, 6)
    np.testing.assert_allclose(wide[0, [3, 5]], [10.0, 10.0])


def test_each_joint_has_its_own_numbers_in_order():
    heat = np.zeros([1, SIZE, SIZE, 29, 4], np.float32)
    heat[0, 5, 5, :, 0] = 1.0
    wrist = skeletons.SMPL_29.index("right_wrist")
    heat[0, 5, 5, wrist, 0], heat[0, 9, 20, wrist, 0] = 0.0, 1.0
    found = heatmap_moments.moments(tf.constant(heat)).numpy().reshape(13, 6)
    np.testing.assert_allclose(found[:, 1], [*[5 / SIZE - 0.5] * 12, 20 / SIZE - 0.5])
