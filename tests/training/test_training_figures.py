import types

import numpy as np
import tensorflow as tf

from niki_tf import body, rotations
from niki_tf.training import figures

SKELETON = body.mannequin_joints()


def test_joint_errors_are_zero_for_the_truth_and_name_the_joint_that_is_off(rng):
    local = rotations.rotvec_to_matrix(tf.constant(0.3 * rng.normal(size=[8, 24, 3]), tf.float32))
    rest = tf.repeat(tf.constant(SKELETON.joints[None], tf.float32), 8, axis=0)
    joints, _ = body.forward_kinematics(local, rest)
    joints -= joints[:, :1]
    batch = {
        "noisy": joints,
        "joints": joints,
        "rest_joints": rest,
        "joint_sigma": None,
        "betas": None,
        "noisy_twist": None,
    }
    knows = types.SimpleNamespace(solve=lambda *_: (local, {}))
    np.testing.assert_allclose(figures.joint_errors(knows, batch), 0.0, atol=1e-3)
    off = batch | {"joints": joints + tf.one_hot(5, 29)[:, None] * tf.constant([0.0, 0.04, 0.03])}
    np.testing.assert_allclose(figures.joint_errors(knows, off), 50.0 * np.eye(24)[5], atol=1e-2)


def test_the_image_shows_larger_errors_as_longer_bars():
    def bar_pixels(others):
        image = figures.joint_error_image(np.r_[100.0, np.full(23, others)]).numpy()[0]
        return (np.abs(image[..., :3] - np.float64([31, 119, 180])).max(-1) < 3).sum()

    assert bar_pixels(90.0) > 3 * bar_pixels(10.0) > 0
