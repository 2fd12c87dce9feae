"""Faults put into motion by hand are found, each with its number; motion that the package makes has none."""

import dataclasses

import numpy as np
import pytest

from niki_tf import motion, skeletons
from niki_tf.skeletons.axes import Y_UP
from niki_tf.skeletons.rest import rest_joints

REST = rest_joints()
LIMITS = motion.CheckLimits()
FRAMES = 60
TOE_BELOW = REST[0, 1] - REST[skeletons.SMPL_29.index("left_big_toe"), 1]
"""Metres from the pelvis down to the big toe, the lowest joint of a body in the T-pose."""


def standing(poses=None, trans=None, **options):
    """A clip of the T-pose whose toes are at height 0, if nothing else is given."""
    poses = np.zeros([FRAMES, 24, 3]) if poses is None else poses
    place = np.zeros([len(poses), 3]) if trans is None else np.array(trans)
    place[:, 1] += TOE_BELOW
    return motion.Clip(poses=poses, trans=place, trans_convention="pelvis", **options)


def bent(joint, axis, degrees, frames):
    """A clip of the T-pose with a joint turned about one axis in some frames."""
    poses = np.zeros([FRAMES, 24, 3])
    poses[frames, skeletons.SMPL_24.index(joint), axis] = np.radians(degrees)
    return standing(poses)


def checked(clip, **options):
    return motion.check_clip(clip, rest_joints=REST, **options)


def values(clip, **options):
    return motion.summary([checked(clip, **options)])


def test_who_stands_still_has_no_fault():
    found = values(standing(), ground=0.0)
    assert found == {
        "frames": FRAMES,
        "slowest_foot": 0.0,
        "slowest_foot_median": 0.0,
        "slide": 0.0,
        "wrong_way": 0.0,
        "jump": 0.0,
        "below_ground": pytest.approx(0.0, abs=1e-5),
    }
    assert motion.faults(checked(standing()), LIMITS) == []


@pytest.mark.parametrize("seed", range(6))
def test_made_motion_passes_every_limit(seed):
    assert motion.faults(checked(motion.made_motion(seed, frames=300)), LIMITS) == []


def test_a_foot_that_slides_is_found_with_its_speed():
    times = np.arange(FRAMES) / 30.0
    along = np.stack([0.24 * times, 0.0 * times, 0.32 * times], 1)
    found = checked(standing(trans=along))
    assert len(found.slide) == 2 * (FRAMES - 2)
    summary = motion.summary([found])
    for column in ("slowest_foot", "slowest_foot_median", "slide"):
        assert summary[column] == pytest.approx(0.4, abs=1e-5)
    assert [fault.column for fault in motion.faults(found, LIMITS)] == ["slowest_foot", "slide"]


@pytest.mark.parametrize("height", [-1.0, 1.5])
def test_planted_feet_are_near_the_ground_wherever_it_is(height):
    place = np.stack([0.01 * np.arange(FRAMES), np.full(FRAMES, height), np.zeros(FRAMES)], 1)
    for ground in (None, height):
        assert values(standing(trans=place), ground=ground)["slide"] == pytest.approx(0.3, abs=1e-5)
    assert values(standing(trans=place), ground=height - 0.1)["slide"] is None


def test_a_limit_may_be_met():
    assert motion.faults(checked(standing()), motion.CheckLimits(frames=FRAMES)) == []
    (fault,) = motion.faults(checked(standing()), motion.CheckLimits(frames=FRAMES + 1))
    assert fault == ("", "frames", FRAMES, FRAMES + 1, None)


def test_speeds_know_the_frame_rate():
    along = np.arange(FRAMES)[:, None] * [[0.01, 0.0, 0.0]]
    assert values(standing(trans=along, fps=20.0))["slide"] == pytest.approx(0.2, abs=1e-5)


def test_a_foot_that_swings_or_is_lifted_is_not_planted():
    times = np.arange(FRAMES) / 30.0
    swinging = np.stack([0.6 * times, 0.0 * times, 0.0 * times], 1)
    assert not len(checked(standing(trans=swinging)).slide)
    lifted = np.zeros([FRAMES, 3])
    lifted[30:, 1] = 0.04
    in_the_air = checked(standing(trans=lifted), ground=0.0)
    assert len(in_the_air.slide) == 2 * 28  # frames 1 to 28: frame 29 is as fast as the lift
    assert motion.summary([checked(standing(trans=swinging))])["slide"] is None


def test_the_speed_of_a_foot_is_that_of_its_slowest_joint_and_of_the_slower_foot():
    poses = np.zeros([FRAMES, 24, 3])
    poses[:, skeletons.SMPL_24.index("left_hip"), 0] = np.linspace(0.0, -1.0, FRAMES)
    found = values(standing(poses))
    assert found["slowest_foot"] == 0.0  # the right foot stands
    poses[:, skeletons.SMPL_24.index("right_ankle"), 0] = np.linspace(0.0, -0.5, FRAMES)
    assert values(standing(poses))["slowest_foot_median"] == pytest.approx(0.0, abs=1e-6)  # on its ankle


@pytest.mark.parametrize(
    ("joint", "axis", "sign"),
    [("left_knee", 0, -1), ("right_knee", 0, -1), ("left_elbow", 1, 1), ("right_elbow", 1, -1)],
)
def test_a_limb_bent_backwards_is_found(joint, axis, sign):
    number = ["left_knee", "right_knee", "left_elbow", "right_elbow"].index(joint)
    clip = bent(joint, axis, sign * 30.0, slice(20, 35))
    found = checked(clip)
    assert found.wrong_way[25, number] == pytest.approx(
        30.0, abs=0.1
    )  # bones are not quite at right angles to their hinges
    assert np.abs(np.delete(found.wrong_way, number, 1)).max() < 1e-6
    (fault,) = motion.faults(found, LIMITS)
    assert (fault.column, fault.value, fault.limit, fault.frame) == ("wrong_way", 25.0, 1.0, 20)
    assert values(bent(joint, axis, sign * 9.0, slice(20, 35)))["wrong_way"] == 0.0
    right_way = checked(bent(joint, axis, -sign * 70.0, slice(20, 35)))
    assert right_way.wrong_way[25, number] == pytest.approx(-70.0, abs=0.2)


def test_the_turn_of_a_limb_about_its_bone_is_no_bend():
    elbow, wrist = (REST[skeletons.SMPL_29.index(name)] for name in ("left_elbow", "left_wrist"))
    poses = np.zeros([FRAMES, 24, 3])
    poses[:, skeletons.SMPL_24.index("left_elbow")] = 1.2 * (wrist - elbow) / np.linalg.norm(wrist - elbow)
    assert np.abs(checked(standing(poses)).wrong_way).max() < 1e-4


def test_a_jump_is_found_with_its_angle_and_frame():
    poses = np.zeros([FRAMES, 24, 3])
    poses[40:, skeletons.SMPL_24.index("right_shoulder"), 2] = np.radians(80.0)
    (fault,) = motion.faults(checked(standing(poses)), LIMITS)
    assert (fault.column, fault.frame, fault.limit) == ("jump", 39, 75.0)
    assert fault.value == pytest.approx(80.0, abs=1e-3)
    assert motion.faults(checked(standing(poses)), motion.CheckLimits(jump=81.0)) == []


def test_a_jump_takes_the_shorter_way():
    poses = np.zeros([FRAMES, 24, 3])
    poses[:30, 0, 1], poses[30:, 0, 1] = np.radians(175.0), np.radians(-175.0)
    assert values(standing(poses))["jump"] == pytest.approx(10.0, abs=1e-3)


@pytest.mark.parametrize("height", [0.0, 1.5])
def test_feet_under_the_ground_are_found_with_their_depth(height):
    sunk = np.zeros([FRAMES, 3])
    sunk[:, 1] = height
    sunk[50:53, 1] -= 0.12
    for ground in (None, height):
        (fault,) = motion.faults(checked(standing(trans=sunk), ground=ground), LIMITS)
        assert (fault.column, fault.frame) == ("below_ground", 50)
        assert fault.value == pytest.approx(12.0, abs=1e-3)
    assert values(standing(trans=sunk), ground=height + 0.2)["below_ground"] == pytest.approx(32.0, abs=1e-3)


def test_the_ground_is_where_feet_stand_and_not_where_they_fly():
    flying = np.zeros([FRAMES, 3])
    flying[10:, 1] = np.arange(FRAMES - 10) / 10.0  # 3 m/s up and away
    assert values(standing(trans=flying))["below_ground"] == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize("up", Y_UP)
def test_every_axis_can_be_up(up):
    clip = motion.made_motion(3, frames=90)
    root = Y_UP[up].T  # turns y to the axis
    turned = dataclasses.replace(clip, poses=_turned_root(clip.poses, root), trans=clip.trans @ root.T)
    expected = values(clip)
    for found in (values(turned, up=up), values(dataclasses.replace(turned, up=up))):
        assert found == pytest.approx(expected, abs=1e-3)


def _turned_root(poses, matrix):
    from scipy.spatial.transform import Rotation

    turned = Rotation.from_matrix(matrix) * Rotation.from_rotvec(poses[:, 0])
    return np.concatenate([turned.as_rotvec()[:, None], poses[:, 1:]], 1)


def test_an_unknown_axis_is_named():
    with pytest.raises(ValueError, match="`up` must be one of x, y, z, .*; got 'w'"):
        checked(standing(), up="w")


def test_trans_is_read_as_the_clip_says():
    pelvis = standing()
    transl = dataclasses.replace(pelvis, trans=pelvis.trans - np.float32(REST[0]), trans_convention="transl")
    assert values(transl, ground=0.1) == pytest.approx(values(pelvis, ground=0.1), abs=1e-4)


@pytest.mark.parametrize("frames", [1, 2])
def test_what_too_few_frames_cannot_tell_is_none(frames):
    clip = standing(np.zeros([frames, 24, 3]))
    found = values(clip)
    assert found["frames"] == frames
    assert found["slowest_foot"] is None
    assert found["slide"] is None
    assert found["jump"] == (None if frames == 1 else 0.0)
    assert found["below_ground"] == pytest.approx(0.0, abs=1e-6)
    assert [fault.column for fault in motion.faults(checked(clip), LIMITS)] == ["frames"]


def test_clips_together_count_by_their_frames():
    along = np.arange(30)[:, None] * [[0.3 / 30.0, 0.0, 0.0]]
    sliding, still = standing(np.zeros([30, 24, 3]), trans=along), standing(np.zeros([86, 24, 3]))
    together = motion.summary([checked(sliding), checked(still)])
    assert together["frames"] == 116
    assert together["slide"] == pytest.approx(0.3 * 28 / (28 + 84), abs=1e-5)
    assert together["slowest_foot_median"] == 0.0
    knee = bent("left_knee", 0, -40.0, slice(0, 30))
    assert motion.summary([checked(knee), checked(standing())])["wrong_way"] == 25.0
