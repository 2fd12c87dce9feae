"""Paths over time: what smoothing keeps and removes, and that a path which should stand does."""

import numpy as np
import pytest

from niki_tf.fitting import paths

SPEEDS = {"standing_speed": 0.05, "fading_speed": 0.1}


def _dense(values, times, sigma, held, free):
    """The minimum of the sum of squares of `stand_still` for one coordinate, by dense least squares."""
    steps = 30 * np.diff(times)
    ends = np.concatenate([steps[:1], steps, steps[-1:]])
    spans, differences = 0.5 * (ends[1:] + ends[:-1]), np.diff(np.eye(len(times)), axis=0)
    rows = [np.diag(np.sqrt(spans) / sigma)]
    rhs = [np.zeros(len(times))]
    for weight, target in ((held, -differences @ values), (free, np.zeros(len(steps)))):
        scale = np.sqrt(weight / steps) * 30
        rows.append(scale[:, None] * differences)
        rhs.append(scale * target)
    return values + np.linalg.lstsq(np.concatenate(rows), np.concatenate(rhs), rcond=None)[0]


def test_a_path_is_that_of_dense_least_squares(rng):
    times = np.cumsum(rng.uniform(0.02, 0.1, 12))
    values, standing, sigma = rng.normal(size=[12, 2, 3]), rng.uniform(size=[11, 2]), rng.uniform(0.01, 0.1, [12, 2])
    found = paths.stand_still(values, standing, sigma, times, **SPEEDS)
    for point in range(2):
        p = standing[:, point]
        for axis in range(3):
            right = _dense(values[:, point, axis], times, sigma[:, point], p / 0.05**2, (1 - p) / 0.1**2)
            np.testing.assert_allclose(found[:, point, axis], right, atol=1e-6)


def test_what_stands_is_its_mean_and_what_is_certain_or_moves_stays(rng):
    times, noise = np.arange(40) / 30, 0.01 * rng.normal(size=[40, 1, 3])
    still = paths.stand_still(noise, np.ones([39, 1]), np.full([40, 1], 1.0), times, **SPEEDS)
    np.testing.assert_allclose(still, np.broadcast_to(noise.mean(0), still.shape), atol=1e-4)
    certain = paths.stand_still(noise, np.ones([39, 1]), np.full([40, 1], 1e-5), times, **SPEEDS)
    np.testing.assert_allclose(certain, noise, atol=1e-5)
    moving = paths.stand_still(noise, np.zeros([39, 1]), np.full([40, 1], 0.01), times, **SPEEDS)
    np.testing.assert_allclose(moving, noise, atol=1e-12)


def test_a_correction_fades_before_and_after():
    times, path, standing = np.arange(60) / 30, np.zeros([60, 1, 3]), np.zeros([59, 1])
    path[:, 0, 0] = np.clip(np.arange(60) - 20, 0, 20) * 0.002  # creeps by 40 mm while it should stand
    standing[20:40] = 1.0
    change = (paths.stand_still(path, standing, np.full([60, 1], 0.02), times, **SPEEDS) - path)[:, 0, 0]
    assert change[20] > 0.01
    assert change[40] < -0.01
    assert (np.diff(np.abs(change[:20])) > 0).all()
    assert (np.diff(np.abs(change[40:])) < 0).all()
    assert np.abs(np.diff(change[:20])).max() < 0.1 / 30
    assert abs(change[0]) < 1e-3


@pytest.mark.parametrize("fps", [12, 30, 120])
def test_the_rate_hardly_matters(fps):
    def solved(rate):
        times = np.arange(2 * rate + 1) / rate
        path = 0.02 * np.sin(4 * times)[:, None, None] * np.ones(3)
        standing = (np.abs(times[1:] + times[:-1] - 2) < 0.8)[:, None].astype(float)
        found = paths.stand_still(path, standing, np.full([len(times), 1], 0.01), times, **SPEEDS)
        smooth = paths.smooth(path, times, width=0.2)
        return [np.interp([0.5, 1.0, 1.5], times, x[:, 0, 0]) for x in (found, smooth)]

    np.testing.assert_allclose(solved(fps), solved(480), atol=2e-3)


def test_smoothing_keeps_what_does_not_change_and_has_no_delay():
    times = np.arange(31) / 30
    np.testing.assert_allclose(paths.smooth(np.full([31, 2], 3.0), times, width=0.1), 3.0)
    times = np.arange(101) / 30
    pulse = paths.smooth(np.eye(101)[50], times, width=0.1)
    np.testing.assert_allclose(pulse, pulse[::-1], atol=1e-12)
    assert pulse.sum() == pytest.approx(1.0)
    assert np.sqrt((pulse * (times - times[50]) ** 2).sum()) == pytest.approx(0.2, rel=0.05)


def test_a_lone_frame_stays():
    one = np.ones([1, 2, 3])
    np.testing.assert_array_equal(paths.smooth(one, np.zeros(1), width=0.1), one)
    np.testing.assert_array_equal(paths.stand_still(one, np.ones([0, 2]), np.ones([1, 2]), np.zeros(1), **SPEEDS), one)
