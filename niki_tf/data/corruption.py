"""What training does to joints and twists, made in the graph: noise, an estimator's errors, absence, occlusion."""

import dataclasses

import tensorflow as tf

from niki_tf import skeletons
from niki_tf.data import estimator, occlusion
from niki_tf.settings import described

_TWIST_EDGE = 0.15
_MOST_ABSENT = 0.5


@dataclasses.dataclass(frozen=True)
class Corruption:
    """Gaussian noise on all 29 joints, isotropic or joint by joint as an estimator's, occlusion, and on the twist."""

    noise: float = described(0.11, "Largest standard deviation of the joints' error per axis, metres.")
    noise_power: float = described(1.2, "An example's level is noise * u ** noise_power, u uniform.")
    sigma_given: float = described(0.2, "Share of examples that come with joint_sigma; the others have zeros.")
    absent: float = described(0.15, "Share of examples that miss joints: each of them up to half of its joints.")
    estimator: float = described(0.0, "Share of examples with the noise, scale and sigma of an estimator.")
    occluded: float = described(0.0, "Share of examples as an estimator gives them of a person partly out of sight.")
    twist_noise: float = described(0.5, "Largest standard deviation of the twist's error, radians.")
    twist_given: float = described(0.5, "Share of examples that know all twists; a few know a part, the others none.")


def corrupt(draws, joints, settings):
    """Noisy joints, relative to their own joint 0, joint_sigma, metres, and which joints are hidden.

    With isotropic noise the sigma that is given is the true level within a factor of about 1.5 either way. A joint
    that is absent has the sigma `skeletons.ABSENT`, given or not; its position tells nothing, solvers fill it. An
    estimator's sigma is given in `sigma_given` of the examples, too, that of occluded ones in twice that share.

    Args:
        draws: `RandomStreams` of n examples.
        joints: (n, 29, 3), or (n, T, 29, 3) for windows, true, metres.
        settings: `Corruption`.

    Returns:
        joints of the same shape; sigma and the mask of hidden joints without the last axis.
    """
    once = [1] * (joints.shape.rank - 3)
    inner = joints.shape[1:-1]
    level = settings.noise * draws.uniform(*once, 1, 1) ** settings.noise_power
    noisy = joints + level * draws.normal(*inner, 3)
    reported = level[..., 0] * tf.exp(0.4 * draws.normal(*once, 1)) * tf.ones([1] * (len(once) + 1) + [29])
    place, hidden = draws.uniform(*once, 1), tf.zeros(tf.shape(joints)[:-1], tf.bool)
    if settings.estimator:
        estimated, sigma = estimator.estimate(draws, joints)
        chosen = draws.uniform(*once, 1) < settings.estimator
        noisy, reported = tf.where(chosen[..., None], estimated, noisy), tf.where(chosen, sigma, reported)
    if settings.occluded:
        seen, sigma, hidden = _occluded(draws, joints)
        chosen = draws.uniform(*once, 1) < settings.occluded
        noisy, reported = tf.where(chosen[..., None], seen, noisy), tf.where(chosen, sigma, reported)
        hidden, place = hidden & chosen, tf.where(chosen, 0.5 * place, place)
    sigma = tf.where(place < settings.sigma_given, reported, 0.0)
    if settings.absent:
        missing = _MOST_ABSENT * draws.uniform(*once, 1)
        missing *= tf.cast(draws.uniform(*once, 1) < settings.absent, tf.float32)
        absent = draws.uniform(*inner) < missing
        sigma = tf.where(absent, skeletons.ABSENT, sigma)
    return noisy - noisy[..., :1, :], tf.broadcast_to(sigma, tf.shape(joints)[:-1]), hidden


def _occluded(draws, joints):
    """As `occlusion.occlude`, single frames (n, 29, 3) being windows of one."""
    if joints.shape.rank == 4:
        return occlusion.occlude(draws, joints)
    return tuple(x[:, 0] for x in occlusion.occlude(draws, joints[:, None]))


def corrupt_twist(draws, twist, hidden, settings):
    """The twist (n, 23, 2), or (n, T, 23, 2), as it is observed: turned by an error of its own, (0, 0) if not known.

    Of joints that are `hidden`, (n, 29) or (n, T, 29), it is not known.
    """
    once, inner = [1] * (twist.shape.rank - 3), twist.shape[1:-1]
    turned = estimator.turned_twist(twist, settings.twist_noise * draws.uniform(*once, 1) ** 2 * draws.normal(*inner))
    share = draws.uniform(*once, 1) + settings.twist_given - 1.0
    known = draws.uniform(*inner) < tf.clip_by_value(1.0 + share / _TWIST_EDGE, 0.0, 1.0)
    return tf.where((known & ~hidden[..., 1:24])[..., None], turned, 0.0)
