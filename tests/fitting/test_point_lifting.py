"""From points of other joint sets to SMPL's joints, on bodies in any pose and of any size."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.fitting import point_lifting

BODY_JOINTS = body.mannequin_joints()
SETS = [name for name in skeletons.POINT_SETS if name != "ntu_25"]


@pytest.fixture
def posed(rng):
    """Of three people in some pose, a function of a set: its points, those at rest, joints at rest and posed, world."""
    local = rotations.rotvec_to_matrix(tf.constant(0.4 * rng.normal(size=[3, 24, 3]), tf.float32))
    rest = BODY_JOINTS(tf.constant(rng.normal(size=[3, 10]), tf.float32))
    joints, world = kinematics.forward_kinematics(local, rest)

    def pose(point_set):
        at_rest = point_lifting.rest_points(point_set, rest)
        points, _ = point_lifting.pose_points(point_set, local, rest)
        return points, at_rest, rest, joints, world

    return pose


@pytest.mark.parametrize("name", SETS)
def test_with_the_true_rotations_what_hangs_on_a_joint_tells_it_exactly(name, posed):
    point_set = skeletons.POINT_SETS[name]
    points, at_rest, rest, joints, world = posed(point_set)
    found, sigma = point_lifting.lift(point_set, points, tf.zeros(points.shape[:2]), at_rest, rest, world)
    told = {clue.joint for clue in point_set.clues}
    exact = {clue.joint for clue in point_set.clues if clue.exact}
    for joint in range(29):
        assert (sigma[:, joint] >= skeletons.ABSENT).numpy().all() == (joint not in told)
        rigid = all(clue.carrier == (joint if joint < 24 else 15) for clue in point_set.clues if clue.joint == joint)
        if joint in told and (joint in exact or rigid):
            np.testing.assert_allclose(found[:, joint], joints[:, joint], atol=2e-5, err_msg=str(joint))


def test_a_point_away_from_its_joint_is_trusted_less_and_an_absent_one_not_at_all(posed):
    point_set = skeletons.PointSet("few", ("left_heel", "left_wrist", "left_outer_hip", "nose", "left_eye"))
    points, at_rest, rest, _, world = posed(point_set)
    given = np.zeros([3, 5], np.float32)
    given[:, 3] = skeletons.ABSENT
    found, sigma = point_lifting.lift(point_set, points, tf.constant(given), at_rest, rest, world)
    heel, wrist, head = (sigma[:, skeletons.SMPL_29.index(n)].numpy() for n in ("left_ankle", "left_wrist", "head"))
    distance = np.linalg.norm(at_rest[:, 0] - rest[:, 7], axis=-1)
    np.testing.assert_allclose(heel, 0.3 * distance + 0.01, rtol=1e-4)
    np.testing.assert_allclose(wrist, 0.0, atol=1e-4)
    moved = tf.constant(points.numpy() + np.float32([[[0], [0], [0], [5.0], [0]]]))
    again, _ = point_lifting.lift(point_set, moved, tf.constant(given), at_rest, rest, world)
    np.testing.assert_array_equal(again, found)
    given[:, 4] = 0.1
    worse = point_lifting.lift(point_set, points, tf.constant(given), at_rest, rest, world)[1].numpy()[:, 15]
    np.testing.assert_allclose(worse, np.hypot(head, 0.1), rtol=1e-4)


@pytest.mark.parametrize("name", SETS)
def test_the_trunk_of_a_turned_body_at_rest_is_found(name, rng):
    point_set, rest = skeletons.POINT_SETS[name], BODY_JOINTS(tf.zeros([2, 10]))
    at_rest = point_lifting.rest_points(point_set, rest)
    turn = rotations.rotvec_to_matrix(tf.constant(rng.normal(size=[2, 3]), tf.float32))
    points = tf.linalg.matvec(turn[:, None], at_rest) + [1.0, 2.0, 3.0]
    found = point_lifting.trunk_rotation(point_set, points, tf.zeros(points.shape[:2]), at_rest)
    np.testing.assert_allclose(found, turn, atol=1e-4)


def test_offsets_grow_with_the_bones():
    taller = body.BodyJoints(1.2 * BODY_JOINTS.joints, directions=BODY_JOINTS.directions)
    shape = tf.zeros([1, 10])
    for name in ("mediapipe_33", "smplx_55", "kit_21"):
        point_set = skeletons.POINT_SETS[name]
        small, large = (point_lifting.rest_points(point_set, of(shape)) for of in (BODY_JOINTS, taller))
        np.testing.assert_allclose(large, 1.2 * small, atol=1e-5)
