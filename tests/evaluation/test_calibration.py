"""The calibration protocol: equal shares, tenths, states apart, and that true errors are what they are."""

import numpy as np
import pytest

from niki_tf import body, data, evaluation, motion, skeletons, solvers
from niki_tf.evaluation.protocols import calibration, conditions, half_body
from niki_tf.evaluation.protocols.calibration import Answered

SAMPLES = 400


@pytest.fixture(scope="module")
def walks():
    return [motion.made_motion(seed, frames=frames) for seed, frames in ((0, 70), (1, 20), (2, 60))]


@pytest.fixture(scope="module")
def poser():
    return body.BodyPoser(body.mannequin())


@pytest.fixture(scope="module")
def observed(walks, poser):
    clips = conditions.middles([walks[0]])
    names = [*conditions.CONDITIONS]
    return dict(
        zip(
            names, conditions.observations(clips, names, poser=poser, occlude=data.occluded_motion, seed=0), strict=True
        )
    )


def test_parts_follow_each_other_and_what_is_too_much_is_left_out_at_both_ends(walks):
    clip = motion.made_motion(3, frames=130)
    parts = conditions.parts([walks[2], clip])
    assert [len(part) for part in parts] == [60, 60, 60]
    np.testing.assert_array_equal(parts[0].poses, walks[2].poses)
    for name in ("poses", "trans"):
        together = np.concatenate([getattr(part, name) for part in parts[1:]])
        np.testing.assert_array_equal(together, getattr(clip, name)[5:125])


def test_noise_is_as_large_as_it_is_said(observed):
    for size in (0, 10, 30, 100):
        one = observed[f"noise_{size}"]
        assert (one.inputs["joints"] - one.true).std() == pytest.approx(size / 1000, rel=0.05, abs=1e-6)


def test_eight_frames_are_lost_and_half_a_body(observed):
    gap, half = observed["gap"].inputs["joints"], observed["half_body"].inputs["joints"]
    assert np.flatnonzero(np.isnan(gap).all((1, 2))).tolist() == [*range(26, 34)]
    assert np.isnan(gap).sum() == 8 * 29 * 3
    hidden = sorted(half_body.LEGS + half_body.UNKNOWN)
    assert np.flatnonzero(np.isnan(half).all((0, 2))).tolist() == hidden
    np.testing.assert_allclose(half[:, 0], observed["half_body"].true[:, 0], atol=1e-5)


def test_occluded_joints_have_a_sigma_and_stand_in_the_world(observed):
    xocc = observed["xocc"]
    away = np.linalg.norm(xocc.inputs["joints"] - xocc.true, axis=-1)
    assert xocc.inputs["joint_sigma"].shape == (60, 29)
    assert 0.005 < np.median(away) < 0.08


def test_bones_of_the_truth_are_those_of_the_body_that_is_given(observed, poser):
    rest = poser.body_joints(observed["gap"].inputs["betas"][:1]).numpy()[0]
    parents = list(skeletons.SMPL_29.parents[1:])
    for one in observed.values():
        lengths = np.linalg.norm(one.true[:, 1:] - one.true[:, parents], axis=-1)
        wanted = np.linalg.norm(rest[1:] - rest[parents], axis=-1)
        np.testing.assert_allclose(lengths, np.tile(wanted, [60, 1]), atol=1e-4)


def _answers(rng, factor):
    """Errors whose mean is `factor` times what is expected, of three states."""
    expected = 0.001 * np.exp(rng.uniform(0.0, 4.0, [SAMPLES, 24]))
    expected[:, 0] = 0.0
    state = rng.choice(3, size=expected.shape, p=[0.8, 0.15, 0.05])
    return Answered(expected, factor * expected * rng.exponential(size=expected.shape), state)


@pytest.mark.parametrize("factor", [1.0, 1.5])
def test_tenths_tell_how_far_joints_are_off(rng, factor):
    rows = calibration._tenths([_answers(rng, factor), _answers(rng, factor)], "all")
    assert [row["tenth"] for row in rows] == [*range(1, 11)]
    assert sum(row["joints"] for row in rows) == 2 * SAMPLES * 23
    assert np.diff([row["expected_mm"] for row in rows]).min() > 0.0
    for row in rows:
        assert row["percent"] == pytest.approx(100.0 * factor, rel=0.15)
        assert row["percent"] == pytest.approx(100.0 * row["error_mm"] / row["expected_mm"])


def test_states_are_told_apart(rng):
    answers = [_answers(rng, 1.0)]
    counts = {name: sum(row["joints"] for row in calibration._tenths(answers, name)) for name in ("seen", "guessed")}
    assert counts["seen"] == (answers[0].state[:, 1:] == 0).sum()
    assert counts["guessed"] == (answers[0].state[:, 1:] == 2).sum()
    assert calibration._tenths([Answered(*(part[:1, :5] for part in answers[0]))], "filled") == []


@pytest.mark.slow
def test_rows_tables_and_figure(walks, tmp_path):
    solver = {"one": solvers.Analytic(body.mannequin_joints())}
    rows = evaluation.calibration_rows(walks, solvers=solver, body=body.mannequin(), occlude=data.occluded_motion)
    assert {(row["way"], row["state"]) for row in rows} == {
        (way, state) for way in ("motion", "frames") for state in ("all", "seen", "guessed")
    }
    assert rows[0]["frames"] == 2 * 7 * 60
    means = [row["error_mm"] for row in rows if (row["way"], row["state"]) == ("frames", "all")]
    assert means[-1] > 3.0 * means[0]
    assert "one, motion, guessed" in calibration.calibration_tables(rows)
    calibration.calibration_figure(rows, tmp_path / "figure.png", title="Some")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_bad_arguments_are_named(walks):
    solver = {"one": solvers.Analytic(body.mannequin_joints())}
    with pytest.raises(ValueError, match="`ways` must be of motion, frames; got none"):
        evaluation.calibration_rows(walks, solvers=solver, body=body.mannequin(), occlude=data.occluded_motion, ways=[])
    with pytest.raises(ValueError, match="`clips` must hold a clip of 60 frames"):
        evaluation.calibration_rows(walks[1:2], solvers=solver, body=body.mannequin(), occlude=data.occluded_motion)
