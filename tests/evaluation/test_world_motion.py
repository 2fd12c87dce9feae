"""What protocols of whole motions share: where bodies stand, and what the call is given."""

import numpy as np
import pytest

from niki_tf import body, motion, solvers
from niki_tf.evaluation.protocols import world_motion


@pytest.mark.parametrize("convention", ["transl", "pelvis"])
def test_bodies_stand_where_the_clip_says(poser, rng, convention):
    trans, betas = rng.normal(size=[5, 3]), rng.normal(size=10)
    clip = motion.Clip(poses=0.3 * rng.normal(size=[5, 24, 3]), trans=trans, trans_convention=convention)
    truth = world_motion.true_motion(poser, clip, betas, slice(1, 4))
    rest = poser.body_joints(betas[None].astype(np.float32)).numpy()[0, 0]
    wanted = trans[1:4] + (rest if convention == "transl" else 0.0)
    np.testing.assert_allclose(truth["joints"][:, 0], wanted, atol=1e-6)
    posed = poser.truth(truth["rotations"], betas=truth["betas"])["joints"]
    np.testing.assert_allclose(truth["joints"] - truth["joints"][:, :1], posed, atol=1e-6)


@pytest.fixture
def call(monkeypatch):
    """What `niki_tf.solve` is called with."""
    calls = []

    def solve(joints, **options):
        calls.append({"joints": joints, **options})
        return type("Motion", (), {"rotations": np.zeros(1), "transl": np.zeros(1)})

    monkeypatch.setattr(world_motion, "solve", solve)
    return calls


def test_the_call_is_told_unit_axis_rate_and_shape(call, toy_body):
    solver, joints, betas = solvers.Analytic(toy_body.body_joints()), np.ones([3, 29, 3]), np.ones([3, 10])
    world_motion.solved(joints, betas=betas, solver=solver, fps=12.0)
    (given,) = call
    assert given["joints"] is joints
    assert given["betas"] is betas
    assert (given["unit"], given["up"], given["fps"], given["solver"]) == ("m", "y", 12.0, solver)


def test_a_filter_sees_what_is_there_all_the_time(call, toy_body):
    solver, joints = solvers.Analytic(toy_body.body_joints()), np.ones([3, 29, 3])
    joints[1, 7] = np.nan
    world_motion.solved(joints, betas=np.zeros([3, 10]), solver=solver, function=lambda points, fps: points + fps)
    given = call[0]["joints"]
    np.testing.assert_array_equal(np.delete(given, 7, 1), 31.0)
    np.testing.assert_array_equal(given[[0, 2], 7], 1.0)
    assert np.isnan(given[1, 7]).all()
    assert joints[0, 0, 0] == 1.0


def test_an_answer_that_is_not_finite_stops_a_protocol(monkeypatch, toy_body):
    broken = type("Motion", (), {"rotations": np.zeros(1), "transl": np.full(1, np.nan)})
    monkeypatch.setattr(world_motion, "solve", lambda *_, **__: broken)
    solver = solvers.Analytic(toy_body.body_joints())
    with pytest.raises(FloatingPointError, match="gave NaN or infinity"):
        world_motion.solved(np.ones([3, 29, 3]), betas=np.zeros([3, 10]), solver=solver)


def test_distances_are_relative_to_the_root(rng):
    true, shift = rng.normal(size=[4, 29, 3]), np.zeros([4, 29, 3])
    shift[:, 5, 1] = 0.02
    found = world_motion.distances_mm(true + shift + 3.0, true)
    np.testing.assert_allclose(found, 20.0 * (np.arange(29) == 5) + np.zeros([4, 1]), atol=1e-9)


def test_a_solver_that_needs_the_twist_is_named():
    needy = solvers.TwistSwing(
        body.mannequin_joints(), hidden_dim=4, num_couplings=2, rotation_hidden_dim=4, num_rotation_couplings=2
    )
    with pytest.raises(ValueError, match="`solvers` must do without the twist.*; got x"):
        world_motion.check_no_twist({"x": needy})
