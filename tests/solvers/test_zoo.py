"""Solvers by the names that programs take."""

import numpy as np
import pytest

from niki_tf import body, solvers
from niki_tf.inference import graphs
from niki_tf.solvers import zoo


@pytest.fixture(scope="module")
def body_joints():
    return body.mannequin_joints()


@pytest.fixture(scope="module")
def stored(body_joints, tmp_path_factory):
    folder = tmp_path_factory.mktemp("solver")
    solver = solvers.OneStage(body_joints, num_couplings=2, hidden_dim=8)
    zoo.save(solver, folder)
    return solver, folder


def _inputs(frames):
    joints = np.random.default_rng(0).normal(size=[frames, 29, 3]).astype(np.float32)
    return {"joints": joints, "betas": np.full([frames, 10], 0.5, np.float32)}


def test_analytic_is_made_for_the_skeleton(body_joints):
    solver = zoo.load("analytic", body_joints=body_joints)
    assert isinstance(solver, solvers.Analytic)
    assert solver.body_joints is body_joints


def test_a_folder_gives_the_stored_solver(stored, body_joints):
    solver, folder = stored
    loaded = zoo.load(str(folder), body_joints=body_joints)
    found = loaded(_inputs(4))
    for name, value in solver(_inputs(4)).items():
        np.testing.assert_allclose(found[name], value, atol=1e-6, err_msg=name)


def test_a_stored_solver_is_not_made_anew_for_its_own_body(stored, monkeypatch):
    solver, folder = stored
    rounded = body.BodyJoints(solver.body_joints.joints + 1e-15, directions=solver.body_joints.directions)
    fewer = body.BodyJoints(rounded.joints, directions=rounded.directions[..., :3])
    made = []
    monkeypatch.setattr(solvers.OneStage, "for_body", lambda self, body_joints: made.append(body_joints) or self)
    zoo.load(str(folder), body_joints=rounded)
    assert made == []
    zoo.load(str(folder), body_joints=fewer)
    assert made == [fewer]


def test_a_stored_solver_serves_the_skeleton_asked_for(stored, body_joints):
    usual, folder = stored
    larger = body.BodyJoints(1.1 * body_joints.joints, directions=body_joints.directions)
    loaded = zoo.load(str(folder), body_joints=larger)
    np.testing.assert_array_equal(loaded.body_joints.joints, larger.joints)
    difference = loaded(_inputs(4))["body_pose"] - usual(_inputs(4))["body_pose"]
    assert np.abs(difference).max() > 1e-4


def test_a_name_that_ends_in_finish_switches_it_on(stored, body_joints):
    _, folder = stored
    for name, kind in (("analytic", solvers.Analytic), (str(folder), solvers.OneStage)):
        finished = zoo.load(f"{name}+finish", body_joints=body_joints)
        assert isinstance(finished, kind)
        assert finished.refine == 4
        assert zoo.load(name, body_joints=body_joints).refine == 0


def test_compiled_takes_any_number_of_frames_and_equals_the_plain_call(stored):
    solver, _ = stored
    solve = graphs.compile_solver(solver, inputs=_inputs(1))
    for frames in (1, 5):
        answer, plain = solve(_inputs(frames)), solver(_inputs(frames))
        assert sorted(answer) == ["body_pose", "expected_error", "global_orient", "residual", "state", "transl", "z"]
        for name, value in answer.items():
            assert isinstance(value, np.ndarray)
            np.testing.assert_allclose(value, plain[name], atol=1e-5, err_msg=name)


def test_what_is_no_solver_is_named(tmp_path):
    wanted = (
        "`solver` must be one of analytic, .*or a folder that holds model.keras; got .*, and there is no such folder"
    )
    for name in (tmp_path / "absent", tmp_path / "absent+finish", "+finish+finish"):
        with pytest.raises(ValueError, match=wanted):
            zoo.check_solver(str(name))
    with pytest.raises(ValueError, match="must hold model.keras; got the folder .* without one"):
        zoo.load(str(tmp_path), body_joints=None)
    with pytest.raises(ValueError, match="must hold model.keras; got the folder .* without one"):
        zoo.check_solver(f"{tmp_path}+finish")


def test_half_precision_halves_the_file_and_rounds_weights_only(tmp_path, rng):
    solver = solvers.TwistSwing(
        body.mannequin_joints(), num_couplings=2, hidden_dim=32, num_rotation_couplings=2, twist_hidden_dim=8
    )
    solvers.save(solver, tmp_path / "full")
    solvers.save(solver, tmp_path / "half", half=True)
    sizes = [(tmp_path / name / "model.keras").stat().st_size for name in ("full", "half")]
    assert sizes[1] < 0.6 * sizes[0]
    again = solvers.load(tmp_path / "half")
    assert {variable.dtype for variable in again.variables} == {"float32"}
    for stored, weight in zip(again.get_weights(), solver.get_weights(), strict=True):
        np.testing.assert_array_equal(stored, weight.astype(np.float16).astype(np.float32))


def test_weights_that_half_precision_cannot_hold_are_named(tmp_path, body_joints):
    solver = solvers.OneStage(body_joints, num_couplings=2, hidden_dim=8)
    largest = solver.weights[-1]
    largest.assign(np.full(largest.shape, 7e4, np.float32))
    with pytest.raises(ValueError, match="`half` must be for weights of at most 65,504; got 7e.04 in "):
        zoo.save(solver, tmp_path, half=True)
    assert not list(tmp_path.iterdir())
