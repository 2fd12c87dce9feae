"""Errors of the observed joints and twists in training, made in the graph: noise, absence, occlusion."""

import dataclasses

import tensorflow as tf

from niki_tf import skeletons
from niki_tf.data import estimator, occlusion
from niki_tf.data.random_streams import RandomStreams
from niki_tf.settings import check_sizes, described, share

_TWIST_EDGE = 0.15
"""Width of the range of a uniform number in which an example's share of known twists goes from 1 to 0. Set by hand."""
_MAX_ABSENT = 0.5
"""Largest share of joints that an example misses. Set by hand."""
_SIGMA_SPREAD = 0.4
"""Standard deviation of the logarithm of the sigma that is reported of isotropic noise: a factor of 1.5. By hand."""


@dataclasses.dataclass(frozen=True)
class Corruption:
    """Gaussian noise on all 29 joints, isotropic or joint by joint as an estimator's, occlusion, and on the twist.

    Raises:
        ValueError: a field is no finite number from 0 on, or a share above 1.
    """

    noise: float = described(0.11, "Largest standard deviation of the joints' error per axis, metres.")
    noise_power: float = described(1.2, "An example's level is noise * u ** noise_power, u uniform.")
    sigma_given: float = share(0.2, "Share of examples that come with joint_sigma; the others have zeros.")
    absent: float = share(0.15, "Share of examples that miss joints: each of them up to half of its joints.")
    estimator: float = share(0.0, "Share of examples with the noise, scale and sigma of an estimator.")
    occluded: float = share(0.0, "Share of examples as an estimator gives them of a person partly out of sight.")
    twist_noise: float = described(0.5, "Largest standard deviation of the twist's error, radians.")
    twist_given: float = share(0.5, "Share of examples that know all twists; a few know a part, the others none.")

    def __post_init__(self) -> None:
        check_sizes(self)


def corrupt(streams: RandomStreams, joints: tf.Tensor, settings: Corruption) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Noisy joints relative to their joint 0, their sigma, and which of them are hidden.

    The sigma of isotropic noise is the true level within a factor of about 1.5 either way. A sigma is given in
    `sigma_given` of the examples, of occluded ones in twice that share, and is zero in the others. An absent joint
    always has the sigma `skeletons.ABSENT`; its position carries no information, and solvers fill it in.

    Args:
        streams: `RandomStreams` of n examples.
        joints: (n, 29, 3), or (n, T, 29, 3) for windows, true, metres.
        settings: `Corruption`.

    Returns:
        joints (n, 29, 3) metres, sigma (n, 29) metres and mask of hidden joints (n, 29), bool; of windows (n, T, ...).
    """
    per_window = [1] * (joints.shape.rank - 3)
    inner = joints.shape[1:-1]
    level = settings.noise * streams.uniform(*per_window, 1, 1) ** settings.noise_power
    noisy = joints + level * streams.normal(*inner, 3)
    reported = level[..., 0] * tf.exp(_SIGMA_SPREAD * streams.normal(*per_window, 1))
    rank, hidden = streams.uniform(*per_window, 1), tf.zeros(tf.shape(joints)[:-1], tf.bool)
    if settings.estimator:
        estimated, sigma = estimator.random_estimate(streams, joints)
        chosen = streams.uniform(*per_window, 1) < settings.estimator
        noisy, reported = tf.where(chosen[..., None], estimated, noisy), tf.where(chosen, sigma, reported)
    if settings.occluded:
        seen, sigma, hidden = _occluded(streams, joints)
        chosen = streams.uniform(*per_window, 1) < settings.occluded
        noisy, reported = tf.where(chosen[..., None], seen, noisy), tf.where(chosen, sigma, reported)
        hidden, rank = hidden & chosen, tf.where(chosen, 0.5 * rank, rank)
    sigma = tf.where(rank < settings.sigma_given, reported, 0.0)
    if settings.absent:
        missing = _MAX_ABSENT * streams.uniform(*per_window, 1)
        missing *= tf.cast(streams.uniform(*per_window, 1) < settings.absent, tf.float32)
        sigma = tf.where(streams.uniform(*inner) < missing, skeletons.ABSENT, sigma)
    return noisy - noisy[..., :1, :], tf.broadcast_to(sigma, tf.shape(joints)[:-1]), hidden


def _occluded(streams: RandomStreams, joints: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """`occlusion.occlude` of windows (n, T, 29, 3), or of single frames (n, 29, 3) as windows of one frame."""
    if joints.shape.rank == 4:
        return occlusion.occlude(streams, joints)
    seen, sigma, hidden = occlusion.occlude(streams, joints[:, None])
    return seen[:, 0], sigma[:, 0], hidden[:, 0]


def corrupt_twist(streams: RandomStreams, twist: tf.Tensor, hidden: tf.Tensor, settings: Corruption) -> tf.Tensor:
    """The twist as observed: rotated by a normal error, or (0, 0) where it is not known, as of hidden joints.

    Args:
        streams: `RandomStreams` of n examples.
        twist: (n, 23, 2), or (n, T, 23, 2) for windows, true, as (cos, sin).
        hidden: (n, 29), or (n, T, 29), from `corrupt`.
        settings: `Corruption`.

    Returns:
        twist of the same shape.
    """
    per_window, inner = [1] * (twist.shape.rank - 3), twist.shape[1:-1]
    error = settings.twist_noise * streams.uniform(*per_window, 1) ** 2 * streams.normal(*inner)
    rotated = estimator.rotate_twist(twist, error)
    share = streams.uniform(*per_window, 1) + settings.twist_given - 1.0
    known = streams.uniform(*inner) < tf.clip_by_value(1.0 + share / _TWIST_EDGE, 0.0, 1.0)
    return tf.where((known & ~hidden[..., 1 : skeletons.NUM_ROTATIONS])[..., None], rotated, 0.0)
