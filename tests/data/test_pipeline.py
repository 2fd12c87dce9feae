"""Batches: what they hold, that they agree with themselves, and how poses and joints are varied."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, data, rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.data import augmentation, corruption, estimator, pipeline, random_streams

SKELETON = body.mannequin_joints()
NOISE_SIZES = {"padding": 60, "embedding": 7}
PLAIN = data.Augmentation(exchange=0.0, mirror=0.0, perturb=0.0, bone_jitter=0.0)


@pytest.fixture(scope="module")
def motion():
    return data.load_sources(["made"], made_frames=300)


def _batches(motion, augment=None, corrupt=None, **options):
    options = {"batch_size": 8, "seed": 0} | options
    augment, corrupt = augment or data.Augmentation(), corrupt or data.Corruption()
    return data.batches(motion, body_joints=SKELETON, augment=augment, corrupt=corrupt, **options)


def _streams(count=4000, step=0):
    return random_streams.RandomStreams(0, tf.constant(step, tf.int64), batch_size=count, shard=(0, 1))


@pytest.fixture(scope="module")
def whole(motion):
    """The first four batches of a run."""
    return list(_batches(motion, noise_sizes=NOISE_SIZES).take(4).as_numpy_iterator())


def test_a_batch_agrees_with_itself(whole):
    batch = whole[0]
    joints, _ = kinematics.forward_kinematics(batch["rotations"], batch["rest_joints"])
    np.testing.assert_allclose(batch["joints"], joints - joints[:, :1], atol=1e-6)
    np.testing.assert_allclose(batch["noisy"][:, 0], 0.0)
    split = body.swing_twist_to_rotations(batch["swing"], batch["twist"], batch["rest_joints"])
    np.testing.assert_allclose(split, batch["rotations"], atol=1e-5)


@pytest.mark.parametrize("frames", [None, 3])
def test_a_loss_gets_the_noise_that_it_asks_for(motion, frames):
    batch, plain = (
        pipeline.example_batch(
            _streams(200), motion, SKELETON, data.Augmentation(), data.Corruption(), frames=frames, noise_sizes=sizes
        )
        for sizes in (NOISE_SIZES, None)
    )
    inner = [] if frames is None else [frames]
    for name, size in NOISE_SIZES.items():
        assert batch[name].shape.as_list() == [200, *inner, size]
        assert abs(np.mean(batch[name])) < 0.05
        assert np.std(batch[name]) == pytest.approx(1.0, abs=0.05)
    assert (
        np.abs(np.corrcoef(batch["padding"][..., 0].numpy().ravel(), batch["embedding"][..., 0].numpy().ravel()))[0, 1]
        < 0.25
    )
    assert set(batch) - set(plain) == set(NOISE_SIZES)
    for name in ("rotations", "joints", "noisy", "joint_sigma"):
        np.testing.assert_array_equal(batch[name], plain[name])


def test_starting_in_the_middle_gives_the_same_batches(motion, whole):
    late = list(_batches(motion, first_step=2, noise_sizes=NOISE_SIZES).take(2).as_numpy_iterator())
    for name in whole[0]:
        np.testing.assert_array_equal(whole[2][name], late[0][name])
        np.testing.assert_array_equal(whole[3][name], late[1][name])
        assert np.abs(whole[2][name] - whole[3][name]).max() > 0, name


def test_shards_together_are_the_whole_batch(motion, whole):
    both = list(_batches(motion, shards=2, own_shards=(0, 1), noise_sizes=NOISE_SIZES).take(2))
    second = next(iter(_batches(motion, shards=2, own_shards=(1,), noise_sizes=NOISE_SIZES)))
    for name, value in whole[0].items():
        np.testing.assert_allclose(np.concatenate([shard[name] for shard in both]), value, atol=1e-6)
        np.testing.assert_allclose(second[name], value[4:], atol=1e-6)


def test_unequal_shards_are_refused(motion):
    with pytest.raises(ValueError, match="`batch_size` must be a multiple of the number of replicas, 3; got 8"):
        _batches(motion, shards=3)


def test_sources_are_drawn_by_their_probability():
    class Two:
        starts, counts, probabilities = np.array([0, 10]), np.array([10, 1000]), np.array([0.7, 0.3])

    frames = augmentation._draw_frames(_streams(), Two, 1).numpy()
    assert abs((frames < 10).mean() - 0.7) < 0.03
    assert np.ptp(frames[frames < 10]) == 9
    assert frames.max() > 990


def test_plain_poses_are_those_of_the_motion_turned_about_the_vertical(motion):
    poses = augmentation.augmented_poses(_streams(32), motion, PLAIN).numpy()
    known = np.asarray(rotations.rotvec_to_matrix(tf.constant(motion.poses, tf.float32)))
    distance = np.abs(poses[:, None, 1:] - known[None, :, 1:]).max((2, 3, 4)).min(1)
    np.testing.assert_allclose(distance, 0.0, atol=1e-6)
    heights = np.abs(poses[:, None, 0, 1] - known[None, :, 0, 1]).max(2).min(1)
    np.testing.assert_allclose(heights, 0.0, atol=1e-5)


def test_a_mirrored_pose_is_the_mirror_image(motion):
    plain = augmentation.augmented_poses(_streams(64), motion, PLAIN)
    mirrored = augmentation.augmented_poses(
        _streams(64), motion, data.Augmentation(exchange=0.0, mirror=1.0, perturb=0.0)
    )
    local = [tf.concat([tf.eye(3, batch_shape=[64, 1]), pose[:, 1:]], 1) for pose in (plain, mirrored)]
    one, other = (kinematics.forward_kinematics(pose, tf.constant(SKELETON.joints, tf.float32))[0] for pose in local)
    flipped = tf.gather(one, skeletons.SMPL_29.mirror, axis=1) * tf.constant([-1.0, 1.0, 1.0])
    np.testing.assert_allclose(other, flipped, atol=1e-5)
    assert np.abs(plain - mirrored).max() > 0.1


def test_exchanged_parts_come_whole_from_another_frame(motion):
    settings = data.Augmentation(natural=0.0, exchange=1.0, mirror=0.0, perturb=0.0)
    mixed = augmentation.augmented_poses(_streams(64), motion, settings)
    known = np.asarray(rotations.rotvec_to_matrix(tf.constant(motion.poses, tf.float32)))
    arm, leg = [13, 16, 18, 20], [1, 4, 7, 10]
    nearest = [np.abs(mixed.numpy()[:, None, p] - known[None, :, p]).max((2, 3, 4)) for p in (arm, leg)]
    for distance in nearest:
        np.testing.assert_allclose(distance.min(1), 0.0, atol=1e-6)
    assert (nearest[0].argmin(1) != nearest[1].argmin(1)).mean() > 0.8


def test_natural_examples_keep_the_pose_as_recorded(motion):
    settings = data.Augmentation(natural=0.4, exchange=1.0, mirror=0.0, perturb=0.5)
    found = augmentation.augmented_poses(_streams(256), motion, settings).numpy()[:, None, 1:]
    known = np.asarray(rotations.rotvec_to_matrix(tf.constant(motion.poses, tf.float32)))[None, :, 1:]
    kept = np.array([np.abs(one - known).max((2, 3, 4)).min() < 1e-5 for one in found])
    assert abs(kept.mean() - 0.4) < 0.1


def test_bones_keep_their_direction_and_the_sides_stay_alike():
    rest = tf.constant(SKELETON.joints[None], tf.float32)
    factors = tf.constant(np.random.default_rng(0).uniform(0.8, 1.2, [1, 29]), tf.float32)
    ours, longer = kinematics.bones(rest)[0, 1:], kinematics.bones(augmentation.scale_bones(rest, factors))[0, 1:]
    ratio = np.linalg.norm(longer, axis=-1) / np.linalg.norm(ours, axis=-1)
    np.testing.assert_allclose(longer, ours * ratio[:, None], atol=1e-6)
    np.testing.assert_allclose(ratio[0], ratio[1], rtol=1e-5)
    assert ratio.std() > 0.03


def test_noise_has_the_size_that_was_asked_for():
    joints = tf.zeros([4000, 29, 3])
    settings = data.Corruption(noise=0.05, noise_power=0.0, sigma_given=1.0, absent=0.0)
    noisy, sigma, _ = corruption.corrupt(_streams(), joints, settings)
    assert abs(np.std(noisy[:, 1:]) - 0.05 * 2**0.5) < 1e-3
    assert 0.7 < np.median(sigma) / 0.05 < 1.3
    settings = data.Corruption(noise=0.1, noise_power=1.0, sigma_given=0.25, absent=0.0)
    noisy, sigma, _ = corruption.corrupt(_streams(), joints, settings)
    levels = np.std(noisy[:, 1:], axis=(1, 2))
    assert levels.min() < 0.01 < 0.1 < levels.max()
    assert abs((sigma.numpy().max(1) > 0).mean() - 0.25) < 0.03


def test_an_estimator_errs_joint_by_joint_and_most_in_depth():
    joints, quiet = tf.zeros([4000, 29, 3]), data.Corruption(noise=0.0, estimator=1.0, sigma_given=1.0)
    noisy, _ = estimator.random_estimate(_streams(), joints)
    size, factor = np.std(noisy, axis=0), np.sqrt(1.0 + 1.0 / 12.0)
    wanted = estimator.deviation()[:, None] * [[0.3, 0.4, 0.6]] * factor
    np.testing.assert_allclose(size, wanted, rtol=0.06)
    assert 1000 * estimator.deviation()[[0, 1, 20, 25]] == pytest.approx([3, 15, 80, 120])
    relative, sigma, _ = corruption.corrupt(_streams(), joints, quiet)
    np.testing.assert_array_equal(relative[:, 0], 0.0)
    assert (sigma.numpy() > 0).all()


def test_an_estimator_gets_the_size_of_a_body_wrong_by_up_to_a_twentieth():
    joints = 100.0 * tf.ones([4000, 29, 3])
    scale = np.mean(estimator.random_estimate(_streams(), joints)[0], axis=(1, 2)) / 100.0
    assert 0.949 < scale.min() < 0.955
    assert 1.045 < scale.max() < 1.051


def test_the_sigma_of_an_estimator_follows_the_error_and_is_not_it():
    noisy, sigma = estimator.random_estimate(_streams(), tf.zeros([4000, 29, 3]))
    error = np.sqrt(np.mean(np.square(noisy), -1))
    for joint in (1, 8, 20):
        assert 0.3 < np.corrcoef(np.log(error[:, joint]), np.log(sigma[:, joint]))[0, 1] < 0.95
        assert 0.7 < np.median(sigma[:, joint]) / np.median(error[:, joint]) < 1.4


def test_estimators_take_their_share_of_the_examples():
    joints = tf.zeros([4000, 29, 3])
    settings = data.Corruption(noise=1e-6, noise_power=0.0, estimator=0.3, sigma_given=1.0, absent=0.0)
    noisy, sigma, _ = corruption.corrupt(_streams(), joints, settings)
    estimated = np.abs(noisy).max((1, 2)) > 1e-3
    assert abs(estimated.mean() - 0.3) < 0.03
    np.testing.assert_array_equal(sigma.numpy().max(1) > 1e-3, estimated)


def test_joints_are_absent_in_their_share_of_the_examples():
    settings = data.Corruption(absent=0.3, sigma_given=0.0)
    _, sigma, _ = corruption.corrupt(_streams(), tf.zeros([4000, 29, 3]), settings)
    assert set(np.unique(sigma)) == {0.0, skeletons.ABSENT}
    absent = sigma.numpy() == skeletons.ABSENT
    assert abs(absent.any(1).mean() - 0.3) < 0.03
    assert abs(absent.mean() - 0.3 * 0.25) < 0.01  # of those examples up to a half, so a quarter
    assert absent.any(0).all()


def test_twists_are_turned_and_some_are_not_known():
    twist = tf.tile(tf.constant([[[0.6, 0.8]]]), [4000, 23, 1])
    settings = data.Corruption(twist_noise=0.4, twist_given=0.6)
    seen = corruption.corrupt_twist(_streams(), twist, tf.zeros([4000, 29], tf.bool), settings).numpy()
    known = np.linalg.norm(seen, axis=-1)
    np.testing.assert_allclose(known, np.round(known), atol=1e-6)
    whole, none = (known > 0.5).all(1), (known < 0.5).all(1)
    assert abs(whole.mean() - 0.6) < 0.03
    assert 0.2 < none.mean() < 0.3
    assert (~whole & ~none).mean() > 0.08
    angle = np.arctan2(seen[..., 1], seen[..., 0])[whole] - np.arctan2(0.8, 0.6)
    deviation = np.sqrt(np.mean(np.sin(angle) ** 2))
    assert abs(deviation - 0.4 / 5**0.5) < 0.02
    settings = data.Corruption(twist_noise=0.0, twist_given=1.0)
    exact = corruption.corrupt_twist(_streams(), twist, tf.zeros([4000, 29], tf.bool), settings)
    np.testing.assert_allclose(exact, twist)


@pytest.fixture(scope="module")
def counted():
    """Clips of 9, 3 and 7 frames whose first joint's angle counts the frames, in hundredths of a radian."""
    lengths = (9, 3, 7)
    poses = np.zeros([sum(lengths), 24, 3], np.float16)
    poses[:, 1, 0] = 0.01 * np.arange(len(poses))
    return data.MotionSet(
        poses=poses,
        pelvis=np.zeros([len(poses), 3], np.float32),
        clips=np.repeat([0, 1, 2], lengths),
        ends=np.repeat(np.cumsum(lengths) - 1, lengths),
        starts=np.array([0]),
        counts=np.array([len(poses)]),
        probabilities=np.array([1.0]),
        sources=(),
    )


@pytest.mark.parametrize("reverse", [0.0, 1.0])
def test_stretches_stay_within_their_clip(counted, reverse):
    plain = data.Augmentation(natural=1.0, mirror=0.0, reverse=reverse)
    local, present = augmentation.augmented_windows(_streams(200), counted, plain, frames=5)
    frames = np.round(rotations.matrix_to_rotvec(local).numpy()[:, :, 1, 0] * 100).astype(int)
    first = frames[:, -1 if reverse else 0]
    for start, window, there in zip(first, frames, present.numpy(), strict=True):
        times = np.minimum(start + np.arange(5), counted.ends[start])
        assert window.tolist() == (times[::-1] if reverse else times).tolist()
        inside = start + np.arange(5) <= counted.ends[start]
        assert there.tolist() == (inside[::-1] if reverse else inside).tolist()
    assert set(first) == set(range(19))


def test_stretches_of_motion_agree_with_themselves(motion):
    batch = next(iter(_batches(motion, frames=6, corrupt=data.Corruption(occluded=0.5, estimator=0.2))))
    joints, _ = kinematics.forward_kinematics(batch["rotations"], batch["rest_joints"])
    np.testing.assert_allclose(batch["joints"], joints - joints[:, :, :1], atol=1e-6)
    np.testing.assert_array_equal(batch["betas"][:, 1:], batch["betas"][:, :-1])
    assert batch["frame_mask"].shape == (8, 6)
    assert batch["noisy_twist"].shape == (8, 6, 23, 2)
    steps = rotations.geodesic_angle(batch["rotations"][:, 1:], batch["rotations"][:, :-1])
    moving = batch["frame_mask"].numpy()[:, 1:] > 0
    assert np.degrees(steps.numpy()[moving].max()) < 40.0
    with pytest.raises(ValueError, match="`frames` must be None or 1 and more; got 0"):
        _batches(motion, frames=0)


def test_reversing_leaves_single_frames_as_they_are(motion):
    found = [
        augmentation.augmented_poses(
            data.RandomStreams(0, tf.constant(1, tf.int64), batch_size=8, shard=(0, 1)),
            motion,
            data.Augmentation(reverse=share),
        )
        for share in (0.0, 0.5)
    ]
    np.testing.assert_array_equal(*found)
