"""Training batches as a tf.data pipeline; each batch is a function of seed and step alone."""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from niki_tf import skeletons
from niki_tf.body import kinematics, swing_twist
from niki_tf.body.body_joints import BodyJoints
from niki_tf.data import augmentation, corruption
from niki_tf.data.augmentation import Augmentation
from niki_tf.data.corruption import Corruption
from niki_tf.data.random_streams import RandomStreams
from niki_tf.data.sharded_batches import sharded_batches
from niki_tf.data.sources import MotionSet


def batches(
    motion: MotionSet,
    *,
    body_joints: BodyJoints,
    batch_size: int,
    seed: int,
    augment: Augmentation,
    corrupt: Corruption,
    frames: int | None = None,
    first_step: int = 0,
    shards: int = 1,
    own_shards: Sequence[int] = (0,),
    noise_sizes: Mapping[str, int] | None = None,
) -> tf.data.Dataset:
    """Endless dataset of dictionaries, one shard of a batch after the other.

    Args:
        motion: `MotionSet` to draw poses from.
        body_joints: `BodyJoints` of the body.
        batch_size: examples of a whole batch, over all shards.
        seed: seed of the run.
        augment: `Augmentation`.
        corrupt: `Corruption`.
        frames: None for examples of one frame, or the number of frames T of windows of motion.
        first_step: number of the first batch, to resume a run.
        shards: number of replicas that share a batch.
        own_shards: the shards that this process feeds, in turn.
        noise_sizes: name -> entries of additional standard normal vectors, which a loss asks for; none if None.

    Returns:
        A tf.data.Dataset of dictionaries, n = batch_size / shards: rotations (n, 24, 3, 3); betas (n, B); rest_joints
        (n, 29, 3); joints (n, 29, 3), true, and noisy (n, 29, 3), both relative to joint 0; joint_sigma (n, 29);
        swing (n, 24, 3, 3) and twist (n, 23, 2), true; noisy_twist (n, 23, 2), (0, 0) where it is not known; and
        the vectors of `noise_sizes` (n, entries). Of windows all have the shape (n, T, ...), and `frame_mask` (n, T)
        is 1.0 for frames of the clip, 0.0 for padding.

    Raises:
        ValueError: the batch cannot be divided into equal shards, or `frames` is below 1.

    Example:
        >>> from niki_tf import body, data
        >>> dataset = data.batches(
        ...     data.load_sources(["made"], made_frames=50),
        ...     body_joints=body.mannequin_joints(),
        ...     batch_size=4,
        ...     seed=0,
        ...     augment=data.Augmentation(),
        ...     corrupt=data.Corruption(),
        ... )
        >>> next(iter(dataset))["noisy"].shape.as_list()
        [4, 29, 3]
    """
    if frames is not None and frames < 1:
        raise ValueError(f"`frames` must be None or 1 and more; got {frames}.")

    def sample(step: tf.Tensor, shard: tf.Tensor) -> dict[str, tf.Tensor]:
        streams = RandomStreams(seed, step, batch_size=batch_size, shard=(shard, shards))
        return example_batch(streams, motion, body_joints, augment, corrupt, frames=frames, noise_sizes=noise_sizes)

    return sharded_batches(sample, batch_size=batch_size, first_step=first_step, shards=shards, own_shards=own_shards)


def example_batch(
    streams: RandomStreams,
    motion: MotionSet,
    body_joints: BodyJoints,
    augment: Augmentation,
    corrupt: Corruption,
    *,
    frames: int | None = None,
    noise_sizes: Mapping[str, int] | None = None,
) -> dict[str, tf.Tensor]:
    """One shard of one batch; see `batches`."""
    if frames is None:
        rotations = augmentation.augmented_poses(streams, motion, augment)
    else:
        rotations, present = augmentation.augmented_windows(streams, motion, augment, frames=frames)
    inner = [] if frames is None else [frames]
    rotations = tf.ensure_shape(rotations, [streams.count, *inner, skeletons.NUM_ROTATIONS, 3, 3])
    betas, rest_joints = augmentation.random_rest_joints(streams, body_joints, augment)
    if frames is not None:
        rest_joints = tf.tile(rest_joints[:, None], [1, frames, 1, 1])
    joints, _ = kinematics.forward_kinematics(rotations, rest_joints)
    joints = tf.ensure_shape(joints - joints[..., :1, :], [streams.count, *inner, skeletons.NUM_JOINTS, 3])
    noisy, sigma, hidden = corruption.corrupt(streams, joints, corrupt)
    batch = {"rotations": rotations, "betas": betas, "rest_joints": rest_joints, "joints": joints, "noisy": noisy}
    batch["joint_sigma"] = sigma
    batch |= {name: streams.normal(*inner, size) for name, size in (noise_sizes or {}).items()}
    swing, twist = swing_twist.rotations_to_swing_twist(rotations, rest_joints)
    twist = tf.ensure_shape(twist, [streams.count, *inner, skeletons.NUM_TWISTS, 2])
    batch |= {"swing": swing, "twist": twist, "noisy_twist": corruption.corrupt_twist(streams, twist, hidden, corrupt)}
    if frames is not None:
        batch["betas"] = tf.tile(betas[:, None], [1, frames, 1])
        batch["frame_mask"] = tf.cast(present, tf.float32)
    return {name: tf.ensure_shape(value, [streams.count, *value.shape[1:]]) for name, value in batch.items()}
