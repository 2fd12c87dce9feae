import dataclasses

import numpy as np
import pytest

from niki_tf import motion, skeletons
from niki_tf.motion import made_motion
from niki_tf.motion.near_duplicates import _near


@pytest.fixture(scope="module")
def clips():
    return [made_motion(seed, frames=150) for seed in range(6)]


def part(clip, start, stop):
    return dataclasses.replace(clip, poses=clip.poses[start:stop], trans=clip.trans[start:stop])


def mirrored(clip):
    poses = clip.poses[:, skeletons.SMPL_24.mirror] * np.float32([1, -1, -1])
    return dataclasses.replace(clip, poses=poses, trans=clip.trans * np.float32([-1, 1, 1]))


def turned(clip):
    """The same motion by another person who stands and faces elsewhere."""
    poses = clip.poses.copy()
    poses[:, 0] = [0.0, 2.0, 0.0]
    return dataclasses.replace(clip, poses=poses, trans=clip.trans + 5.0, betas=np.ones(10, np.float32))


def test_motions_that_differ_are_no_duplicates(clips):
    assert motion.near_duplicates(clips[:3], clips[3:]) == []
    assert motion.near_duplicates([], clips) == motion.near_duplicates(clips, []) == []


def test_a_mirrored_and_shifted_copy_is_found_with_its_place(clips):
    copy = turned(mirrored(part(clips[4], 33, 121)))
    (found,) = motion.near_duplicates([clips[0], copy], clips[2:])
    assert found[:6] == (1, 2, True, 0, 33, 88)
    assert found.distance < 1e-6


@pytest.mark.parametrize("start", [0, 7, 10, 41])
def test_a_copy_of_twenty_frames_within_another_motion_is_found(clips, start):
    poses = clips[1].poses.copy()
    poses[start : start + 20] = clips[2].poses[90:110]
    (found,) = motion.near_duplicates([dataclasses.replace(clips[1], poses=poses)], clips[2:])
    assert found[:6] == (0, 0, False, start, 90, 20)
    poses[start : start + 19] = clips[1].poses[start : start + 19]
    assert motion.near_duplicates([dataclasses.replace(clips[1], poses=poses)], clips[2:]) == []


def test_of_two_stretches_the_longer_is_given(clips):
    for first, second in ((25, 40), (40, 25)):
        poses = clips[1].poses.copy()
        poses[10 : 10 + first] = clips[2].poses[10 : 10 + first]
        poses[100 : 100 + second] = clips[2].poses[100 : 100 + second]
        (found,) = motion.near_duplicates([dataclasses.replace(clips[1], poses=poses)], [clips[2]])
        assert found[3:6] == ((10, 10, 40) if first == 40 else (100, 100, 40))


def test_who_stands_still_after_having_moved_is_found_as_well():
    poses = np.zeros([45, 24, 3])
    poses[:15, skeletons.SMPL_24.index("left_shoulder"), 2] = np.linspace(-1.0, 0.0, 15)
    clip = motion.Clip(poses=poses, trans=np.zeros([45, 3]))
    (found,) = motion.near_duplicates([clip], [clip])
    assert found[3:] == (0, 0, 45, 0.0)


def test_the_distance_is_the_root_mean_square_over_joints(clips):
    # Both shins and what follows turn about the knees, so four of thirteen joints move: ankles and feet.
    still = np.zeros([40, 24, 3])
    still[:, skeletons.SMPL_24.index("left_shoulder"), 2] = np.linspace(0.0, 1.0, 40)
    moved = still.copy()
    moved[:, [skeletons.SMPL_24.index(f"{side}_knee") for side in ("left", "right")], 0] = angle = 0.05
    first, second = (motion.Clip(poses=poses, trans=np.zeros([40, 3])) for poses in (still, moved))
    rest = skeletons.rest.rest_joints()
    square = 0.0
    for name in ("ankle", "foot"):
        arm = (rest[skeletons.SMPL_29.index(f"left_{name}")] - rest[skeletons.SMPL_29.index("left_knee")])[1:]
        square += 2.0 * (2.0 * np.sin(angle / 2.0)) ** 2 * (arm @ arm)
    expected = np.sqrt(square / 13.0)
    (found,) = motion.near_duplicates([first], [second], limit=1.01 * expected)
    assert found.distance == pytest.approx(expected, rel=1e-4)
    assert motion.near_duplicates([first], [second], limit=0.99 * expected) == []


def test_noise_resampling_and_rounding_hide_no_copy(clips, rng):
    clip = clips[3]
    noisy = dataclasses.replace(clip, poses=clip.poses + rng.normal(0.0, np.radians(0.25), clip.poses.shape))
    there_and_back = motion.resample(motion.resample(clip, 25.0), 30.0)
    rounded = dataclasses.replace(clip, poses=clip.poses.astype(np.float16))
    for copy in (noisy, there_and_back, rounded):
        (found,) = motion.near_duplicates([copy], clips)
        assert (found.second, found.first_frame, found.second_frame, found.mirrored) == (3, 0, 0, False)
        assert found.frames >= 145


def test_who_stands_still_repeats_nobody():
    still = motion.Clip(poses=np.zeros([100, 24, 3]), trans=np.zeros([100, 3]))
    assert motion.near_duplicates([still], [still]) == []


def test_clips_shorter_than_a_stretch_are_compared_without_an_error(clips):
    short = [part(clips[0], 0, frames) for frames in (1, 2, 10, 11, 19)]
    assert motion.near_duplicates(short, clips) == motion.near_duplicates(clips, short) == []
    assert len(motion.near_duplicates([part(clips[0], 60, 80)], clips)) == 1


def test_many_frames_are_compared_in_blocks(clips):
    long = made_motion(9, frames=3000)  # 300 keys, three blocks
    found = motion.near_duplicates([long], [*clips, part(long, 2000, 2100)])
    assert [copy[:6] for copy in found] == [(0, 6, False, 2000, 0, 100)]


def test_no_pair_within_the_limit_is_left_out_and_few_others_are_kept(rng):
    points = (rng.normal(size=[2000, 39]) * np.geomspace(0.3, 0.01, 39)).astype(np.float32)
    keys = points[::10] + rng.normal(0.0, 0.02, [200, 39]).astype(np.float32)
    apart = np.linalg.norm(keys[:, None] - points, axis=-1)
    pairs = {(int(a), int(b)) for key, point in _near(keys, points, 0.15) for a, b in zip(key, point, strict=True)}
    wanted = set(zip(*(indices.tolist() for indices in np.nonzero(apart <= 0.15)), strict=True))
    assert len(wanted) > 100
    assert wanted <= pairs
    assert len(pairs) < 2 * len(wanted)


def test_a_limit_that_is_not_positive_is_refused(clips):
    with pytest.raises(ValueError, match="`limit` must be a positive number of metres; got 0.0"):
        motion.near_duplicates(clips, clips, limit=0.0)
