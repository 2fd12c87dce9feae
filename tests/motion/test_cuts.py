"""Cuts between shots are found, and what a body does, or noise, is none."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, motion, rotations, skeletons
from niki_tf.evaluation.protocols import half_body
from niki_tf.motion import cuts


def _shot(seed, frames, place=(0.0, 0.0, 0.0)):
    """Joints (frames, 29, 3) of a made motion that begins at a place."""
    clip = motion.made_motion(seed, frames=frames)
    joints = motion.observe(clip, poser=body.BodyPoser(body.mannequin()), noise_mm=0, seed=0).joints
    return joints - joints[0, 0] + np.asarray(place)


def _found(joints, sigma=None, fps=30.0):
    sigma = np.zeros(joints.shape[:2]) if sigma is None else sigma
    return cuts.find_cuts(joints, sigma, np.arange(len(joints)) / fps)


@pytest.fixture(scope="module")
def glued():
    one, other, third = _shot(1, 30), _shot(5, 25), _shot(9, 30)
    return np.concatenate([one, other + one[-1, 0], third + one[-1, 0] + other[-1, 0]])


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.02])
def test_cuts_are_found_where_they_are(glued, rng, noise):
    assert _found(glued + noise * rng.normal(size=glued.shape)) == [30, 55]
    assert _found(glued[::-1] + noise * rng.normal(size=glued.shape)) == [30, 55]


def test_a_person_who_is_somewhere_else_is_a_cut():
    joints = _shot(1, 40)
    joints[17:] += [0.0, 0.0, 1.0]
    assert _found(joints) == [17]
    joints[17:] -= [0.0, 0.0, 0.8]  # 20 cm: a noisy path
    assert _found(joints) == []


@pytest.mark.parametrize("noise", [0.1, *(pytest.param(noise, marks=pytest.mark.slow) for noise in (0.0, 0.03))])
def test_neither_motion_nor_noise_is_a_cut(rng, noise):
    for seed in range(12):
        joints = _shot(seed, 80)
        assert _found(joints + noise * rng.normal(size=joints.shape)) == []


@pytest.mark.parametrize("lost", [(), [1, 2, 4, 5, 7, 8, 10, 11, *range(22, 29)]])
def test_noise_that_turns_limbs_and_the_whole_body_is_no_cut(rng, lost):
    poser, sigma = body.BodyPoser(body.mannequin()), np.zeros([100, 29])
    sigma[:, lost] = skeletons.ABSENT
    for seed in range(6):
        poses = motion.made_motion(seed, frames=100).poses
        local = rotations.rotvec_to_matrix(tf.constant(poses, tf.float32)).numpy()
        turned = half_body.disturbed_rotations(local, np.radians(5.0) * rng.normal(size=[100, 24, 3]))
        assert _found(poser.pose(turned, betas=np.zeros([100, 10]))["joints"], sigma) == []


def test_a_joint_that_is_far_off_is_no_cut(rng):
    joints = _shot(2, 60)
    for last in (21, 24, 40):
        wrong = joints.copy()
        wrong[20:last, [20, 22, 25]] += 1.0
        assert _found(wrong) == []
    wrong = joints.copy()
    wrong[20] += rng.normal(size=3)  # a whole frame
    assert _found(wrong) == []


def test_joints_that_are_lost_are_no_cut():
    joints = _shot(2, 60)
    sigma = np.zeros(joints.shape[:2])
    sigma[30:, [1, 2, 4, 5, 7, 8, 10, 11, 27, 28]] = skeletons.ABSENT
    assert _found(joints, sigma) == []


def test_absent_joints_are_not_read_and_few_tell_nothing(glued):
    sigma = np.zeros(glued.shape[:2])
    sigma[:, 10:20] = skeletons.ABSENT
    lost = np.where(sigma[..., None] > 0.0, np.nan, glued)
    assert _found(lost, sigma) == [30, 55]
    sigma[:, 7:] = skeletons.ABSENT
    assert _found(glued, sigma) == []
    sigma[:] = 0.0
    sigma[29] = skeletons.ABSENT
    assert _found(glued, sigma) == [55]


def test_a_gap_in_time_and_short_motion_are_no_cut(glued):
    times = np.arange(len(glued)) / 30
    times[30:] += 1.0
    assert cuts.find_cuts(glued, np.zeros(glued.shape[:2]), times) == [55]
    for frames in (1, 7, 8):
        assert _found(glued[26 : 26 + frames]) == ([4] if frames == 8 else [])
