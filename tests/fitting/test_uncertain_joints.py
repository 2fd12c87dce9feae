"""Joints that were seen with an error: weighed along the tree, left alone where nothing is told."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, rotations, skeletons, solvers
from niki_tf.body import kinematics
from niki_tf.fitting import absent_joints, uncertain_joints

BODY_JOINTS = body.mannequin_joints()


@pytest.fixture
def posed(rng):
    """Joints (64, 29, 3) of bodies that are turned about, stiff in the trunk as people are, and the rest joints."""
    stiff = np.isin(np.arange(24), (3, 6, 9, 12, 13, 14))
    turns = np.where(stiff[:, None], 0.1, 0.6) * rng.normal(size=[64, 24, 3])
    rest = BODY_JOINTS(tf.zeros([64, 10]))
    joints, _ = kinematics.forward_kinematics(rotations.rotvec_to_matrix(tf.constant(turns, tf.float32)), rest)
    return joints.numpy(), rest


def _joint_by_joint(joints, rest_joints, joint_sigma):
    """The naive twin: one joint after the other, in float64, by precisions in place of gains."""
    bones, centre = (np.float64(x) for x in absent_joints.expected_bones(joints, rest_joints, joint_sigma))
    found, variances = [], []
    for joint, parent in enumerate(skeletons.SMPL_29.parents):
        start, variance = (centre[..., 0, :], 0.0) if parent < 0 else (found[parent], variances[parent])
        told = 1.0 / (variance + uncertain_joints._BONE_SIGMA[joint] ** 2)
        sigma = joint_sigma[..., joint, None].astype(np.float64)
        seen = np.where(sigma >= skeletons.ABSENT, 0.0, 1.0 / np.maximum(sigma, 1e-9) ** 2)
        found.append((told * (start + bones[..., joint, :]) + seen * joints[..., joint, :]) / (told + seen))
        variances.append(1.0 / (told + seen))
    return np.stack(found, -2)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_walk_by_levels_equals_that_joint_by_joint(share, posed, rng):
    joints, rest = posed
    sigma = np.where(rng.random([64, 29]) < share, skeletons.ABSENT, 0.3 * rng.random([64, 29])).astype(np.float32)
    sigma[rng.random([64, 29]) < 0.2] = 0.0
    expected = _joint_by_joint(joints, rest, sigma)
    np.testing.assert_allclose(uncertain_joints.weighed(joints, rest, sigma), expected, atol=3e-6)
    windows = (np.reshape(x, [8, 8, *x.shape[1:]]) for x in (joints, rest, sigma))
    np.testing.assert_allclose(uncertain_joints.weighed(*windows), expected.reshape(8, 8, 29, 3), atol=3e-6)


def test_joints_without_a_sigma_stay_exactly_and_absent_ones_are_filled_as_ever(posed):
    joints, rest = posed
    sigma = np.zeros([64, 29], np.float32)
    np.testing.assert_array_equal(uncertain_joints.weighed(joints, rest, sigma), joints)
    sigma[:, [5, 18, 20, 26]] = skeletons.ABSENT
    filled = absent_joints.fill_absent(joints, rest, sigma)
    np.testing.assert_allclose(uncertain_joints.weighed(filled, rest, sigma), filled, atol=1e-6)


@pytest.mark.parametrize("sigma", [0.02, 0.05, 0.2])
def test_less_is_left_of_errors_that_are_told(posed, rng, sigma):
    joints, rest = posed
    noisy = joints + np.float32(sigma) * rng.standard_normal(joints.shape, np.float32)
    told = np.full([64, 29], sigma, np.float32)
    off = [
        np.linalg.norm(found - joints - (found - joints)[:, :1], axis=-1).mean()
        for found in (noisy, uncertain_joints.weighed(noisy, rest, told).numpy())
    ]
    assert off[1] < 0.85 * off[0]


@pytest.mark.parametrize("lost", [[4], [9], [20], [4, 7, 10], [16, 18, 20, 22]])
@pytest.mark.parametrize("sigma", [0.1, 0.25, 1.0, 5.0])
def test_telling_is_no_worse_than_leaving_out(posed, rng, lost, sigma):
    joints, rest = posed
    solver = solvers.Analytic(BODY_JOINTS)
    size = np.full([64, 29], 0.02, np.float32)
    size[:, lost] = sigma
    noisy = joints + size[..., None] * rng.standard_normal(joints.shape, np.float32)
    absent = np.where(size == np.float32(sigma), np.float32(skeletons.ABSENT), size)
    off = []
    for told in (size, absent):
        answer = solver({"joints": noisy, "joint_sigma": told})
        found, _ = kinematics.forward_kinematics(tf.concat([answer["global_orient"], answer["body_pose"]], 1), rest)
        off.append(np.linalg.norm(found - found[:, :1] - (joints - joints[:, :1]), axis=-1).mean())
    assert off[0] < 1.1 * off[1]


@pytest.mark.parametrize("kind", [{"as_published": True}, {"weighs_joints": False}])
def test_hybrik_takes_every_joint_for_true(posed, rng, kind):
    joints, _ = posed
    published = solvers.Analytic.from_config(solvers.Analytic(BODY_JOINTS, **kind).get_config())
    sigma = rng.uniform(0.01, 5.0, [64, 29])
    told, untold = (published({"joints": joints, **given}) for given in ({"joint_sigma": sigma}, {}))
    np.testing.assert_array_equal(told["body_pose"], untold["body_pose"])


def test_it_converts_to_litert_with_built_in_operations():
    shapes = ([1, 29, 3], [1, 29, 3], [1, 29])
    weigh = tf.function(uncertain_joints.weighed, input_signature=[tf.TensorSpec(shape) for shape in shapes])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([weigh.get_concrete_function()])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    assert converter.convert()
