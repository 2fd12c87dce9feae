"""Smooth paths through noisy frames at any times."""

import numpy as np
import pytest

from niki_tf import skeletons
from niki_tf.fitting import resampling


def _times(fps, seconds=4.0):
    return np.arange(int(seconds * fps) + 1) / fps


def _swing(times):
    """Two joints (T, 2, 3) that swing by 30 cm once a second."""
    return 0.3 * np.sin(2.0 * np.pi * times[:, None, None] + np.arange(6).reshape(2, 3))


@pytest.mark.parametrize("times", [_times(10), _times(24), _times(60), np.cumsum(np.tile([0.02, 0.05, 0.04], 30))])
def test_a_quadratic_stays_one_and_a_swing_is_met(times):
    steady = times[0] + _times(30, times[-1] - times[0])
    curve = np.stack([1.0 + steady, steady**2, 3.0 - steady], -1)[:, None]
    given = np.stack([1.0 + times, times**2, 3.0 - times], -1)[:, None]
    found = resampling.resample(given, np.zeros([len(times), 1]), times, steady=steady)
    np.testing.assert_allclose(found, curve, atol=4e-3)
    found = resampling.resample(_swing(times), np.zeros([len(times), 2]), times, steady=steady)
    assert np.abs(found - _swing(steady))[6:-6].max() < 0.003


def test_more_frames_leave_less_noise(rng):
    left = {}
    for fps in (10, 30, 120):
        times = _times(fps, 12.0)
        noisy = _swing(times) + 0.03 * rng.normal(size=[len(times), 2, 3])
        steady = _times(30, 12.0)
        found = resampling.resample(noisy, np.zeros([len(times), 2]), times, steady=steady)
        left[fps] = np.sqrt(np.mean((found - _swing(steady)) ** 2))
    assert left[120] < 0.6 * left[30] < 0.8 * left[10] < 0.02


def test_noise_is_told_from_motion_at_any_times(rng):
    times = np.cumsum(rng.uniform(0.02, 0.05, 2000))
    noisy = _swing(times) + np.float64([0.01, 0.04])[:, None] * rng.normal(size=[2000, 2, 3])
    seen = np.ones([2000, 2])
    np.testing.assert_allclose(resampling.noise(noisy, seen, times), [0.01, 0.04], rtol=0.12)
    noisy[100:200, 1], seen[100:200, 1] = 9.0, 0.0
    np.testing.assert_allclose(resampling.noise(noisy, seen, times), [0.01, 0.04], rtol=0.12)


def test_a_joint_that_was_never_seen_has_the_noise_of_the_others(rng):
    times = _times(30)
    seen = np.array([1.0, 0.0]) * np.ones([len(times), 1])
    told, guessed = resampling.noise(0.02 * rng.normal(size=[len(times), 2, 3]), seen, times)
    assert told == pytest.approx(0.02, rel=0.15)
    assert guessed == pytest.approx(told, rel=1e-6)


def test_what_was_not_seen_does_not_count():
    times = _times(15)
    joints, sigma = _swing(times), np.zeros([len(times), 2])
    sigma[10:12, 0], sigma[:, 1] = skeletons.ABSENT, skeletons.ABSENT
    found = []
    for place in (np.nan, 5.0):
        joints[10:12, 0], joints[:, 1] = place, place
        found.append(resampling.resample(joints, sigma, times, steady=_times(30)))
    np.testing.assert_array_equal(*found)
    assert np.abs(found[0][:, 0] - _swing(_times(30))[:, 0]).max() < 0.03


def test_long_motion_is_what_its_parts_are():
    times, steady = _times(20, 20.0), _times(30, 20.0)
    whole = resampling.resample(_swing(times), np.zeros([len(times), 2]), times, steady=steady)
    assert whole.shape == (601, 2, 3)
    assert np.abs(whole - _swing(steady))[6:-6].max() < 0.003
