"""Filling short gaps: the curve and its sigma are those of dense equations, and other gaps are left as they are."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.fitting import short_gaps, smoothing

EVEN = np.arange(20) / 30
UNEVEN = np.cumsum([0.02, 0.04, 0.05, 0.03] * 5)


def _paths(rng, times, points=4, wandering=0.008):
    """Paths (T, K, 3) in metres whose velocities wander."""
    steps = 30 * np.diff(times, prepend=times[0])[:, None, None]
    velocities = np.cumsum(wandering * np.sqrt(steps) * rng.normal(size=[len(times), points, 3]), 0)
    return np.cumsum(steps * velocities, 0)


def _lose(points, frames, which):
    """The points with anything where they are lost, and sigma."""
    sigma = np.full(points.shape[:2], 0.004)
    sigma[np.ix_(np.atleast_1d(frames), np.arange(points.shape[1])[which])] = skeletons.ABSENT
    return np.where(sigma[..., None] < 1.0, points, 7.0), sigma


def _dense(path, seen, variance, times, wandering):
    """Mean and variance at all times of coordinates (T, 3), lines plus velocities that wander, by one matrix.

    And how likely they are, as a logarithm.
    """
    ticks = 30 * (times - times[0])
    early, late = np.minimum(ticks, ticks[:, None]), np.maximum(ticks, ticks[:, None])
    prior = wandering**2 * early**2 * (3 * late - early) / 6 + 1 + ticks * ticks[:, None]
    of_seen = prior[np.ix_(seen, seen)] + variance * np.eye(seen.sum())
    gain = prior[:, seen] @ np.linalg.inv(of_seen)
    likely = -0.5 * np.sum(path[seen] * np.linalg.solve(of_seen, path[seen])) - 1.5 * np.linalg.slogdet(of_seen)[1]
    return gain @ path[seen], np.diag(prior - gain @ prior[seen]), likely


@pytest.mark.parametrize("times", [EVEN, EVEN / 2, UNEVEN], ids=["30", "60", "uneven"])
def test_the_curve_and_its_sigma_are_those_of_dense_equations(rng, times):
    points = _paths(rng, times) + 0.005 * rng.normal(size=[20, 4, 3])
    given, sigma = _lose(points, range(8, 13), [2])
    filled, found = short_gaps.fill(given, sigma, times)
    arrays = (given, sigma, np.ones(20), times - times[0])
    noise = smoothing.noise_variance(*(tf.constant(array[None], tf.float32) for array in arrays))
    variance = float(noise[0, 0, 2]) + 0.004**2
    answers = [
        _dense(points[:, 2], sigma[:, 2] < skeletons.ABSENT, variance, times, 0.002 * 2**size) for size in range(5)
    ]
    means, variances, likely = (np.array(parts) for parts in zip(*answers, strict=True))
    odds = np.exp(likely - likely.max()) / np.exp(likely - likely.max()).sum()
    mean = np.tensordot(odds, means, 1)
    squares = odds @ variances + odds @ ((means - mean) ** 2).mean(-1)
    np.testing.assert_allclose(filled[8:13, 2], mean[8:13], atol=1e-5)
    np.testing.assert_allclose(found[8:13, 2], np.sqrt(squares[8:13]), rtol=1e-3)
    others = np.ones([20, 4], bool)
    others[8:13, 2] = False
    np.testing.assert_array_equal(filled[others], np.float32(points[others]))
    np.testing.assert_array_equal(found[others], sigma[others])


@pytest.mark.parametrize("wandering", [0.003, 0.02], ids=["slow", "fast"])
@pytest.mark.parametrize("noise", [0.0, 0.01], ids=["clean", "noisy"])
def test_curves_are_closer_than_lines_and_sigma_tells_their_error(rng, wandering, noise):
    times, share = np.arange(60) / 30, (np.arange(8)[:, None, None] + 1) / 9
    errors, sigmas, lines = [], [], []
    for _ in range(8):
        points = _paths(rng, times, 29, wandering)
        seen = points + noise * rng.normal(size=points.shape)
        given, sigma = _lose(seen, range(26, 34), range(28))
        filled, sigma = short_gaps.fill(given, np.where(sigma < 1.0, 0.0, sigma), times)
        errors.append(filled[26:34, :28] - points[26:34, :28])
        sigmas.append(sigma[26:34, :28, None])
        lines.append((1 - share) * seen[25, :28] + share * seen[34, :28] - points[26:34, :28])
    assert np.sqrt(np.mean(np.square(errors))) < 0.9 * np.sqrt(np.mean(np.square(lines)))
    assert np.sqrt(np.mean((np.array(errors) / sigmas) ** 2)) == pytest.approx(1.0, rel=0.2)


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
    monkeypatch.setattr(short_gaps, "_STEPS_AT_ONCE", 250)
    for found, right in zip(short_gaps.fill(given, sigma, times), together, strict=True):
        np.testing.assert_allclose(found, right, atol=1e-6)
