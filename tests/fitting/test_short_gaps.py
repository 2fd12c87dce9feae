"""Filling short gaps: the curve and its sigma are those of dense equations, and other gaps are left as they are."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.fitting import short_gaps, smoothing

EVEN = np.arange(20) / 30
UNEVEN = np.cumsum([0.02, 0.04, 0.05, 0.03] * 5)


def _paths(rng, times, points=4):
    """Paths (T, K, 3) in metres whose velocities wander."""
    steps = 30 * np.diff(times, prepend=times[0])[:, None, None]
    velocities = np.cumsum(0.008 * np.sqrt(steps) * rng.normal(size=[len(times), points, 3]), 0)
    return np.cumsum(steps * velocities, 0)


def _lose(points, frames, which):
    """The points with anything where they are lost, and sigma."""
    sigma = np.full(points.shape[:2], 0.004)
    sigma[np.ix_(np.atleast_1d(frames), np.arange(points.shape[1])[which])] = skeletons.ABSENT
    return np.where(sigma[..., None] < 1.0, points, 7.0), sigma


def _dense(path, seen, variance, times):
    """Mean and variance at all times of one coordinate, a line plus velocities that wander, by one matrix."""
    ticks = 30 * (times - times[0])
    early, late = np.minimum(ticks, ticks[:, None]), np.maximum(ticks, ticks[:, None])
    prior = 0.008**2 * early**2 * (3 * late - early) / 6 + 1 + ticks * ticks[:, None]
    gain = prior[:, seen] @ np.linalg.inv(prior[np.ix_(seen, seen)] + variance * np.eye(seen.sum()))
    return gain @ path[seen], np.diag(prior - gain @ prior[seen])


@pytest.mark.parametrize("times", [EVEN, EVEN / 2, UNEVEN], ids=["30", "60", "uneven"])
def test_the_curve_and_its_sigma_are_those_of_dense_equations(rng, times):
    points = _paths(rng, times) + 0.005 * rng.normal(size=[20, 4, 3])
    given, sigma = _lose(points, range(8, 13), [2])
    filled, found = short_gaps.fill(given, sigma, times)
    arrays = (given, sigma, np.ones(20), times - times[0])
    noise = smoothing.noise_variance(*(tf.constant(array[None], tf.float32) for array in arrays))
    seen = sigma[:, 2] < skeletons.ABSENT
    for axis in range(3):
        mean, variance = _dense(points[:, 2, axis], seen, float(noise[0, 0, 2]) + 0.004**2, times)
        np.testing.assert_allclose(filled[8:13, 2, axis], mean[8:13], atol=1e-5)
    np.testing.assert_allclose(found[8:13, 2], 1.5 * np.sqrt(variance[8:13]), rtol=1e-3)
    others = np.ones([20, 4], bool)
    others[8:13, 2] = False
    np.testing.assert_array_equal(filled[others], np.float32(points[others]))
    np.testing.assert_array_equal(found[others], sigma[others])


def test_a_curve_is_followed_and_sigma_tells_of_the_error(rng):
    times = np.arange(60) / 30
    paths = np.stack([_paths(rng, times, 29) for _ in range(8)])
    errors, sigmas, lines = [], [], []
    for points in paths:
        filled, sigma = short_gaps.fill(*_lose(points, range(26, 34), range(28)), times)
        errors.append(filled[26:34, :28] - points[26:34, :28])
        sigmas.append(sigma[26:34, :28, None])
        share = (np.arange(8)[:, None, None] + 1) / 9
        lines.append(points[25, :28] + share * (points[34, :28] - points[25, :28]) - points[26:34, :28])
    root_mean_square = np.sqrt(np.mean(np.square(errors)))
    assert root_mean_square < 0.7 * np.sqrt(np.mean(np.square(lines)))
    assert np.sqrt(np.mean((np.array(errors) / sigmas) ** 2)) == pytest.approx(1 / 1.5, rel=0.15)


@pytest.mark.parametrize(
    ("frames", "which"),
    [(range(4, 31), [2]), (range(6), [2]), (range(35, 40), [2]), (range(4, 9), slice(None)), (range(40), [2])],
    ids=["long", "first frames", "last frames", "all points", "never seen"],
)
def test_other_gaps_are_left_as_they_are(rng, frames, which):
    given, sigma = _lose(rng.normal(size=[40, 5, 3]), frames, which)
    filled, found = short_gaps.fill(given, sigma, np.arange(40) / 30)
    np.testing.assert_array_equal(filled, np.float32(given))
    np.testing.assert_array_equal(found, sigma)


def test_a_point_between_two_that_were_seen_is_left_to_them(rng):
    points, sigma = rng.normal(size=[9, 4, 3]), np.zeros([9, 4])
    sigma[3:5, 1] = sigma[5:7, 1:3] = sigma[3:6, 3] = skeletons.ABSENT
    bones = np.eye(4, k=-1) > 0.0  # a chain
    _, found = short_gaps.fill(points, sigma, np.arange(9) / 30, bones=bones)
    assert (found[3:5, 1] == skeletons.ABSENT).all()
    assert (found[5:7, 1:3] < skeletons.ABSENT).all()
    assert (found[3:6, 3] < skeletons.ABSENT).all()  # the end of the chain


def test_what_is_beyond_a_pause_tells_nothing(rng):
    times = np.arange(30) / 30
    points = _paths(rng, times)
    alone, sigma = _lose(points, range(5, 8), [1])
    sigma[11:13] = skeletons.ABSENT
    elsewhere = np.array(alone)
    elsewhere[13:] += 50.0 + np.arange(17)[:, None, None] ** 2  # another place, another motion
    sigma[13:] = 1.0  # hardly counts for the noise
    one, other = (short_gaps.fill(given, sigma, times)[0] for given in (alone, elsewhere))
    np.testing.assert_allclose(one[5:8, 1], points[5:8, 1], atol=0.02)
    np.testing.assert_allclose(other[5:8, 1], one[5:8, 1], atol=1e-5)
    sigma[9:11, 1] = sigma[13:15, 1] = skeletons.ABSENT
    assert (short_gaps.fill(alone, sigma, times)[1][9:15, 1] == skeletons.ABSENT).all()


def test_gaps_are_the_same_some_at_a_time(rng, monkeypatch):
    times = np.arange(40) / 30
    given, sigma = _paths(rng, times, 9), np.where(rng.uniform(size=[40, 9]) < 0.2, skeletons.ABSENT, 0.0)
    together = short_gaps.fill(given, sigma, times)
    monkeypatch.setattr(short_gaps, "_GAPS_AT_ONCE", 5)
    for found, right in zip(short_gaps.fill(given, sigma, times), together, strict=True):
        np.testing.assert_allclose(found, right, atol=1e-6)
