"""Occlusion at the level of joints: what is hidden, what is given of it, and that it stays the same."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, data, motion, rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.data import corruption, occlusion, random_streams

WINDOWS, FRAMES = 300, 17


@pytest.fixture(scope="module")
def joints():
    """True joints (300, 17, 29, 3) of standing people who move their limbs a little."""
    rng = np.random.default_rng(4)
    ends = 0.25 * rng.normal(size=[2, WINDOWS, 1, 24, 3])
    share = np.linspace(0.0, 1.0, FRAMES)[:, None, None]
    poses = ends[0] + share * (ends[1] - ends[0])
    poses[:, :, 0] = [0.0, 1.0, 0.0] * rng.uniform(0, 6, size=[WINDOWS, 1, 1])
    local = rotations.rotvec_to_matrix(tf.constant(poses, tf.float32))
    rest = body.mannequin_joints()(tf.zeros([10]))
    posed, _ = kinematics.forward_kinematics(local, rest)
    return posed - posed[:, :, :1]


@pytest.fixture(scope="module")
def occluded(joints):
    return tuple(x.numpy() for x in data.occlude(_streams(), joints))


def _streams(step=0):
    return random_streams.RandomStreams(0, tf.constant(step, tf.int64), batch_size=WINDOWS, shard=(0, 1))


def test_hidden_joints_are_off_by_what_the_settings_say(occluded, joints):
    noisy, sigma, hidden = occluded
    error = np.linalg.norm(noisy - joints, axis=-1)
    assert 0.1 < hidden.mean() < 0.5
    assert error[hidden].min() > 0.0999
    assert error[hidden].max() < 0.3001
    assert error[hidden].std() > 0.03
    assert np.median(error[~hidden]) < 0.06
    depth, across = (np.abs(noisy - joints)[hidden][:, axis].mean() for axis in (2, 0))
    assert depth > 1.2 * across
    assert 0.05 < np.corrcoef(np.log(error[hidden]), np.log(sigma[hidden]))[0, 1] < 0.5
    assert abs((sigma[hidden] > 0.05).mean() - occlusion.CALIBRATED_PROBABILITY) < 0.05
    assert (sigma[~hidden] > 0.05).mean() < 0.15
    assert sigma.min() > 0.0


def test_wrong_places_stay_in_part_and_jump_in_part(occluded, joints):
    noisy, _, hidden = occluded
    error = np.where(hidden[..., None], noisy - joints, np.nan)
    size = np.nanmean(np.sum(error**2, -1))
    jump = np.nanmean(np.sum((error[:, 1:] - error[:, :-1]) ** 2, -1))
    assert 0.2 * size < jump < 1.0 * size


def test_images_are_cut_at_two_thirds_of_the_key_frames_so_that_a_part_is_outside(joints):
    image, _ = occlusion._project(joints)
    limits, square = (x.numpy() for x in occlusion._key_images(_streams(), image))
    keys = image.numpy()[:, [0, 8, 16, 16]]
    outward = np.stack([-keys[..., 0], keys[..., 0], -keys[..., 1], keys[..., 1]], -1)
    outside = (outward > limits[:, :, None]).any(-1)
    members = np.array([[name in part for name in skeletons.SMPL_29.names] for part in occlusion._PARTS])
    whole = (outside[:, :, None] | ~members).all(-1).any(-1)
    assert abs(whole.mean() - 2 / 3) < 0.06
    assert outside.mean() < 0.5
    size = limits[..., 0::2] + limits[..., 1::2]
    area = np.where(size.min(-1) > 0, square[..., 2] ** 2 / size.prod(-1), 0.0)
    assert 0.28 < area.max() < 0.3001
    assert area.min() >= 0.0


def test_image_and_square_move_linearly_between_key_frames():
    keys = tf.constant(np.random.default_rng(0).normal(size=[5, 3, 4]), tf.float32)
    between = occlusion._interpolate(keys, 16).numpy()
    np.testing.assert_allclose(between[:, [0, 8]], keys[:, :2], atol=1e-6)
    np.testing.assert_allclose(np.diff(between[:, :9], 2, axis=1), 0.0, atol=1e-5)


def test_the_twist_of_hidden_joints_is_not_known(occluded):
    hidden = tf.constant(occluded[2])
    twist = tf.constant(np.broadcast_to(np.float32([0.6, 0.8]), [WINDOWS, FRAMES, 23, 2]))
    seen = occlusion.occluded_twist(_streams(1), twist, hidden).numpy()
    lost = occluded[2][..., 1:24]
    np.testing.assert_array_equal(seen[lost], 0.0)
    angle = np.arctan2(seen[..., 1], seen[..., 0])[~lost] - np.arctan2(0.8, 0.6)
    assert abs(angle.std() - occlusion.TWIST_ERROR) < 0.02


def test_the_same_clip_and_seed_give_the_same_occlusion():
    clips = [motion.made_motion(number, frames=20) for number in (0, 0, 1)]
    joints, twist = np.random.default_rng(0).normal(size=[20, 29, 3]), np.ones([20, 23, 2])
    first, again, other = (data.occluded_motion(clip, joints, twist, seed=3) for clip in clips)
    later = data.occluded_motion(clips[0], joints, twist, seed=4)
    assert first["hidden"].any()
    for name in ("joints", "root", "joint_sigma", "twist", "hidden"):
        np.testing.assert_array_equal(first[name], again[name])
        assert (first[name] != other[name]).any()
        assert (first[name] != later[name]).any()
    np.testing.assert_array_equal(first["joints"][:, 0], 0.0)
    seen = ~first["hidden"][:, 7] & ~first["hidden"][:, 0]
    away = np.linalg.norm(first["joints"][:, 7] + first["root"] - joints[:, 7], axis=-1)
    assert away[seen].max() < 0.2 < np.linalg.norm(first["joints"][:, 7] - joints[:, 7], axis=-1)[seen].max()


def test_chosen_joints_are_hidden_and_the_others_stay():
    clip = motion.made_motion(0, frames=20)
    joints, twist = np.random.default_rng(0).normal(size=[20, 29, 3]), np.tile([0.6, 0.8], [20, 23, 1])
    masks = np.arange(29) == np.array([[-1], [7], [12]])
    nothing, ankle, neck = (data.hidden_motion(clip, joints, twist, seed=3, hidden=mask) for mask in masks)
    np.testing.assert_array_equal(ankle["hidden"], np.tile(masks[1], [20, 1]))
    others = np.arange(29) != 7
    for name in ("joints", "joint_sigma"):
        np.testing.assert_array_equal(ankle[name][:, others], nothing[name][:, others])
        assert (ankle[name][:, 7] != nothing[name][:, 7]).all()
        np.testing.assert_array_equal(neck[name][:, 7], nothing[name][:, 7])
    away = np.linalg.norm(ankle["joints"][:, 7] + ankle["root"] - joints[:, 7], axis=-1)
    least, largest = occlusion.HIDDEN_ERROR_M
    assert least - 1e-5 <= away.min() <= away.max() <= largest + 1e-5
    np.testing.assert_array_equal(ankle["twist"][:, 6], 0.0)
    assert (ankle["twist"][:, np.arange(23) != 6] != 0.0).any(-1).all()


def test_occluded_examples_take_their_share():
    still = tf.zeros([WINDOWS, 29, 3])
    settings = data.Corruption(noise=1e-6, noise_power=0.0, occluded=0.3, sigma_given=0.5, absent=0.0)
    noisy, sigma, hidden = (x.numpy() for x in corruption.corrupt(_streams(), still, settings))
    chosen = np.abs(noisy).max((1, 2)) > 1e-3
    assert abs(chosen.mean() - 0.3) < 0.08
    assert not hidden[~chosen].any()
    assert hidden[chosen].any()
    assert (sigma[chosen] > 0).all()  # twice the half of the others
    assert 0.4 < (sigma[~chosen].max(1) > 0).mean() < 0.6


def test_what_is_cut_lies_where_the_image_says():
    """Joints below a lower limit are outside the lower edge, and so on: left, right, below, above."""
    points = tf.constant([[[3.0, 5.0]], [[-3.0, -5.0]]])
    np.testing.assert_array_equal(occlusion._outward(points)[:, 0], [[-3, 3, -5, 5], [3, -3, 5, -5]])


def test_the_hiding_square_lies_anywhere_in_the_image_that_is_left():
    image = tf.zeros([WINDOWS, FRAMES, 29, 2])
    limits, square = (x.numpy() for x in occlusion._key_images(_streams(), image))
    low, high = -limits[..., 0::2], limits[..., 1::2]
    place = (square[..., :2] - low) / (high - low)
    assert (place >= 0.0).all()
    assert (place <= 1.0).all()
    np.testing.assert_allclose(place.mean((0, 1)), 0.5, atol=0.03)
    np.testing.assert_allclose(place.std((0, 1)), 12**-0.5, atol=0.02)
