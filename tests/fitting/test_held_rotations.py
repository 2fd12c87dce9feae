"""Known rotations: held exactly, whatever else moves, and what they tell of the joints."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.fitting import gauss_newton, gauss_newton_windows, held_equations, held_rotations, residuals

BODY_JOINTS = body.mannequin_joints()
PARENTS = skeletons.SMPL_29.parents
HELD = [0, 4, 15, 18, 20]


@pytest.fixture
def pose(rng):
    """Local rotations (3, 24, 3, 3), the joints (3, 29, 3) that they pose, world rotations and rest joints."""
    local = rotations.rotvec_to_matrix(tf.constant(0.5 * rng.normal(size=[3, 24, 3]), tf.float32))
    rest = BODY_JOINTS(tf.constant(rng.normal(size=[3, 10]), tf.float32))
    joints, world = kinematics.forward_kinematics(local, rest)
    return local, joints.numpy(), world.numpy(), rest


def _known(world, *held):
    """The world rotations of some joints, zeros elsewhere."""
    known = np.zeros_like(world)
    known[:, list(held)] = world[:, list(held)]
    return tf.constant(known)


def _turned(local, rng, size=0.2):
    turns = tf.constant(size * rng.normal(size=local.shape[:-1]), tf.float32)
    return tf.linalg.matmul(local, rotations.rotvec_to_matrix(turns))


def _sigma(count, *absent):
    sigma = np.zeros([count, 29], np.float32)
    sigma[:, list(absent)] = skeletons.ABSENT
    return sigma


def test_the_known_ones_are_held_and_all_others_stay_relative_to_their_parents(pose, rng):
    local, _, world, _ = pose
    start = _turned(local, rng).numpy()
    held = held_rotations.hold(tf.constant(start), _known(world, *HELD)).numpy()
    found = [held[:, 0]]
    for joint in range(1, 24):
        found.append(found[PARENTS[joint]] @ held[:, joint])
    others = [joint for joint in range(24) if joint not in HELD]
    np.testing.assert_allclose(np.stack(found, 1)[:, HELD], world[:, HELD], atol=2e-6)
    np.testing.assert_array_equal(held[:, others], start[:, others])


def test_after_an_answer_what_was_seen_stays_in_the_world(pose, rng):
    local, _, world, _ = pose
    start = _turned(local, rng)
    lost = (5, 8, 11, 28)  # the right leg below the hip
    held = held_rotations.hold_seen(start, _known(world, 0, 20), tf.constant(_sigma(3, *lost)))
    before, after = kinematics.world_rotations(start).numpy(), kinematics.world_rotations(held).numpy()
    np.testing.assert_allclose(after[:, [0, 20]], world[:, [0, 20]], atol=2e-6)
    np.testing.assert_allclose(after[:, [1, 4, 9, 18]], before[:, [1, 4, 9, 18]], atol=2e-6)
    np.testing.assert_array_equal(held.numpy()[:, [2, 5, 8, 22]], start.numpy()[:, [2, 5, 8, 22]])


def test_what_is_no_number_is_not_known(pose):
    world = pose[2].copy()
    world[0, 3, 1, 1], world[1, 5] = np.nan, 0.0
    known = held_rotations.read(tf.constant(world))
    told = held_rotations.is_known(known).numpy()
    assert (told.sum(), told[0, 3], told[1, 5]) == (70, False, False)
    np.testing.assert_array_equal(known[0, 3], np.zeros([3, 3]))
    np.testing.assert_allclose(known[2], world[2], atol=1e-6)


def test_an_absent_joint_between_seen_ones_is_where_known_bones_put_it(pose):
    _, joints, world, rest = pose
    sigma = _sigma(3, 0, 1, 18, 22, 24)
    seen = np.where(sigma[..., None] > 0.0, 7.0, joints)
    told, told_sigma = held_rotations.tell(tf.constant(seen), tf.constant(sigma), rest, _known(world, 0, 18, 15))
    np.testing.assert_allclose(told.numpy()[:, [0, 1, 18]], joints[:, [0, 1, 18]], atol=1e-5)
    assert (told_sigma.numpy()[:, [22, 24]] == skeletons.ABSENT).all()  # nothing was seen below them
    assert (told_sigma.numpy()[:, [0, 1, 18]] == 0.0).all()
    others = [joint for joint in range(29) if joint not in (0, 1, 2, 3, 15, 18, 20, 22, 24)]
    np.testing.assert_array_equal(told.numpy()[:, others], seen[:, others])


def test_joints_of_one_rigid_body_share_their_noise_by_weight(pose):
    _, joints, world, rest = pose
    sigma = np.full([3, 29], 0.03, np.float32)
    sigma[:, 20] = 0.05
    noisy = joints.copy()
    noisy[:, 18] += [0.02, 0.0, 0.0]
    noisy[:, 20] -= [0.0, 0.04, 0.0]
    told, told_sigma = held_rotations.tell(tf.constant(noisy), tf.constant(sigma), rest, _known(world, 18))
    precise, coarse = 1.0 / (0.03**2 + 0.02**2), 1.0 / (0.05**2 + 0.02**2)
    shift = (precise * np.array([0.02, 0, 0]) - coarse * np.array([0, 0.04, 0])) / (precise + coarse)
    np.testing.assert_allclose(told[:, 18] - joints[:, 18], [shift] * 3, atol=1e-6)
    np.testing.assert_allclose(told[:, 20] - joints[:, 20], [shift] * 3, atol=1e-6)
    wanted = np.sqrt(1.0 / (precise + coarse) - 0.02**2)
    np.testing.assert_allclose(told_sigma.numpy()[:, [18, 20]], np.full([3, 2], wanted), rtol=1e-4)


def test_a_headset_tells_which_way_the_trunk_faces(pose):
    turn = rotations.rotvec_to_matrix(tf.constant([[0.0, 2.5, 0.0]] * 3))[:, None]
    rest = pose[3]
    joints = tf.linalg.matmul(rest, turn[:, 0], transpose_b=True).numpy() + [1.0, 2.0, 3.0]
    seen = (15, 20, 21)
    sigma = _sigma(3, *(joint for joint in range(29) if joint not in seen))
    world = np.broadcast_to(turn.numpy(), [3, 24, 3, 3])
    told, told_sigma = held_rotations.tell(tf.constant(joints, tf.float32), tf.constant(sigma), rest, _known(world, 15))
    trunk = list(skeletons.TRUNK)
    np.testing.assert_allclose(told.numpy()[:, trunk], joints[:, trunk], atol=1e-5)
    assert (told_sigma.numpy()[:, trunk] < 0.5).all()
    _, told_sigma = held_rotations.tell(tf.constant(joints, tf.float32), tf.constant(sigma), rest, _known(world, 4))
    assert (told_sigma.numpy()[:, trunk] == skeletons.ABSENT).all()  # a knee does not tell


@pytest.mark.parametrize("held", [HELD, ()])
def test_the_jacobian_is_the_derivative(pose, held):
    local, joints, world, rest = (tf.cast(x, tf.float64) for x in pose)
    known = _known(pose[2], *held)
    found = held_equations.jacobian(tf.constant(pose[1]), known, skeletons.SMPL_29)
    known = tf.cast(known, tf.float64)
    step = 1e-5
    for joint in (3, 16, 18):
        for axis in range(3):
            turn = step * tf.one_hot(3 * joint + axis, 72, dtype=tf.float64)
            ends = []
            for sign in (1.0, -1.0):
                about_world = rotations.rotvec_to_matrix(tf.reshape(sign * turn, [24, 3]))
                turns = tf.linalg.matmul(tf.linalg.matmul(world, about_world, transpose_a=True), world)
                moved = _held_in_float64(tf.linalg.matmul(local, turns).numpy(), known.numpy())
                ends.append(kinematics.forward_kinematics(tf.constant(moved), rest)[0].numpy())
            np.testing.assert_allclose(found[:, :, 3 * joint + axis], (ends[0] - ends[1]) / (2 * step), atol=1e-5)


def _held_in_float64(local, known):
    """The naive twin of `hold`, joint by joint."""
    world, held = np.zeros_like(local), local.copy()
    for joint in range(24):
        above = world[:, PARENTS[joint]] if joint else np.broadcast_to(np.eye(3), [len(local), 3, 3])
        if known[:, joint].any():
            held[:, joint] = above.swapaxes(-1, -2) @ known[:, joint]
        world[:, joint] = above @ held[:, joint]
    return held


def test_the_finish_holds_them_and_meets_the_joints(pose, rng):
    local, joints, world, rest = pose
    start, known, sigma = _turned(local, rng, 0.05), _known(world, *HELD), tf.zeros([3, 29])
    start = held_rotations.hold(start, known)
    found = gauss_newton.refine(start, tf.constant(joints), rest, sigma, known_rotations=known, steps=6)
    np.testing.assert_allclose(kinematics.world_rotations(found).numpy()[:, HELD], world[:, HELD], atol=3e-6)
    before, after = (residuals.joint_residuals(joints, x, rest, sigma).numpy().max() for x in (start, found))
    assert after < 1e-3 < 0.02 < before


def test_the_finish_over_time_holds_them_in_the_frames_that_have_them(pose, rng):
    local, joints, world, rest = (np.repeat(x, 4, 0)[None] for x in pose)
    noisy = tf.constant(joints + 0.02 * rng.normal(size=joints.shape), tf.float32)
    known = np.zeros_like(world)
    known[0, ::2, HELD] = world[0, ::2, HELD]
    start, sigma = _turned(tf.constant(local), rng, 0.05), tf.zeros([1, 12, 29])
    found = gauss_newton_windows.refine(start, noisy, rest, sigma, known_rotations=tf.constant(known), steps=2)
    turned = kinematics.world_rotations(found).numpy()
    np.testing.assert_allclose(turned[0, ::2][:, HELD], world[0, ::2][:, HELD], atol=3e-6)
    assert np.abs(turned[0, 1::2][:, HELD] - world[0, 1::2][:, HELD]).max() > 1e-3


def test_where_none_is_known_the_finish_is_what_it_was(pose, rng):
    local, joints, _, rest = pose
    start, noisy = _turned(local, rng), tf.constant(joints + 0.02 * rng.normal(size=joints.shape), tf.float32)
    none = tf.zeros([3, 24, 3, 3])
    one, other = (
        gauss_newton.refine(start, noisy, rest, tf.zeros([3, 29]), known_rotations=known, steps=2)
        for known in (None, none)
    )
    np.testing.assert_allclose(one, other, atol=1e-5)
