import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, motion, rotations, skeletons
from niki_tf.motion.made import anatomy, behaviours

SEEDS = range(8)
BEHAVIOURS = {
    "walk": -16.201514,
    "jog": 46.129742,
    "wave": 47.064399,
    "reach": 55.512902,
    "squat": 17.101836,
    "sit": 23.185669,
    "side_bend": 22.932587,
    "kick": 45.891482,
    "dance": 48.009469,
    "bow": 35.668115,
    "look_round": 7.388577,
    "jumping_jack": 19.257928,
}
PINNED = [
    -1.2143922,
    3.8898294,
    -2.0375845,
    1.3765764,
    -1.5188122,
    2.4927056,
    -1.4664259,
    1.119425,
    -1.1551515,
    1.4511412,
    -1.2858604,
    1.2181985,
    -2.7036617,
    1.570396,
    -1.7836562,
    1.2444631,
    10.6185438,
]


@pytest.fixture(scope="module")
def clips():
    return [motion.made_motion(seed, frames=300) for seed in SEEDS]


def joints_of(clip):
    """Joints (T, 29, 3) in the world, by the package's own body."""
    rest = tf.constant(body.mannequin_joints().joints)
    joints, _ = body.forward_kinematics(rotations.rotvec_to_matrix(clip.poses.astype(np.float64)), rest)
    return np.asarray(joints) - np.asarray(joints)[:, :1] + clip.trans[:, None]


def index(name):
    return skeletons.SMPL_29.index(name)


def test_same_seed_same_motion(clips):
    np.testing.assert_array_equal(clips[2].poses, motion.made_motion(2, frames=300).poses)
    np.testing.assert_array_equal(motion.random_poses(1, 20), motion.random_poses(1, 20))


def test_seeds_differ(clips):
    gaps = [np.abs(a.poses - b.poses).mean() for n, a in enumerate(clips) for b in clips[:n]]
    assert min(gaps) > 0.03
    assert np.abs(motion.random_poses(1, 20) - motion.random_poses(2, 20)).mean() > 0.1


def test_motion_has_the_asked_shape():
    clip = motion.made_motion((4, 7), frames=1)
    assert (clip.poses.shape, clip.trans.shape, clip.name) == ((1, 24, 3), (1, 3), "made-4-7")
    assert motion.made_motion(0, frames=80, fps=120.0).fps == 120.0


@pytest.mark.parametrize(("frames", "fps"), [(0, 30.0), (10, 0.0), (10, np.inf)])
def test_impossible_lengths(frames, fps):
    with pytest.raises(ValueError, match="`frames` must be 1 or more and `fps` positive"):
        motion.made_motion(0, frames=frames, fps=fps)


@pytest.mark.parametrize("behaviour", list(dict.fromkeys(behaviours.ALL)), ids=lambda b: b.__name__)
def test_behaviours_keep_to_the_limits_and_move(behaviour):
    low, high = anatomy.limits()
    for seed in range(20):
        angles = behaviour(np.random.default_rng(seed), np.arange(150) / 30)
        assert np.all(angles >= low - 1e-9)
        assert np.all(angles <= high + 1e-9)
        assert np.ptp(angles, axis=0).max() > 10.0


def hinge_angles(poses, joint):
    """Bend in degrees, (...), of a left knee or elbow, and how far its rotation is from a turn about the hinge."""
    axis, sign = {"left_knee": (0, 1), "left_elbow": (1, -1)}[joint]
    matrix = rotations.rotvec_to_matrix(poses[..., index(joint), :].astype(np.float64)).numpy()
    one, two = (axis + 1) % 3, (axis + 2) % 3
    return sign * np.degrees(np.arctan2(matrix[..., two, one], matrix[..., one, one]))


def test_knees_and_elbows_bend_one_way_only(clips):
    poses = np.concatenate([clip.poses for clip in clips] + [motion.random_poses(0, 2000)])
    for joint in ("left_knee", "left_elbow"):
        bend = hinge_angles(poses, joint)
        assert bend.min() > -1.0
        assert 90.0 < bend.max() < 146.0


def test_joint_angles_mean_what_their_names_say():
    def pose(**parts):
        angles = np.zeros([1, 24, 3])
        for name, values in parts.items():
            angles[0, index(name)] = values
        return joints_of(motion.Clip(poses=anatomy.angles_to_poses(angles), trans=np.zeros([1, 3])))[0]

    rest = pose()
    assert rest[index("left_wrist"), 1] < rest[index("left_shoulder"), 1] - 0.4  # arms hang
    assert pose(left_hip=(60, 0, 0))[index("left_knee"), 2] > 0.2  # thigh forward
    assert pose(left_hip=(0, 40, 0))[index("left_knee"), 0] > rest[index("left_knee"), 0] + 0.1  # thigh outward
    assert pose(right_hip=(0, 40, 0))[index("right_knee"), 0] < rest[index("right_knee"), 0] - 0.1
    assert pose(left_knee=(90, 0, 0))[index("left_ankle"), 2] < -0.2  # heel to the back
    assert pose(left_ankle=(25, 0, 0))[index("left_big_toe"), 1] > rest[index("left_big_toe"), 1] + 0.03  # toes up
    assert pose(spine1=(30, 0, 0))[index("head"), 2] > 0.15  # bow
    assert pose(spine1=(0, 12, 0))[index("head"), 0] > 0.05  # to the left
    assert pose(spine1=(0, 0, 12))[index("left_shoulder"), 2] < rest[index("left_shoulder"), 2] - 0.02  # turns left
    assert pose(left_shoulder=(90, 0, 0))[index("left_wrist"), 2] > 0.4  # arm to the front
    assert pose(right_shoulder=(0, 90, 0))[index("right_wrist"), 0] < -0.6  # arm to the side
    assert pose(left_elbow=(90, 0, 0))[index("left_wrist"), 2] > 0.15  # forearm to the front
    turned = pose(left_elbow=(90, 0, 0), left_shoulder=(0, 0, 60))
    assert turned[index("left_wrist"), 0] > turned[index("left_elbow"), 0] + 0.1  # upper arm turned outward


def test_mirrored_angles_mirror_the_body():
    low, high = anatomy.limits()
    angles = np.random.default_rng(0).uniform(low, high, [6, 24, 3])
    trans = np.zeros([6, 3])
    joints, mirrored = (
        joints_of(motion.Clip(poses=anatomy.angles_to_poses(a), trans=trans))
        for a in (angles, anatomy.mirror_angles(angles))
    )
    np.testing.assert_allclose(mirrored, joints[:, skeletons.SMPL_29.mirror] * (-1, 1, 1), atol=1e-6)


def test_motion_is_smooth(clips):
    for clip in clips:
        joints = joints_of(clip)
        speed = np.linalg.norm(np.diff(joints, axis=0), axis=-1) * clip.fps
        jolt = np.linalg.norm(np.diff(joints, n=2, axis=0), axis=-1)
        assert speed.max() < 16.0
        assert jolt.max() < 0.25
        assert np.percentile(jolt, 99) < 0.08


def test_feet_carry_the_body(clips):
    for clip in clips:
        lowest = joints_of(clip)[..., 1].min(1)
        assert np.abs(lowest - 0.02).max() < 0.05


def test_feet_stand_still_while_the_body_walks():
    angles = behaviours.walk(np.random.default_rng(0), np.arange(300) / 30)
    clip = motion.Clip(poses=anatomy.angles_to_poses(angles), trans=np.zeros([300, 3]))
    made = motion.made_motion(5, frames=900)
    assert np.linalg.norm(np.ptp(made.trans[:, [0, 2]], axis=0)) > 1.0
    knees = hinge_angles(clip.poses, "left_knee")
    assert 40.0 < np.ptp(knees) < 75.0
    feet = joints_of(made)[:, [index("left_foot"), index("right_foot")]]
    slide = np.linalg.norm(np.diff(feet[..., [0, 2]], axis=0), axis=-1).min(1) * 30
    assert np.median(slide) < 0.1


def test_left_and_right_are_used_alike():
    made = np.concatenate([motion.made_motion(seed, frames=300).poses for seed in range(40)])
    for poses, tolerance in ((made, 0.25), (motion.random_poses(0, 4000), 0.05)):
        size = np.abs(poses).mean((0, 2))
        left = [j for j, name in enumerate(skeletons.SMPL_24.names) if name.startswith("left_") and "hand" not in name]
        right = [skeletons.SMPL_24.mirror[j] for j in left]
        np.testing.assert_allclose(size[left], size[right], rtol=tolerance)


def test_random_poses_are_varied():
    poses = motion.random_poses(0, 3000)
    assert (poses.shape, poses.dtype) == ((3000, 24, 3), np.float32)
    up = rotations.rotvec_to_matrix(poses[:, 0]).numpy()[:, 1, 1]
    assert np.mean(up > 0.9) > 0.5
    assert np.mean(up < 0.0) > 0.05
    moving = [j for j, name in enumerate(skeletons.SMPL_24.names) if anatomy.part(name) not in ("hand", "pelvis")]
    assert np.degrees(poses[:, moving].std(0).max(-1)).min() > 4.0
    assert np.mean(hinge_angles(poses, "left_knee") > 80.0) > 0.03


def test_made_motion_stays_what_it_was(clips):
    """Every amplitude, pace and range of the made motion shows in one of these: trainings can be repeated."""
    found = [checksum(array) for clip in clips for array in (clip.poses, clip.trans)]
    found.append(checksum(motion.random_poses(0, 50)))
    np.testing.assert_allclose(found, PINNED, rtol=1e-4, atol=1e-4)


def checksum(array):
    """A number that every entry of the array, and its place, changes."""
    array = np.asarray(array, np.float64)
    return float(np.sum(array * np.cos(np.arange(array.size)).reshape(array.shape)) + np.abs(array).mean())


@pytest.mark.parametrize("behaviour", behaviours.ALL, ids=lambda behaviour: behaviour.__name__)
def test_each_behaviour_stays_what_it_was(behaviour):
    angles = behaviour(np.random.default_rng(5), np.linspace(0.0, 4.0, 121))
    np.testing.assert_allclose(checksum(angles), BEHAVIOURS[behaviour.__name__], rtol=1e-6, atol=1e-4)
