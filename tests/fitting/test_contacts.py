"""Contacts of the feet: who stands, how long, at any rate."""

import numpy as np
import pytest

from niki_tf import motion
from niki_tf.evaluation import feet as judged
from niki_tf.fitting import contacts
from niki_tf.motion.joint_positions import joint_positions
from niki_tf.skeletons.rest import rest_joints


def _of_made_motion(seed, fps=30.0, seconds=8):
    clip = motion.made_motion(seed, frames=int(seconds * fps), fps=fps)
    return joint_positions(clip.poses, rest_joints()) + clip.trans[:, None], np.arange(len(clip)) / fps


def _found(joints, times):
    feet = joints[:, contacts.FEET]
    heights = feet[..., 1] - contacts.flat_heights(rest_joints())
    return contacts.contacts(contacts.probability(feet, heights, times), times)


def test_flat_feet_have_their_height_at_rest():
    heights = contacts.flat_heights(rest_joints())
    raised = rest_joints() + [0.0, 3.0, 0.0]
    np.testing.assert_allclose(heights, contacts.flat_heights(raised))
    assert heights.shape == (4,)
    assert (heights >= contacts.SOLE).all()
    assert (heights[[0, 2]] > heights[[1, 3]] + 0.02).all()  # ankles are over the balls of the feet
    np.testing.assert_allclose(contacts.flat_heights(np.stack([raised, 2 * raised]))[1], 2 * heights - contacts.SOLE)


@pytest.mark.parametrize("fps", [15.0, 30.0, 60.0])
def test_feet_that_stand_in_made_motion_are_found_in_spite_of_noise(fps):
    for seed in (0, 3):
        joints, times = _of_made_motion(seed, fps)
        stands = judged.planted(joints, fps=fps)
        speed = judged.foot_speeds(joints, fps=fps)
        shaking = joints + 0.004 * np.random.default_rng(seed).normal(size=joints.shape)
        found = _found(shaking, times)[:, [1, 3]]
        assert found[1:][stands].mean() > 0.95
        assert not (found[1:] & found[:-1])[speed > 0.8].any()


def test_neither_a_moving_nor_a_raised_foot_is_in_contact():
    times, joints = np.arange(60) / 30, np.tile(rest_joints(), [60, 1, 1])
    joints[..., 1] += contacts.SOLE - rest_joints()[:, 1].min()
    assert _found(joints, times).all()
    raised = joints.copy()
    raised[:, [8, 11], 1] += 0.25
    assert _found(raised, times).tolist() == [[True, True, False, False]] * 60
    assert not _found(joints + np.linspace([0, 0, 0], [2, 0, 0], 60)[:, None], times).any()


def test_a_contact_lasts_a_tenth_of_a_second_and_so_does_a_pause():
    times, standing = np.arange(41) / 40, np.zeros([40, 4])
    standing[10:30] = 0.9
    standing[18:20, 0] = 0.1  # 50 ms
    standing[15:25, 1] = 0.1  # 250 ms
    standing[:, 2] = 0.4  # never sure
    standing[:, 3] = 0.0
    standing[20:22, 3] = 1.0  # 50 ms
    found = contacts.contacts(standing, times)
    assert found[:, 0].tolist() == [10 <= frame <= 30 for frame in range(41)]
    assert found[:, 1].tolist() == [10 <= frame <= 15 or 25 <= frame <= 30 for frame in range(41)]
    assert not found[:, 2:].any()


def test_a_contact_lasts_while_it_is_likely():
    standing = np.full([20, 1], 0.3)
    standing[10] = 0.6
    standing[15:] = 0.1
    found = contacts.contacts(standing, np.arange(21) / 30)
    assert found[:, 0].tolist() == [frame <= 15 for frame in range(21)]


def test_a_lone_frame_has_no_contact():
    assert contacts.probability(np.zeros([1, 4, 3]), np.zeros([1, 4]), np.zeros(1)).shape == (0, 4)
    assert not contacts.contacts(np.zeros([0, 4]), np.zeros(1)).any()
