"""Truncation and occlusion over time, at the level of joints: what an estimator gives for a person partly out of sight.

A virtual camera sees the posed body. At key frames the image is cut, mostly so that a part of the body falls outside,
and a square hides what lies under it; between key frames both move linearly. Joints that are seen have an estimator's
errors. Those that are not are placed at the border of the image or somewhere else, far off, partly at the same wrong
place from frame to frame and partly not, and the sigma that is reported of them cannot be relied upon.

Source: NIKI, supplementary material, section I (3DPW-XOCC), carried over from images to joints.
"""

import zlib

import numpy as np
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.data import estimator
from niki_tf.data.random_streams import RandomStreams

FOCAL_PX, DISTANCE_M, CROP_PX = 1000.0, 8.0, 256.0
"""The camera looks along -z from 8 m, where 256 pixels hold a grown person; the image is as large and centred on it."""
KEY_EVERY = 8
"""Frames from one key frame to the next."""
CUT_PROBABILITY = 2 / 3
"""Probability that the image of a key frame is cut so that a part of the body lies outside."""
LARGEST_SQUARE = 0.3
"""Largest area of the hiding square, as a share of the cut image's; it is drawn evenly from zero on."""
HIDDEN_ERROR_M = (0.1, 0.3)
"""Least and largest error of a joint that is hidden, metres."""
PULLED = 0.5
"""Probability that a joint outside the image is placed at its border rather than at a wrong place."""
CONSTANT, JUMPING = 0.8, 0.6
"""How much of a wrong place stays from frame to frame, and how much is new in each; the squares add up to 1."""
ADMITTED = 0.75
"""Probability that the sigma of a hidden joint is as large as its error; else it is that of a joint that is seen."""
TWIST_ERROR = 0.2
"""Standard deviation of the twist of a joint that is seen, radians; of a hidden joint it is not known."""

_ARM, _LEG = ("elbow", "wrist", "hand", "middle_tip"), ("knee", "ankle", "foot", "big_toe")
_UPPER = ("spine3", "neck", "head", "head_top") + tuple(
    f"{s}_{n}" for s in ("left", "right") for n in ("collar", "shoulder", *_ARM)
)
_LOWER = tuple(f"{side}_{name}" for side in ("left", "right") for name in ("hip", *_LEG))
_PARTS = (_UPPER, _LOWER, *(tuple(f"{s}_{n}" for n in limb) for limb in (_ARM, _LEG) for s in ("left", "right")))
"""What a cut leaves outside: the upper or the lower body, or one limb."""


def occlude(draws, joints):
    """Joints as an estimator would give them of a person who is partly cut off and partly hidden.

    Args:
        draws: `RandomStreams` of n windows.
        joints: (n, T, 29, 3) metres, true, T known; x to the right and y up in the image, z towards the camera.

    Returns:
        joints (n, T, 29, 3) metres, the reported sigma (n, T, 29) metres, and whether each is hidden, (n, T, 29).
    """
    image, depth = _project(joints)
    limits, square = _key_images(draws, image)
    limits, square = _between(limits, image.shape[1]), _between(square, image.shape[1])
    out = _outward(image) > limits[:, :, None]
    under = tf.abs(image - square[:, :, None, :2]) < 0.5 * square[:, :, None, 2:]
    hidden = tf.reduce_any(out, -1) | tf.reduce_all(under, -1)
    seen, sigma = estimator.estimate(draws, joints)
    low, high = -tf.gather(limits, [0, 2], axis=-1)[:, :, None], tf.gather(limits, [1, 3], axis=-1)[:, :, None]
    pull = (tf.clip_by_value(image, low, tf.maximum(low, high)) - image) * depth / FOCAL_PX
    pull = tf.concat([pull, tf.zeros_like(depth)], -1)
    error, told = _lost(draws, pull)
    sigma = tf.where(hidden, tf.where(told > 0.0, told, estimator.usual_sigma(draws, joints)), sigma)
    return tf.where(hidden[..., None], joints + error, seen), sigma, hidden


def occluded_motion(clip, joints, twist, *, seed):
    """What an estimator gives of one motion: the same for the same `clip.poses`, seed and settings of this module.

    Args:
        clip: `Clip` of T frames, whose poses pick the random numbers.
        joints: (T, 29, 3) metres, true; x to the right and y up in the image, z towards the camera.
        twist: (T, 23, 2), true.
        seed: a whole number.

    Returns:
        dict of arrays: joints (T, 29, 3), relative to joint 0, joint_sigma (T, 29), twist (T, 23, 2), hidden (T, 29).
    """
    draws = RandomStreams(seed, zlib.crc32(clip.poses.tobytes()), batch_size=1, shard=(0, 1))
    seen, sigma, hidden = occlude(draws, tf.convert_to_tensor(joints, tf.float32)[None])
    told = occluded_twist(draws, tf.convert_to_tensor(twist, tf.float32)[None], hidden)
    found = {"joints": seen - seen[..., :1, :], "joint_sigma": sigma, "twist": told, "hidden": hidden}
    return {name: tensor[0].numpy() for name, tensor in found.items()}


def occluded_twist(draws, twist, hidden):
    """The twist (n, T, 23, 2) as it is observed: a little wrong where the joint is seen, (0, 0) where `hidden`."""
    turned = estimator.turned_twist(twist, TWIST_ERROR * draws.normal(*twist.shape[1:-1]))
    return tf.where(hidden[..., 1:24, None], 0.0, turned)


def _project(joints):
    """Image (n, T, 29, 2) in pixels, y up, the root's depth being DISTANCE_M; and depth (n, T, 29, 1) in metres."""
    depth = DISTANCE_M - (joints[..., 2:] - joints[..., :1, 2:])
    return FOCAL_PX * joints[..., :2] / depth, depth


def _outward(image):
    """How far points (..., 2) lie to the left, the right, below and above, (..., 4)."""
    x, y = image[..., 0], image[..., 1]
    return tf.stack([-x, x, -y, y], -1)


def _key_images(draws, image):
    """Limits (n, K, 4) of the cut image, outward as in `_outward`, and square (n, K, 3): centre and side; pixels."""
    last = image.shape[1] - 1
    keys = [min(place, last) for place in range(0, last + 2 * KEY_EVERY, KEY_EVERY)]
    image = tf.gather(image, keys, axis=1)
    middle = 0.5 * (tf.reduce_min(image, 2) + tf.reduce_max(image, 2))
    limits = _outward(middle) + 0.5 * CROP_PX
    chosen, inner = _cuts(draws, _outward(image))
    cut = draws.uniform(len(keys), 1) < CUT_PROBABILITY
    limits = tf.where(cut & chosen, tf.minimum(inner - 1.0, limits), limits)
    size = tf.maximum(limits[..., 0::2] + limits[..., 1::2], 0.0)
    side = tf.sqrt(LARGEST_SQUARE * draws.uniform(len(keys), 1) * tf.reduce_prod(size, -1, keepdims=True))
    centre = -limits[..., 0::2] + draws.uniform(len(keys), 2) * size
    return limits, tf.concat([centre, side], -1)


def _cuts(draws, outward):
    """Which edge (n, K, 4) is drawn in, and to where (n, K, 4), so that a part drawn by lot lies outside.

    Of the four edges it is the one that takes the fewest other joints along.
    """
    count = outward.shape[1]
    members = np.array([[name in part for name in skeletons.SMPL_29.names] for part in _PARTS])
    part = tf.cast(len(_PARTS) * draws.uniform(count), tf.int32)
    of_part = tf.gather(tf.constant(members), tf.minimum(part, len(_PARTS) - 1))
    inner = tf.reduce_min(tf.where(of_part[..., None], outward, np.float32(np.inf)), 2)
    lost = tf.reduce_sum(tf.cast(outward >= inner[:, :, None], tf.int32), 2)
    return tf.argmin(lost, -1)[..., None] == tf.range(4, dtype=tf.int64), inner


def _between(keys, frames):
    """Values (n, K, ...) of key frames, linearly interpolated to (n, frames, ...)."""
    place = np.arange(frames) / KEY_EVERY
    before = place.astype(int)
    share = (place - before).astype(np.float32).reshape([-1] + [1] * (keys.shape.rank - 2))
    return (1.0 - share) * tf.gather(keys, before, axis=1) + share * tf.gather(keys, before + 1, axis=1)


def _lost(draws, pull):
    """Errors (n, T, 29, 3) of joints that are hidden, metres, and the sigma (n, T, 29) that admits them, or 0.

    `pull` (n, T, 29, 3) leads to the border of the image; it is zero for joints inside.
    """
    frames = pull.shape[1]
    keys, held = (frames - 1) // KEY_EVERY + 2, np.arange(frames) // KEY_EVERY
    least, largest = HIDDEN_ERROR_M
    size = _between(least + (largest - least) * draws.uniform(keys, 29, 1), frames)
    place = CONSTANT * _between(draws.normal(keys, 29, 3), frames) + JUMPING * draws.normal(frames, 29, 3)
    error = size * _to_length(tf.constant(estimator.AXES) * place, 1.0, 1.0)
    outside = tf.reduce_any(pull != 0.0, -1, keepdims=True)
    at_border = outside & tf.gather(draws.uniform(keys, 29, 1) < PULLED, held, axis=1)
    error = _to_length(tf.where(at_border, pull + 0.5 * error, error), least, largest)
    admitted = tf.gather(draws.uniform(keys, 29) < ADMITTED, held, axis=1)
    reported = size[..., 0] / np.sqrt(3.0) * tf.exp(0.3 * draws.normal(frames, 29))
    return error, tf.where(admitted, reported, 0.0)


def _to_length(vectors, least, largest):
    """Vectors (..., 3) made at least and at most so long."""
    length = tf.norm(vectors, axis=-1, keepdims=True) + 1e-9
    return vectors * tf.clip_by_value(length, least, largest) / length
