"""The frame of the trunk, alone and over time, against cases by hand and a plain loop."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.spatial.transform import Rotation

from niki_tf import body, skeletons
from niki_tf.fitting import trunk_frame

TRUNK = list(skeletons.TRUNK)


@pytest.fixture
def window(rng):
    """Joints (2, 7, 29, 3) that turn from frame to frame, rest joints, sigma, a mask; float64."""
    rest = np.broadcast_to(body.mannequin_joints().joints, [2, 7, 29, 3])
    turns = Rotation.from_rotvec(rng.normal(size=[2, 1, 3]).repeat(7, 1).reshape(-1, 3)) * Rotation.from_rotvec(
        0.1 * rng.normal(size=[14, 3])
    )
    joints = np.einsum("ntij,ntkj->ntki", turns.as_matrix().reshape(2, 7, 3, 3), rest)
    joints += 0.02 * rng.normal(size=joints.shape) + rng.normal(size=[2, 7, 1, 3])
    sigma = np.where(rng.random([2, 7, 29]) < 0.2, skeletons.ABSENT, 0.05 * rng.random([2, 7, 29]))
    mask = np.float64([[1, 1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1, 1]])
    return joints, rest, sigma, mask


def _precision(sigma):
    return np.where(sigma >= skeletons.ABSENT, 1e-6, 1 / (np.minimum(sigma, 1.0) ** 2 + 0.02**2))


def _tensors(*arrays):
    return (tf.constant(array) for array in arrays)


def test_a_turned_and_moved_rest_pose_is_found(rng):
    rest = body.mannequin_joints().joints
    turn = Rotation.from_rotvec([0.7, -1.9, 0.4]).as_matrix()
    rotation, centre = trunk_frame.trunk_frame(*_tensors(rest @ turn.T + [1.0, 2.0, 3.0], rest, np.zeros(29)))
    np.testing.assert_allclose(rotation, turn, atol=1e-9)
    np.testing.assert_allclose(centre, turn @ rest[TRUNK].mean(0) + [1.0, 2.0, 3.0], atol=1e-9)


def test_absent_joints_and_limbs_do_not_count(window, rng):
    joints, rest, sigma, _ = window
    ignored = sigma >= skeletons.ABSENT
    ignored[..., [joint for joint in range(29) if joint not in TRUNK]] = True
    moved = joints + 0.3 * ignored[..., None] * rng.normal(size=joints.shape)
    for found, expected in zip(
        trunk_frame.trunk_frame(*_tensors(moved, rest, sigma)),
        trunk_frame.trunk_frame(*_tensors(joints, rest, sigma)),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, atol=1e-3)


def _smoothed_by_loop(joints, rest, sigma, mask):
    """Rotations by singular values of the moments that are summed over frames and joints in plain loops."""
    found = np.zeros([*mask.shape, 3, 3])
    for window, frame in np.ndindex(*mask.shape):
        moment = np.zeros([3, 3])
        for other in range(mask.shape[1]):
            weights = _precision(sigma[window, other, TRUNK])
            mean = weights / weights.sum()
            seen, still = (x[window, other, TRUNK] - mean @ x[window, other, TRUNK] for x in (joints, rest))
            kernel = mask[window, other] * np.exp(-0.5 * ((frame - other) / 1.5) ** 2)
            moment += kernel * np.einsum("k,ki,kj->ij", weights, seen, still)
        u, _, vt = np.linalg.svd(moment)
        found[window, frame] = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
    return found


@pytest.mark.parametrize("masked", [False, True])
def test_smoothed_rotations_are_those_of_summed_moments(masked, window):
    joints, rest, sigma, mask = window
    mask = mask if masked else np.ones_like(mask)
    rotation, centre = trunk_frame.smoothed_trunk_frame(
        *_tensors(joints, rest, sigma), frame_mask=tf.constant(mask) if masked else None
    )
    np.testing.assert_allclose(rotation, _smoothed_by_loop(joints, rest, sigma, mask), atol=1e-6)
    np.testing.assert_allclose(centre, trunk_frame.trunk_frame(*_tensors(joints, rest, sigma))[1], atol=1e-12)


def test_a_lone_frame_is_not_smoothed(window):
    joints, rest, sigma, _ = (x[:, :1] for x in window)
    alone = trunk_frame.trunk_frame(*_tensors(joints, rest, sigma))
    for found, expected in zip(trunk_frame.smoothed_trunk_frame(*_tensors(joints, rest, sigma)), alone, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_to_local_and_back(window):
    joints, rest, sigma, _ = window
    rotation, centre = trunk_frame.trunk_frame(*_tensors(joints, rest, sigma))
    local = trunk_frame.to_local(tf.constant(joints), rotation, centre)
    by_hand = np.linalg.solve(rotation[1, 2], joints[1, 2, 5] - centre[1, 2].numpy())
    np.testing.assert_allclose(local[1, 2, 5], by_hand, atol=1e-9)
    np.testing.assert_allclose(trunk_frame.to_world(local, rotation), joints - joints[..., :1, :], atol=1e-9)


def test_turn_root_turns_the_root_alone():
    local = Rotation.random(48, random_state=0).as_matrix().reshape(2, 24, 3, 3)
    turn = Rotation.random(2, random_state=1).as_matrix()
    found = trunk_frame.turn_root(tf.constant(local), tf.constant(turn))
    np.testing.assert_allclose(found[:, 0], turn @ local[:, 0], atol=1e-12)
    np.testing.assert_array_equal(found[:, 1:], local[:, 1:])
