"""The ground that feet show, and when they show none."""

import numpy as np
import pytest

from niki_tf import motion
from niki_tf.fitting import contacts, ground
from niki_tf.motion.joint_positions import joint_positions
from niki_tf.skeletons.rest import rest_joints


def _feet(seed=0, frames=240, fps=30.0):
    clip = motion.made_motion(seed, frames=frames, fps=fps)
    joints = joint_positions(clip.poses, rest_joints()) + clip.trans[:, None]
    return joints[:, contacts.FEET], np.arange(frames) / fps


@pytest.mark.parametrize("fps", [15.0, 30.0, 60.0])
@pytest.mark.parametrize("level", [-2.0, 0.0, 0.7])
def test_the_ground_of_made_motion_is_found(fps, level):
    feet, times = _feet(frames=int(8 * fps), fps=fps)
    noise = 0.005 * np.random.default_rng(0).normal(size=feet.shape)
    plane = ground.find_ground(feet + noise + [0.0, level, 0.0], rest_joints(), times)
    assert plane[:3].tolist() == [0.0, 1.0, 0.0]
    assert -plane[3] == pytest.approx(level, abs=0.02)


def test_a_person_in_the_air_or_in_motion_shows_none():
    feet, times = _feet()
    assert (
        ground.find_ground(feet + np.linspace([0, 0, 0], [20, 0, 0], len(feet))[:, None], rest_joints(), times) is None
    )
    rising = feet + np.linspace([0, 0, 0], [0, 1.5, 0], len(feet))[:, None]
    assert ground.find_ground(rising, rest_joints(), times) is None
    assert ground.find_ground(feet[:1], rest_joints(), times[:1]) is None
    assert ground.find_ground(feet[:2], rest_joints(), times[:2]) is None


def test_feet_far_below_where_they_stand_show_none():
    feet, times = np.tile(rest_joints()[list(contacts.FEET)], [90, 1, 1]), np.arange(90) / 30
    assert ground.find_ground(feet, rest_joints(), times) is not None
    feet[60:, 2:] -= np.linspace([0, 0, 0], [0, 0.9, 0], 30)[:, None]  # from a box
    assert ground.find_ground(feet, rest_joints(), times) is None


def test_steps_that_are_cuts_do_not_count():
    feet, times = np.tile(rest_joints()[list(contacts.FEET)], [40, 1, 1]), np.arange(40) / 30
    all_broken = np.ones(39, bool)
    assert ground.find_ground(feet, rest_joints(), times, broken=all_broken) is None
    assert ground.find_ground(feet, rest_joints(), times, broken=~all_broken) is not None


def test_long_frames_count_more():
    feet = np.tile(rest_joints()[list(contacts.FEET)], [40, 1, 1])
    feet[20:] += [0.0, 0.05, 0.0]
    level = rest_joints()[:, 1].min() - contacts.SOLE
    times = np.concatenate([np.arange(20) / 1000, 0.05 + np.arange(20) / 30])
    plane = ground.find_ground(feet, rest_joints(), times)
    assert -plane[3] == pytest.approx(level + 0.05, abs=0.01)
