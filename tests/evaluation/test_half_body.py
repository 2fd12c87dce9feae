"""The half-body protocol: what is hidden, how rotations are disturbed, and what is measured."""

import types

import numpy as np
import pytest
import scipy.spatial.transform

from niki_tf import evaluation, motion, rotations, solvers
from niki_tf.evaluation.protocols import half_body

Rotation = scipy.spatial.transform.Rotation
LEGS = [1, 2, 4, 5, 7, 8, 10, 11]


@pytest.fixture(scope="module")
def walks():
    return [motion.made_motion(seed, frames=frames) for seed, frames in ((0, 150), (1, 20))]


@pytest.fixture
def given(monkeypatch):
    """What solvers are given, call by call; all answer with a body at rest."""
    calls = []

    def answer(joints, *, betas, solver, function, ground):
        calls.append({"joints": joints, "betas": betas, "solver": solver, "function": function, "ground": ground})
        return types.SimpleNamespace(rotations=np.tile(np.eye(3, dtype=np.float32), [len(joints), 24, 1, 1]))

    monkeypatch.setattr(half_body, "solved", answer)
    return calls


def _measure(walks, toy_body, **changes):
    solver = {"some": solvers.Analytic(toy_body.body_joints())}
    return evaluation.half_body_rows(walks, **{"solvers": solver, "body": toy_body, **changes})


def test_legs_hands_and_tips_are_hidden_and_the_pelvis_walks_its_path(walks, toy_body, given):
    rows = _measure(walks, toy_body, levels_deg=[0])
    assert [(row["solver"], row["seen"], row["frames"]) for row in rows] == [
        *(("some", seen, 165) for seen in ("path", "no_path", "legs")),
        ("joints", "input", 165),
        ("joints", "input_22", 165),
    ]
    path, no_path, legs = (call["joints"] for call in given[:3])
    hidden = {*LEGS, *range(22, 29)}
    assert {*np.flatnonzero(np.isnan(path).all((0, 2)))} == {*np.flatnonzero(np.isnan(no_path).all((0, 2)))} == hidden
    assert {*np.flatnonzero(np.isnan(legs).all((0, 2)))} == {*range(22, 29)}
    assert np.isnan(path).sum() == 145 * 15 * 3
    np.testing.assert_allclose(np.diff(path[:, 0], axis=0), np.diff(walks[0].trans[:145], axis=0), atol=1e-5)
    np.testing.assert_array_equal(no_path[:, 0], 0.0)
    np.testing.assert_allclose(no_path[:, 15], path[:, 15] - path[:, 0], atol=1e-6)
    told, untold, _ = (call["ground"] for call in given[:3])
    assert untold == "off"
    assert told[:3].tolist() == [0.0, 1.0, 0.0]
    assert abs(told[3]) < 0.15  # about where people walk in made motion
    assert rows[-1]["mpjpe"] == pytest.approx(0.0, abs=1e-3)
    assert rows[0]["mpjpe"] == rows[1]["mpjpe"] == rows[2]["mpjpe"] > 1.0


def test_more_noise_makes_the_input_worse_and_every_clip_has_its_own(walks, toy_body, given):
    rows = _measure(walks, toy_body)
    inputs = [row["mpjpe"] for row in rows if row["seen"] == "input"]
    assert inputs[1] / inputs[0] == pytest.approx(5 / 3, rel=0.1)
    assert inputs[2] / inputs[0] == pytest.approx(7 / 3, rel=0.1)
    betas = given[0]["betas"], given[9]["betas"]
    assert np.abs(betas[0][0] - betas[1][0]).max() > 0.1
    again = _measure(walks, toy_body)
    assert again == rows
    assert _measure(walks, toy_body, seed=1)[-1]["mpjpe"] != rows[-1]["mpjpe"]


def test_angles_are_disturbed_one_by_one(rng):
    local = Rotation.random(6 * 24, rng=0).as_matrix().reshape(6, 24, 3, 3)
    noise = 0.1 * rng.normal(size=[6, 24, 3])
    found = [half_body.disturbed_rotations(local[[frame]], noise[[frame]])[0] for frame in range(6)]
    angles = Rotation.from_matrix(local.reshape(-1, 3, 3)).as_euler("ZXY") + noise.reshape(-1, 3)
    wanted = Rotation.from_euler("ZXY", angles).as_matrix().reshape(6, 24, 3, 3)
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_all_rotations_are_disturbed_the_root_s_too(walks, toy_body, poser, given):
    _measure(walks[1:], toy_body, levels_deg=[3])
    still = given[2]["joints"] - given[2]["joints"][:, :1]
    true = poser.pose(rotations.rotvec_to_matrix(walks[1].poses).numpy(), betas=given[2]["betas"])["joints"]
    for joint in (1, 3, 12, 20):  # of hips and first spine joint it is the root alone that moves them
        assert 0.001 < np.linalg.norm(still[:, joint] - true[:, joint], axis=-1).mean() < 0.2


def test_the_error_is_of_the_eight_joints_relative_to_the_pelvis(rng):
    true = rng.normal(size=[5, 29, 3])
    found = true + 2.0
    found[:, 7, 2] += 0.08
    found[:, 15, 0] += 1.0
    np.testing.assert_allclose(half_body._errors(found, true, half_body.LEGS), 10.0)
    np.testing.assert_allclose(half_body._errors(found, true, range(22)), 1080.0 / 22)


def test_a_filter_goes_with_its_solver(walks, toy_body, given):
    function = evaluation.FILTERS["+one_euro"]
    compared = {name: solvers.Analytic(toy_body.body_joints()) for name in ("a", "a+one_euro")}
    _measure(walks[1:], toy_body, solvers=compared, levels_deg=[3], filters={"a+one_euro": function})
    assert [call["function"] for call in given] == 3 * [None] + 3 * [function]


@pytest.mark.usefixtures("eager")
def test_seen_legs_are_found_and_all_is_drawn(walks, toy_body, tmp_path):
    rows = _measure(walks[1:], toy_body, levels_deg=[0, 3])
    by = {(row["seen"], row["noise_deg"]): row["mpjpe"] for row in rows}
    assert by["legs", 0] < 1.0 < by["path", 0]
    text = half_body.half_body_tables(rows)
    assert "some, legs hidden, path not told" in text
    assert f"{by['input', 3]:.1f}" in text
    half_body.half_body_figure(rows, tmp_path / "half.png", title="Legs")
    assert (tmp_path / "half.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"levels_deg": [-1]}, "`levels_deg` must be degrees, none below 0"),
        ({"levels_deg": []}, "`levels_deg` must be degrees"),
        ({"solvers": {}}, "`solvers` must name at least one"),
    ],
)
def test_what_does_not_fit_is_told_before_any_work(walks, toy_body, changes, message):
    with pytest.raises(ValueError, match=message):
        _measure(walks, toy_body, **changes)
