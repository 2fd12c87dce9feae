import math

import numpy as np
import pytest
import tensorflow as tf
import toy_body
from scipy.spatial.transform import Rotation

from niki_tf import body, skeletons
from niki_tf.body import kinematics


@pytest.fixture
def posed():
    rotations = Rotation.random(5 * 24, random_state=0).as_matrix().reshape(5, 24, 3, 3)
    rest = body.mannequin_joints().joints + 0.05 * np.random.default_rng(1).normal(size=[5, 29, 3])
    return rotations, rest


@pytest.mark.parametrize("count", [24, 29])
def test_level_walk_is_the_joint_by_joint_walk(posed, count):
    rotations, rest = posed[0], posed[1][:, :count]
    joints, world = body.forward_kinematics(tf.constant(rotations), tf.constant(rest))
    for one in range(5):
        places, turned = toy_body.walk(rotations[one], rest[one])
        np.testing.assert_allclose(joints[one], places, atol=1e-12)
        np.testing.assert_allclose(world[one], turned, atol=1e-12)


def test_no_rotation_leaves_the_rest_pose(posed):
    joints, _ = body.forward_kinematics(tf.eye(3, batch_shape=[24], dtype=tf.float64), tf.constant(posed[1]))
    np.testing.assert_allclose(joints, posed[1], atol=1e-12)


def test_leading_axes_are_free_and_broadcast(posed):
    rotations, rest = tf.constant(posed[0]), tf.constant(posed[1])
    expected, _ = body.forward_kinematics(rotations, rest[:1])
    for given in (body.forward_kinematics(rotations, rest[0]), body.forward_kinematics(rotations[None], rest[:1])):
        np.testing.assert_allclose(tf.reshape(given[0], [5, 29, 3]), expected, atol=1e-12)
    one, world = body.forward_kinematics(rotations[2], rest[0])
    np.testing.assert_allclose(one, expected[2], atol=1e-12)
    assert world.shape == (24, 3, 3)


@pytest.mark.parametrize("leading", [(), (5,), (2, 2), (1, 5)])
def test_xla_compiles_any_number_of_leading_axes(posed, leading):
    rotations, rest = (x[: math.prod(leading)].reshape(*leading, *x.shape[1:]).astype(np.float32) for x in posed)
    wanted = body.forward_kinematics(rotations, rest)[0]
    found = tf.function(lambda *of: body.forward_kinematics(*of)[0], jit_compile=True)(rotations, rest)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_joint_moves_its_descendants_and_nothing_else(posed):
    rotations, rest = posed[0][0], tf.constant(posed[1][0])
    before = body.forward_kinematics(tf.constant(rotations), rest)[0]
    for joint in range(24):
        changed = rotations.copy()
        changed[joint] = changed[joint] @ rotations[(joint + 1) % 24]
        moved = np.abs(body.forward_kinematics(tf.constant(changed), rest)[0] - before).max(-1) > 1e-9
        below = set(skeletons.SMPL_29.descendants[joint]) - {joint}
        assert set(np.flatnonzero(moved)) == below


def test_local_rotations_inverts_world_rotations(posed):
    rotations = tf.constant(posed[0])
    gone = kinematics.local_rotations(kinematics.world_rotations(rotations))
    np.testing.assert_allclose(gone, rotations, atol=1e-12)


def test_bones_add_up_to_joints(posed):
    rest = tf.constant(posed[1])
    np.testing.assert_allclose(kinematics.sum_bones(kinematics.bones(rest)), rest, atol=1e-12)
