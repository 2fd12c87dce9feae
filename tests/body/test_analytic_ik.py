import hybrik_twin
import numpy as np
import pytest
import tensorflow as tf
from scipy.spatial.transform import Rotation

from niki_tf import body
from niki_tf.skeletons import SMPL_29


@pytest.fixture
def posed(rng):
    """A true pose: rotations, rest joints, joints, twist; float64, joints away from the origin."""
    turns = 0.6 * rng.normal(size=[8, 24, 3])
    turns[:, 0] *= 3.0
    rotations = tf.constant(Rotation.from_rotvec(turns.reshape(-1, 3)).as_matrix().reshape(8, 24, 3, 3))
    rest = body.mannequin_joints()(tf.constant(rng.normal(size=[8, 10]))).numpy().astype(np.float64)
    joints, _ = body.forward_kinematics(rotations, tf.constant(rest))
    _, twist = body.rotations_to_swing_twist(rotations, tf.constant(rest))
    return rotations.numpy(), rest, joints.numpy() + [[[1.0, -2.0, 3.0]]], twist.numpy()


def disturbed(joints, millimetres, seed=0):
    return joints + 1e-3 * millimetres * np.random.default_rng(seed).normal(size=joints.shape)


# The naive root is only as exact as the published 1e-8 in its denominators lets it be.
@pytest.mark.parametrize(("adaptive", "tolerance"), [(True, 1e-6), (False, 1e-4)])
def test_a_true_pose_is_recovered_from_joints_and_twist(posed, adaptive, tolerance):
    rotations, rest, joints, twist = posed
    found = body.analytic_ik(joints, rest_joints=rest, twist=1.7 * twist, adaptive=adaptive)
    np.testing.assert_allclose(found, rotations, atol=tolerance)


def test_without_a_twist_the_swing_is_found(posed):
    rest = tf.constant(posed[1])
    swing, _ = body.rotations_to_swing_twist(posed[0], rest)
    joints, _ = body.forward_kinematics(swing, rest)
    np.testing.assert_allclose(body.analytic_ik(joints, rest_joints=rest), swing, atol=1e-6)


def test_the_naive_solver_is_its_numpy_twin_on_noise(posed):
    _, rest, joints, twist = posed
    joints = disturbed(joints, 50)
    found = body.analytic_ik(joints, rest_joints=rest, twist=twist, adaptive=False)
    np.testing.assert_allclose(found, hybrik_twin.solve(joints, rest, twist, epsilon=1e-8), atol=1e-4)


def test_the_adaptive_solver_keeps_joints_nearer_than_the_naive_one(posed):
    _, rest, joints, twist = posed
    errors = []
    for adaptive in (True, False):
        found = body.analytic_ik(disturbed(joints, 5), rest_joints=rest, twist=twist, adaptive=adaptive)
        reached = body.forward_kinematics(found, tf.constant(rest))[0]
        gap = (reached - reached[:, :1]) - (joints - joints[:, :1])
        errors.append(np.linalg.norm(gap, axis=-1).mean())
    assert errors[0] < 0.8 * errors[1]


@pytest.mark.parametrize(("millimetres", "strays"), [(14.9, False), (15.1, True)])
def test_the_aim_may_leave_the_observed_bone_by_15_mm(millimetres, strays):
    """The observed shin is too long: the foot is aimed at from the posed ankle, or its bone is kept as observed."""
    rest = body.mannequin_joints().joints.astype(np.float64)
    knee, ankle, foot = (SMPL_29.index(f"left_{name}") for name in ("knee", "ankle", "foot"))
    shin, bone = rest[ankle] - rest[knee], rest[foot] - rest[ankle]
    moved = 1e-3 * millimetres * shin / np.linalg.norm(shin)
    joints = rest.copy()
    joints[list(SMPL_29.descendants[ankle])] += moved
    aim = bone if strays else bone + moved
    assert np.linalg.norm(np.cross(shin, bone)) > 0.5 * np.linalg.norm(shin) * np.linalg.norm(bone)
    found = body.analytic_ik(joints, rest_joints=rest).numpy()
    np.testing.assert_allclose(found[:ankle], np.broadcast_to(np.eye(3), [ankle, 3, 3]), atol=1e-6)
    turned = found[ankle] @ bone / np.linalg.norm(bone)
    np.testing.assert_allclose(turned, aim / np.linalg.norm(aim), atol=1e-6)


# The naive root is as published: up to 1e-2 off a rotation where the hips' centre lies near the spine's axis.
@pytest.mark.parametrize(("adaptive", "tolerance"), [(True, 1e-5), (False, 2e-2)])
def test_any_joints_give_rotations(rng, adaptive, tolerance):
    rest = body.mannequin_joints().joints
    joints = np.concatenate([rng.normal(size=[20, 29, 3]), np.zeros([1, 29, 3]), -rest[None]]).astype(np.float32)
    found = body.analytic_ik(joints, rest_joints=rest, adaptive=adaptive).numpy()
    np.testing.assert_allclose(found @ found.swapaxes(-1, -2), np.broadcast_to(np.eye(3), found.shape), atol=tolerance)
    np.testing.assert_allclose(np.linalg.det(found), 1.0, atol=tolerance)


@pytest.mark.parametrize(("adaptive", "tolerance"), [(True, 1e-6), (False, 1e-3)])
def test_turning_the_joints_turns_the_root_only(posed, adaptive, tolerance):
    _, rest, joints, twist = posed
    joints, turn = disturbed(joints, 10), Rotation.from_rotvec([0.5, 2.0, -1.0]).as_matrix()
    found = body.analytic_ik(joints, rest_joints=rest, twist=twist, adaptive=adaptive).numpy()
    turned = body.analytic_ik(joints @ turn.T + 5.0, rest_joints=rest, twist=twist, adaptive=adaptive)
    found[:, 0] = turn @ found[:, 0]
    np.testing.assert_allclose(turned, found, atol=tolerance)


def test_leading_axes_are_free_and_broadcast(posed):
    _, rest, joints, twist = posed
    flat = body.analytic_ik(joints, rest_joints=rest[0], twist=twist)
    folded = body.analytic_ik(joints.reshape(2, 4, 29, 3), rest_joints=rest[0], twist=twist.reshape(2, 4, 23, 2))
    np.testing.assert_allclose(tf.reshape(folded, flat.shape), flat, atol=1e-9)
    np.testing.assert_allclose(body.analytic_ik(joints[3], rest_joints=rest[0], twist=twist[3]), flat[3], atol=1e-9)
    assert body.analytic_ik(joints[3], rest_joints=rest).shape == (8, 24, 3, 3)


@pytest.mark.slow
def test_eager_graph_and_xla_agree(posed):
    _, rest, joints, twist = [np.float32(x) for x in posed]
    joints = np.float32(disturbed(joints, 20))

    def solve(joints, rest, twist):
        return body.analytic_ik(joints, rest_joints=rest, twist=twist)

    compiled = tf.function(solve, jit_compile=True)(joints, rest, twist)
    np.testing.assert_allclose(compiled, solve(joints, rest, twist), atol=2e-5)
    without = tf.function(lambda joints: body.analytic_ik(joints, rest_joints=rest))(joints)
    np.testing.assert_allclose(without, body.analytic_ik(joints, rest_joints=rest), atol=1e-5)


@pytest.mark.parametrize("adaptive", [True, False])
def test_gradients_are_finite_at_rest_and_on_noise(posed, adaptive):
    _, rest, joints, twist = posed
    starts = np.concatenate([rest, disturbed(joints, 50), 0 * joints])
    inputs = [tf.constant(starts), tf.constant(np.tile(rest, [3, 1, 1])), tf.constant(np.tile(twist, [3, 1, 1]))]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        found = body.analytic_ik(inputs[0], rest_joints=inputs[1], twist=inputs[2], adaptive=adaptive)
        total = tf.reduce_sum(found * np.arange(24.0)[:, None, None])
    for gradient in tape.gradient(total, inputs):
        assert np.isfinite(gradient).all()


@pytest.mark.slow
def test_it_converts_to_litert_with_built_in_operations():
    shape = tf.TensorSpec([1, 29, 3])
    solve = tf.function(lambda joints, rest: body.analytic_ik(joints, rest_joints=rest), input_signature=[shape, shape])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([solve.get_concrete_function()])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    assert converter.convert()


def test_shapes_that_do_not_fit_are_named():
    rest = tf.zeros([29, 3])
    with pytest.raises(ValueError, match=r"`joints` must end in shape \(29, 3\); got \(4, 24, 3\). .*SMPL_29"):
        body.analytic_ik(tf.zeros([4, 24, 3]), rest_joints=rest)
    with pytest.raises(ValueError, match=r"`rest_joints` must end in shape \(29, 3\); got \(29,\)"):
        body.analytic_ik(rest, rest_joints=rest[:, 0])
    with pytest.raises(ValueError, match=r"`twist` must end in shape \(23, 2\); got \(24, 2\)"):
        body.analytic_ik(rest, rest_joints=rest, twist=tf.zeros([24, 2]))
