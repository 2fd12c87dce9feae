"""The scores of how far an observation is from a possible pose, on cases that can be worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, rotations
from niki_tf.body import kinematics
from niki_tf.fitting import residuals

BODY_JOINTS = body.mannequin_joints()
NO_SIGMA = tf.zeros([29])


@pytest.fixture
def posed(rng):
    """Rest joints, local rotations and posed joints of three bodies."""
    rest = BODY_JOINTS(tf.constant(rng.normal(size=[3, 10]), tf.float32))
    local = rotations.rotvec_to_matrix(tf.constant(0.5 * rng.normal(size=[3, 24, 3]), tf.float32))
    return rest, local, kinematics.forward_kinematics(local, rest)[0]


def test_joints_of_the_pose_have_no_residual_wherever_they_stand(posed):
    rest, local, joints = posed
    moved = joints + [[[0.5, -2.0, 1.0]]]
    residual = residuals.joint_residuals(moved, local, rest, tf.zeros([3, 29]))
    assert residual.shape == (3, 29)
    np.testing.assert_allclose(residual, np.zeros([3, 29]), atol=1e-6)


@pytest.mark.parametrize("joint", [0, 7, 28])
def test_one_displaced_joint_stands_out_the_root_too(posed, joint):
    rest, local, joints = posed
    error = np.zeros([3, 29, 3], np.float32)
    error[:, joint, 1] = 0.29
    observed = joints + error
    residual = residuals.joint_residuals(observed - observed[:, :1], local, rest, tf.zeros([3, 29]))
    expected = np.full([3, 29], 0.01)
    expected[:, joint] = 0.28
    np.testing.assert_allclose(residual, expected, atol=1e-6)


def test_another_pose_has_a_residual(posed):
    rest, local, joints = posed
    assert np.all(residuals.joint_residuals(joints, local[::-1], rest, NO_SIGMA).numpy().mean(-1)[[0, 2]] > 0.02)


def test_a_joint_known_to_be_lost_does_not_shift_the_others(rng):
    joints = tf.constant(rng.normal(size=[29, 3]), tf.float32)
    error, sigma = np.zeros([29, 3], np.float32), np.zeros(29, np.float32)
    error[5, 2], sigma[5] = 0.5, 0.5
    # The lost joint weighs 1 / 0.2504, each of the 28 others 1 / 0.0004.
    shift = 0.5 * (1 / 0.2504) / (1 / 0.2504 + 28 / 0.0004)
    expected = np.full(29, shift)
    expected[5] = 0.5 - shift
    np.testing.assert_allclose(residuals.centred_distances(joints + error, joints, sigma), expected, atol=1e-6)
    assert float(residuals.centred_distances(joints + error, joints, NO_SIGMA)[0]) == pytest.approx(0.5 / 29, abs=1e-6)


def test_distances_do_not_depend_on_the_frame_in_which_they_are_measured(rng):
    joints, others = (tf.constant(rng.normal(size=[4, 29, 3]), tf.float32) for _ in range(2))
    turn = rotations.rotvec_to_matrix(tf.constant([0.3, -1.0, 2.0]))
    turned = [tf.linalg.matmul(places, turn) for places in (joints, others)]
    expected = residuals.centred_distances(joints, others, NO_SIGMA)
    np.testing.assert_allclose(residuals.centred_distances(*turned, NO_SIGMA), expected, atol=1e-5)


def test_root_mean_square_by_hand():
    found = residuals.root_mean_square(tf.constant([[3.0, 4.0, 0.0, 0.0], [-2.0, 2.0, -2.0, 2.0]]))
    np.testing.assert_allclose(found, [2.5, 2.0], rtol=1e-6)
