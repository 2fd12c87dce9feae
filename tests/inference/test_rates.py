"""Motion at other frame rates, and at times that are not even."""

import numpy as np
import pytest
import tensorflow as tf

import niki_tf
from niki_tf import body, motion, rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.inference import rates

BODY_JOINTS = body.mannequin_joints()


def _moved(times):
    """Joints (T, 29, 3) of a made motion at times of its one second and a half."""
    clip = motion.made_motion(2, frames=46)
    local = rates.rotations_at(times, rotations.rotvec_to_matrix(tf.constant(clip.poses)).numpy(), np.arange(46) / 30)
    return kinematics.forward_kinematics(tf.constant(local), BODY_JOINTS(tf.zeros([len(times), 10])))[0].numpy()


def test_steady_motion_is_told_from_other():
    assert rates.is_steady(np.arange(9) / 30)
    assert not rates.is_steady(np.arange(9) / 29)
    assert not rates.is_steady(np.array([0.0, 1 / 30, 3 / 30]))
    np.testing.assert_allclose(rates.steady_times(np.array([2.0, 2.05, 2.1])), 2.0 + np.arange(4) / 30)


@pytest.mark.parametrize("fps", [10, 30, 50, 120])
def test_a_straight_path_stays_straight(fps):
    times = np.arange(2 * fps) / fps
    wanted = rates.steady_times(times)
    joints = times[:, None, None] * np.ones([1, 2, 3])
    moved, sigma = rates.joints_at(wanted, joints, np.full([len(times), 2], 0.03), times)
    inside = wanted <= times[-1]
    np.testing.assert_allclose(moved[inside, 0, 0], wanted[inside], atol=1e-5)
    np.testing.assert_allclose(sigma, 0.03, rtol=1e-5)


def test_absent_joints_do_not_count_and_stay_absent():
    times = np.arange(40) / 120
    joints, sigma = np.ones([40, 2, 3]), np.zeros([40, 2])
    joints[5, 0], sigma[5, 0] = np.nan, skeletons.ABSENT
    joints[:, 1], sigma[:, 1] = 7.0, skeletons.ABSENT
    joints = np.nan_to_num(joints, nan=99.0)
    moved, found = rates.joints_at(rates.steady_times(times), joints, sigma, times)
    np.testing.assert_allclose(moved[:, 0], 1.0)
    assert (found[:, 1] == skeletons.ABSENT).all()
    assert (found[:, 0] == 0.0).all()


def test_rotations_between_two_are_on_the_way():
    turn = rotations.rotvec_to_matrix(tf.constant([[[0.0, 0, 0]] * 24, [[0.0, 0.8, 0]] * 24])).numpy()
    found = rates.rotations_at(np.array([-1.0, 0.0, 0.25, 1.0, 3.0]), turn, np.array([0.0, 1.0]))
    angles = rotations.matrix_to_rotvec(tf.constant(found)).numpy()[:, 3, 1]
    np.testing.assert_allclose(angles, [0.0, 0.0, 0.2, 0.8, 0.8], atol=1e-6)


def test_the_only_frame_is_all_that_is_known():
    turn = rotations.rotvec_to_matrix(tf.constant([[[0.0, 0.8, 0.0]] * 24])).numpy()
    found = rates.known_rotations_at(np.array([-1.0, 0.0, 2.0]), turn, np.array([0.0]))
    np.testing.assert_allclose(found, np.tile(turn, [3, 1, 1, 1]), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("times", [np.arange(90) / 60, np.arange(15) / 10, np.cumsum(np.tile([0.02, 0.05], 20))])
def test_as_many_frames_come_out_at_their_own_times_and_meet_the_joints(times):
    joints = _moved(times)
    solved = niki_tf.solve(joints, times=times, betas=np.zeros(10))
    assert len(solved) == len(times)
    np.testing.assert_allclose(solved.times, times)
    assert np.linalg.norm(solved.joints() - joints, axis=-1).mean() < 0.004


@pytest.mark.slow
@pytest.mark.parametrize("lost", [0.1, 0.3])
def test_dropped_frames_cost_little(rng, lost):
    """Noise of 30 mm at 30 frames a second, of which some were dropped."""
    noisy = _moved(np.arange(90) / 60) + 0.03 * rng.normal(size=[90, 29, 3])
    true, kept = _moved(np.arange(90) / 60), rng.random(90) >= lost
    times = np.arange(90) / 30
    whole = niki_tf.solve(noisy, betas=np.zeros(10)).joints()[kept]
    some = niki_tf.solve(noisy[kept], times=times[kept], betas=np.zeros(10)).joints()
    whole, some = (np.linalg.norm(x - true[kept], axis=-1).mean() for x in (whole, some))
    assert some < (1.1 if lost < 0.2 else 1.25) * whole
