"""Training batches as a tf.data pipeline; each batch is a function of seed and step alone."""

import tensorflow as tf

from niki_tf.body import kinematics, swing_twist
from niki_tf.data import augmentation, corruption


def batches(motion, *, skeleton, batch_size, seed, augment, corrupt, first_step=0, shards=1, own_shards=(0,)):
    """Endless dataset of dictionaries, one shard of a batch after the other.

    Args:
        motion: `MotionSet` to draw poses from.
        skeleton: `RestSkeleton` of the body.
        batch_size: examples of a whole batch, over all shards.
        seed: seed of the run.
        augment: `Augmentation`.
        corrupt: `Corruption`.
        first_step: number of the first batch, to go on in the middle of a run.
        shards: how many replicas share a batch.
        own_shards: the shards that this process feeds, in turn.

    Returns:
        A tf.data.Dataset of dictionaries, n = batch_size / shards: rotations (n, 24, 3, 3); betas (n, B); rest_joints
        (n, 29, 3); joints (n, 29, 3), true, and noisy (n, 29, 3), both relative to joint 0; joint_sigma (n, 29);
        swing (n, 24, 3, 3) and twist (n, 23, 2), true; noisy_twist (n, 23, 2), (0, 0) where it is not known; padding
        (n, 60) and embedding (n, 78), standard normal.

    Raises:
        ValueError: the batch cannot be cut in equal shards.
    """
    if batch_size % shards:
        raise ValueError(f"`batch_size` must be a multiple of the number of replicas, {shards}; got {batch_size}.")
    order = tf.constant(own_shards, tf.int64)

    @tf.autograph.experimental.do_not_convert
    def sample(turn):
        step, shard = turn // len(own_shards), tf.gather(order, turn % len(own_shards))
        draws = augmentation.Draws(seed, step, batch_size=batch_size, shard=(shard, shards))
        return example_batch(draws, motion, skeleton, augment, corrupt)

    turns = tf.data.Dataset.range(first_step * len(own_shards), tf.int64.max)
    return turns.map(sample, num_parallel_calls=2, deterministic=True).prefetch(4)


def example_batch(draws, motion, skeleton, augment, corrupt):
    """One shard of one batch; see `batches`."""
    rotations = augmentation.augmented_poses(draws, motion, augment)
    betas, rest_joints = augmentation.random_rest_joints(draws, skeleton, augment)
    joints, _ = kinematics.forward_kinematics(rotations, rest_joints)
    joints -= joints[:, :1]
    noisy, sigma = corruption.corrupt(draws, joints, corrupt)
    batch = {"rotations": rotations, "betas": betas, "rest_joints": rest_joints, "joints": joints, "noisy": noisy}
    batch |= {"joint_sigma": sigma, "padding": draws.normal(60), "embedding": draws.normal(78)}
    swing, twist = swing_twist.rotations_to_swing_twist(rotations, rest_joints)
    batch |= {"swing": swing, "twist": twist, "noisy_twist": corruption.corrupt_twist(draws, twist, corrupt)}
    return {name: tf.ensure_shape(value, [draws.count, *value.shape[1:]]) for name, value in batch.items()}
