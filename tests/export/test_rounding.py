"""Weights of eight bits: on their grid, and biases that correct the mean error of rounding."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import toy_body
from scipy.spatial.transform import Rotation

from niki_tf import body, motion, solvers
from niki_tf.body import kinematics
from niki_tf.export import rounding
from niki_tf.rotations import rotvec_to_matrix
from niki_tf.skeletons import SMPL_24, SMPL_29

SKELETON = body.mannequin_joints()
SMALL_SOLVERS = {
    "mlp": lambda: solvers.MLP(SKELETON, hidden_dim=16, num_layers=2),
    "one_stage": lambda: solvers.OneStage(SKELETON, num_couplings=2, hidden_dim=8),
}


@pytest.fixture
def solver():
    keras.utils.set_random_seed(0)
    return solvers.MLP(SKELETON, hidden_dim=64, num_layers=2)


def _rounded_weights_only(solver):
    """The solver with rounded weights and the biases that it had."""
    copy = solver.for_body(solver.body_joints)
    pairs = zip(rounding.rounded(solver).get_weights(), solver.get_weights(), strict=True)
    copy.set_weights([rounded if rounded.ndim == 2 else former for rounded, former in pairs])
    return copy


def test_biases_correct_the_mean_error_of_rounding(solver):
    rotations = rotvec_to_matrix(motion.made_motion(1, frames=256).poses.astype(np.float32))
    joints, _ = kinematics.forward_kinematics(rotations, solver.body_joints(tf.zeros([256, 10])))

    def answers(solver):
        return solver.ik(joints)["body_pose"].numpy()

    true = answers(solver)
    plain, corrected = (
        np.abs((answers(s) - true).mean(0)).mean() for s in (_rounded_weights_only(solver), rounding.rounded(solver))
    )
    assert 0.0 < corrected < 0.6 * plain


def _observed():
    """Rest joints, joints and noisy joints of 512 people who stand, arms hanging, and move at random."""
    rng = np.random.default_rng(0)
    turns = 0.3 * rng.standard_normal([512, 24, 3], np.float32)
    turns[:, SMPL_24.names.index("left_shoulder"), 2] -= 1.2
    turns[:, SMPL_24.names.index("right_shoulder"), 2] += 1.2
    betas = rng.standard_normal([512, SKELETON.num_betas], np.float32)
    rest = SKELETON.joints + np.einsum("jab,nb->nja", SKELETON.directions, betas)
    local = Rotation.from_rotvec(turns.reshape(-1, 3)).as_matrix().reshape(512, 24, 3, 3)
    joints = np.stack([toy_body.walk(*pose)[0] for pose in zip(local, rest, strict=True)])
    return rest, joints, joints + 0.03 * rng.standard_normal(joints.shape, np.float32)


def _dense_layers(solver, rest, joints):
    """Dense layers of a solver, each with its inputs (n, size) in NumPy; preprocessing is the solver's."""
    view = solver.observe(*(tf.constant(x, tf.float32) for x in (joints, np.zeros([512, 29]), rest)))
    moved = rest - SKELETON.joints
    difference = 30.0 * (moved[:, 1:] - moved[:, SMPL_29.parents[1:]]).reshape(512, -1)
    vector = np.concatenate([view.joints.numpy().reshape(512, -1), np.zeros([512, 29])], -1)
    condition = _linear(solver.code, difference)
    yield solver.code, difference
    if isinstance(solver, solvers.MLP):
        yield from _mlp_layers(solver.network.layers, np.concatenate([vector, condition], -1))
        return
    vector = np.concatenate([vector, np.zeros([512, 60])], -1)
    kept, moved = vector[:, 1::2], vector[:, 0::2]
    for conditioner in solver.flow.conditioners:
        x = np.concatenate([kept, condition], -1)
        for layers in (conditioner.scale, conditioner.translation):
            yield from _mlp_layers(layers, x)
        scale, translation = (_run(layers, x) for layers in (conditioner.scale, conditioner.translation))
        kept, moved = moved * np.exp(np.tanh(scale)) + translation, kept


def _mlp_layers(layers, x):
    for number, layer in enumerate(layers):
        yield layer, _run(layers[:number], x, hidden=True)


def _run(layers, x, *, hidden=False):
    """What dense layers give, LeakyReLU after each but, unless all are hidden, the last."""
    for number, layer in enumerate(layers):
        x = _linear(layer, x)
        if hidden or number < len(layers) - 1:
            x = np.where(x > 0.0, x, 0.01 * x)
    return x


def _linear(layer, x):
    kernel, bias = layer.get_weights()
    return x @ kernel.astype(float) + bias


@pytest.mark.parametrize("kind", SMALL_SOLVERS)
def test_rounded_weights_and_biases_are_those_of_a_numpy_computation(kind):
    solver = SMALL_SOLVERS[kind]()
    rest, clean, noisy = _observed()
    pairs = zip(_dense_layers(solver, rest, clean), _dense_layers(solver, rest, noisy), strict=True)
    expected = {}
    for (layer, inputs), (_, noisy_inputs) in pairs:
        kernel, bias = layer.get_weights()
        scale = np.abs(kernel).max(0) / 127
        coarse = np.round(kernel / scale) * scale
        mean = (inputs.mean(0) + noisy_inputs.mean(0)) / 2
        expected[layer] = coarse, bias + mean @ (kernel - coarse)
    found = dict(zip(*map(_all_dense, (solver, rounding.rounded(solver))), strict=True))
    assert found.keys() == expected.keys()
    for layer, (kernel, bias) in expected.items():
        np.testing.assert_allclose(found[layer].kernel, kernel, rtol=1e-6, err_msg=layer.name)
        np.testing.assert_allclose(found[layer].bias, bias, atol=1e-6, err_msg=layer.name)
        assert np.abs(bias).max() > 1e-5, layer.name


def _all_dense(solver):
    return [layer for layer in solver._flatten_layers() if isinstance(layer, keras.layers.Dense)]


class Watched(solvers.MLP):
    """Notes what `call` of Dense is while the solver runs."""

    found = []

    def to_pose(self, *args, **kwargs):
        Watched.found.append(keras.layers.Dense.call)
        return super().to_pose(*args, **kwargs)


def test_the_class_of_dense_layers_stays_as_it_is():
    call, other = keras.layers.Dense.call, keras.layers.Dense(3)
    rounded = rounding.rounded(Watched(SKELETON, hidden_dim=8, num_layers=1))
    assert len(Watched.found) == 2
    assert all(found is call for found in [*Watched.found, keras.layers.Dense.call])
    assert not [layer for layer in [*_all_dense(rounded), other] if "call" in vars(layer)]


def test_the_solver_itself_stays_as_it_is(solver):
    before = [weight.copy() for weight in solver.get_weights()]
    rounding.rounded(solver)
    for weight, expected in zip(solver.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, expected)


@pytest.mark.slow
def test_windows_and_twists_are_made_where_a_solver_needs_them():
    body_joints = body.mannequin_joints()
    temporal = solvers.Temporal(body_joints, num_couplings=2, hidden_dim=8, num_temporal_pairs=1, temporal_hidden_dim=8)
    given_twist = solvers.TwistSwing(
        body_joints, num_couplings=2, hidden_dim=8, num_rotation_couplings=2, rotation_hidden_dim=8
    )
    for solver in (temporal, given_twist):
        assert np.isfinite(np.concatenate([w.ravel() for w in rounding.rounded(solver).get_weights()])).all()
