"""Filling what was not seen: straight lines, what moves with the trunk, slerp, and what stays as it is."""

import numpy as np
import pytest
import scipy.spatial.transform

from niki_tf import skeletons
from niki_tf.motion import gap_filling

Rotation = scipy.spatial.transform.Rotation


@pytest.fixture
def joints(rng):
    """Joints (12, 29, 3) of which each moves on its own."""
    return rng.normal(size=[12, 29, 3]).cumsum(0)


def _lose(joints, frames, which=slice(None)):
    """The joints with NaN where they are lost, and a sigma of zeros."""
    lost = np.array(joints)
    lost[np.ix_(np.atleast_1d(frames), np.arange(29)[which])] = np.nan
    return lost, np.zeros(joints.shape[:2])


def test_between_frames_every_joint_is_on_the_line_at_constant_speed(joints):
    filled, sigma = gap_filling.interpolate_joints(*_lose(joints, range(4, 8)))
    for joint in range(29):
        for axis in range(3):
            wanted = np.interp(range(4, 8), [3, 8], joints[[3, 8], joint, axis])
            np.testing.assert_allclose(filled[4:8, joint, axis], wanted, atol=1e-12)
    np.testing.assert_array_equal(filled[[*range(4), *range(8, 12)]], joints[[*range(4), *range(8, 12)]])
    np.testing.assert_allclose(sigma[:, 5], gap_filling.SIGMA_BETWEEN * np.array([0, 0, 0, 0, 1, 2, 2, 1, 0, 0, 0, 0]))


def test_absent_by_sigma_is_the_same_as_nan_and_sigma_is_carried_on(joints):
    lost, zeros = _lose(joints, [5, 6], [20])
    sigma = np.array(zeros)
    sigma[5:7, 20], sigma[4, 20], sigma[7, 20], sigma[:, 3] = skeletons.ABSENT, 0.03, 0.05, 0.07
    by_sigma, found = gap_filling.interpolate_joints(joints, sigma)
    np.testing.assert_array_equal(by_sigma, gap_filling.interpolate_joints(lost, zeros)[0])
    np.testing.assert_allclose(found[5:7, 20], np.hypot([0.03, 0.05], gap_filling.SIGMA_BETWEEN).max())
    np.testing.assert_array_equal(found[:, 3], 0.07)
    sigma[5:7, 20] = np.nan
    np.testing.assert_array_equal(gap_filling.interpolate_joints(joints, sigma)[0], by_sigma)


def _rigid(rng):
    """A body of 29 points that turns and walks for 12 frames as a whole."""
    body, turns = rng.normal(size=[29, 3]), Rotation.from_rotvec(np.linspace(0, [0.3, 2.0, -0.5], 12)).as_matrix()
    return body @ np.swapaxes(turns, 1, 2) + np.linspace([0, 0, 0], [2, 0, 1], 12)[:, None]


@pytest.mark.parametrize("frames", [range(3), range(7, 12), [0, 1, 10, 11]], ids=str)
def test_at_the_ends_a_joint_moves_with_the_trunk(frames, rng):
    joints = _rigid(rng)
    filled, sigma = gap_filling.interpolate_joints(*_lose(joints, frames, [7, 20, 28]))
    np.testing.assert_allclose(filled, joints, atol=1e-9)
    assert sigma[list(frames), 20].min() >= gap_filling.SIGMA_BEYOND
    assert np.delete(sigma, [7, 20, 28], 1).max() == 0.0


def test_two_joints_of_the_trunk_or_a_line_carry_a_joint_without_turning_it(rng):
    joints = _rigid(rng)
    others = [joint for joint in range(29) if joint not in (16, 17)]
    filled, _ = gap_filling.interpolate_joints(*_lose(joints, [11], others))
    wanted = joints[10] + (joints[11] - joints[10])[[16, 17]].mean(0)
    np.testing.assert_allclose(filled[11, others], wanted[others], atol=1e-9)
    joints[:, [0, 3, 6]] = joints[:, :1] + np.arange(3.0)[:, None]
    others = [joint for joint in range(29) if joint not in (0, 3, 6)]
    filled, _ = gap_filling.interpolate_joints(*_lose(joints, [11], others))
    np.testing.assert_allclose(filled[11, others] - filled[10, others], (joints[11] - joints[10])[[0] * 26], atol=1e-9)


def test_the_trunk_itself_may_be_filled_between_frames(rng):
    joints = _rigid(rng)
    joints[5] = (joints[4] + joints[6]) / 2
    lost, sigma = _lose(joints, [5])
    lost[5:, 20] = np.nan
    filled, _ = gap_filling.interpolate_joints(lost, sigma)
    np.testing.assert_allclose(filled[6:, 20], joints[6:, 20], atol=1e-9)
    assert np.linalg.norm(filled[5, 20] - joints[5, 20]) < 0.1 < np.linalg.norm(joints[5, 20] - joints[4, 20])


def test_without_a_trunk_a_joint_stays_in_place_and_one_never_seen_stays_absent(joints):
    lost, sigma = _lose(joints, [0, 1, 11])
    lost[:, 4] = np.nan
    filled, found = gap_filling.interpolate_joints(lost, sigma)
    others = [joint for joint in range(29) if joint != 4]
    np.testing.assert_array_equal(filled[:2, others], joints[[2, 2]][:, others])
    np.testing.assert_array_equal(filled[11, others], joints[10, others])
    assert (found[:, 4] == skeletons.ABSENT).all()
    assert found[:, others].max() < skeletons.ABSENT
    assert np.isfinite(filled).all()


def test_nothing_absent_nothing_changed_and_all_absent_all_absent(joints):
    filled, sigma = gap_filling.interpolate_joints(joints, np.zeros([12, 29]))
    np.testing.assert_array_equal(filled, joints)
    assert not sigma.any()
    filled, sigma = gap_filling.interpolate_joints(*_lose(joints, range(12)))
    assert np.isfinite(filled).all()
    assert (sigma == skeletons.ABSENT).all()


def test_a_long_wait_is_uncertain_and_not_absent():
    joints = np.zeros([2000, 29, 3])
    joints[1:] = np.nan
    assert gap_filling.interpolate_joints(joints, np.zeros([2000, 29]))[1].max() < skeletons.ABSENT


@pytest.mark.parametrize(
    ("joints", "sigma"), [((4, 29), (4, 29)), ((4, 17, 3), (4, 17)), ((4, 29, 3), (29,)), ((4, 29, 4), (4, 29))]
)
def test_joints_of_other_shapes_are_refused(joints, sigma):
    with pytest.raises(ValueError, match=r"`joints` must be \(T, n, 3\)"):
        gap_filling.interpolate_joints(np.zeros(joints), np.zeros(sigma))


def test_rotations_between_known_frames_are_on_the_arc_and_held_at_the_ends():
    turns = Rotation.random(12 * 24, rng=0).as_matrix().reshape(12, 24, 3, 3)
    known = np.isin(np.arange(12), [2, 7, 8])
    filled = gap_filling.slerp_rotations(np.where(known[:, None, None, None], turns, np.nan), known)
    for joint in range(24):
        keys = Rotation.from_matrix(turns[[2, 7, 8], joint])
        slerp = scipy.spatial.transform.Slerp([2, 7, 8], keys)
        np.testing.assert_allclose(filled[2:9, joint], slerp(range(2, 9)).as_matrix(), atol=1e-9)
    np.testing.assert_allclose(filled[:2], turns[[2, 2]], atol=1e-9)
    np.testing.assert_allclose(filled[9:], turns[[8, 8, 8]], atol=1e-9)
    np.testing.assert_array_equal(filled[known], turns[known])


def test_each_joint_is_known_by_itself_and_what_is_never_known_stays():
    turns = Rotation.random(4 * 24, rng=1).as_matrix().reshape(4, 24, 3, 3).astype(np.float32)
    known = np.ones([4, 24], bool)
    known[1:3, 5], known[:, 9] = False, False
    filled = gap_filling.slerp_rotations(turns, known)
    changed = np.abs(filled - turns).max((2, 3)) > 0
    assert np.argwhere(changed).tolist() == [[1, 5], [2, 5]]
    assert filled.dtype == np.float32
    np.testing.assert_array_equal(gap_filling.slerp_rotations(turns, np.zeros(4, bool)), turns)


@pytest.mark.parametrize(("local", "known"), [((4, 24, 3), (4,)), ((4, 24, 3, 3), (3,)), ((4, 24, 3, 3), (4, 23))])
def test_rotations_of_other_shapes_are_refused(local, known):
    with pytest.raises(ValueError, match=r"`local` must be \(T, J, 3, 3\)"):
        gap_filling.slerp_rotations(np.zeros(local), np.zeros(known, bool))
