"""The errors of a pose estimator that sees the whole body: joint by joint, worst along the depth, with their sigma."""

import numpy as np
import tensorflow as tf

from niki_tf import skeletons

_DEVIATION_MM = {
    3: ("pelvis",),
    15: ("left_hip", "right_hip", "spine1"),
    40: ("left_knee", "right_knee", "spine2", "spine3"),
    65: ("left_ankle", "right_ankle", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head",
         "left_shoulder", "right_shoulder", "left_elbow", "right_elbow"),
    80: ("left_wrist", "right_wrist", "left_hand", "right_hand", "head_top", "left_big_toe", "right_big_toe"),
    120: ("left_middle_tip", "right_middle_tip"),
}  # fmt: skip
"""Standard deviation, mm, of each joint's error in the published training on AMASS."""

AXES = (0.3, 0.4, 0.6)
"""Share of it along each axis of the camera; depth, the third, is worst."""

_FACTOR = (0.5, 1.5)
_SCALE = 0.05
_SIGMA_FOLLOWS = 0.5
"""How far the reported sigma follows the true error (1) rather than what is usual for the joint (0), in logarithms."""
_SIGMA_SPREAD = 0.3


def estimate(draws, joints):
    """Joints as an estimator would give them, and the sigma it would report, metres.

    Each joint's error is normal, its size by joint and axis as in the published training, times a common factor of
    0.5 to 1.5; the whole body is up to 5 % too large or too small. The sigma lies between the joint's true error and
    what is usual for it: correlated with the error, not equal to it.

    Args:
        draws: `RandomStreams` of n examples.
        joints: (n, 29, 3), or (n, T, 29, 3) for windows, whose frames share factor and scale, metres.

    Returns:
        joints of the same shape and sigma without the last axis.
    """
    once = [1] * (len(joints.shape) - 3)
    low, high = _FACTOR
    usual = (low + (high - low) * draws.uniform(*once, 1)) * tf.constant(deviation(), tf.float32)
    error = usual[..., None] * tf.constant(AXES) * draws.normal(*joints.shape[1:])
    scale = 1.0 + _SCALE * (2.0 * draws.uniform(*once, 1, 1) - 1.0)
    expected = usual * _mean_axis()
    true = tf.sqrt(tf.reduce_mean(error * error, -1) + 1e-12)
    sigma = expected * (true / expected) ** _SIGMA_FOLLOWS * tf.exp(_SIGMA_SPREAD * draws.normal(*joints.shape[1:-1]))
    return scale * joints + error, sigma


def usual_sigma(draws, joints):
    """A sigma as of joints (n, T, 29, 3) that are seen, whatever their true error, (n, T, 29) metres."""
    return deviation().astype(np.float32) * _mean_axis() * tf.exp(_SIGMA_SPREAD * draws.normal(*joints.shape[1:-1]))


def deviation():
    """Standard deviation (29,), metres, of an estimator's joints before axis and common factors."""
    of_joint = {name: millimetres for millimetres, names in _DEVIATION_MM.items() for name in names}
    return np.array([of_joint[name] / 1000.0 for name in skeletons.SMPL_29.names])


def turned_twist(twist, angle):
    """Twists (..., 2) as (cos, sin) turned by `angle` (...), radians."""
    cos, sin = tf.cos(angle), tf.sin(angle)
    return tf.stack([cos * twist[..., 0] - sin * twist[..., 1], sin * twist[..., 0] + cos * twist[..., 1]], -1)


def _mean_axis():
    return np.float32(np.sqrt(np.mean(np.square(AXES))))
