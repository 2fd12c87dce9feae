"""How sure each joint of a motion is: states in time, poses that are held, joints of other programs."""

import numpy as np
import pytest

import niki_tf
from niki_tf import body, motion, skeletons
from niki_tf.contract import JointState
from niki_tf.inference import certainty

SEEN, FILLED, GUESSED = JointState


@pytest.fixture(scope="module")
def joints():
    poser = body.BodyPoser(body.mannequin())
    return motion.observe(motion.made_motion(3, frames=40), poser=poser, noise_mm=3, seed=0).joints


def test_a_joint_is_seen_where_a_point_tells_it():
    coco = skeletons.POINT_SETS["coco_17"]
    sigma = np.zeros([2, len(coco.used)])
    sigma[1] = skeletons.ABSENT
    told = certainty.joints_seen(coco, sigma)
    names = [skeletons.SMPL_29.names[joint] for joint in np.flatnonzero(told[0])]
    assert {"left_knee", "right_wrist"} <= set(names)
    assert "spine2" not in names
    assert not told[1].any()


def test_what_is_held_is_filled_for_a_second_and_then_guessed():
    state, error = np.int32([[SEEN, GUESSED]] * 2), np.float32([[0.0, 0.01], [0.0, 0.03]])
    times = np.arange(40) / 30
    states, errors = certainty.held(state, error, slice(2, 4), times)
    assert states[:, 0].tolist() == [FILLED] * 2 + [SEEN] * 2 + [FILLED] * 30 + [GUESSED] * 6
    assert (states[:, 1] == GUESSED).all()
    assert states.dtype == np.int32
    assert (errors[:, 0] == 0.0).all()
    np.testing.assert_allclose(
        errors[[2, 3, 4, 13], 1], [0.01, 0.03, np.hypot(0.03, 0.02), np.hypot(0.03, 0.2)], rtol=1e-5
    )
    assert errors[20:, 1] == pytest.approx(np.hypot(0.03, 0.3))


def test_nothing_is_held_where_all_was_solved():
    state, error = np.int32([[SEEN, GUESSED]] * 3), np.zeros([3, 2], np.float32)
    states, errors = certainty.held(state, error, slice(0, 3), np.arange(3.0))
    np.testing.assert_array_equal(states, state)
    np.testing.assert_array_equal(errors, error)


@pytest.mark.slow
def test_frames_that_were_lost_are_filled_and_less_sure(joints):
    lost = joints.copy()
    lost[15:25] = np.nan
    lost[:, 20] = np.nan
    found = niki_tf.solve(lost, betas=np.zeros(10))
    assert found.state.shape == found.expected_error.shape == (40, 24)
    others = np.arange(24) != 20
    assert (found.state[:, 20] == GUESSED).all()
    assert (found.state[15:25, others] == FILLED).all()
    assert (np.delete(found.state, np.r_[15:25], 0)[:, others] == SEEN).all()
    np.testing.assert_array_equal(found.seen, found.state == SEEN)
    assert (found.expected_error[:, 0] == 0.0).all()
    assert found.expected_error[:, 20].mean() > 2.0 * found.expected_error[:, 21].mean()
    mean = found.expected_error[:, others].mean(1)
    assert mean[18:22].min() > 1.2 * np.median(np.delete(mean, np.r_[15:25]))
    lost[:, 20] = np.where(np.isnan(lost[:, 21]), np.nan, joints[:, 20])  # the frames alone
    mean = niki_tf.solve(lost, betas=np.zeros(10)).expected_error.mean(1)
    assert mean[18:22].min() > 2.0 * np.median(np.delete(mean, np.r_[15:25]))


@pytest.mark.slow
def test_a_solver_of_frames_fills_nothing(joints):
    lost = joints[:6].copy()
    lost[2, 4] = np.nan
    found = niki_tf.solve(lost, betas=np.zeros(10), solver="one_stage")
    assert found.state[:, 4].tolist() == [SEEN, SEEN, GUESSED, SEEN, SEEN, SEEN]
    assert found.expected_error[2, 4] > 2.0 * found.expected_error[3, 4]


@pytest.mark.slow
def test_noise_makes_less_sure(joints, rng):
    noisy = joints + 0.05 * rng.standard_normal(joints.shape)
    clean, other = (
        niki_tf.solve(points, betas=np.zeros(10)).expected_error[:, 1:].mean() for points in (joints, noisy)
    )
    assert other > 3.0 * clean
