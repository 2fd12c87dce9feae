"""Windows of motion as they are observed: with errors of several kinds, in the world or not, joints and frames absent.

What a prior of motion is trained on; the batches of `data.pipeline` are of single poses and short windows.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from niki_tf import rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.body.body_joints import BodyJoints
from niki_tf.data import absence, augmentation, occlusion
from niki_tf.data.augmentation import Augmentation
from niki_tf.data.random_streams import RandomStreams
from niki_tf.data.sources import MotionSet

_KINDS = {"noise": 0.46, "occlusion": 0.20, "turned bones": 0.12, "joint set": 0.17, "drift": 0.05}
"""Kinds of errors and their shares. Set by hand."""
_LARGEST_NOISE, _NOISE_POWER, _CLEAN, _SIGMA_GIVEN = 0.1, 1.4, 0.12, 0.35
"""Metres and the power of a uniform number that noise is proportional to; shares without noise, and with its sigma."""
_OUTLIERS, _WITH_OUTLIERS, _OUTLIER = 0.03, 0.1, 0.3
"""Share of joints that are far off, share of noisy windows that have such joints, and how far, metres."""
_LARGEST_TURN, _LEGS_HIDDEN = 10.0, 0.75
"""Degrees; noise of each Euler angle of turned bones is uniform up to it. Share of them whose legs are hidden."""
_SET_OFFSET, _SET_NOISE, _SET_ERROR, _LARGEST_SET_NOISE = 0.8, 0.6, 0.01, 0.06
"""Of the sigma with which a joint set tells a joint, the shares that are constant and that are noise; metres of sigma
that every joint has besides, and of further noise."""
_DRIFT, _LARGEST_DRIFT = 0.8, 0.04
"""Correlation of a drifting error with that of the frame before, and its largest size, metres."""
_ABSENT_OF_OCCLUDED = 0.4
"""Share of occluded windows in which joints are absent besides."""
_ROOT_RELATIVE, _GROUND = 0.4, 0.5
"""Share of windows whose joints are relative to joint 0, and of the others those of which the ground is known."""


class ObservedWindows(NamedTuple):
    """n windows of T frames, and what is seen of them."""

    joints: tf.Tensor
    """Observed, (n, T, 29, 3) metres, zero where absent."""
    joint_sigma: tf.Tensor
    """(n, T, 29) metres."""
    ground: tf.Tensor
    """(n, T, 4), the plane of the ground; zeros where it is not known."""
    frame_mask: tf.Tensor
    """(n, T), 1.0 for frames and 0.0 for padding."""
    betas: tf.Tensor
    """(n, T, B)."""
    rest_joints: tf.Tensor
    """(n, T, 29, 3) metres."""
    local: tf.Tensor
    """True local rotations (n, T, 24, 3, 3)."""
    path: tf.Tensor
    """True positions of joint 0, (n, T, 3) metres."""
    has_path: tf.Tensor
    """(n,), 1.0 where the joints stand on that path."""


def observed_windows(
    streams: RandomStreams,
    motion: MotionSet,
    *,
    body_joints: BodyJoints,
    augment: Augmentation,
    frames: int,
    sigma_of_sets: np.ndarray,
) -> ObservedWindows:
    """Random windows of motion of random bodies, as they are observed.

    Args:
        streams: `RandomStreams` of n windows.
        motion: `MotionSet` to draw from.
        body_joints: of the body.
        augment: `Augmentation`.
        frames: number T of frames of a window.
        sigma_of_sets: (S, 29) metres, with which joint sets tell the joints.
    """
    windows = augmentation.augmented_motion(streams, motion, augment, frames=frames, whole=True)
    betas, rest = augmentation.random_rest_joints(streams, body_joints, augment)
    path = windows.path * (_leg(rest) / _leg(tf.constant(body_joints.joints, tf.float32)))[:, None, None]
    betas, rest = (tf.repeat(x[:, None], frames, 1) for x in (betas, rest))
    mask = tf.ensure_shape(tf.cast(windows.present, tf.float32), [streams.count, frames])
    joints = tf.ensure_shape(_posed(windows.local, rest) + path[:, :, None], [*mask.shape, skeletons.NUM_JOINTS, 3])
    seen, sigma, lost = _observe(streams, joints, windows.local, rest, mask, sigma_of_sets)
    relative = streams.uniform() < _ROOT_RELATIVE
    seen -= tf.where(relative[:, None, None, None], seen[:, :, :1], 0.0)
    has_path = tf.where(relative, 0.0, 1.0)
    ground = has_path * tf.cast(streams.uniform() < _GROUND, tf.float32)
    plane = tf.zeros([*mask.shape, 4]) + ground[:, None, None] * tf.constant([0.0, 1.0, 0.0, 0.0])
    seen, sigma = tf.where(lost[..., None], 0.0, seen), tf.where(lost, skeletons.ABSENT, sigma)
    return ObservedWindows(seen, sigma, plane, mask, betas, rest, windows.local, path, has_path)


def _leg(rest_joints: tf.Tensor) -> tf.Tensor:
    """Length (...) of the left leg of bodies (..., 29, 3)."""
    points = tf.gather(
        rest_joints, [skeletons.SMPL_29.index(f"left_{name}") for name in ("hip", "knee", "ankle")], axis=-2
    )
    return tf.reduce_sum(tf.norm(points[..., 1:, :] - points[..., :-1, :], axis=-1), -1)


def _posed(local: tf.Tensor, rest_joints: tf.Tensor) -> tf.Tensor:
    """Joints (n, T, 29, 3) relative to joint 0."""
    joints, _ = kinematics.forward_kinematics(local, rest_joints)
    return joints - joints[:, :, :1]


def _observe(
    streams: RandomStreams,
    joints: tf.Tensor,
    local: tf.Tensor,
    rest_joints: tf.Tensor,
    frame_mask: tf.Tensor,
    sigma_of_sets: np.ndarray,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Joints (n, T, 29, 3) with errors of a random kind, their sigma (n, T, 29), and which are absent."""
    lost = absence.random_absence(streams, frame_mask)
    none, legs = tf.zeros_like(lost), lost | tf.constant(absence.legs_and_tips())
    kept = tf.where((streams.uniform() < _ABSENT_OF_OCCLUDED)[:, None, None], lost, none)
    hidden = tf.where((streams.uniform() < _LEGS_HIDDEN)[:, None, None], legs, lost)
    of_set, sigma_of_set, absent = _joint_set(streams, joints, sigma_of_sets)
    kinds = [
        (*_noise(streams, joints), lost),
        (*occlusion.occlude(streams, joints)[:2], kept),
        (_turned(streams, joints, local, rest_joints), tf.zeros_like(joints[..., 0]), hidden),
        (of_set, sigma_of_set, lost | absent),
        (_drifting(streams, joints), tf.zeros_like(joints[..., 0]), lost),
    ]
    kind = tf.searchsorted(tf.constant(np.cumsum(list(_KINDS.values())), tf.float32), streams.uniform(), side="right")
    seen, sigma, lost = kinds[0]
    for number, (joints_of_kind, sigma_of_kind, lost_of_kind) in enumerate(kinds[1:], start=1):
        chosen = (kind == number)[:, None, None]
        seen = tf.where(chosen[..., None], joints_of_kind, seen)
        sigma, lost = tf.where(chosen, sigma_of_kind, sigma), tf.where(chosen, lost_of_kind, lost)
    anything = absence.frames_seen(lost, frame_mask) > 1
    return seen, sigma, lost & anything[:, None, None]


def _noise(streams: RandomStreams, joints: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Independent noise of one size in a window, sometimes with outliers, and its sigma where that is given."""
    size = _LARGEST_NOISE * streams.uniform(1, 1, 1) ** _NOISE_POWER
    size = tf.where(streams.uniform(1, 1, 1) < _CLEAN, 0.0, size)
    error = size * streams.normal(*joints.shape[1:])
    far = (streams.uniform(*joints.shape[1:3], 1) < _OUTLIERS) & (streams.uniform(1, 1, 1) < _WITH_OUTLIERS)
    error += tf.where(far, _OUTLIER, 0.0) * streams.normal(*joints.shape[1:])
    given = tf.where(streams.uniform(1, 1, 1) < _SIGMA_GIVEN, size, 0.0)
    return joints + error, given[..., 0] + tf.zeros_like(joints[..., 0])


def _turned(streams: RandomStreams, joints: tf.Tensor, local: tf.Tensor, rest_joints: tf.Tensor) -> tf.Tensor:
    """The joints of the pose with every rotation turned at random, joint 0 in its place."""
    size = np.deg2rad(_LARGEST_TURN) * streams.uniform(1, 1, 1)
    turn = rotations.rotvec_to_matrix(size * streams.normal(*local.shape[1:3], 3))
    return _posed(tf.linalg.matmul(local, turn), rest_joints) + joints[:, :, :1]


def _joint_set(
    streams: RandomStreams, joints: tf.Tensor, sigma_of_sets: np.ndarray
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Joints, sigma and which are absent, as a random joint set tells them."""
    chosen = tf.cast(streams.uniform() * len(sigma_of_sets), tf.int32)
    sigma = tf.gather(tf.constant(sigma_of_sets, tf.float32), chosen)[:, None]
    absent = sigma >= skeletons.ABSENT
    told = tf.where(absent, 0.0, tf.sqrt(sigma**2 + _SET_ERROR**2))
    level = _LARGEST_SET_NOISE * streams.uniform(1, 1) ** _NOISE_POWER
    offset = _SET_OFFSET * told[..., None] * streams.normal(1, *joints.shape[2:])
    noise = tf.sqrt((_SET_NOISE * told) ** 2 + level**2)[..., None] * streams.normal(*joints.shape[1:])
    spread = tf.zeros_like(joints[..., 0])
    return (
        joints + offset + noise,
        spread + tf.sqrt(told**2 + level**2),
        (spread + sigma) >= skeletons.ABSENT,
    )


def _drifting(streams: RandomStreams, joints: tf.Tensor) -> tf.Tensor:
    """Joints with an error that changes slowly."""
    frames = joints.shape[1]
    apart = np.arange(frames)[:, None] - np.arange(frames)
    weights = np.where(apart >= 0, _DRIFT ** np.maximum(apart, 0) * (1 - _DRIFT**2) ** 0.5, 0.0)
    weights[:, 0] /= (1 - _DRIFT**2) ** 0.5
    size = _LARGEST_DRIFT * streams.uniform(1, 1, 1)
    return joints + size * tf.einsum(
        "ts,nsja->ntja", tf.constant(weights, tf.float32), streams.normal(*joints.shape[1:])
    )
