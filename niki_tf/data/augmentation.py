"""Variety of poses, made in the graph: body parts exchanged between frames, mirror, joint perturbation, yaw.

All random numbers come from `RandomStreams` and depend on seed and step alone: a resumed run sees the batches of an
uninterrupted one, and each of several workers sees its own share of the same batch.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from niki_tf import rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.body.body_joints import BodyJoints
from niki_tf.data.random_streams import RandomStreams
from niki_tf.data.sources import MotionSet
from niki_tf.settings import check_sizes, described, share

_PARTS = (
    ("pelvis", "spine1", "spine2", "spine3", "neck", "head"),
    ("left_collar", "left_shoulder", "left_elbow", "left_wrist", "left_hand"),
    ("right_collar", "right_shoulder", "right_elbow", "right_wrist", "right_hand"),
    ("left_hip", "left_knee", "left_ankle", "left_foot"),
    ("right_hip", "right_knee", "right_ankle", "right_foot"),
)
_PART_OF_JOINT = [next(p for p, part in enumerate(_PARTS) if name in part) for name in skeletons.SMPL_24.names]


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How far the poses are varied.

    Raises:
        ValueError: a field is no finite number from 0 on, or a share or probability above 1.
    """

    natural: float = share(0.6, "Share of examples that keep their pose as recorded (mirrored and turned about).")
    exchange: float = share(0.5, "Probability that a body part (trunk, arm, leg) comes from another frame.")
    mirror: float = share(0.5, "Probability that a pose, or an exchanged part, is mirrored.")
    perturb: float = described(0.3, "Largest standard deviation of a random turn of each joint, radians.")
    reverse: float = share(0.0, "Probability that a window of motion runs backwards.")
    beta_limit: float = described(2.5, "Shape coefficients are N(0, 1), clipped here.")
    bone_jitter: float = described(0.02, "Standard deviation of a relative change of each bone's length.")

    def __post_init__(self) -> None:
        check_sizes(self)


class Windows(NamedTuple):
    """Windows of motion."""

    local: tf.Tensor
    """Local rotations (n, T, 24, 3, 3)."""
    path: tf.Tensor
    """Position of joint 0 of the mannequin, (n, T, 3) metres, y up, the ground at y = 0, over the origin at first."""
    present: tf.Tensor
    """(n, T), bool, False for padding."""


def augmented_poses(streams: RandomStreams, motion: MotionSet, settings: Augmentation) -> tf.Tensor:
    """Local rotations (n, 24, 3, 3) drawn from the motion set and varied as `settings` say."""
    return augmented_windows(streams, motion, settings, frames=1)[0][:, 0]


def augmented_windows(
    streams: RandomStreams, motion: MotionSet, settings: Augmentation, *, frames: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """The rotations and the mask of `augmented_motion`."""
    windows = augmented_motion(streams, motion, settings, frames=frames)
    return windows.local, windows.present


def augmented_motion(
    streams: RandomStreams, motion: MotionSet, settings: Augmentation, *, frames: int, whole: bool = False
) -> Windows:
    """Windows of motion drawn from the motion set and varied as `settings` say, each frame of a window alike.

    A clip that ends before its window does is padded with its last frame.

    Args:
        streams: `RandomStreams` of n examples.
        motion: `MotionSet` to draw from.
        settings: `Augmentation`.
        frames: number of frames of a window.
        whole: a window begins early enough to end with its clip, if that is long enough.
    """
    varied = streams.uniform(1) >= settings.natural
    first, mirrored = _frames_of_parts(streams, motion, settings, varied)
    if whole:
        latest = tf.maximum(tf.gather(motion.ends, first) - frames + 1, tf.gather(motion.beginnings, first))
        first = tf.minimum(first, latest)
    times = first[:, None] + tf.range(frames, dtype=first.dtype)[:, None]
    ends = tf.gather(tf.constant(motion.ends), first)[:, None]
    if settings.reverse and frames > 1:
        backwards = streams.uniform(1) < settings.reverse
        times = tf.where(backwards[..., None], times[:, ::-1], times)
    local = rotations.rotvec_to_matrix(_gathered_poses(motion, tf.minimum(times, ends), mirrored))
    scale = settings.perturb * streams.uniform(1, 1) ** 2
    turn = scale * streams.normal(skeletons.NUM_ROTATIONS, 3) * tf.cast(varied, tf.float32)[..., None]
    local = tf.linalg.matmul(local, rotations.rotvec_to_matrix(turn)[:, None])
    yaw = rotations.rotvec_to_matrix(2 * np.pi * streams.uniform(1) * tf.constant([0.0, 1.0, 0.0]))[:, None]
    local = tf.concat([tf.linalg.matmul(yaw[:, None], local[:, :, :1]), local[:, :, 1:]], 2)
    return Windows(
        local, _paths(motion, tf.minimum(times, ends)[..., 0], mirrored[:, 0], yaw[:, 0]), (times <= ends)[..., 0]
    )


def _paths(motion: MotionSet, times: tf.Tensor, mirrored: tf.Tensor, yaw: tf.Tensor) -> tf.Tensor:
    """Positions (n, T, 3) of joint 0 at frames `times` (n, T), from above the origin on."""
    path = tf.gather(tf.constant(motion.pelvis), times)
    path *= tf.where(mirrored[:, None, None], tf.constant([-1.0, 1.0, 1.0]), tf.ones([3]))
    return tf.linalg.matvec(yaw[:, None], path - path[:, :1] * (1.0, 0.0, 1.0))


def _gathered_poses(motion: MotionSet, times: tf.Tensor, mirrored: tf.Tensor) -> tf.Tensor:
    """Rotation vectors (n, T, 24, 3) of the frames `times` (n, T, 5) of each part; mirrored where `mirrored` (n, 5)."""
    flip = tf.gather(mirrored, _PART_OF_JOINT, axis=1)[:, None]
    joints = tf.range(skeletons.NUM_ROTATIONS, dtype=tf.int64)
    counterparts = tf.constant(skeletons.SMPL_24.mirror, tf.int64)
    rows = tf.gather(times, _PART_OF_JOINT, axis=2) * skeletons.NUM_ROTATIONS + tf.where(flip, counterparts, joints)
    poses = tf.cast(tf.gather(tf.reshape(tf.constant(motion.poses), [-1, 3]), rows), tf.float32)
    return poses * tf.where(flip[..., None], tf.constant([1.0, -1.0, -1.0]), tf.ones([3]))


def _frames_of_parts(
    streams: RandomStreams, motion: MotionSet, settings: Augmentation, varied: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Frame of each part and whether it is mirrored, both (n, 5); the same for all parts where not `varied` (n, 1)."""
    parts = len(_PARTS)
    frames = _draw_frames(streams, motion, parts)
    exchanged = varied & (streams.uniform(parts) < settings.exchange)
    mirrored = streams.uniform(parts) < settings.mirror
    return tf.where(exchanged, frames, frames[:, :1]), tf.where(exchanged, mirrored, mirrored[:, :1])


def _draw_frames(streams: RandomStreams, motion: MotionSet, count: int) -> tf.Tensor:
    """Frame numbers (n, count): a source by its probability, then a frame uniformly within it."""
    edges = tf.constant(np.cumsum(motion.probabilities)[:-1], tf.float32)
    source = tf.searchsorted(edges, tf.reshape(streams.uniform(count), [-1]), side="right")
    starts, counts = tf.constant(motion.starts, tf.int64), tf.constant(motion.counts, tf.int64)
    size = tf.gather(counts, source)
    within = tf.cast(tf.reshape(streams.uniform(count), [-1]) * tf.cast(size, tf.float32), tf.int64)
    return tf.reshape(tf.gather(starts, source) + tf.minimum(within, size - 1), [-1, count])


def random_rest_joints(
    streams: RandomStreams, body_joints: BodyJoints, settings: Augmentation
) -> tuple[tf.Tensor, tf.Tensor]:
    """Betas (n, B) and rest joints (n, 29, 3), metres, of random bodies."""
    betas = tf.clip_by_value(streams.normal(body_joints.num_betas), -settings.beta_limit, settings.beta_limit)
    rest_joints = body_joints(betas)
    if not settings.bone_jitter:
        return betas, rest_joints
    return betas, scale_bones(rest_joints, 1.0 + settings.bone_jitter * streams.normal(skeletons.NUM_JOINTS))


def scale_bones(rest_joints: tf.Tensor, factors: tf.Tensor) -> tf.Tensor:
    """Rest joints with each bone scaled by the mean of its factor and that of its counterpart on the other side.

    Args:
        rest_joints: (n, 29, 3) metres.
        factors: (n, 29), of the bones that end in each joint; that of the root is not used.

    Returns:
        rest joints (n, 29, 3) metres, with bones in the same directions.
    """
    even = 0.5 * (factors + tf.gather(factors, skeletons.SMPL_29.mirror, axis=-1))
    offsets = kinematics.bones(rest_joints)
    return kinematics.sum_bones(tf.concat([offsets[:, :1], offsets[:, 1:] * even[:, 1:, None]], 1))
