"""The protocol of frame rates: what is given at each, and how errors compare."""

import types

import numpy as np
import pytest
import scipy.ndimage

from niki_tf import evaluation, motion, solvers
from niki_tf.evaluation.protocols import rates


@pytest.fixture(scope="module")
def walks():
    return [motion.made_motion(seed, frames=frames) for seed, frames in ((0, 61), (1, 59))]


@pytest.fixture
def given(monkeypatch):
    """What solvers are given, call by call; their answers are `fps` mm off, but for the root."""
    calls = []

    def answer(joints, *, betas, solver, fps, function):
        calls.append({"joints": joints, "betas": betas, "fps": fps, "function": function})
        off = np.array(joints, np.float64)
        off[:, 1:, 0] += fps / 1000
        return types.SimpleNamespace(joints=lambda: off)

    monkeypatch.setattr(rates, "solved", answer)
    return calls


def _measure(walks, toy_body, **changes):
    solver = {"some": solvers.Analytic(toy_body.body_joints())}
    return evaluation.rate_rows(walks, **{"solvers": solver, "body": toy_body, "noise_mm": 1e-4, **changes})


def test_frames_are_picked_or_come_between(walks, toy_body, given):
    rows = _measure(walks, toy_body)
    by_rate = {call["fps"]: call["joints"] for call in given}
    assert {fps: len(joints) for fps, joints in by_rate.items()} == {10: 21, 15: 31, 30: 61, 60: 121, 120: 241}
    np.testing.assert_allclose(by_rate[10.0], by_rate[30.0][::3], atol=1e-6)
    np.testing.assert_allclose(by_rate[60.0][::2], by_rate[30.0], atol=1e-5)
    between = by_rate[60.0][1::2] - (by_rate[30.0][1:] + by_rate[30.0][:-1]) / 2
    assert 0.0 < np.abs(between).max() < 0.02
    solver = [row for row in rows if row["solver"] == "some"]
    assert [(row["fps"], row["frames"]) for row in solver] == [(fps, 61) for fps in (10, 15, 30, 60, 120)]
    for row in solver:
        assert row["mpjpe"] == pytest.approx(row["fps"] * 23 / 24, rel=1e-4)
        assert row["ratio"] == pytest.approx(row["fps"] / 30, rel=1e-4)


def test_noise_is_independent_and_the_joints_themselves_are_smoothed(walks, toy_body, given):
    rows = _measure(walks, toy_body, noise_mm=30.0, rates=[120])
    by = {(row["way"], row["fps"]): row["mpjpe"] for row in rows if row["solver"] == "joints"}
    assert list(by) == [(way, fps) for way in ("input", "smoothed") for fps in (30.0, 120.0)]
    assert by["input", 30.0] == pytest.approx(by["input", 120.0], rel=0.05)
    assert by["smoothed", 120.0] < by["smoothed", 30.0] < by["input", 30.0]
    _measure(walks, toy_body, rates=[120])
    noise = given[1]["joints"] - given[3]["joints"]
    assert noise.std() == pytest.approx(0.03, rel=0.03)
    assert abs(np.corrcoef(noise[1:].ravel(), noise[:-1].ravel())[0, 1]) < 0.03


def test_smoothing_is_a_normal_kernel(rng):
    joints = rng.normal(size=[80, 29, 3])
    wanted = scipy.ndimage.gaussian_filter1d(joints, 2.0, axis=0, truncate=15.0)
    np.testing.assert_allclose(rates.smooth(joints, 2.0)[20:60], wanted[20:60], atol=1e-9)
    np.testing.assert_allclose(rates.smooth(np.ones([5, 1, 1]), 2.0), 1.0)


@pytest.mark.usefixtures("given")
def test_joints_are_smoothed_over_the_same_seconds_at_every_rate(walks, toy_body, monkeypatch):
    widths = []
    smooth = rates.smooth
    monkeypatch.setattr(rates, "smooth", lambda joints, width: widths.append(width) or smooth(joints, width))
    _measure(walks[:1], toy_body, rates=[15, 120])
    slow, usual, fast = np.sort(np.reshape(widths, [3, -1]), axis=0)
    np.testing.assert_allclose(usual, 2.0 * slow)
    np.testing.assert_allclose(fast, 8.0 * slow)


@pytest.mark.usefixtures("eager")
def test_a_solver_is_measured_printed_and_drawn(walks, toy_body, tmp_path):
    rows = _measure(walks, toy_body, rates=[15], noise_mm=10.0)
    text = rates.rate_tables(rows)
    assert "Ratio to the error at 30 frames per second" in text
    assert f"{rows[0]['mpjpe']:.1f}" in text
    rates.rate_figure(rows, tmp_path / "rates.png", title="Rates")
    assert (tmp_path / "rates.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("changes", [{"rates": []}, {"rates": [0]}, {"noise_mm": -1}])
def test_what_does_not_fit_is_told_before_any_work(walks, toy_body, changes):
    with pytest.raises(ValueError, match="`rates` must be positive, `noise_mm` at least 0"):
        _measure(walks, toy_body, **changes)
