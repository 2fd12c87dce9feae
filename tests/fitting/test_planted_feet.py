"""The finish on the ground: planted feet slide less, nothing sinks in, and what is certain stays."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import motion, rotations
from niki_tf.evaluation import feet as judged
from niki_tf.fitting import contacts, leg_ik, planted_feet
from niki_tf.motion.joint_positions import joint_positions
from niki_tf.skeletons.rest import rest_joints

FLOOR = np.array([0.0, 1.0, 0.0, 0.0])


def _made(seed=0, fps=30.0, seconds=4, shaking=0.0):
    """Local rotations, transl, times and true joints of made motion whose legs and path shake by so much, metres."""
    clip = motion.made_motion(seed, frames=int(seconds * fps), fps=fps)
    true = joint_positions(clip.poses, rest_joints()) + clip.trans[:, None]
    poses, random = clip.poses.astype(np.float64), np.random.default_rng(seed)
    poses[:, [1, 2, 4, 5, 7, 8]] += shaking * random.normal(size=[len(clip), 6, 3])
    transl = clip.trans - rest_joints()[0] + 0.3 * shaking * random.normal(size=[len(clip), 3])
    return rotations.rotvec_to_matrix(tf.constant(poses)).numpy(), transl, np.arange(len(clip)) / fps, true


def _feet(local, transl):
    """Joints (T, 29, 3) of which those of the legs are set."""
    joints = np.zeros([len(local), 29, 3])
    legs = leg_ik.leg_joints(local, transl, np.tile(rest_joints(), [len(local), 1, 1]))
    for side, leg in enumerate(leg_ik.LEGS):
        joints[:, leg] = legs[:, side]
    return joints


def _hold(local, transl, times, noise, plane=FLOOR, **options):
    noise = np.full(len(local), noise)
    return planted_feet.hold(local, transl, rest_joints(), plane=plane, times=times, noise=noise, **options)


@pytest.mark.parametrize("fps", [15.0, 30.0, 60.0])
def test_planted_feet_slide_less_and_are_closer_to_the_truth(fps):
    local, transl, times, true = _made(fps=fps, shaking=0.01)
    before, held = _feet(local, transl), _hold(local, transl, times, 0.03)
    after = _feet(held.local, held.transl)
    slide = [judged.foot_columns([judged.planted_speeds(x, true, fps=fps)])["foot_speed"] for x in (before, after)]
    assert slide[1] < 0.4 * slide[0]
    error = [np.linalg.norm(x - true, axis=-1)[:, contacts.FEET].mean() for x in (before, after)]
    assert error[1] < 0.95 * error[0]
    stands = judged.planted(true, fps=fps)
    assert held.contacts[1:, [1, 3]][stands].mean() > 0.9


def test_joints_without_noise_stay():
    local, transl, times, _ = _made()
    held = _hold(local, transl, times, 1e-4)
    assert np.abs(_feet(held.local, held.transl) - _feet(local, transl)).max() < 2e-3
    assert held.local.dtype == held.transl.dtype == np.float32


def test_feet_that_were_not_seen_are_doubted_more():
    local, transl, times, _ = _made(shaking=0.02)
    unseen = np.zeros([len(local), 4], bool)
    unseen[:, 2:] = True
    changes = [
        np.abs(_feet(held.local, held.transl) - _feet(local, transl))[:, [10, 11]].mean((0, 2))
        for held in (_hold(local, transl, times, 0.004), _hold(local, transl, times, 0.004, unseen=unseen))
    ]
    assert changes[1][1] > 1.5 * changes[0][1]
    assert changes[1][0] == pytest.approx(changes[0][0], rel=0.2)


@pytest.mark.parametrize("depth", [0.01, 0.05])
def test_nothing_of_the_feet_is_below_the_ground(depth):
    local, transl, times, _ = _made(seed=2)
    plane = np.array([0.0, 1.0, 0.0, -depth - contacts.SOLE])  # the ground rises
    lowest = [7, 8, 10, 11, 27, 28]
    assert _feet(local, transl)[:, lowest, 1].min() + plane[3] < -0.5 * depth
    held = _hold(local, transl, times, 1e-4, plane)
    assert _feet(held.local, held.transl)[:, lowest, 1].min() + plane[3] > -1e-5
    assert np.abs(_feet(held.local, held.transl) - _feet(local, transl)).max() < 3 * depth


def test_the_ground_may_slope():
    local, transl, times, _ = _made(shaking=0.02, seconds=2)
    turn = rotations.rotvec_to_matrix(tf.constant([0.3, 0.0, -0.2], tf.float64)).numpy()
    tilted = local.copy()
    tilted[:, 0] = turn @ local[:, 0]
    moved = (transl + rest_joints()[0]) @ turn.T - rest_joints()[0]
    upright = _hold(local, transl, times, 0.03)
    sloped = _hold(tilted, moved, times, 0.03, np.append(turn @ FLOOR[:3], 0.0))
    np.testing.assert_allclose(sloped.local[:, 1:], upright.local[:, 1:], atol=1e-4)
    np.testing.assert_array_equal(sloped.contacts, upright.contacts)


def test_many_frames_are_done_in_parts(monkeypatch):
    local, transl, times, _ = _made(shaking=0.02, seconds=2)
    whole = _hold(local, transl, times, 0.03)
    monkeypatch.setattr(planted_feet, "_FRAMES_AT_ONCE", 7)
    for one, other in zip(_hold(local, transl, times, 0.03), whole, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_lone_frame_is_only_raised():
    local, transl, times, _ = _made()
    held = _hold(local[:1], transl[:1] - [0.0, 0.2, 0.0], times[:1], 0.03)
    assert not held.contacts.any()
    assert _feet(held.local, held.transl)[:, contacts.FEET, 1].min() > -1e-5


def test_noise_is_that_of_the_joints_that_were_seen(rng):
    residual = np.linalg.norm(0.02 * rng.normal(size=[60, 29, 3]), axis=-1)
    residual[:, :5] = np.nan
    np.testing.assert_allclose(planted_feet.noise_of(residual, np.arange(60) / 30), 0.02, rtol=0.1)
    residual[30:] = np.nan
    np.testing.assert_allclose(planted_feet.noise_of(residual, np.arange(60) / 30), 0.02, rtol=0.1)
    assert planted_feet.noise_of(np.full([3, 2], np.nan), np.arange(3) / 30).tolist() == [0.0] * 3
