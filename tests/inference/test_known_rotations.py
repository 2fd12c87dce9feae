"""Known rotations in the one call, in any axes and at any rate, in windows and in streams."""

import numpy as np
import pytest
import tensorflow as tf
from window_makers import made, random_inputs

import niki_tf
from niki_tf import body, rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.inference import rates, streaming, windows
from niki_tf.skeletons import axes

SKELETON = body.mannequin_joints()
HELD = [0, 15, 20]
MIRROR = np.diag([-1.0, 1.0, 1.0])


@pytest.fixture
def motion(rng):
    """Joints (12, 29, 3) with noise, somewhere in the world, and known rotations (12, 24, 3, 3)."""
    turns = 0.3 * rng.normal(size=[1, 24, 3]) + 0.05 * np.cumsum(rng.normal(size=[12, 24, 3]), 0)
    local = rotations.rotvec_to_matrix(tf.constant(turns, tf.float32))
    joints, world = kinematics.forward_kinematics(local, SKELETON(tf.zeros([12, 10])))
    known = np.zeros([12, 24, 3, 3], np.float32)
    known[:, HELD] = world.numpy()[:, HELD]
    return joints.numpy() + [1.0, 0.2, 3.0] + 0.01 * rng.normal(size=[12, 29, 3]), known


def _solved(joints, known, *, solver, **options):
    betas = np.zeros([*joints.shape[:-3], 10])
    return niki_tf.solve(joints, known_rotations=known, solver=solver, betas=betas, unit="m", **{"up": "y", **options})


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"finish": "off"}, {"smoothing": "light"}, {"fps": 20.0}])
def test_the_answer_keeps_them(motion, options):
    joints, known = motion
    known[3, 15], known[7, 20, 0, 1] = 0.0, np.nan
    held = ~np.isnan(known).any((2, 3)) & known.any((2, 3))
    found = _solved(joints, known, solver=made("recurrent"), **options)
    np.testing.assert_allclose(found.world_rotations[held], known[held], atol=1e-5)
    assert held.sum() == 34


@pytest.mark.slow
def test_points_of_another_joint_set_go_with_them(motion):
    joints, known = motion
    coco = skeletons.POINT_SETS["coco_17"]
    points = np.full([12, 17, 3], np.nan)
    for place, name in enumerate(coco.points):
        if name in skeletons.SMPL_29.names:
            points[:, place] = joints[:, skeletons.SMPL_29.names.index(name)]
    found = _solved(points, known, solver="analytic", skeleton=coco)
    np.testing.assert_allclose(found.world_rotations[:, HELD], known[:, HELD], atol=1e-5)


@pytest.mark.slow
def test_they_turn_with_the_axes_of_the_joints(motion):
    joints, known = motion
    wanted = _solved(joints, known, solver="analytic")
    back = axes.Y_UP["z"].T
    found = _solved(joints @ back.T, back @ known, solver="analytic", up="z")
    np.testing.assert_allclose(found.world_rotations, wanted.world_rotations, atol=1e-3)
    np.testing.assert_allclose(found.world_rotations[:, HELD], known[:, HELD], atol=1e-5)
    mirrored = _solved(joints @ MIRROR, MIRROR @ known @ MIRROR, solver="analytic", mirror=True)
    np.testing.assert_allclose(mirrored.world_rotations, wanted.world_rotations, atol=1e-3)


@pytest.mark.slow
def test_a_frame_without_joints_keeps_them_too(motion):
    joints, known = motion
    joints[[0, 5, 11]] = np.nan
    found = _solved(joints, known, solver=made("recurrent"))
    np.testing.assert_allclose(found.world_rotations[:, HELD], known[:, HELD], atol=1e-5)


@pytest.mark.slow
def test_people_have_their_own(motion):
    joints, known = motion
    turned = np.where(known.any((2, 3))[..., None, None], axes.Y_UP["x"] @ known, 0.0)
    found = _solved(np.stack([joints, joints]), np.stack([known, turned]), solver="analytic")
    for person, wanted in zip(found, (known, turned), strict=True):
        np.testing.assert_allclose(person.world_rotations[:, HELD], wanted[:, HELD], atol=1e-5)


def test_those_of_an_earlier_fit_are_kept_all(motion, rng):
    joints, _ = motion
    local = rotations.rotvec_to_matrix(tf.constant(0.3 * rng.normal(size=[12, 24, 3]), tf.float32))
    found = _solved(joints, body.world_rotations(local), solver="analytic")
    np.testing.assert_allclose(found.rotations, local, atol=1e-5)


@pytest.mark.parametrize(
    ("known", "message"),
    [
        (np.zeros([12, 23, 3, 3]), r"`known_rotations` must have shape \(12, 24, 3, 3\)"),
        (np.zeros([11, 24, 3, 3]), r"`known_rotations` must have shape .* got \(11, 24, 3, 3\)"),
        (np.zeros([12, 24, 3]), r"`known_rotations` must have shape .* got \(12, 24, 3\)"),
        (np.full([12, 24, 3, 3], 0.5), "`known_rotations` must be rotation matrices, orthonormal with determinant 1"),
        (np.full([12, 24, 3, 3], np.inf), "`known_rotations` must be rotation matrices, orthonormal"),
        (np.full([12, 24, 3, 3], np.diag([1.0, 1.0, 1.002])), "`known_rotations` must be rotation matrices"),
    ],
)
def test_what_is_no_rotation_of_every_joint_is_named(motion, known, message):
    with pytest.raises(ValueError, match=message):
        _solved(motion[0], known, solver="analytic")


def test_at_other_times_they_are_known_between_two_that_are():
    turns = np.zeros([3, 24, 3])
    turns[:, 4, 0] = 0.0, 1.0, 2.0
    known = rotations.rotvec_to_matrix(tf.constant(turns, tf.float32)).numpy()
    known[2, 5] = 0.0
    found = rates.known_rotations_at(np.array([0.5, 1.25]), known, np.arange(3.0))
    np.testing.assert_allclose(rotations.matrix_to_rotvec(found[:, 4])[:, 0], [0.5, 1.25], atol=1e-6)
    assert found[0, 5].any()
    assert not found[1, 5].any()


def test_windows_blend_to_them(motion):
    joints, known = (np.concatenate([x, x]) for x in motion)
    found = windows.solve_motion(made("temporal"), {"joints": joints, "known_rotations": known}, frames=8, step=4)
    world = kinematics.world_rotations(tf.constant(np.concatenate([found["global_orient"], found["body_pose"]], 1)))
    np.testing.assert_allclose(world.numpy()[:, HELD], known[:, HELD], atol=1e-5)


@pytest.mark.slow
def test_a_stream_keeps_them(rng):
    solver, joints = made("temporal"), random_inputs(rng, 2, 6)["joints"]
    known = np.zeros([2, 6, 24, 3, 3], np.float32)
    known[:, :, 15] = rotations.rotvec_to_matrix(tf.constant(rng.normal(size=[2, 6, 3]), tf.float32))
    known[:, 3] = np.nan
    state = streaming.start(solver, people=2, known_rotations=True)
    for place in range(6):
        frame = {"joints": joints[:, place], "known_rotations": known[:, place]}
        state, answer = streaming.push(solver, state, frame, delay=2)
        if place in (2, 4):
            local = tf.concat([answer["global_orient"], answer["body_pose"]], 1)
            world = kinematics.world_rotations(local).numpy()
            np.testing.assert_allclose(world[:, 15], known[:, place - 2, 15], atol=1e-5)
    plain = streaming.start(solver, people=2)
    with pytest.raises(ValueError, match=r"`known_rotations` must be told of before; .* start\(known_rotations=True\)"):
        streaming.push(solver, plain, {"joints": joints[:, 0], "known_rotations": known[:, 0]})
