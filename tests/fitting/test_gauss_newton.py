"""Gauss-Newton refinement: exact where joints are clean, cautious where they are noisy, blind to absent joints."""

import re

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, rotations, skeletons, solvers
from niki_tf.body import kinematics
from niki_tf.fitting import gauss_newton

BODY_JOINTS = body.mannequin_joints()
COUNT = 6


def _turned(local, size, rng):
    return local @ rotations.rotvec_to_matrix(tf.constant(size * rng.normal(size=[COUNT, 24, 3]), tf.float32))


@pytest.fixture
def bodies(rng):
    """True rotations, an answer that is wrong by 0.02 radians on each axis, true joints, rest joints."""
    rest = BODY_JOINTS(tf.constant(rng.normal(size=[COUNT, 10]), tf.float32))
    true = _turned(tf.eye(3, batch_shape=[COUNT, 24]), 0.4, rng)
    joints, _ = kinematics.forward_kinematics(true, rest)
    return true, _turned(true, 0.02, rng), joints, rest


def _finished(start, joints, rest, *, sigma=None, steps=3):
    sigma = tf.zeros([COUNT, 29]) if sigma is None else tf.constant(sigma, tf.float32)
    return gauss_newton.refine(start, tf.cast(joints, tf.float32), rest, sigma, steps=steps)


def _joint_error(local, joints, rest):
    """Mean distance of the joints, mm, both relative to their mean."""
    difference = (kinematics.forward_kinematics(local, rest)[0] - joints).numpy()
    return 1000 * np.linalg.norm(difference - difference.mean(1, keepdims=True), axis=-1).mean()


def test_clean_joints_are_met(bodies):
    _, start, joints, rest = bodies
    assert _joint_error(start, joints, rest) > 8.0
    assert _joint_error(_finished(start, joints, rest), joints, rest) < 0.5


@pytest.mark.parametrize("known_number", [True, False])
def test_many_bodies_get_what_few_get(bodies, rng, known_number):
    _, start, joints, rest = bodies
    often = -(-gauss_newton.MANY // COUNT)
    many = [tf.repeat(x, often, 0) for x in (start, joints, rest)]
    many[1] += tf.constant(0.005 * rng.normal(size=many[1].shape), tf.float32)

    def finished(start, joints, rest):
        return gauss_newton.refine(start, joints, rest, tf.zeros_like(joints[..., 0]), steps=3)

    specs = [tf.TensorSpec([len(x) if known_number else None, *x.shape[1:]]) for x in many]
    with gauss_newton.for_many():
        found = tf.function(finished, specs, autograph=False)(*many)
    few = [finished(*(x[first : first + COUNT] for x in many)) for first in range(0, often * COUNT, COUNT)]
    np.testing.assert_allclose(found, tf.concat(few, 0), atol=1e-4)  # few have fewer digits, see `tree_sweeps`


def test_the_answer_stays_where_joints_are_noisy(bodies, rng):
    true, _, joints, rest = bodies
    noisy = joints + 0.05 * rng.normal(size=[COUNT, 29, 3])
    assert _joint_error(_finished(true, noisy, rest), joints, rest) < 12.0


def test_little_noise_is_averaged(bodies, rng):
    _, start, joints, rest = bodies
    noisy = joints + 0.005 * rng.normal(size=[COUNT, 29, 3])
    found = _joint_error(_finished(start, noisy, rest), joints, rest)
    assert found < 0.85 * _joint_error(start, joints, rest)
    assert found < 8.0  # what the noise itself measures


def test_where_the_joints_are_and_how_they_are_turned_does_not_matter(bodies, rng):
    _, start, joints, rest = bodies
    noisy = joints + 0.01 * rng.normal(size=[COUNT, 29, 3])
    found = _finished(start, noisy, rest)
    np.testing.assert_allclose(_finished(start, noisy + [3.0, -2.0, 1.0], rest), found, atol=2e-4)
    turn = rotations.rotvec_to_matrix(tf.constant([0.4, 1.2, -0.7]))
    whole = tf.concat([turn @ start[:, :1], start[:, 1:]], 1)
    turned = _finished(whole, tf.linalg.matvec(turn, tf.cast(noisy, tf.float32)), rest)
    np.testing.assert_allclose(turned[:, :1], turn @ found[:, :1], atol=2e-4)
    np.testing.assert_allclose(turned[:, 1:], found[:, 1:], atol=2e-4)


def test_an_absent_joint_has_no_influence(bodies):
    _, start, joints, rest = bodies
    sigma = np.zeros([COUNT, 29])
    sigma[:, [5, 20]] = skeletons.ABSENT
    moved = joints + 0.4 * (sigma > 0)[..., None]
    np.testing.assert_allclose(
        _finished(start, moved, rest, sigma=sigma), _finished(start, joints, rest, sigma=sigma), atol=1e-6
    )


@pytest.mark.parametrize("known", [False, True])
def test_clean_joints_are_not_lost_where_others_are_absent(rng, known):
    count = 300
    rest = BODY_JOINTS(tf.constant(rng.normal(size=[count, 10]), tf.float32))
    turns = tf.constant(rng.normal(size=[2, count, 24, 3]) * np.reshape([0.4, 0.03], [2, 1, 1, 1]), tf.float32)
    true, off = rotations.rotvec_to_matrix(turns[0]), rotations.rotvec_to_matrix(turns[1])
    joints, world = kinematics.forward_kinematics(true, rest)
    seen = rng.random([count, 29]) > 0.6
    sigma = tf.constant(np.where(seen, 0.0, skeletons.ABSENT), tf.float32)
    held = tf.where(np.arange(24)[:, None, None] == 15, world[:, :24], 0.0) if known else None
    start = true @ off
    found = gauss_newton.refine(start, joints, rest, sigma, steps=4, known_rotations=held)

    def distances(local):
        apart = (kinematics.forward_kinematics(local, rest)[0] - joints).numpy()
        share = seen / seen.sum(1, keepdims=True)
        apart -= (share[..., None] * apart).sum(1, keepdims=True)
        return (share * np.linalg.norm(apart, axis=-1)).sum(1)

    assert (distances(found) < distances(start)).all()


def test_a_joint_of_large_sigma_has_less_influence(bodies):
    true, _, joints, rest = bodies
    sigma = np.zeros([COUNT, 29])
    sigma[:, 20] = 0.1
    moved = joints + 0.1 * (sigma > 0)[..., None]
    with_sigma, without = (
        _joint_error(_finished(true, moved, rest, sigma=s), joints, rest) for s in (sigma, 0 * sigma)
    )
    assert with_sigma < 0.6 * without


def test_the_answer_stays_where_sigma_explains_the_noise(bodies, rng):
    _, start, joints, rest = bodies
    seen = joints + 0.05 * rng.normal(size=[COUNT, 29, 3])
    turned = [
        np.degrees(tf.reduce_mean(rotations.geodesic_angle(start, _finished(start, seen, rest, sigma=sigma))))
        for sigma in (np.full([COUNT, 29], 0.05), np.full([COUNT, 29], 0.005))
    ]
    assert turned[0] < 1.1 * turned[1]  # error that sigma explains is noise, not a reason to follow the joints


def test_an_answer_with_absent_joints_may_change_more(bodies, rng):
    _, start, joints, rest = bodies
    sigma = np.zeros([COUNT, 29])
    sigma[:, 10:20] = skeletons.ABSENT
    seen, present = joints + 0.01 * rng.normal(size=[COUNT, 29, 3]), np.flatnonzero(sigma[0] == 0.0)

    def mean_residual(growth):
        local = gauss_newton.refine(start, seen, rest, tf.constant(sigma, tf.float32), steps=4, absent_growth=growth)
        difference = np.take(kinematics.forward_kinematics(local, rest)[0] - seen, present, 1)
        return np.linalg.norm(difference - difference.mean(1, keepdims=True), axis=-1).mean()

    assert mean_residual(gauss_newton.ABSENT_GROWTH) < 0.95 * mean_residual(0.0)


def test_an_outlier_has_less_influence_than_its_size(bodies):
    true, _, joints, rest = bodies
    one = np.eye(29)[20][None, :, None] * [0.1, 0.0, 0.0]
    errors = [_joint_error(_finished(true, joints + far * one, rest), joints, rest) for far in (1, 4)]
    assert errors[1] < 3.0 * errors[0]


def test_it_is_differentiable(bodies, rng):
    _, start, joints, rest = bodies
    noisy = tf.constant(joints + 0.01 * rng.normal(size=[COUNT, 29, 3]), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(start)
        total = tf.reduce_sum(_finished(start, noisy, rest) ** 3)
    gradient = tape.gradient(total, start).numpy()
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).min(axis=(0, 2, 3)).shape == (24,)
    assert (np.abs(gradient).max(axis=(0, 2, 3)) > 0).all()


@pytest.mark.parametrize("seen", [8, 15, 22])
def test_clean_joints_are_solved_however_few_they_are(seen, rng):
    true = rotations.rotvec_to_matrix(tf.constant(0.3 * rng.normal(size=[20, 24, 3]), tf.float32))
    rest = tf.repeat(BODY_JOINTS(tf.zeros([1, 10])), 20, 0)
    joints, _ = kinematics.forward_kinematics(true, rest)
    sigma = np.full([20, 29], skeletons.ABSENT, np.float32)
    for row in sigma:
        row[rng.choice(29, seen, replace=False)] = 0.0
    start = true @ rotations.rotvec_to_matrix(tf.constant(0.02 * rng.normal(size=[20, 24, 3]), tf.float32))
    for given in (start, true):
        found = gauss_newton.refine(given, joints, rest, tf.constant(sigma), steps=4)
        reached, _ = kinematics.forward_kinematics(found, rest)
        away = np.linalg.norm(reached - joints, axis=-1)
        assert away[sigma == 0.0].max() < 0.02


@pytest.mark.parametrize("steps", [-1, 1.5, "a", None, [1], True], ids=repr)
def test_what_is_no_number_of_steps_is_refused(steps):
    message = f"`refine` must be a whole number of steps, 0 or more; got {steps!r}."
    with pytest.raises(ValueError, match=re.escape(message)):
        solvers.Analytic(BODY_JOINTS, refine=steps)


@pytest.mark.slow
def test_a_solver_with_refine_ends_with_it(rng, tmp_path):
    plain = solvers.OneStage(BODY_JOINTS, hidden_dim=8, num_couplings=2)
    refined = solvers.OneStage.from_config({**plain.get_config(), "refine": 1})
    refined.set_weights(plain.get_weights())
    inputs = {"joints": tf.constant(0.3 * rng.normal(size=[3, 29, 3]), tf.float32)}
    answer, finished = plain(inputs), refined(inputs)
    local = tf.concat([answer["global_orient"], answer["body_pose"]], 1)
    expected = gauss_newton.refine(local, inputs["joints"], BODY_JOINTS(tf.zeros([3, 10])), tf.zeros([3, 29]), steps=1)
    np.testing.assert_allclose(finished["body_pose"], expected[:, 1:], atol=1e-5)
    assert (tf.norm(finished["residual"]) < tf.norm(answer["residual"])).numpy()
    before = plain.predict(inputs, verbose=0)
    plain.refine = 1
    after = plain.predict(inputs, verbose=0)
    np.testing.assert_allclose(before["body_pose"], answer["body_pose"], atol=1e-5)
    np.testing.assert_allclose(after["body_pose"], finished["body_pose"], atol=1e-5)
    refined.save(tmp_path / "model.keras")
    assert solvers.load(tmp_path).refine == 1
