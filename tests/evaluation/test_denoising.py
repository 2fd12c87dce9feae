"""The denoising protocol: a body that faces the front, noise on 22 joints, errors in two alignments."""

import types

import numpy as np
import pytest

from niki_tf import evaluation, motion, solvers
from niki_tf.evaluation.protocols import denoising


@pytest.fixture(scope="module")
def walks():
    return [motion.made_motion(seed, frames=frames) for seed, frames in ((0, 70), (1, 59), (2, 60))]


@pytest.fixture
def given(monkeypatch):
    """What solvers are given, call by call; all answer with what they were given, 3 mm aside, joint 5 a further 22."""
    calls = []

    def answer(joints, *, betas, solver, known_rotations, function):
        calls.append({"joints": joints, "betas": betas, "known": known_rotations, "function": function})
        moved = np.nan_to_num(joints) + [0.0, 0.003, 0.0]
        moved[:, 5, 1] += 0.022
        return types.SimpleNamespace(joints=lambda: moved)

    monkeypatch.setattr(denoising, "solved", answer)
    return calls


def _measure(walks, toy_body, **changes):
    solver = {"some": solvers.Analytic(toy_body.body_joints())}
    return evaluation.denoising_rows(walks, **{"solvers": solver, "body": toy_body, **changes})


def test_the_body_faces_the_front_at_the_origin_in_the_mean_shape(walks, toy_body, poser, given):
    _measure(walks, toy_body, levels_mm=[0])
    assert len(given) == 4  # two clips, in two ways
    joints = given[0]["joints"]
    assert np.isnan(joints[:, 22:]).all()
    assert not np.isnan(joints[:, :22]).any()
    np.testing.assert_allclose(joints[:, 0], 0.0, atol=1e-6)
    rest = poser.body_joints(np.zeros([1, 10], np.float32)).numpy()[0]
    np.testing.assert_allclose(joints[:, [1, 2, 3]], (rest - rest[0])[[1, 2, 3]] + np.zeros([60, 1, 1]), atol=1e-5)
    assert np.ptp(joints[:, 20], axis=0).max() > 0.01  # the arms move
    assert not given[0]["betas"].any()


def test_errors_are_told_in_both_alignments(walks, toy_body, given):
    rows = _measure(walks, toy_body, levels_mm=[0])
    ways = [(row["solver"], row["way"], row["frames"]) for row in rows]
    assert ways == [("some", "root_sought", 120), ("some", "root_known", 120), ("joints", "input", 120)]
    for row in rows[:2]:
        assert row["mpjpe"] == pytest.approx(1.0, abs=1e-3)
        assert row["world_mpjpe"] == pytest.approx(4.0, abs=1e-3)
    assert rows[2]["mpjpe"] == rows[2]["world_mpjpe"] == 0.0


def test_what_is_known_of_the_root_is_told_in_its_way_alone(walks, toy_body, given):
    _measure(walks[:1], toy_body, levels_mm=[20])
    _measure(walks[:1], toy_body, levels_mm=[0])
    sought, known, clean, _ = given
    assert sought["known"] is None
    np.testing.assert_array_equal(known["known"][:, 0], np.tile(np.eye(3), [60, 1, 1]))
    assert not known["known"][:, 1:].any()
    of_root = [0, 1, 2, 3]
    np.testing.assert_array_equal(known["joints"][:, of_root], clean["joints"][:, of_root])
    np.testing.assert_array_equal(known["joints"][:, 4:22], sought["joints"][:, 4:22])
    assert (sought["joints"] != clean["joints"])[:, :22].all()


def test_noise_has_the_size_that_is_said(walks, toy_body, given):
    rows = _measure(walks, toy_body, levels_mm=[20, 100])
    clean = _measure(walks, toy_body, levels_mm=[0])
    noise = (given[0]["joints"] - given[8]["joints"])[:, :22]
    assert noise.std() == pytest.approx(0.02, rel=0.05)
    np.testing.assert_allclose((given[1]["joints"] - given[8]["joints"])[:, :22], 5.0 * noise, atol=1e-6)
    assert clean[2]["world_mpjpe"] == 0.0
    raw = {row["noise_mm"]: row["world_mpjpe"] for row in rows if row["solver"] == "joints"}
    assert raw[20] == pytest.approx(20 * np.sqrt(8 / np.pi), rel=0.03)  # the mean length of a normal vector
    assert raw[100] == pytest.approx(5 * raw[20], rel=1e-5)


@pytest.mark.usefixtures("eager")
def test_a_solver_is_measured_printed_and_drawn(walks, toy_body, tmp_path):
    rows = _measure(walks[2:], toy_body, levels_mm=[0, 20])
    assert rows[0]["mpjpe"] < rows[1]["mpjpe"]
    text = denoising.denoising_tables(rows)
    assert "MPJPE of 22 joints" in text
    assert "some, root known" in text
    assert all(f"{row['world_mpjpe']:.1f}" in text for row in rows)
    denoising.denoising_figure(rows, tmp_path / "denoising.png", title="Noise")
    assert (tmp_path / "denoising.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"levels_mm": [-1]}, "`levels_mm` must be millimetres, none below 0"),
        ({"levels_mm": []}, "`levels_mm` must be millimetres"),
        ({"batch_size": 0}, "`batch_size` must be at least 1"),
    ],
)
def test_what_does_not_fit_is_told_before_any_work(walks, toy_body, changes, message):
    with pytest.raises(ValueError, match=message):
        _measure(walks, toy_body, **changes)


def test_short_clips_alone_are_an_error(walks, toy_body):
    with pytest.raises(ValueError, match="`clips` must hold a clip of 60 frames or more"):
        _measure(walks[1:2], toy_body)
