"""Errors of a pose estimator that sees the whole body: joint by joint, largest along the depth, with their sigma."""

import numpy as np
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.data.random_streams import RandomStreams
from niki_tf.motion.made.anatomy import part
from niki_tf.shapes import TensorLike

_DEVIATION_MM = {
    "pelvis": 3,
    "hip": 15,
    "spine1": 15,
    "knee": 40,
    "spine2": 40,
    "spine3": 40,
    "ankle": 65,
    "foot": 65,
    "neck": 65,
    "collar": 65,
    "head": 65,
    "shoulder": 65,
    "elbow": 65,
    "wrist": 80,
    "hand": 80,
    "head_top": 80,
    "big_toe": 80,
    "middle_tip": 120,
}
"""Standard deviation of the error of each joint, left and right alike, mm.

Source: published code of NIKI, niki/datasets/amass_dataset_temporal.py, `kpt29_error`.
"""

AXES = (0.3, 0.4, 0.6)
"""Factors of the standard deviation along x, y and depth of the camera. Source: the same file, `xyz_ratio`."""

_FACTOR = (0.5, 1.5)
"""Least and largest common factor of an example's errors. Source: the same file, where each number has its factor."""
_SCALE = 0.05
"""Largest relative error of the body's size. Source: the same file, where depth is left out."""
_SIGMA_FOLLOWS = 0.5
"""Exponent of a joint's true error in its sigma: 1 gives the error itself, 0 what is expected of the joint. Set by
hand; tests hold the correlation that follows."""
_SIGMA_SPREAD = 0.3
"""Standard deviation of the logarithm of a sigma about that. Set by hand."""


def estimate(
    joints: TensorLike, *, factor: TensorLike, scale: TensorLike, noise: TensorLike, sigma_noise: TensorLike
) -> tuple[tf.Tensor, tf.Tensor]:
    """Joints with the errors of a pose estimator, and the sigma that it reports, from given random numbers.

    The error of joint j along axis a is normal with the standard deviation factor * deviation_j * AXES_a; the whole
    body is up to 5 % too large or too small. The sigma is the geometric mean of the joint's true and expected error
    times a log-normal factor: correlated with the error, not equal to it.

    Args:
        joints: (n, 29, 3), or (n, T, 29, 3) for windows, metres.
        factor: (n, 1), for windows (n, 1, 1), or one number for all: factor of the errors; 1 is their usual size.
        scale: (n, 1, 1), for windows (n, 1, 1, 1), error of the body's size from -1 (5 % too small) to 1 (too large).
        noise: standard normal numbers of the shape of `joints`.
        sigma_noise: standard normal numbers of the shape of `joints` without its last axis.

    Returns:
        joints of the same shape and sigma without the last axis, metres.
    """
    usual = factor * tf.constant(deviation(), tf.float32)
    error = usual[..., None] * tf.constant(AXES) * noise
    expected = usual * _root_mean_square_of_axes()
    true = tf.sqrt(tf.reduce_mean(error * error, -1) + 1e-12)
    sigma = expected * (true / expected) ** _SIGMA_FOLLOWS * tf.exp(_SIGMA_SPREAD * sigma_noise)
    return (1.0 + _SCALE * scale) * joints + error, sigma


def random_estimate(streams: RandomStreams, joints: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """`estimate` with random numbers: factor uniform in 0.5 to 1.5, the same for the frames of a window, as the scale.

    Args:
        streams: `RandomStreams` of n examples.
        joints: (n, 29, 3), or (n, T, 29, 3) for windows, metres.
    """
    per_window = [1] * (len(joints.shape) - 3)
    low, high = _FACTOR
    factor = low + (high - low) * streams.uniform(*per_window, 1)
    noise = streams.normal(*joints.shape[1:])
    scale = 2.0 * streams.uniform(*per_window, 1, 1) - 1.0
    sigma_noise = streams.normal(*joints.shape[1:-1])
    return estimate(joints, factor=factor, scale=scale, noise=noise, sigma_noise=sigma_noise)


def expected_sigma(streams: RandomStreams, joints: tf.Tensor) -> tf.Tensor:
    """Sigma (n, T, 29), metres, as reported of visible joints (n, T, 29, 3), whatever their true error."""
    spread = tf.exp(_SIGMA_SPREAD * streams.normal(*joints.shape[1:-1]))
    return deviation().astype(np.float32) * _root_mean_square_of_axes() * spread


def deviation() -> np.ndarray:
    """Standard deviation (29,) of each joint's error, metres, before the factors of axis and example."""
    return np.array([_DEVIATION_MM[part(name)] for name in skeletons.SMPL_29.names]) / 1000.0


def rotate_twist(twist: tf.Tensor, angle: tf.Tensor) -> tf.Tensor:
    """Twists (..., 2) as (cos, sin), rotated by `angle` (...), radians."""
    cos, sin = tf.cos(angle), tf.sin(angle)
    return tf.stack([cos * twist[..., 0] - sin * twist[..., 1], sin * twist[..., 0] + cos * twist[..., 1]], -1)


def _root_mean_square_of_axes() -> np.float32:
    return np.float32(np.sqrt(np.mean(np.square(AXES))))
