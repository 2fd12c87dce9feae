"""Legs that reach: feet get where they should, the rest of the body stays."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.fitting import leg_ik
from niki_tf.skeletons.rest import rest_joints


@pytest.fixture
def posed(rng):
    """Rotations, transl and rest joints of five frames of poses with bent knees."""
    vectors = 0.2 * rng.normal(size=[5, 24, 3])
    vectors[:, [4, 5], 0] = 0.6
    local = rotations.rotvec_to_matrix(tf.constant(vectors)).numpy()
    return (
        local,
        rng.normal(size=[5, 3]),
        np.tile(rest_joints(), [5, 1, 1]) * [[[1.0]], [[0.7]], [[1.0]], [[1.2]], [[1]]],
    )


def _joints(local, transl, rest):
    return kinematics.forward_kinematics(tf.constant(local, tf.float64), tf.constant(rest))[0].numpy() + transl[:, None]


def _targets(joints):
    return joints[:, [leg[1:] for leg in leg_ik.LEGS]]


def test_joints_of_the_legs_are_those_of_forward_kinematics(posed):
    right = _joints(*posed)[:, [list(leg) for leg in leg_ik.LEGS]]
    np.testing.assert_allclose(leg_ik.leg_joints(*posed), right, atol=1e-9)


def test_where_all_is_at_its_target_nothing_changes(posed):
    local, transl = leg_ik.reach(*posed, _targets(_joints(*posed)))
    np.testing.assert_allclose(local, posed[0], atol=1e-6)
    np.testing.assert_allclose(transl, posed[1], atol=1e-9)


def test_feet_reach_and_the_trunk_and_the_arms_do_not_turn(posed, rng):
    targets = _targets(_joints(*posed))
    targets[:, :, 1:] += 0.02 * rng.normal(size=[5, 2, 1, 3])
    local, transl = leg_ik.reach(*posed, targets)
    found = _joints(local, transl, posed[2])
    assert np.abs(_targets(found)[:, :, 1:3] - targets[:, :, 1:3]).max() < 2e-3
    turned = [joint for joint in range(24) if not np.allclose(local[:, joint], posed[0][:, joint], atol=1e-6)]
    assert turned == sorted(joint for leg in leg_ik.LEGS for joint in leg[:4])
    shift = found[:, skeletons.TRUNK[0]] - _joints(*posed)[:, skeletons.TRUNK[0]]
    assert 0 < np.linalg.norm(shift, axis=-1).max() < 0.03
    np.testing.assert_allclose(local @ np.swapaxes(local, -1, -2), np.broadcast_to(np.eye(3), local.shape), atol=1e-5)


def test_a_foot_out_of_reach_pulls_the_pelvis(posed):
    local = np.tile(np.eye(3), [1, 24, 1, 1])
    targets = _targets(_joints(local, np.zeros([1, 3]), posed[2][:1])) - [0.0, 0.04, 0.0]
    targets[:, :, 0] += [0.0, 0.04, 0.0]
    _, transl = leg_ik.reach(local, np.zeros([1, 3]), posed[2][:1], targets)
    assert -0.04 < transl[0, 1] < -0.01


@pytest.mark.parametrize("up", [[0.0, 1.0, 0.0], [0.6, 0.8, 0.0]])
def test_toes_below_a_plane_are_bent_up_to_it(posed, up):
    local, transl, rest = posed
    transl[-1] += 5.0 * np.array(up)
    before = leg_ik.leg_joints(local, transl, rest)
    tips, feet = before[:, :, 4] @ up, before[:, :, 3] @ up
    steepest = np.argmax((feet - tips)[:-1])
    level = 0.5 * (tips + feet).flat[steepest]
    changed = leg_ik.lift_toes(local, transl, rest, plane=np.array([*up, -level]))
    after = leg_ik.leg_joints(changed, transl, rest)
    assert tips.flat[steepest] < level - 1e-3
    assert (after[:, :, 4] @ up)[feet > level].min() > level - 1e-6
    fine = tips > level
    assert fine.any()
    np.testing.assert_allclose((after[:, :, 4] @ up)[fine], tips[fine], atol=1e-6)
    np.testing.assert_allclose(after[:, :, :4], before[:, :, :4], atol=1e-6)
