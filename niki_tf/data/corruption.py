"""What estimators do to joints and twists, made in the graph."""

import dataclasses

import numpy as np
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.settings import setting

_ESTIMATOR_MM = {
    3: ("pelvis",),
    15: ("left_hip", "right_hip", "spine1"),
    40: ("left_knee", "right_knee", "spine2", "spine3"),
    65: ("left_ankle", "right_ankle", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head",
         "left_shoulder", "right_shoulder", "left_elbow", "right_elbow"),
    80: ("left_wrist", "right_wrist", "left_hand", "right_hand", "head_top", "left_big_toe", "right_big_toe"),
    120: ("left_middle_tip", "right_middle_tip"),
}  # fmt: skip
"""Standard deviation, mm, of each joint's error in the published training on AMASS."""

_ESTIMATOR_AXES = (0.3, 0.4, 0.6)
"""Share of it along each axis of the camera; depth, the third, is worst."""

_ESTIMATOR_FACTOR = (0.5, 1.5)
_ESTIMATOR_SCALE = 0.05
_SIGMA_FOLLOWS = 0.5
"""How far the reported sigma follows the true error (1) rather than what is usual for the joint (0), in logarithms."""
_TWIST_EDGE = 0.15
_MOST_ABSENT = 0.5


@dataclasses.dataclass(frozen=True)
class Corruption:
    """Gaussian noise on all 29 joints, isotropic or joint by joint as an estimator's, and on the twist."""

    noise: float = setting(0.11, "Largest standard deviation of the joints' error per axis, metres.")
    noise_power: float = setting(1.2, "An example's level is noise * u ** noise_power, u uniform.")
    sigma_given: float = setting(0.2, "Share of examples that come with joint_sigma; the others have zeros.")
    absent: float = setting(0.15, "Share of examples that miss joints: each of them up to half of its joints.")
    estimator: float = setting(0.0, "Share of examples with the noise, scale and sigma of an estimator.")
    twist_noise: float = setting(0.5, "Largest standard deviation of the twist's error, radians.")
    twist_given: float = setting(0.5, "Share of examples that know all twists; a few know a part, the others none.")


def corrupt(draws, joints, settings):
    """Noisy joints (n, 29, 3), relative to their own joint 0, and joint_sigma (n, 29), metres.

    With isotropic noise the sigma that is given is the true level within a factor of about 1.5 either way. A joint
    that is absent has the sigma `skeletons.ABSENT`, given or not; its position tells nothing, solvers fill it.
    """
    level = settings.noise * draws.uniform(1, 1) ** settings.noise_power
    noisy = joints + level * draws.normal(29, 3)
    reported = level[..., 0] * tf.exp(0.4 * draws.normal(1)) * tf.ones([1, 29])
    given = draws.uniform(1) < settings.sigma_given
    if settings.estimator:
        estimated, sigma = estimate(draws, joints)
        chosen = draws.uniform(1) < settings.estimator
        noisy, reported = tf.where(chosen[..., None], estimated, noisy), tf.where(chosen, sigma, reported)
    sigma = tf.where(given, reported, 0.0)
    if settings.absent:
        missing = _MOST_ABSENT * draws.uniform(1) * tf.cast(draws.uniform(1) < settings.absent, tf.float32)
        absent = draws.uniform(29) < missing
        sigma = tf.where(absent, skeletons.ABSENT, sigma)
    return noisy - noisy[:, :1], sigma


def estimate(draws, joints):
    """Joints (n, 29, 3) as an estimator would give them, and the sigma (n, 29) it would report, metres.

    Each joint's error is normal, its size by joint and axis as in the published training, times a common factor of
    0.5 to 1.5; the whole body is up to 5 % too large or too small. The sigma lies between the joint's true error and
    what is usual for it: correlated with the error, not equal to it.
    """
    low, high = _ESTIMATOR_FACTOR
    factor = low + (high - low) * draws.uniform(1)
    usual = factor * tf.constant(estimator_deviation(), tf.float32)
    error = usual[..., None] * tf.constant(_ESTIMATOR_AXES) * draws.normal(29, 3)
    scale = 1.0 + _ESTIMATOR_SCALE * (2.0 * draws.uniform(1, 1) - 1.0)
    expected = usual * np.float32(np.sqrt(np.mean(np.square(_ESTIMATOR_AXES))))
    true = tf.sqrt(tf.reduce_mean(error * error, -1) + 1e-12)
    sigma = expected * (true / expected) ** _SIGMA_FOLLOWS * tf.exp(0.3 * draws.normal(29))
    return scale * joints + error, sigma


def estimator_deviation():
    """Standard deviation (29,), metres, of an estimator's joints before axis and common factors."""
    of_joint = {name: millimetres for millimetres, names in _ESTIMATOR_MM.items() for name in names}
    return np.array([of_joint[name] / 1000.0 for name in skeletons.SMPL_29.names])


def corrupt_twist(draws, twist, settings):
    """The twist (n, 23, 2) as it is observed: turned by an error of its own, (0, 0) where it is not known."""
    angle = settings.twist_noise * draws.uniform(1) ** 2 * draws.normal(23)
    cos, sin = tf.cos(angle), tf.sin(angle)
    turned = tf.stack([cos * twist[..., 0] - sin * twist[..., 1], sin * twist[..., 0] + cos * twist[..., 1]], -1)
    known = tf.clip_by_value(1.0 + (draws.uniform(1) + settings.twist_given - 1.0) / _TWIST_EDGE, 0.0, 1.0)
    return tf.where((draws.uniform(23) < known)[..., None], turned, 0.0)
