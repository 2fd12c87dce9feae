"""Shape from joints: betas by the lengths of bones."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, motion, rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.fitting import bone_shape

BODY_JOINTS = body.mannequin_joints()
PARENTS = list(skeletons.SMPL_29.parents[1:])
BETAS = np.array([1.0, -0.5, 0.8, -1.2, 0.4, 0.0, 1.5, -0.7, 0.3, 0.0])


def _lengths(rest):
    return np.linalg.norm(rest[1:] - rest[PARENTS], axis=-1)


def _moved(rest, *, seed=1, frames=60):
    """Joints (T, 29, 3) of a body that moves."""
    local = rotations.rotvec_to_matrix(tf.constant(motion.made_motion(seed, frames=frames).poses))
    return kinematics.forward_kinematics(local, tf.constant(np.broadcast_to(rest, [frames, 29, 3]), tf.float32))[
        0
    ].numpy()


def _estimate(joints, sigma=None):
    sigma = np.zeros(joints.shape[:2]) if sigma is None else sigma
    return bone_shape.estimate_shape(joints, sigma, body_joints=BODY_JOINTS)


def _rest(size=1.0):
    return size * BODY_JOINTS(tf.constant(BETAS)).numpy()


@pytest.mark.parametrize("size", [0.65, 0.9, 1.0, 1.25])
@pytest.mark.parametrize("frames", [1, 2, 30])
def test_clean_joints_give_the_bones_of_adults_children_and_giants(size, frames):
    found = _estimate(_moved(_rest(size), frames=60)[:frames])
    np.testing.assert_allclose(found.bone_lengths, _lengths(_rest(size)), atol=1e-3 if frames > 2 else 5e-3)
    assert found.size == pytest.approx(_lengths(_rest(size)).sum() / _lengths(BODY_JOINTS.joints).sum(), abs=0.01)


def test_betas_are_those_of_the_body_as_far_as_bones_tell():
    found = _estimate(_moved(_rest()))
    rest = BODY_JOINTS(tf.constant(found.betas)).numpy()
    np.testing.assert_allclose(_lengths(rest), _lengths(_rest()), atol=2e-5)


@pytest.mark.parametrize("noise", [0.02, 0.1])
def test_noise_does_not_make_bones_longer(noise):
    """The squared length of a noisy vector is too long by six times the variance: at 100 mm, short bones by 200 mm."""
    random, away = np.random.default_rng(0), []
    for person in range(20):
        joints = _moved(_rest(), seed=person)
        away.append(_estimate(joints + noise * random.standard_normal(joints.shape)).bone_lengths - _lengths(_rest()))
    assert abs(np.mean(away)) < 0.05 * noise
    assert np.median(np.abs(away)) < (0.0015 if noise == 0.02 else 0.006)


def test_the_uncertainty_is_that_of_the_errors():
    random, ratios = np.random.default_rng(0), []
    for person in range(30):
        betas = random.standard_normal(10)
        rest = BODY_JOINTS(tf.constant(betas)).numpy()
        joints = _moved(rest, seed=person)
        found = _estimate(joints + 0.03 * random.standard_normal(joints.shape))
        ratios.append((found.bone_lengths - _lengths(rest)) / found.bone_sigma)
    assert 0.7 < np.sqrt(np.mean(np.square(ratios))) < 1.3


def test_frames_far_off_and_joints_that_were_not_seen_hardly_count():
    joints, random = _moved(_rest()), np.random.default_rng(0)
    wrong = random.random(joints.shape[:2]) < 0.05
    spoilt = np.where(wrong[..., None], joints + 0.5, joints)
    np.testing.assert_allclose(_estimate(spoilt).bone_lengths, _lengths(_rest()), atol=2e-3)
    sigma = np.where(wrong, skeletons.ABSENT, 0.0)
    lost = np.where(wrong[..., None], 1e3, joints)
    np.testing.assert_allclose(_estimate(lost, sigma).bone_lengths, _lengths(_rest()), atol=1e-4)


def test_told_sigma_decides_whom_to_believe():
    random, joints = np.random.default_rng(0), _moved(_rest())
    sigma = np.zeros(joints.shape[:2])
    sigma[::2] = 0.2
    noisy = joints + sigma[..., None] * random.standard_normal(joints.shape)
    told, untold = _estimate(noisy, sigma), _estimate(noisy)
    errors = [np.abs(found.bone_lengths - _lengths(_rest())).mean() for found in (told, untold)]
    assert errors[0] < 0.5 * errors[1]


def test_nothing_seen_leaves_the_mean_shape_with_the_spread_of_people():
    found = _estimate(np.zeros([3, 29, 3]), np.full([3, 29], skeletons.ABSENT))
    np.testing.assert_array_equal(found.betas, np.zeros(10))
    assert found.size == pytest.approx(1.0)
    assert 0.002 < found.bone_sigma.min() < found.bone_sigma.max() < 0.05


def test_bones_that_were_not_seen_follow_from_those_that_were():
    """Legs alone: the arms of a child are short, too, and less is known of them."""
    sigma = np.full([60, 29], skeletons.ABSENT)
    sigma[:, [0, 1, 2, 4, 5, 7, 8, 10, 11]] = 0.0
    rest = 0.7 * BODY_JOINTS.joints
    found = _estimate(_moved(rest), sigma)
    arm, leg = PARENTS.index(16), PARENTS.index(4)
    assert found.bone_lengths[arm] == pytest.approx(_lengths(rest)[arm], rel=0.05)
    assert found.bone_sigma[arm] > 3.0 * found.bone_sigma[leg]


def test_the_body_grows_along_its_direction():
    grown = BODY_JOINTS(tf.constant(bone_shape.growth_direction(BODY_JOINTS))).numpy()
    np.testing.assert_allclose(_lengths(grown), 2.0 * _lengths(BODY_JOINTS.joints), rtol=1e-6)
