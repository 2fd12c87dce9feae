"""Weights of eight bits: on their grid, and biases that take back what rounding does on average."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, motion, solvers
from niki_tf.body import kinematics
from niki_tf.export import rounding
from niki_tf.rotations import rotvec_to_matrix


@pytest.fixture
def solver():
    keras.utils.set_random_seed(0)
    return solvers.MLP(body.mannequin_joints(), hidden_dim=64, num_layers=2)


def _coarse(solver):
    """The solver with rounded weights and its own biases."""
    copy = solver.for_body(solver.body_joints)
    copy.set_weights(
        [
            rounded if rounded.ndim == 2 else own
            for rounded, own in zip(rounding.rounded(solver).get_weights(), solver.get_weights(), strict=True)
        ]
    )
    return copy


def test_biases_take_back_what_rounding_does_on_average(solver):
    rotations = rotvec_to_matrix(motion.made_motion(1, frames=256).poses.astype(np.float32))
    joints, _ = kinematics.forward_kinematics(rotations, solver.body_joints(tf.zeros([256, 10])))

    def answers(solver):
        return solver.ik(joints)["body_pose"].numpy()

    true = answers(solver)
    plain, mended = (np.abs((answers(s) - true).mean(0)).mean() for s in (_coarse(solver), rounding.rounded(solver)))
    assert 0.0 < mended < 0.6 * plain


def test_the_solver_itself_stays_as_it_is(solver):
    before = [weight.copy() for weight in solver.get_weights()]
    rounding.rounded(solver)
    for weight, expected in zip(solver.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_windows_and_twists_are_made_where_a_solver_needs_them():
    body_joints = body.mannequin_joints()
    temporal = solvers.Temporal(body_joints, num_couplings=2, hidden_dim=8, num_temporal_pairs=1, temporal_hidden_dim=8)
    told = solvers.TwistSwing(
        body_joints, num_couplings=2, hidden_dim=8, num_rotation_couplings=2, rotation_hidden_dim=8
    )
    for solver in (temporal, told):
        assert np.isfinite(np.concatenate([w.ravel() for w in rounding.rounded(solver).get_weights()])).all()
