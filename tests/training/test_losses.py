import functools

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, data, solvers, training
from niki_tf.data import pipeline, random_streams
from niki_tf.fitting import absent_joints, trunk_frame
from niki_tf.solvers.learned import View
from niki_tf.training import losses

SKELETON = body.mannequin_joints()
NOISE = {"padding": 60, "embedding": 78}


@pytest.fixture(scope="module")
def batch():
    motion = data.load_sources(["made"], made_frames=200)
    draws = random_streams.RandomStreams(0, tf.constant(3, tf.int64), batch_size=16, shard=(0, 1))
    return pipeline.example_batch(draws, motion, SKELETON, data.Augmentation(), data.Corruption(), noise_sizes=NOISE)


def test_discrepancy_of_two_points_by_hand():
    x, y = tf.constant([[0.0]]), tf.constant([[1.0]])
    kernel = sum(a * a / (a * a + 1.0) for a in (0.05, 0.2, 0.9))
    np.testing.assert_allclose(training.discrepancy(x, y), 3 + 3 - 2 * kernel, rtol=1e-5)


def test_discrepancy_tells_distributions_apart(rng):
    same = training.discrepancy(*(tf.constant(rng.normal(size=[300, 2])) for _ in range(2)))
    other = training.discrepancy(tf.constant(rng.normal(size=[300, 2])), tf.constant(1 + rng.normal(size=[300, 2])))
    assert training.discrepancy(x := tf.constant(rng.normal(size=[9, 2])), x) == 0
    assert other > 10 * same


SOLVERS = {
    "one_stage": lambda: solvers.OneStage(SKELETON, hidden_dim=8, num_couplings=2),
    "twist_swing": lambda: solvers.TwistSwing(
        SKELETON, hidden_dim=8, num_couplings=2, rotation_hidden_dim=8, num_rotation_couplings=2, twist_hidden_dim=8
    ),
}
PAPER = {"inv": 1.0, "fwd": 1.0, "ind": 1.0, "bnd_inv": 0.1, "bnd_fwd": 1.0}


@pytest.mark.parametrize("name", SOLVERS)
def test_every_term_counts_and_every_weight_gets_a_gradient(name, batch):
    solver = SOLVERS[name]()
    weights = [variable.value for variable in solver.trainable_variables]
    with tf.GradientTape(persistent=True) as tape:
        total, terms = training.invertible(solver, batch, training.LossWeights())
    assert set(terms) == {*PAPER, "joint_error_mm"}
    np.testing.assert_allclose(total, sum(w * terms[name] for name, w in PAPER.items()), rtol=1e-6)
    for term in PAPER:
        gradients = tape.gradient(terms[term], weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        assert max(np.abs(g).max() for g in gradients) > 0, term
    for variable, gradient in zip(solver.trainable_variables, tape.gradient(total, weights), strict=True):
        assert np.abs(gradient).max() > 0, variable.path


class _Watched(solvers.OneStage):
    """Hands out the embedding that inverse kinematics finds through a variable, so that its gradient can be seen."""

    def to_pose(self, seen, shape, *, training=False):
        pose, z, between = super().to_pose(seen, shape, training=training)
        return pose, z + self.watched, between


def test_fwd_does_not_change_the_embedding_that_it_is_given(batch):
    solver = _Watched(SKELETON, hidden_dim=8, num_couplings=2)
    solver.watched = tf.Variable(tf.zeros([32]), trainable=False)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(solver.watched)
        _, terms = training.invertible(solver, batch, training.LossWeights())
    moved = {name: tape.gradient(terms[name], solver.watched) is not None for name in PAPER}
    assert moved == {"inv": False, "fwd": False, "ind": True, "bnd_inv": True, "bnd_fwd": False}


def test_the_swing_counts_where_every_twist_is_known(batch):
    solver, weights = SOLVERS["twist_swing"](), training.LossWeights()
    for variable in solver.rotation_flow.trainable_variables + solver.twist_network.trainable_variables:
        variable.assign(tf.zeros_like(variable))
    known = batch | {"noisy_twist": batch["twist"]}
    unknown = batch | {"noisy_twist": tf.zeros_like(batch["twist"])}
    other = {"swing": -batch["swing"]}
    for case, change in ((known, True), (unknown, False)):
        right, wrong = (training.invertible(solver, case | more, weights)[1]["inv"] for more in ({}, other))
        assert (abs(float(right - wrong)) > 1e-3) is change


class _Knows:
    """A solver without weights that answers what it was given."""

    def __init__(self, true):
        self.true = true

    def observe(self, joints, joint_sigma, rest_joints):
        return View(joints, joint_sigma, tf.eye(3, batch_shape=[len(joints)]), joints[:, 0])

    def network_condition(self, betas, rest_joints, heat_moments):
        return betas

    def to_pose(self, joints, joint_sigma, condition, *, training):
        return tf.concat([self.true, self.true[: len(joints) - len(self.true)]], 0)


def test_regression_loss_is_zero_for_the_truth_only(batch):
    bodies = batch | {"rest_joints": SKELETON(batch["betas"])}
    joints, _ = body.forward_kinematics(batch["rotations"], bodies["rest_joints"])
    bodies["joints"] = joints - joints[:, :1]
    truth = tf.reshape(batch["rotations"][..., :2, :], [16, 144])
    right, terms = training.regression(_Knows(truth), bodies, training.LossWeights())
    wrong, _ = training.regression(_Knows(truth[::-1]), bodies, training.LossWeights())
    np.testing.assert_allclose(right, 0.0, atol=1e-6)
    np.testing.assert_allclose(terms["joint_error_mm"], 0.0, atol=1e-3)
    assert wrong > 0.05


@pytest.fixture(scope="module")
def windows():
    """Four windows of six frames, two of them with filler."""
    motion = data.load_sources(["made"], made_frames=200)
    draws = random_streams.RandomStreams(0, tf.constant(3, tf.int64), batch_size=4, shard=(0, 1))
    batch = pipeline.example_batch(
        draws, motion, SKELETON, data.Augmentation(), data.Corruption(), frames=6, noise_sizes=NOISE
    )
    mask = tf.constant([[1.0] * 6, [1, 1, 1, 1, 0, 0], [1.0] * 6, [1, 0, 0, 0, 0, 0]])
    return batch | {"frame_mask": mask}


@functools.cache
def temporal():
    return solvers.Temporal(SKELETON, hidden_dim=8, num_couplings=2, num_temporal_pairs=1, temporal_hidden_dim=8)


@functools.cache
def recurrent():
    return solvers.Recurrent(SKELETON, hidden_dim=8)


OVER_TIME = {
    "temporal": (temporal, training.invertible),
    "recurrent": (recurrent, training.regression),
}


@pytest.mark.parametrize("name", OVER_TIME)
def test_filler_frames_do_not_count(name, windows, rng):
    make, loss = OVER_TIME[name]
    solver, weights = make(), training.LossWeights(accel=1.0)
    there = windows["frame_mask"] > 0.0
    noise = {key: tf.constant(rng.normal(size=value.shape), tf.float32) for key, value in windows.items()}
    other = {
        key: tf.where(tf.reshape(there, [4, 6] + [1] * (value.shape.rank - 2)), value, noise[key])
        for key, value in windows.items()
        if key != "frame_mask"
    }
    total, terms = loss(solver, windows, weights)
    changed, others = loss(solver, other | {"frame_mask": windows["frame_mask"]}, weights)
    for term, value in terms.items():
        np.testing.assert_allclose(others[term], value, rtol=2e-4, err_msg=term)
    without, _ = loss(solver, windows | {"frame_mask": tf.ones([4, 6])}, weights)
    assert abs(float(without - total)) > 100 * abs(float(changed - total))


def test_every_weight_of_a_solver_that_sees_time_gets_a_gradient(windows):
    for make, loss in OVER_TIME.values():
        solver = make()
        weights = [variable.value for variable in solver.trainable_variables]
        with tf.GradientTape() as tape:
            total, _ = loss(solver, windows, training.LossWeights(accel=1.0))
        without = [
            variable.path
            for variable, gradient in zip(solver.trainable_variables, tape.gradient(total, weights), strict=True)
            if gradient is None or np.abs(gradient).max() == 0.0
        ]
        assert without == []


def test_a_solver_that_smooths_joints_is_given_smoothed_ones(windows):
    solver = temporal()
    noisy, sigma, mask = windows["noisy"], windows["joint_sigma"], windows["frame_mask"]
    smoothed = solver.preprocess(absent_joints.fill_absent(noisy, windows["rest_joints"], sigma), sigma, mask)
    rotation, centre = solver.coordinate_frame(smoothed, windows["rest_joints"], sigma, mask)
    view = losses.observe_noisy(solver, windows)
    np.testing.assert_allclose(view["joints"], trunk_frame.to_local(smoothed, rotation, centre), atol=1e-5)
    assert np.abs(smoothed - noisy + noisy[..., :1, :] - smoothed[..., :1, :]).max() > 0.01


def test_acceleration_error_by_hand():
    error = np.zeros([1, 5, 29, 3], np.float32)
    error[0, :, :, 0] = np.array([0.0, 0.0, 3.0, 6.0, 9.0])[:, None]  # bends once, at the second frame
    turn = np.float32([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    view = {"frame": tf.constant(np.tile(turn, [1, 5, 1, 1])), "frame_mask": tf.ones([1, 5])}
    found = losses._acceleration_error(tf.constant(error), view)
    np.testing.assert_allclose(found, [[0.0, 1.0, 0.0, 0.0, 0.0]], atol=1e-6)
    view["frame_mask"] = tf.constant([[1.0, 1.0, 0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(losses._acceleration_error(tf.constant(error), view), np.zeros([1, 5]))
    turning = np.stack([np.eye(3), turn, turn @ turn, turn, np.eye(3)]).astype(np.float32)
    constant = np.float32(np.einsum("tji,j->ti", turning, [1.0, 0.0, 0.0]))[None, :, None] * np.ones([1, 1, 29, 1], "f")
    view = {"frame": tf.constant(turning[None]), "frame_mask": tf.ones([1, 5])}
    np.testing.assert_allclose(losses._acceleration_error(tf.constant(constant), view), np.zeros([1, 5]), atol=1e-6)
