"""Refinement of answers that see time: noise is smoothed, errors are corrected, absent joints have no influence."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.fitting import gauss_newton, gauss_newton_windows, smoothing
from niki_tf.fitting.gauss_newton_windows import refine

BODY_JOINTS = body.mannequin_joints()
PEOPLE, FRAMES = 2, 11


def _turned(local, size, rng, frames=1):
    """Every joint turned at random, alike in all frames unless `frames` is their number."""
    turn = size * rng.normal(size=[PEOPLE, frames, 24, 3])
    return local @ rotations.rotvec_to_matrix(tf.constant(turn, tf.float32))


@pytest.fixture
def motion(rng):
    """True rotations that change slowly, an answer that errs alike in all frames, true joints, rest joints."""
    betas = np.repeat(rng.normal(size=[PEOPLE, 1, 10]), FRAMES, 1)
    rest = BODY_JOINTS(tf.constant(betas, tf.float32))
    speed = rng.normal(size=[PEOPLE, 1, 24, 3])
    swung = 0.01 * speed * np.arange(FRAMES)[:, None, None]
    true = _turned(rotations.rotvec_to_matrix(tf.constant(swung, tf.float32)), 0.3, rng)
    joints, _ = kinematics.forward_kinematics(true, rest)
    return true, _turned(true, 0.03, rng), joints, rest


def _finished(start, seen, rest, *, sigma=None, mask=None, steps=4):
    sigma = np.zeros(seen.shape[:3]) if sigma is None else sigma
    seen, sigma = (tf.constant(np.array(x), tf.float32) for x in (seen, sigma))
    return refine(start, seen, rest, sigma, mask, steps=steps)


def _error(local, joints, rest):
    """Mean distance of the joints of each frame (N, T), mm, both relative to their mean."""
    difference = (kinematics.forward_kinematics(local, rest)[0] - joints).numpy()
    return 1000 * np.linalg.norm(difference - difference.mean(-2, keepdims=True), axis=-1).mean(-1)


def test_clean_joints_are_met(motion):
    _, start, joints, rest = motion
    assert _error(start, joints, rest).mean() > 10.0
    assert _error(_finished(start, joints, rest), joints, rest).mean() < 0.5


def test_noise_hides_the_error_of_an_answer_less_than_in_single_frames(motion, rng):
    _, start, joints, rest = motion
    seen = joints + 0.03 * rng.normal(size=joints.shape)
    alone = gauss_newton.refine(start, tf.cast(seen, tf.float32), rest, tf.zeros(seen.shape[:3]), steps=4)
    found, single = (_error(local, joints, rest).mean() for local in (_finished(start, seen, rest), alone))
    assert found < 0.6 * single
    assert found < 0.4 * _error(start, joints, rest).mean()


def test_it_adds_no_jitter(motion, rng):
    true, start, joints, rest = motion
    seen = joints + 0.03 * rng.normal(size=joints.shape)

    def jitter(local):
        posed, _ = kinematics.forward_kinematics(local, rest)
        return np.abs(np.diff(posed - joints, 2, axis=1)).mean()

    alone = gauss_newton.refine(start, tf.cast(seen, tf.float32), rest, tf.zeros(seen.shape[:3]), steps=4)
    assert jitter(_finished(start, seen, rest)) < 0.004 * jitter(alone)
    assert jitter(_finished(start, joints, rest)) < 1e-3


def test_sigma_is_averaged_as_the_noise_is(motion, rng):
    _, start, joints, rest = motion
    seen = joints + 0.03 * rng.normal(size=joints.shape)
    given, unknown = (
        _error(_finished(start, seen, rest, sigma=np.full(seen.shape[:3], sigma)), joints, rest).mean()
        for sigma in (0.03, 0.0)
    )
    assert given < 1.04 * unknown


def test_padding_frames_do_not_count(motion, rng):
    _, start, joints, rest = motion
    seen = (joints + 0.01 * rng.normal(size=joints.shape)).numpy()
    mask = np.repeat((np.arange(FRAMES) < 7)[None], PEOPLE, 0).astype(np.float32)
    strange = np.where(mask[..., None, None] > 0, seen, 5.0)
    short = _finished(start[:, :7], seen[:, :7], rest[:, :7])
    np.testing.assert_allclose(_finished(start, strange, rest, mask=mask)[:, :7], short, atol=1e-5)


def test_joints_that_are_hidden_or_absent_for_a_while_do_not_move_the_frames_around(motion, rng):
    _, start, joints, rest = motion
    seen = (joints + 0.01 * rng.normal(size=joints.shape)).numpy()
    sigma = np.zeros([PEOPLE, FRAMES, 29])
    sigma[:, 4:7, 20] = skeletons.ABSENT
    far = seen + 0.5 * (sigma[..., None] > 0)
    found, expected = (_finished(start, places, rest, sigma=sigma) for places in (far, seen))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    answers = (_finished(start, far, rest, sigma=given) for given in (0.03 * sigma, 0.0 * sigma))
    with_sigma, without = (_error(local, joints, rest)[:, 4:7].mean() for local in answers)
    assert with_sigma < 0.85 * without


def test_lost_frames_and_limbs_are_corrected_as_their_neighbours_are(motion):
    _, start, joints, rest = motion
    for lost in (slice(None), [16, 18, 20, 22, 25]):
        sigma = np.zeros([PEOPLE, FRAMES, 29])
        sigma[:, 4:7, lost] = skeletons.ABSENT
        before, after = (
            _error(local, joints, rest)[:, 4:7] for local in (start, _finished(start, joints, rest, sigma=sigma))
        )
        assert after.mean() < 0.2 * before.mean()


def test_a_lone_frame_is_finished_as_any_other(motion, rng):
    _, start, joints, rest = (part[:, :1] for part in motion)
    seen = tf.cast(joints + 0.01 * rng.normal(size=joints.shape), tf.float32)
    alone = gauss_newton.refine(start, seen, rest, tf.zeros(seen.shape[:3]), steps=4)
    np.testing.assert_allclose(_finished(start, seen, rest), alone, atol=1e-5)


def test_bones_that_are_turned_in_every_frame_are_followed_less_than_in_single_frames(motion, rng):
    """Such joints fit a body in every frame; only time tells that they are noisy."""
    true, _, joints, rest = motion
    start = _turned(true, 0.01, rng)
    seen, _ = kinematics.forward_kinematics(_turned(true, np.radians(7.0), rng, frames=FRAMES), rest)
    alone = gauss_newton.refine(start, seen, rest, tf.zeros(seen.shape[:3]), steps=4)
    found, single = (_error(local, joints, rest).mean() for local in (_finished(start, seen, rest), alone))
    assert found < 0.85 * single


@pytest.mark.parametrize("size", [0.002, 0.01, 0.03, 0.1])
def test_noise_of_joints_is_no_noise_of_rotations(motion, rng, size):
    _, _, joints, rest = motion
    assert _turned_share(joints + size * rng.normal(size=joints.shape), joints, rest).max() == 0.0


@pytest.mark.parametrize("degrees", [1.0, 3.0, 7.0])
def test_noise_of_rotations_leaves_the_bones_as_long_as_they_are_unless_a_sigma_is_told(motion, rng, degrees):
    true, _, joints, rest = motion
    seen, _ = kinematics.forward_kinematics(_turned(true, np.radians(degrees), rng, frames=FRAMES), rest)
    assert _turned_share(seen, joints, rest).min() == 1.0
    sigma = np.zeros([PEOPLE, FRAMES, 29], np.float32)
    sigma[..., [1, 2, 4, 5, 7, 8, 10, 11]] = skeletons.ABSENT
    lost = np.where(sigma[..., None] > 0.0, 0.0, seen)
    assert _turned_share(lost, joints, rest, sigma=sigma).min() == 1.0
    sigma[0, 3, 20] = 0.02
    assert _turned_share(lost, joints, rest, sigma=sigma).tolist() == [[[0.0]], [[1.0]]]


def _turned_share(seen, joints, rest, *, sigma=None):
    seen, joints = (tf.cast(x, tf.float32) for x in (seen, joints))
    sigma = tf.zeros(seen.shape[:-1]) if sigma is None else tf.constant(sigma)
    mask = tf.ones(seen.shape[:2])
    variance = smoothing.noise_variance(seen - joints, sigma, mask)
    share = gauss_newton_windows._share_of_rotations(
        seen, rest, sigma, mask, None, variance=variance, skeleton=skeletons.SMPL_29
    )
    return share.numpy()


def _kernel(residual, sigma, mask, times=None, *, turned=0.0):
    variance = smoothing.noise_variance(residual, sigma, mask, times)
    width = gauss_newton_windows._width(variance, tf.constant([[[turned]]]))
    return gauss_newton_windows._kernel(smoothing.frames_apart(residual, times), width)


def test_the_kernel_widens_with_the_noise(rng):
    """Half its widest at 80 mm^2 of noise besides what motion looks like; a slow error of the answer does not count."""
    times = np.linspace(0.0, 1.0, 400)[None, :, None, None]
    noise = np.sqrt(80e-6 + 0.003**2) * rng.normal(size=[1, 400, 29, 3]) + 0.1 * np.sin(3.0 * times)
    noise, sigma, mask = tf.constant(noise, tf.float32), tf.zeros([1, 400, 29]), tf.ones([1, 400])
    for turned, wanted in ((0.0, 2.0), (0.5, 2.5), (1.0, 3.0)):
        width = 1.0 / np.sqrt(-2.0 * np.log(_kernel(noise, sigma, mask, turned=turned)[0, 200, 201]))
        assert width == pytest.approx(wanted, rel=0.025)


def test_the_kernel_is_as_wide_in_seconds_at_any_rate(rng):
    noise, sigma, mask = (
        tf.constant(rng.normal(size=[1, 61, 29, 3]), tf.float32),
        tf.zeros([1, 61, 29]),
        tf.ones([1, 61]),
    )
    none = _kernel(noise, sigma, mask)
    times = tf.range(61.0)[None] / 30
    np.testing.assert_allclose(_kernel(noise, sigma, mask, times), none, atol=1e-4)
    fast = _kernel(noise, sigma, mask, 0.5 * times)
    np.testing.assert_allclose(fast[0, 30, 0::2][:16], none[0, 30, 15:31], atol=1e-3)


def test_an_answer_that_trembles_is_smoothed(motion, rng):
    true, _, joints, rest = motion
    start = _turned(true, 0.02, rng, FRAMES)
    noisy = joints + 0.03 * rng.normal(size=joints.shape)
    unsure = np.full(joints.shape[:3], 0.5)  # so that the finish itself turns next to nothing
    found = _finished(start, noisy, rest, sigma=unsure)
    assert _error(found, joints, rest).mean() < 0.75 * _error(start, joints, rest).mean()


def test_rotations_that_change_steadily_stay_as_they_are_to_the_ends():
    turns = 0.1 * np.arange(FRAMES)[None, :, None, None] * [0.0, 0.0, 1.0] * np.ones([1, 1, 24, 1])
    local = rotations.rotvec_to_matrix(tf.constant(turns, tf.float32))
    apart = smoothing.frames_apart(local, None)
    for width in (0.01, 0.3, 1.0):
        smoothed = gauss_newton_windows._smoothed(local, gauss_newton_windows._kernel(apart, width), apart)
        off = np.degrees(rotations.geodesic_angle(local, smoothed))
        assert off.max() < 0.3  # a mean over frames would draw the ends by 3 degrees, at a width of one frame
