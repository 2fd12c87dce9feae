import numpy as np
import pytest
import tensorflow as tf
from scipy.spatial.transform import Rotation

from niki_tf import body, skeletons
from niki_tf import rotations as rot


@pytest.fixture
def rotations():
    return tf.constant(Rotation.random(6 * 24, random_state=0).as_matrix().reshape(6, 24, 3, 3))


@pytest.fixture
def rest(rng):
    return tf.constant(body.mannequin_joints().joints + 0.03 * rng.normal(size=[6, 29, 3]))


def test_compose_after_decompose_is_the_identity(rotations, rest):
    swing, twist = body.rotations_to_swing_twist(rotations, rest)
    np.testing.assert_allclose(body.swing_twist_to_rotations(swing, twist, rest), rotations, atol=1e-9)


def test_decompose_after_compose_is_the_identity(rotations, rest):
    swing, twist = body.rotations_to_swing_twist(rotations, rest)
    again = body.rotations_to_swing_twist(body.swing_twist_to_rotations(swing, 1.7 * twist, rest), rest)
    np.testing.assert_allclose(again[0], swing, atol=1e-9)
    np.testing.assert_allclose(again[1], twist, atol=1e-9)


def test_swing_alone_points_the_bone_and_the_root_is_kept_whole(rotations, rest):
    swing, twist = body.rotations_to_swing_twist(rotations, rest)
    np.testing.assert_array_equal(swing[:, 0], rotations[:, 0])
    for joint, child in enumerate(skeletons.BONE_CHILD[1:], start=1):
        bone = rest[:, child] - rest[:, joint]
        pointed = rot.apply(rotations[:, joint], bone)
        np.testing.assert_allclose(rot.apply(swing[:, joint], bone), pointed, atol=1e-9)
        across = tf.reduce_sum(rot.matrix_to_rotvec(swing[:, joint]) * bone, -1)
        np.testing.assert_allclose(across, 0.0, atol=1e-9)
    np.testing.assert_allclose(tf.norm(twist, axis=-1), 1.0, atol=1e-9)


def test_a_known_twist_is_found(rest):
    angles = np.linspace(-3.1, 3.1, 23)
    twist = tf.constant(np.stack([np.cos(angles), np.sin(angles)], -1))
    still = tf.eye(3, batch_shape=[6, 24], dtype=tf.float64)
    swing, found = body.rotations_to_swing_twist(body.swing_twist_to_rotations(still, twist, rest), rest)
    np.testing.assert_allclose(swing, still, atol=1e-9)
    np.testing.assert_allclose(found, np.broadcast_to(twist, found.shape), atol=1e-9)


def test_leading_axes_are_free_and_broadcast(rotations, rest):
    swing, twist = body.rotations_to_swing_twist(rotations, rest[0])
    one = body.rotations_to_swing_twist(rotations[3], rest[0])
    np.testing.assert_allclose(one[0], swing[3])
    np.testing.assert_allclose(one[1], twist[3])
    many = body.rotations_to_swing_twist(rotations[0], tf.reshape(rest, [2, 3, 29, 3]))
    assert many[0].shape == (2, 3, 24, 3, 3)
    back = body.swing_twist_to_rotations(*many, tf.reshape(rest, [2, 3, 29, 3]))
    np.testing.assert_allclose(back, np.broadcast_to(rotations[0], [2, 3, 24, 3, 3]), atol=1e-9)
    assert body.swing_twist_to_rotations(many[0][0, 0], twist, rest).shape == (6, 24, 3, 3)


def test_gradients_are_finite_at_rest_and_elsewhere(rotations, rest):
    for start in (rotations, tf.eye(3, batch_shape=[6, 24], dtype=tf.float64)):
        with tf.GradientTape() as tape:
            tape.watch(start)
            swing, twist = body.rotations_to_swing_twist(start, rest)
            total = tf.reduce_sum(swing[..., 0, 1]) + tf.reduce_sum(twist[..., 1])
        assert np.isfinite(tape.gradient(total, start)).all()


def test_shapes_that_do_not_fit_are_named(rotations, rest):
    with pytest.raises(ValueError, match=r"`rotations` must end in shape \(24, 3, 3\); got \(6, 23, 3, 3\)"):
        body.rotations_to_swing_twist(rotations[:, 1:], rest)
    with pytest.raises(ValueError, match=r"`rest_joints` must end in shape \(29, 3\); got \(6, 24, 3\)"):
        body.rotations_to_swing_twist(rotations, rest[:, :24])
    with pytest.raises(ValueError, match=r"`twist` must end in shape \(23, 2\); got \(23,\)"):
        body.swing_twist_to_rotations(rotations, tf.zeros([23], tf.float64), rest)
