"""Variety of poses, made in the graph: body parts exchanged between frames, mirror, joint perturbation, yaw.

Everything random comes from `RandomStreams`, which is a function of seed and step alone: a run that is started again
in the middle sees what an uninterrupted one sees, and each of several workers sees its own share of the same batch.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from niki_tf import rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.settings import described

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
    """How far the poses are varied."""

    natural: float = described(0.6, "Share of examples that keep their pose as recorded (mirrored and turned about).")
    exchange: float = described(0.5, "Probability that a body part (trunk, arm, leg) comes from another frame.")
    mirror: float = described(0.5, "Probability that a pose, or an exchanged part, is mirrored.")
    perturb: float = described(0.3, "Largest standard deviation of a random turn of each joint, radians.")
    reverse: float = described(0.0, "Probability that a stretch of motion runs backwards.")
    beta_limit: float = described(2.5, "Shape coefficients are N(0, 1), clipped here.")
    bone_jitter: float = described(0.02, "Standard deviation of a relative change of each bone's length.")


def augmented_poses(draws, motion, settings):
    """Local rotations (n, 24, 3, 3) drawn from the motion set, varied as `settings` say."""
    return augmented_windows(draws, motion, settings, frames=1)[0][:, 0]


def augmented_windows(draws, motion, settings, *, frames):
    """Stretches of motion drawn from the motion set, varied as `settings` say, each frame of a stretch alike.

    A clip that ends before a stretch does is held at its last frame.

    Returns:
        local rotations (n, frames, 24, 3, 3), and which frames are motion and not the last one held, (n, frames).
    """
    varied = draws.uniform(1) >= settings.natural
    first, mirrored = _frames_of_parts(draws, motion, settings, varied)
    times = first[:, None] + tf.range(frames, dtype=first.dtype)[:, None]
    ends = tf.gather(tf.constant(motion.ends), first)[:, None]
    if settings.reverse and frames > 1:
        backwards = draws.uniform(1) < settings.reverse
        times = tf.where(backwards[..., None], times[:, ::-1], times)
    flip = tf.gather(mirrored, _PART_OF_JOINT, axis=1)[:, None]
    own, other = tf.range(24, dtype=tf.int64), tf.constant(skeletons.SMPL_24.mirror, tf.int64)
    places = tf.gather(tf.minimum(times, ends), _PART_OF_JOINT, axis=2) * 24 + tf.where(flip, other, own)
    poses = tf.cast(tf.gather(tf.reshape(tf.constant(motion.poses), [-1, 3]), places), tf.float32)
    poses *= tf.where(flip[..., None], tf.constant([1.0, -1.0, -1.0]), tf.ones([3]))
    local = rotations.rotvec_to_matrix(poses)
    turn = settings.perturb * draws.uniform(1, 1) ** 2 * draws.normal(24, 3) * tf.cast(varied, tf.float32)[..., None]
    local = tf.linalg.matmul(local, rotations.rotvec_to_matrix(turn)[:, None])
    yaw = rotations.rotvec_to_matrix(2 * np.pi * draws.uniform(1) * tf.constant([0.0, 1.0, 0.0]))[:, None]
    local = tf.concat([tf.linalg.matmul(yaw[:, None], local[:, :, :1]), local[:, :, 1:]], 2)
    return local, (times <= ends)[..., 0]


def _frames_of_parts(draws, motion, settings, varied):
    """Frame of each part and whether it is mirrored, both (n, 5); the same for all parts where not `varied` (n, 1)."""
    parts = len(_PARTS)
    frames = _draw_frames(draws, motion, parts)
    exchanged = varied & (draws.uniform(parts) < settings.exchange)
    mirrored = draws.uniform(parts) < settings.mirror
    return tf.where(exchanged, frames, frames[:, :1]), tf.where(exchanged, mirrored, mirrored[:, :1])


def _draw_frames(draws, motion, count):
    """`count` frame numbers for each example: a source by its probability, then a frame evenly within it."""
    edges = tf.constant(np.cumsum(motion.probabilities)[:-1], tf.float32)
    source = tf.searchsorted(edges, tf.reshape(draws.uniform(count), [-1]), side="right")
    starts, counts = tf.constant(motion.starts, tf.int64), tf.constant(motion.counts, tf.int64)
    size = tf.gather(counts, source)
    within = tf.cast(tf.reshape(draws.uniform(count), [-1]) * tf.cast(size, tf.float32), tf.int64)
    return tf.reshape(tf.gather(starts, source) + tf.minimum(within, size - 1), [-1, count])


def random_rest_joints(draws, body_joints, settings):
    """Betas (n, B) and rest joints (n, 29, 3) of random bodies."""
    betas = tf.clip_by_value(draws.normal(body_joints.num_betas), -settings.beta_limit, settings.beta_limit)
    rest_joints = body_joints(betas)
    if not settings.bone_jitter:
        return betas, rest_joints
    return betas, jittered(rest_joints, 1.0 + settings.bone_jitter * draws.normal(29))


def jittered(rest_joints, factors):
    """Rest joints (n, 29, 3) with each bone made longer by its factor (n, 29), alike on both sides."""
    even = 0.5 * (factors + tf.gather(factors, skeletons.SMPL_29.mirror, axis=-1))
    steps = kinematics.bones(rest_joints)
    steps = tf.concat([steps[:, :1], steps[:, 1:] * even[:, 1:, None]], 1)
    return kinematics.sum_bones(steps)
