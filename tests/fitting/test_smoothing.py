"""Joints smoothed over time, without a body."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, skeletons
from niki_tf.fitting import linear_solvers, smoothing

REST = body.mannequin_joints().joints
TRUNK = list(skeletons.TRUNK)


def _motion(frames=16):
    """Joints (1, frames, 29, 3) metres that swing as arms do, relative to the trunk's centre."""
    times = np.arange(frames) / 30.0
    phase = np.arange(29)[:, None] + np.arange(3)
    swing = 0.1 * np.sin(5.0 * times[:, None, None] + phase)
    swing[:, TRUNK] = 0.0
    joints = REST + swing
    return (joints - joints[:, TRUNK].mean(1, keepdims=True))[None].astype(np.float32)


def _smoothed(joints, sigma=None, mask=None, **how):
    sigma = np.zeros(joints.shape[:-1], np.float32) if sigma is None else sigma
    return smoothing.smooth(tf.constant(joints), tf.constant(sigma), mask, **how).numpy()


def _error(found, motion):
    return 1000.0 * np.sqrt(np.mean((found - motion) ** 2))


def test_clean_joints_stay_as_they_are():
    motion = _motion()
    assert _error(_smoothed(motion), motion) < 0.1
    assert _error(_smoothed(motion + np.float32([0.3, -2.0, 1.0])), motion) < 0.1


def test_jitter_as_small_as_that_of_motion_is_kept(rng):
    motion = _motion() + 0.002 * rng.normal(size=[1, 16, 29, 3])
    motion = np.float32(motion - motion[:, :, TRUNK].mean(2, keepdims=True))
    assert _error(_smoothed(motion), motion) < 0.6


@pytest.mark.parametrize(("noise", "share"), [(0.01, 0.75), (0.03, 0.65), (0.1, 0.6)])
def test_the_more_noise_the_larger_the_share_that_is_removed(noise, share, rng):
    motion = _motion()
    noisy = (motion + noise * rng.normal(size=motion.shape)).astype(np.float32)
    centred = noisy - noisy[:, :, TRUNK].mean(2, keepdims=True)
    assert _error(_smoothed(noisy), motion) < share * _error(centred, motion)


def test_the_noise_of_each_joint_is_found(rng):
    sizes = np.linspace(0.01, 0.05, 29)[:, None]
    noisy = _motion(400) + sizes * rng.normal(size=[1, 400, 29, 3])
    found = smoothing.noise_variance(tf.constant(noisy, tf.float32), tf.zeros([1, 400, 29]), tf.ones([1, 400]))
    np.testing.assert_allclose(np.sqrt(found[0, 0]), sizes[:, 0], rtol=0.1)


def test_joints_of_large_sigma_follow_the_frames_around(rng):
    motion = _motion()
    noisy, sigma = motion.copy(), np.zeros([1, 16, 29], np.float32)
    noisy[:, 7, 20] += 0.3
    unknown = _smoothed(noisy)[0, 7, 20] - motion[0, 7, 20]
    sigma[:, 7, 20] = 0.3
    given = _smoothed(noisy, sigma)[0, 7, 20] - motion[0, 7, 20]
    assert np.linalg.norm(given) < 0.03 < np.linalg.norm(unknown)
    sigma[:, 7, 20] = skeletons.ABSENT
    assert np.linalg.norm(_smoothed(noisy, sigma)[0, 7, 20] - motion[0, 7, 20]) < 0.03


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 9])
def test_windows_of_any_length_with_padding_frames_at_their_end(frames, rng):
    noisy = (_motion(frames) + 0.03 * rng.normal(size=[1, frames, 29, 3])).astype(np.float32)
    short = _smoothed(noisy)
    mask = np.float32([[1.0] * frames + [0.0] * 3])
    filled = np.concatenate([noisy, np.full([1, 3, 29, 3], 5.0, np.float32)], 1)
    np.testing.assert_allclose(_smoothed(filled, mask=mask)[:, :frames], short, atol=2e-5)
    if frames < 4:
        np.testing.assert_allclose(short, noisy - noisy[:, :, TRUNK].mean(2, keepdims=True), atol=1e-6)


def test_it_can_be_solved_without_factorising_a_matrix(rng):
    noisy = (_motion() + 0.03 * rng.normal(size=[1, 16, 29, 3])).astype(np.float32)
    eliminated = _smoothed(noisy, linear_solver=linear_solvers.ELIMINATION)
    np.testing.assert_allclose(eliminated, _smoothed(noisy), atol=2e-4)


def test_joints_that_are_absent_all_along_do_no_harm(rng):
    noisy = (_motion() + 0.1 * rng.normal(size=[1, 16, 29, 3])).astype(np.float32)
    sigma = np.zeros([1, 16, 29], np.float32)
    sigma[..., 20:], sigma[:, 1:, 5] = skeletons.ABSENT, skeletons.ABSENT
    found = _smoothed(noisy, sigma)
    assert np.isfinite(found).all()
    assert np.abs(found).max() < 2.0


def test_a_window_of_padding_frames_alone_stays_finite():
    assert np.isfinite(_smoothed(_motion(5), mask=tf.zeros([1, 5]))).all()


def test_steady_times_are_what_none_are(rng):
    paths = tf.constant(np.cumsum(rng.normal(size=[2, 12, 3, 3]), 1) * 0.02, tf.float32)
    sigma, mask = tf.zeros([2, 12, 3]), tf.constant(np.float32([[1] * 12, [1] * 9 + [0] * 3]))
    times = tf.constant(np.float32([np.arange(12), [*range(9), 8, 8, 8]]) / 30)  # filler repeats the last frame
    none, steady = (smoothing.smooth_paths(paths, sigma, mask, times=x) for x in (None, times))
    np.testing.assert_allclose(steady, none, atol=1e-5)
    found, wanted = (smoothing.noise_variance(paths, sigma, mask, x) for x in (times, None))
    np.testing.assert_allclose(found, wanted, rtol=1e-3)


@pytest.mark.parametrize("fps", [10, 60, 120])
def test_noise_is_as_large_at_any_rate_and_a_quadratic_is_no_noise(rng, fps):
    times = np.float32(np.arange(400) / fps)[None]
    curve = times[..., None, None] ** 2 * np.ones([1, 1, 4, 3])
    noisy = tf.constant(curve + 0.03 * rng.normal(size=[1, 400, 4, 3]), tf.float32)
    found = smoothing.noise_variance(noisy, tf.zeros([1, 400, 4]), tf.ones([1, 400]), tf.constant(times))
    np.testing.assert_allclose(np.sqrt(found), 0.03, rtol=0.1)


def test_a_path_is_smoothed_alike_by_seconds(rng):
    """Each frame of 30 a second, seen twice in a row with noise, is smoothed more than once but no further in time."""
    times = np.arange(121) / 60
    path = 0.3 * np.sin(6.0 * times)[None, :, None, None] * np.ones([1, 121, 5, 3])
    noisy = np.float32(path + 0.03 * rng.normal(size=path.shape))

    def left(step):
        some = tf.constant(noisy[:, ::step])
        shape, given = some.shape[:3], np.float32(times[None, ::step])
        found = smoothing.smooth_paths(some, tf.zeros(shape), tf.ones(shape[:2]), times=tf.constant(given))
        return np.sqrt(np.mean((found - path[:, ::step]) ** 2))

    assert left(1) < 0.85 * left(2) < 0.85 * left(4)


def test_single_precision_smooths_as_double_does(rng):
    joints = np.cumsum(0.02 * rng.normal(size=[1, 16, 29, 3]), 1) + rng.normal(size=[1, 1, 29, 3])
    sigma = np.where(rng.random([1, 16, 29]) < 0.3, skeletons.ABSENT, rng.uniform(0.03, 0.3, [1, 16, 29]))
    given = [tf.constant(array, tf.float32) for array in (joints, sigma)]
    double = smoothing.smooth(*given)
    single = smoothing.smooth(*given, linear_solver=linear_solvers.ELIMINATION)
    assert np.abs(double - single).max() < 5e-5
