"""What estimators do to joints, made in the graph."""

import dataclasses

import tensorflow as tf

from niki_tf.settings import setting


@dataclasses.dataclass(frozen=True)
class Corruption:
    """Isotropic Gaussian noise on all 29 joints, one level per example."""

    noise: float = setting(0.11, "Largest standard deviation of the joints' error per axis, metres.")
    noise_power: float = setting(1.2, "An example's level is noise * u ** noise_power, u uniform.")
    sigma_given: float = setting(0.2, "Share of examples that come with joint_sigma; the others have zeros.")


def corrupt(draws, joints, settings):
    """Noisy joints (n, 29, 3), relative to their own joint 0, and joint_sigma (n, 29), metres.

    The sigma that is given is the true level within a factor of about 1.5 either way.
    """
    level = settings.noise * draws.uniform(1, 1) ** settings.noise_power
    noisy = joints + level * draws.normal(29, 3)
    reported = level[..., 0] * tf.exp(0.4 * draws.normal(1)) * tf.ones([1, 29])
    sigma = tf.where(draws.uniform(1) < settings.sigma_given, reported, 0.0)
    return noisy - noisy[:, :1], sigma
