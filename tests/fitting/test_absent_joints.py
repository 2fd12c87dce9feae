"""Absent joints: placed relative to their parents, never read, whatever the solver."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, rotations, skeletons, solvers
from niki_tf.body import kinematics
from niki_tf.fitting import absent_joints, joint_weights, trunk_frame

BODY_JOINTS = body.mannequin_joints()


@pytest.fixture
def posed(rng):
    """Joints (4, 29, 3) of moderate poses that are turned about, and the rest joints."""
    turns = 0.3 * rng.normal(size=[4, 24, 3])
    turns[:, 0] *= 6.0
    rest = BODY_JOINTS(tf.constant(rng.normal(size=[4, 10]), tf.float32))
    joints, _ = kinematics.forward_kinematics(rotations.rotvec_to_matrix(tf.constant(turns, tf.float32)), rest)
    return joints.numpy(), rest


def _sigma(*absent):
    sigma = np.zeros([4, 29], np.float32)
    sigma[:, list(absent)] = skeletons.ABSENT
    return sigma


def _joint_by_joint(joints, rest_joints, joint_sigma):
    """The naive twin of `fill_absent`: one joint after the other, parents first."""
    absent = tf.expand_dims(joint_sigma >= skeletons.ABSENT, -1)
    joints = tf.where(absent, 0.0, joints)
    rotation, centre = trunk_frame.trunk_frame(joints, rest_joints, joint_sigma)
    weights = joint_weights.normalized_weights(tf.gather(joint_sigma, skeletons.TRUNK, axis=-1))
    rest_centre = joint_weights.weighted_mean(weights, tf.gather(rest_joints, skeletons.TRUNK, axis=-2))
    bones = kinematics.bones(rest_joints)
    bones = tf.concat([bones[..., :1, :] - rest_centre, bones[..., 1:, :]], -2)
    bones = tf.unstack(tf.linalg.matmul(bones, rotation, transpose_b=True), axis=-2)
    found = []
    for joint, parent in enumerate(skeletons.SMPL_29.parents):
        start = centre if parent < 0 else found[parent]
        found.append(tf.where(absent[..., joint, :], start + bones[joint], joints[..., joint, :]))
    return tf.stack(found, -2)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_the_walk_by_levels_equals_that_joint_by_joint(share, posed, rng):
    joints, rest = posed
    sigma = np.where(rng.random([4, 29]) < share, skeletons.ABSENT, 0.05 * rng.random([4, 29])).astype(np.float32)
    seen = np.where(sigma[..., None] >= skeletons.ABSENT, np.float32("nan"), joints)
    for shape in ([4], [], [2, 2]):
        given = [np.resize(x, [*shape, *x.shape[1:]]) for x in (seen, rest, sigma)]
        np.testing.assert_allclose(absent_joints.fill_absent(*given), _joint_by_joint(*given), atol=1e-6)


def test_it_converts_to_litert_with_built_in_operations():
    shapes = ([1, 29, 3], [1, 29, 3], [1, 29])
    fill = tf.function(absent_joints.fill_absent, input_signature=[tf.TensorSpec(shape) for shape in shapes])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([fill.get_concrete_function()])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    assert converter.convert()


def test_absent_joints_of_a_turned_rest_pose_are_found(posed):
    _, rest = posed
    turn = rotations.rotvec_to_matrix(tf.constant([0.7, -1.9, 0.4]))
    joints = tf.linalg.matvec(turn, rest) + [5.0, 6.0, 7.0]
    sigma = _sigma(0, 3, 7, 18, 20, 26)
    seen = tf.where(sigma[..., None] > 0, float("nan"), joints)
    np.testing.assert_allclose(absent_joints.fill_absent(seen, rest, sigma), joints, atol=1e-4)


def test_bones_to_absent_joints_keep_their_length(posed):
    joints, rest = posed
    found = absent_joints.fill_absent(joints, rest, _sigma(18, 20, 22, 27))
    for joint in (18, 20, 22, 27):
        parent = skeletons.SMPL_29.parents[joint]
        length = tf.norm(found[:, joint] - found[:, parent], axis=-1)
        np.testing.assert_allclose(length, tf.norm(rest[:, joint] - rest[:, parent], axis=-1), rtol=1e-4)


def test_observed_joints_stay(posed):
    joints, rest = posed
    sigma = _sigma(0, 18, 20)
    found = absent_joints.fill_absent(joints, rest, sigma).numpy()
    np.testing.assert_array_equal(found[sigma == 0], joints[sigma == 0])
    np.testing.assert_array_equal(absent_joints.fill_absent(joints, rest, _sigma()), joints)


@pytest.mark.parametrize("kind", [solvers.Analytic, solvers.MLP, solvers.OneStage, solvers.TwistSwing])
def test_no_solver_reads_an_absent_joint(kind, posed):
    joints, rest = posed
    options = {
        solvers.Analytic: {},
        solvers.MLP: {"hidden_dim": 16},
        solvers.OneStage: {"hidden_dim": 16, "num_couplings": 2},
        solvers.TwistSwing: {
            "hidden_dim": 16,
            "num_couplings": 2,
            "rotation_hidden_dim": 16,
            "num_rotation_couplings": 2,
            "twist_hidden_dim": 16,
        },
    }
    solver, sigma = kind(BODY_JOINTS, **options[kind]), _sigma(0, 12, 20)
    lost = {what: np.where(sigma[..., None] > 0, what, joints) for what in (np.float32("nan"), np.float32(7.0))}
    answers = [solver({"joints": seen, "joint_sigma": sigma}) for seen in lost.values()]
    for name in answers[0]:
        assert np.isfinite(answers[0][name]).all(), name
        np.testing.assert_array_equal(answers[0][name], answers[1][name])
    infinite = solver({"joints": joints, "joint_sigma": np.where(sigma > 0, np.float32(np.inf), 0)})
    np.testing.assert_array_equal(infinite["body_pose"], answers[0]["body_pose"])


def test_joints_that_are_all_absent_give_a_finite_answer(posed):
    joints, _ = posed
    solver = solvers.OneStage(BODY_JOINTS, hidden_dim=16, num_couplings=2, refine=1)
    answer = solver({"joints": np.full_like(joints, np.nan), "joint_sigma": _sigma(*range(29))})
    assert all(np.isfinite(value).all() for value in answer.values())


@pytest.mark.parametrize(("count", "limit"), [(1, 0.09), (2, 0.14), (4, 0.19), (16, 0.29)])
def test_the_more_joints_are_doubtful_the_larger_a_sigma_is_taken(count, limit):
    for sigma, stays in ((limit - 0.001, True), (limit + 0.001, False)):
        given = np.full([2, 29], 0.02, np.float32)
        given[1, :count] = sigma
        found = absent_joints.drop_doubtful(tf.constant(given), 0.09).numpy()
        wanted = given if stays else np.where(given == np.float32(sigma), skeletons.ABSENT, given)
        np.testing.assert_allclose(found, wanted)


def test_absent_joints_do_not_count_as_doubtful():
    sigma = np.float32([0.15, skeletons.ABSENT, 30.0, 0.0])
    found = absent_joints.drop_doubtful(tf.constant(sigma), 0.09).numpy()
    assert found.tolist() == [skeletons.ABSENT, skeletons.ABSENT, 30.0, 0.0]
