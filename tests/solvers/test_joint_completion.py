"""The guess of joints that a joint set does not tell."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, motion, rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.solvers import zoo
from niki_tf.solvers.joint_completion import JointCompletion

BODY_JOINTS = body.mannequin_joints()
COCO = [16, 17, 18, 19, 20, 21, 4, 5, 7, 8, 1, 2, 15]
"""Joints of SMPL_29 that COCO's points tell, roughly."""


@pytest.fixture(scope="module")
def people():
    """Joints (30, 29, 3) of people in motion, and at rest."""
    clip = motion.made_motion(5, frames=30)
    rest = BODY_JOINTS(tf.constant(np.random.default_rng(0).normal(size=[30, 10]), tf.float32))
    return kinematics.forward_kinematics(rotations.rotvec_to_matrix(clip.poses), rest)[0], rest


def _complete(model, joints, rest, told):
    sigma = np.full([len(joints), 29], skeletons.ABSENT, np.float32)
    sigma[:, told] = 0.0
    lost = tf.where(sigma[..., None] > 0.0, np.nan, joints)
    found = model({"joints": lost, "joint_sigma": tf.constant(sigma), "rest_joints": rest})
    return found["joints"].numpy(), found["joint_sigma"].numpy()


@pytest.fixture(scope="module")
def small():
    return JointCompletion(hidden_dim=8)


@pytest.fixture(scope="module")
def shipped():
    return zoo.joint_completion()


def test_what_is_told_stays_and_what_is_not_is_guessed(small, people):
    joints, rest = people
    found, sigma = _complete(small, joints, rest, COCO)
    np.testing.assert_array_equal(found[:, COCO], joints.numpy()[:, COCO])
    assert (sigma[:, COCO] == 0.0).all()
    others = np.setdiff1d(np.arange(29), COCO)
    assert np.isfinite(found).all()
    assert ((sigma[:, others] >= 0.01) & (sigma[:, others] <= 1.0)).all()


def test_where_nothing_is_told_everything_stays_absent(small, people):
    joints, rest = people
    _, sigma = _complete(small, joints, rest, [])
    assert (sigma == skeletons.ABSENT).all()


def test_a_person_who_turns_and_walks_away_is_guessed_alike(shipped, people):
    joints, rest = people
    turn = rotations.rotvec_to_matrix(tf.constant([0.3, 2.0, -0.4]))
    moved = tf.linalg.matmul(joints, turn, transpose_b=True) + [3.0, 1.0, -2.0]
    one, _ = _complete(shipped, joints, rest, COCO)
    other, _ = _complete(shipped, moved, rest, COCO)
    np.testing.assert_allclose(other, one @ turn.numpy().T + np.float32([3.0, 1.0, -2.0]), atol=1e-3)


def test_the_shipped_guess_beats_the_rest_pose_and_knows_its_error(shipped, people):
    joints, rest = people
    others = np.setdiff1d(np.arange(29), COCO)
    found, sigma = _complete(shipped, joints, rest, COCO)
    away = np.linalg.norm(found - joints, axis=-1)[:, others]
    assert away.mean() < 0.06
    spine, hands = [3, 6, 9], [25, 26]
    assert sigma[:, spine].mean() < sigma[:, hands].mean()
    assert 0.4 < np.sqrt(np.mean(away**2) / np.mean(3.0 * sigma[:, others] ** 2)) < 1.6


def test_it_comes_back_from_its_file(small, people, tmp_path):
    joints, rest = people
    zoo.save(small, tmp_path)
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert (again.hidden_dim, again.num_layers) == (8, 3)
    np.testing.assert_allclose(_complete(again, joints, rest, COCO)[0], _complete(small, joints, rest, COCO)[0])
