"""The prior of motion: what it starts from, what it may not depend on, and the solver that it stands behind."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.spatial.transform import Rotation
from window_makers import SKELETON, made, random_inputs, strong

from niki_tf import contract, rotations, skeletons, solvers
from niki_tf.fitting import interpolation
from niki_tf.inference import graphs
from niki_tf.solvers import motion_prior, temporal_prior
from niki_tf.solvers.joint_completion import JointCompletion

FRAMES = 12
FIRST = {"hidden_dim": 8, "num_couplings": 2, "num_temporal_pairs": 1, "temporal_hidden_dim": 8}
GROUND = np.float32([0.0, 1.0, 0.0, 0.9])


@pytest.fixture
def motion(rng):
    """Local rotations, joints, sigma, rest joints, mask and ground of a window, (1, T, ...) each."""
    turns = Rotation.from_rotvec(0.3 * rng.normal(size=[FRAMES * 24, 3])).as_matrix().reshape(1, FRAMES, 24, 3, 3)
    path = np.cumsum(0.03 * rng.normal(size=[1, FRAMES, 1, 3]), 1)
    joints = SKELETON.joints + path + 0.02 * rng.normal(size=[1, FRAMES, 29, 3])
    rest = np.broadcast_to(SKELETON.joints, joints.shape)
    arrays = [turns, joints, np.zeros([1, FRAMES, 29]), rest, np.ones([1, FRAMES]), np.tile(GROUND, [1, FRAMES, 1])]
    return [tf.constant(array, tf.float32) for array in arrays]


@pytest.fixture(scope="module")
def prior():
    return strong(motion_prior.MotionPrior(hidden_dim=12, num_layers=2))


def lost(sigma, frames, joints):
    """`sigma` with `joints` absent in `frames`."""
    sigma = sigma.numpy().copy()
    sigma[:, frames[:, None], joints] = skeletons.ABSENT
    return tf.constant(sigma)


@pytest.mark.parametrize(
    ("joints", "unknown"),
    [
        ([], set()),
        (["left_wrist"], {"left_elbow", "left_wrist"}),
        (["left_hand"], {"left_wrist", "left_hand"}),
        (["head_top"], {"head"}),
        (["pelvis"], set()),
        (["left_hip", "right_hip", "spine1"], {"pelvis", "left_hip", "right_hip", "spine1"}),
    ],
)
def test_a_rotation_is_told_by_its_joint_and_a_child(joints, unknown):
    seen = np.ones(29, bool)
    seen[[skeletons.SMPL_29.index(name) for name in joints]] = False
    known = motion_prior.known_rotations(tf.constant(seen[None])).numpy()[0]
    assert {skeletons.SMPL_24.names[joint] for joint in np.flatnonzero(~known)} == unknown


def test_it_starts_from_slerp_in_a_gap_and_from_rest_where_nothing_is_ever_seen(motion):
    local, joints, sigma, *others = motion
    gap, legs = np.arange(4, 8), [4, 5, 7, 8, 10, 11, 27, 28]
    sigma = lost(lost(sigma, gap, np.arange(29)), np.arange(FRAMES), legs)
    start = motion_prior.start_of(local, joints, sigma, *others)
    known = np.ones([1, FRAMES, 24], bool)
    known[:, gap] = False
    wanted = interpolation.slerp(local, tf.constant(known)).numpy()
    wanted[:, :, [1, 2, 4, 5, 7, 8, 10, 11]] = np.eye(3)
    np.testing.assert_allclose(start.local, wanted, atol=1e-6)
    line = np.linspace(start.path[0, 3], start.path[0, 8], 6)
    np.testing.assert_allclose(start.path[0, 3:9], line, atol=1e-6)


def test_the_path_is_that_of_the_pelvis(motion):
    local, _, sigma, rest, *others = motion
    local = tf.eye(3, batch_shape=local.shape[:3])
    path = tf.random.stateless_normal([1, FRAMES, 1, 3], [1, 2])
    start = motion_prior.start_of(local, rest - rest[:, :, :1] + path, sigma, rest, *others)
    np.testing.assert_allclose(start.path, path[:, :, 0], atol=1e-5)


def test_the_world_it_happens_in_does_not_matter(prior, motion):
    local, joints, sigma, rest, mask, ground = motion
    sigma = lost(sigma, np.arange(3, 7), np.arange(29))
    turn = tf.constant(Rotation.from_rotvec([0.7, -1.1, 0.4]).as_matrix(), tf.float32)
    away = tf.constant([3.0, -2.0, 5.0])
    turned = tf.concat([turn @ local[:, :, :1], local[:, :, 1:]], 2)
    moved = tf.linalg.matvec(turn, joints) + away
    normal = tf.linalg.matvec(turn, ground[..., :3])
    plane = tf.concat([normal, ground[..., 3:] - tf.reduce_sum(normal * away, -1, keepdims=True)], -1)
    here = prior.correct(motion_prior.start_of(local, joints, sigma, rest, mask, ground), mask)
    there = prior.correct(motion_prior.start_of(turned, moved, sigma, rest, mask, plane), mask)
    np.testing.assert_allclose(there[0][:, :, 0], turn @ here[0][:, :, 0], atol=1e-4)
    np.testing.assert_allclose(there[0][:, :, 1:], here[0][:, :, 1:], atol=1e-4)
    np.testing.assert_allclose(there[1], tf.linalg.matvec(turn, here[1]) + away, atol=1e-4)
    np.testing.assert_allclose(there[2], here[2], rtol=1e-3)


def test_the_ground_matters(prior, motion):
    *others, ground = motion
    mask = others[-1]
    with_ground, without = (
        prior.correct(motion_prior.start_of(*others, plane), mask)[0] for plane in (ground, tf.zeros_like(ground))
    )
    assert np.abs(with_ground - without).max() > 1e-3


def test_the_height_over_the_ground_is_told_from_that_of_a_standing_pelvis(motion):
    """The pelvis of the mannequin is some 0.8 m above the ground, and what is told of it is zero there."""
    local, joints, sigma, rest, mask, _ = motion
    path = motion_prior.start_of(local, joints, sigma, rest, mask, 0.0 * motion[-1]).path
    told = []
    for height in (0.8, 1.3, -9.0):
        distance = height - path[..., 1]
        ground = tf.stack([0.0 * distance, 1.0 + 0.0 * distance, 0.0 * distance, distance], -1)
        told.append(motion_prior.start_of(local, joints, sigma, rest, mask, ground).features.numpy())
    (changed,) = np.flatnonzero(np.ptp(told, 0).max((0, 1)) > 1e-4)
    for features, wanted in zip(told, (0.0, 1.0, -3.0), strict=True):
        np.testing.assert_allclose(features[..., changed], wanted, atol=1e-5)


def test_what_is_absent_is_not_read(prior, motion):
    local, joints, sigma, rest, mask, ground = motion
    sigma = lost(sigma, np.arange(3, 7), np.array([20, 22, 25]))
    other = tf.where(sigma[..., None] >= skeletons.ABSENT, 7.0, joints)
    one, two = (
        prior.correct(motion_prior.start_of(local, seen, sigma, rest, mask, ground), mask) for seen in (joints, other)
    )
    for wanted, found in zip(one, two, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_rotations_stay_rotations(prior, motion):
    local = prior.correct(motion_prior.start_of(*motion), motion[4])[0]
    np.testing.assert_allclose(local @ rotations.transpose(local), np.broadcast_to(np.eye(3), local.shape), atol=1e-5)


def test_bfloat16_is_close_to_float32(prior, motion):
    quick = motion_prior.MotionPrior(hidden_dim=12, num_layers=2, dtype="mixed_bfloat16")
    quick.set_weights(prior.get_weights())
    assert all(weight.dtype == "float32" for weight in quick.weights)
    start = motion_prior.start_of(*motion)
    one, two = (which.correct(start, motion[4])[0] for which in (prior, quick))
    assert 1e-6 < np.abs(one - two).max() < 0.1


def test_behind_trained_networks_it_has_their_answer(rng):
    first, completion = made("temporal"), JointCompletion(hidden_dim=8)
    solver = solvers.TemporalPrior.behind(first, completion, hidden_dim=12, num_layers=1)
    inputs = random_inputs(rng, 2, 9)
    given = [tf.constant(inputs[name]) for name in ("joints", "joint_sigma", "betas")]
    found = solver.first_answer(*given, SKELETON(given[2]), tf.ones([2, 9]))
    np.testing.assert_allclose(found, contract.local_rotations(first(inputs)), atol=1e-5)


def test_only_the_prior_learns():
    solver = solvers.TemporalPrior(SKELETON, first=FIRST, hidden_dim=12, num_layers=1)
    assert {id(w) for w in solver.trainable_variables} == {id(w) for w in solver.prior.trainable_variables}
    assert solver.trainable_variables


def test_the_first_network_is_given_lost_joints_between_their_neighbours():
    still = np.tile(SKELETON.joints, [1, 9, 1, 1]).astype(np.float32)
    moving = still + np.linspace(0.0, 0.8, 9, dtype=np.float32)[:, None, None] * [1.0, 0.0, 0.0]
    sigma = np.full([1, 9, 29], 0.01, np.float32)
    sigma[:, 3:6], sigma[:, :, 20], sigma[:, 7:, 21] = skeletons.ABSENT, skeletons.ABSENT, skeletons.ABSENT
    given = tf.constant(np.where(sigma[..., None] >= skeletons.ABSENT, 9.0, moving), tf.float32)
    joints, found = temporal_prior._interpolated(given, tf.constant(sigma), tf.ones([1, 9]))
    seen = np.arange(29) != 20
    np.testing.assert_allclose(joints.numpy()[:, :, seen], moving[:, :, seen], atol=1e-5)
    np.testing.assert_allclose(found[0, 2:7, 0], [0.01, 0.016, 0.022, 0.016, 0.01], atol=1e-6)
    np.testing.assert_allclose(found[0, 6:, 21], [0.01, 0.016, 0.022], atol=1e-6)
    np.testing.assert_array_equal(found[0, :, 20], skeletons.ABSENT)


def test_in_a_gap_it_answers_between_its_two_networks(motion):
    """Three tenths of the way in gaps of up to four frames, less in longer ones; at ends and where it sees, its own."""
    rotvecs = tf.random.stateless_normal([2, 1, 30, 24, 3], [3, 4])
    first, local = rotations.rotvec_to_matrix(0.2 * rotvecs)
    seen = np.ones([1, 30, 29], bool)
    for frames in (slice(2, 5), slice(10, 20), slice(25, None)):
        seen[:, frames] = False
    seen[:, 7, 1:] = False
    sigma = tf.constant(np.where(seen, 0.0, skeletons.ABSENT), tf.float32)
    mixed = temporal_prior._mixed_in_gaps(local, first, sigma, tf.ones([1, 30]))
    wanted = np.zeros([30, 1])
    wanted[2:5], wanted[10:20] = 0.3, 0.12
    whole = rotations.geodesic_angle(local, first)[0]
    np.testing.assert_allclose(rotations.geodesic_angle(local, mixed)[0], wanted * whole, atol=2e-3)
    np.testing.assert_allclose(rotations.geodesic_angle(first, mixed)[0], (1.0 - wanted) * whole, atol=2e-3)
    own = wanted[:, 0] == 0.0
    np.testing.assert_array_equal(mixed.numpy()[0, own], local.numpy()[0, own])


@pytest.mark.slow
def test_long_motion_goes_through_windows_of_64_frames(rng):
    solver = made("temporal_prior")
    inputs = {"joints": random_inputs(rng, 70)["joints"]}
    compiled = graphs.compile_solver(solver, inputs=inputs, motion=True)
    assert compiled.keywords == {"frames": 64, "step": 32}
    assert compiled(inputs)["body_pose"].shape == (70, 23, 3, 3)


def test_its_file_is_loaded_with_all_three_networks(rng, tmp_path):
    solver = made("temporal_prior")
    solvers.save(solver, tmp_path)
    again = solvers.load(tmp_path)
    assert isinstance(again, solvers.TemporalPrior)
    assert again.first.flow.hidden_dim == solver.first.flow.hidden_dim
    assert again.completion.hidden_dim == 8
    assert keras.ops.shape(again.prior.weights[0]) == keras.ops.shape(solver.prior.weights[0])


def test_another_body_has_the_same_weights(rng):
    solver = made("temporal_prior")
    other = solver.for_body(SKELETON)
    inputs = random_inputs(rng, 1, 5)
    np.testing.assert_allclose(other(inputs)["body_pose"], solver(inputs)["body_pose"], atol=1e-6)
