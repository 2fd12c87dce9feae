"""Truncation and occlusion over time, at the level of joints: a pose estimator's output for a person partly hidden.

A virtual camera projects the posed body. At key frames the image is cropped, mostly so that a part of the body falls
outside, and a square occludes what lies under it; between key frames both move linearly. Visible joints have the
errors of `estimator`. Hidden joints are placed at the border of the image or at a wrong place far off, an error that
persists in part from frame to frame; the sigma reported of them may be overconfident.

Source: NIKI, supplementary material, section I (3DPW-XOCC), carried over from images to joints. What it does not
specify, the errors of hidden joints, is set by hand.
"""

import zlib

import numpy as np
import tensorflow as tf

from niki_tf import camera, skeletons
from niki_tf.data import estimator
from niki_tf.data.random_streams import RandomStreams
from niki_tf.motion.clip import Clip
from niki_tf.shapes import TensorLike

CROP_PX = 256.0
"""Width and height of the image before it is cropped, pixels; it is centred on the projected joints."""
FOCAL_PX = camera.FOCAL * CROP_PX
"""Focal length, pixels: the published 1,000."""
DISTANCE_M = 8.0
"""Distance of the camera, which looks along -z, from the root, metres. Set so that the image just holds an adult."""
KEY_EVERY = 8
"""Frames from one key frame to the next. Source: section I."""
CUT_PROBABILITY = 2 / 3
"""Probability that the image of a key frame is cropped so that a part of the body lies outside. Source: section I."""
LARGEST_SQUARE = 0.3
"""Largest area of the occluding square, as a share of the cropped image's; it is uniform from 0. Source: section I."""
HIDDEN_ERROR_M = (0.1, 0.3)
"""Least and largest error of a hidden joint, metres. Set by hand."""
BORDER_PROBABILITY = 0.5
"""Probability that a joint outside the image is placed at its border rather than at a wrong place. Set by hand."""
PERSISTENT, INDEPENDENT = 0.8, 0.6
"""Weights of the part of a wrong place that persists between key frames and of the part that is drawn anew in each
frame; their squares add up to 1. Set by hand."""
CALIBRATED_PROBABILITY = 0.75
"""Probability that the sigma of a hidden joint is as large as its error; else it is that of a visible joint. Set by
hand."""
TWIST_ERROR = 0.2
"""Standard deviation of the twist of a visible joint, radians; that of a hidden joint is not known. Set by hand."""

_HIDDEN_SIGMA_SPREAD = 0.3
"""Standard deviation of the logarithm of a calibrated sigma: that of `estimator`."""
_SIDES = ("left", "right")
_ARM, _LEG = ("elbow", "wrist", "hand", "middle_tip"), ("knee", "ankle", "foot", "big_toe")
_UPPER = ("spine3", "neck", "head", "head_top") + tuple(
    f"{side}_{name}" for side in _SIDES for name in ("collar", "shoulder", *_ARM)
)
_LOWER = tuple(f"{side}_{name}" for side in _SIDES for name in ("hip", *_LEG))
_PARTS = (_UPPER, _LOWER, *(tuple(f"{side}_{name}" for name in limb) for limb in (_ARM, _LEG) for side in _SIDES))
"""Parts of the body that a crop leaves outside: upper body, lower body, each limb."""


def occlude(streams: RandomStreams, joints: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Joints as a pose estimator gives them of a person who is partly truncated and partly occluded.

    Args:
        streams: `RandomStreams` of n windows.
        joints: (n, T, 29, 3) metres, true, T static; x to the right and y up in the image, z towards the camera.

    Returns:
        joints (n, T, 29, 3) metres, reported sigma (n, T, 29) metres, and mask of hidden joints (n, T, 29), bool.
    """
    image, depth = _project(joints)
    limits, square = _key_images(streams, image)
    limits, square = _interpolate(limits, image.shape[1]), _interpolate(square, image.shape[1])
    outside = _outward(image) > limits[:, :, None]
    covered = tf.abs(image - square[:, :, None, :2]) < 0.5 * square[:, :, None, 2:]
    hidden = tf.reduce_any(outside, -1) | tf.reduce_all(covered, -1)
    low, high = -tf.gather(limits, [0, 2], axis=-1)[:, :, None], tf.gather(limits, [1, 3], axis=-1)[:, :, None]
    to_border = (tf.clip_by_value(image, low, tf.maximum(low, high)) - image) * depth / FOCAL_PX
    to_border = tf.concat([to_border, tf.zeros_like(depth)], -1)
    return *_estimated(streams, joints, hidden, to_border), hidden


def hide(streams: RandomStreams, joints: tf.Tensor, hidden: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Joints as a pose estimator gives them of a person of whom some chosen joints are covered, and the sigma.

    Args:
        streams: `RandomStreams` of n windows.
        joints: (n, T, 29, 3) metres, true, T static; z towards the camera.
        hidden: (n, T, 29), bool, which joints are covered; inside the image, so none is placed at its border.

    Returns:
        joints (n, T, 29, 3) metres and reported sigma (n, T, 29) metres, as of `occlude`.
    """
    return _estimated(streams, joints, hidden, tf.zeros_like(joints))


def occluded_motion(clip: Clip, joints: TensorLike, twist: TensorLike, *, seed: int) -> dict[str, np.ndarray]:
    """`occlude` of one motion as arrays: the same for the same `clip.poses`, seed and constants of this module.

    Args:
        clip: `Clip` of T frames, whose poses and `seed` together seed the random numbers.
        joints: (T, 29, 3) metres, true; x to the right and y up in the image, z towards the camera.
        twist: (T, 23, 2), true, as (cos, sin).
        seed: a whole number.

    Returns:
        dict of arrays: joints (T, 29, 3) metres, relative to joint 0; root (T, 3) metres, where joint 0 is observed, in
        the coordinates of the true joints; joint_sigma (T, 29) metres; twist (T, 23, 2), (0, 0) where it is not known;
        hidden (T, 29), bool.
    """
    streams = RandomStreams(seed, zlib.crc32(clip.poses.tobytes()), batch_size=1, shard=(0, 1))
    return _as_motion(streams, *occlude(streams, tf.convert_to_tensor(joints, tf.float32)[None]), twist)


def hidden_motion(
    clip: Clip, joints: TensorLike, twist: TensorLike, *, seed: int, hidden: TensorLike
) -> dict[str, np.ndarray]:
    """`hide` of one motion as arrays: what `occluded_motion` gives, where the joints `hidden` (29,), bool, are covered.

    The errors are the same whatever is hidden: each joint has one error for when it is seen and one for when it is not.
    """
    streams = RandomStreams(seed, zlib.crc32(clip.poses.tobytes()), batch_size=1, shard=(0, 1))
    joints = tf.convert_to_tensor(joints, tf.float32)[None]
    mask = tf.broadcast_to(tf.convert_to_tensor(hidden, tf.bool), tf.shape(joints)[:-1])
    return _as_motion(streams, *hide(streams, joints, mask), mask, twist)


def _as_motion(
    streams: RandomStreams, seen: tf.Tensor, sigma: tf.Tensor, hidden: tf.Tensor, twist: TensorLike
) -> dict[str, np.ndarray]:
    """What `occluded_motion` gives, from batches of one motion and the true twist (T, 23, 2)."""
    observed_twist = occluded_twist(streams, tf.convert_to_tensor(twist, tf.float32)[None], hidden)
    found = {"joints": seen - seen[..., :1, :], "root": seen[..., 0, :], "joint_sigma": sigma}
    found |= {"twist": observed_twist, "hidden": hidden}
    return {name: tensor[0].numpy() for name, tensor in found.items()}


def _estimated(
    streams: RandomStreams, joints: tf.Tensor, hidden: tf.Tensor, to_border: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Joints and sigma as reported of true ones, with the errors of those that are seen and those that are hidden."""
    seen, sigma = estimator.random_estimate(streams, joints)
    error, calibrated = _hidden_errors(streams, to_border)
    reported = tf.where(calibrated > 0.0, calibrated, estimator.expected_sigma(streams, joints))
    return tf.where(hidden[..., None], joints + error, seen), tf.where(hidden, reported, sigma)


def occluded_twist(streams: RandomStreams, twist: tf.Tensor, hidden: tf.Tensor) -> tf.Tensor:
    """The twist (n, T, 23, 2) as observed: with a small error where the joint is visible, (0, 0) where `hidden`.

    Args:
        streams: `RandomStreams` of n windows.
        twist: (n, T, 23, 2), true, as (cos, sin).
        hidden: (n, T, 29), bool, from `occlude`.
    """
    rotated = estimator.rotate_twist(twist, TWIST_ERROR * streams.normal(*twist.shape[1:-1]))
    return tf.where(hidden[..., 1 : skeletons.NUM_ROTATIONS, None], 0.0, rotated)


def _project(joints: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Image (n, T, 29, 2) in pixels, y up, and depth (n, T, 29, 1) in metres; the root's depth is DISTANCE_M."""
    points = (joints - joints[..., :1, :] * (0.0, 0.0, 1.0)) * (1.0, 1.0, -1.0)
    image = camera.perspective(points, focal_length=FOCAL_PX, distance=DISTANCE_M)
    return image, points[..., 2:] + DISTANCE_M


def _outward(image: tf.Tensor) -> tf.Tensor:
    """Distances (..., 4) of points (..., 2) from the origin to the left, to the right, down and up."""
    x, y = image[..., 0], image[..., 1]
    return tf.stack([-x, x, -y, y], -1)


def _key_images(streams: RandomStreams, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Crop and occluding square of each of K key frames, for projected joints (n, T, 29, 2).

    Returns:
        limits (n, K, 4) of the cropped image as distances of `_outward`, and square (n, K, 3): centre and side; pixels.
    """
    last = image.shape[1] - 1
    keys = [min(frame, last) for frame in range(0, last + 2 * KEY_EVERY, KEY_EVERY)]
    image = tf.gather(image, keys, axis=1)
    middle = 0.5 * (tf.reduce_min(image, 2) + tf.reduce_max(image, 2))
    limits = _outward(middle) + 0.5 * CROP_PX
    edge, nearest = _cuts(streams, _outward(image))
    cut = streams.uniform(len(keys), 1) < CUT_PROBABILITY
    limits = tf.where(cut & edge, tf.minimum(nearest - 1.0, limits), limits)
    size = tf.maximum(limits[..., 0::2] + limits[..., 1::2], 0.0)
    side = tf.sqrt(LARGEST_SQUARE * streams.uniform(len(keys), 1) * tf.reduce_prod(size, -1, keepdims=True))
    centre = -limits[..., 0::2] + streams.uniform(len(keys), 2) * size
    return limits, tf.concat([centre, side], -1)


def _cuts(streams: RandomStreams, outward: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The edge that leaves a random part of the body outside when moved inwards, and where to.

    Of the four edges it is the one that leaves the fewest joints outside.

    Args:
        streams: `RandomStreams` of n windows.
        outward: (n, K, 29, 4) `_outward` of the joints, pixels.

    Returns:
        one-hot edge (n, K, 4), bool, and the part's least distance (n, K, 4) towards each edge, pixels.
    """
    num_keys = outward.shape[1]
    members = np.array([[name in part for name in skeletons.SMPL_29.names] for part in _PARTS])
    part = tf.cast(len(_PARTS) * streams.uniform(num_keys), tf.int32)
    of_part = tf.gather(tf.constant(members), tf.minimum(part, len(_PARTS) - 1))
    nearest = tf.reduce_min(tf.where(of_part[..., None], outward, np.float32(np.inf)), 2)
    num_outside = tf.reduce_sum(tf.cast(outward >= nearest[:, :, None], tf.int32), 2)
    return tf.argmin(num_outside, -1)[..., None] == tf.range(4, dtype=tf.int64), nearest


def _interpolate(keys: tf.Tensor, frames: int) -> tf.Tensor:
    """Values (n, K, ...) of key frames, linearly interpolated to (n, frames, ...)."""
    position = np.arange(frames) / KEY_EVERY
    before = position.astype(int)
    share = (position - before).astype(np.float32).reshape([-1] + [1] * (keys.shape.rank - 2))
    return (1.0 - share) * tf.gather(keys, before, axis=1) + share * tf.gather(keys, before + 1, axis=1)


def _hidden_errors(streams: RandomStreams, to_border: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Errors of joints if they are hidden, and their calibrated sigma.

    Args:
        streams: `RandomStreams` of n windows.
        to_border: (n, T, 29, 3) metres, from a joint to the border of the image; zero for joints inside.

    Returns:
        errors (n, T, 29, 3) metres, and sigma (n, T, 29) metres, 0 where the sigma is to be overconfident.
    """
    frames, count = to_border.shape[1], skeletons.NUM_JOINTS
    num_keys, key_of_frame = (frames - 1) // KEY_EVERY + 2, np.arange(frames) // KEY_EVERY
    least, largest = HIDDEN_ERROR_M
    size = _interpolate(least + (largest - least) * streams.uniform(num_keys, count, 1), frames)
    persistent = _interpolate(streams.normal(num_keys, count, 3), frames)
    direction = PERSISTENT * persistent + INDEPENDENT * streams.normal(frames, count, 3)
    error = size * _clip_length(tf.constant(estimator.AXES) * direction, 1.0, 1.0)
    outside = tf.reduce_any(to_border != 0.0, -1, keepdims=True)
    at_border = outside & tf.gather(streams.uniform(num_keys, count, 1) < BORDER_PROBABILITY, key_of_frame, axis=1)
    error = _clip_length(tf.where(at_border, to_border + 0.5 * error, error), least, largest)
    calibrated = tf.gather(streams.uniform(num_keys, count) < CALIBRATED_PROBABILITY, key_of_frame, axis=1)
    sigma = size[..., 0] / np.sqrt(3.0) * tf.exp(_HIDDEN_SIGMA_SPREAD * streams.normal(frames, count))
    return error, tf.where(calibrated, sigma, 0.0)


def _clip_length(vectors: tf.Tensor, least: float, largest: float) -> tf.Tensor:
    """Vectors (..., 3) scaled to a length of at least `least` and at most `largest`."""
    length = tf.norm(vectors, axis=-1, keepdims=True) + 1e-9
    return vectors * tf.clip_by_value(length, least, largest) / length
