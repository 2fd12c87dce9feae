"""The noise protocol: exact without noise, worse with more of it, the same for every solver, seed and batch size."""

import numpy as np
import pytest
from quick_solvers import crude

from niki_tf import data, evaluation, motion, solvers
from niki_tf.evaluation.protocols import common


@pytest.fixture(scope="module")
def analytic(toy_body):
    return solvers.Analytic(toy_body.body_joints())


@pytest.fixture(scope="module")
def rows(clips, analytic, toy_body):
    return evaluation.noise_rows(clips, solvers={"analytic": analytic}, body=toy_body, seed=5)


def test_one_row_a_level_with_the_paper_s_columns(rows):
    assert [row["noise_mm"] for row in rows] == [0, 10, 20, 30, 50, 70, 100]
    for row in rows:
        assert list(row) == ["solver", "noise_mm", "frames", "mpjpe", "pa_mpjpe", "pve", "rotation_deg"]
        assert row["solver"] == "analytic"
        assert row["frames"] == 11


def test_the_analytic_solver_is_exact_without_noise_when_given_the_twist(rows):
    assert rows[0]["mpjpe"] < 0.05
    assert rows[0]["pve"] < 0.05
    assert rows[0]["rotation_deg"] < 0.1


@pytest.mark.parametrize("metric", ["mpjpe", "pa_mpjpe", "pve", "rotation_deg"])
def test_error_grows_with_noise(rows, metric):
    assert np.all(np.diff([row[metric] for row in rows]) > 0)
    assert rows[1]["mpjpe"] > 5.0


@pytest.mark.usefixtures("eager")
def test_the_twist_reaches_the_solver(rows, clips, analytic, toy_body):
    blind_solver = {"blind": lambda inputs: analytic({**inputs, "twist": None})}
    blind = evaluation.noise_rows(clips, solvers=blind_solver, body=toy_body, levels_mm=(0,), seed=5)
    assert blind[0]["rotation_deg"] > 5.0


@pytest.mark.usefixtures("eager")
def test_the_twist_can_be_withheld_from_the_solvers(rows, clips, analytic, toy_body):
    blind_solver = {"analytic": lambda inputs: analytic({**inputs, "twist": None})}
    settings = {"body": toy_body, "levels_mm": (0, 30), "seed": 5}
    without = evaluation.noise_rows(clips, solvers={"analytic": analytic}, twist=False, **settings)
    assert without == evaluation.noise_rows(clips, solvers=blind_solver, **settings)
    assert without[0] != rows[0]


@pytest.mark.usefixtures("eager")
def test_seed_decides_and_batch_size_does_not(clips, toy_body):
    settings = {"solvers": {"crude": crude}, "body": toy_body, "levels_mm": (30,)}
    row, again, chopped, other = (
        evaluation.noise_rows(clips, seed=seed, batch_size=size, **settings)[0]
        for seed, size in ((5, 64), (5, 64), (5, 4), (6, 64))
    )
    assert again == row
    for name in ("mpjpe", "pa_mpjpe", "pve", "rotation_deg"):
        assert chopped[name] == pytest.approx(row[name], rel=1e-5)
        assert other[name] != pytest.approx(row[name], rel=1e-4)
    assert chopped["frames"] == row["frames"] == 11


@pytest.mark.usefixtures("eager")
def test_every_solver_sees_the_same_noise(clips, toy_body):
    both = evaluation.noise_rows(clips, solvers={"a": crude, "b": crude}, body=toy_body, levels_mm=(20, 50))
    assert [row["solver"] for row in both] == ["a", "a", "b", "b"]
    for first, second in zip(both[:2], both[2:], strict=True):
        assert {**first, "solver": "b"} == second


@pytest.mark.usefixtures("eager")
def test_every_solver_sees_the_same_estimator_s_errors(clips, toy_body):
    errors = evaluation.JointErrors(estimate=data.estimate, absent=0.2)
    both = evaluation.noise_rows(clips, solvers={"a": crude, "b": crude}, body=toy_body, errors=errors)
    assert [row["factor"] for row in both] == 2 * [0.5, 1, 1.5]
    for first, second in zip(both[:3], both[3:], strict=True):
        assert {**first, "solver": "b"} == second


def test_stride_counts_through_all_clips(clips):
    poses = np.concatenate([clip.poses for clip in clips])
    np.testing.assert_array_equal(common.strided_poses(clips, stride=3), poses[[0, 3, 6, 9]])


@pytest.mark.usefixtures("eager")
def test_a_solver_that_gives_nan_is_not_averaged(clips, toy_body):
    broken = {"broken": lambda inputs: crude({"joints": inputs["joints"] * np.nan})}
    with pytest.raises(FloatingPointError, match="must hold finite rotations"):
        evaluation.noise_rows(clips, solvers=broken, body=toy_body, levels_mm=(10,))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clips": []}, "`clips` must hold at least one clip"),
        ({"solvers": {}}, "`solvers` must name at least one"),
        ({"stride": 0}, "`stride` must be at least 1; got 0"),
        ({"batch_size": -1}, "`batch_size` must be at least 1; got -1"),
        ({"levels_mm": (10, -5)}, r"`levels_mm` .* none below 0; got \(10, -5\)"),
        ({"levels_mm": ()}, "`levels_mm` must be"),
        ({"betas": "guessed"}, "`betas` must be true or zeros or found; got 'guessed'"),
    ],
)
def test_bad_arguments_are_named(change, message, toy_body):
    clip = motion.Clip(poses=np.zeros([1, 24, 3]), trans=np.zeros([1, 3]))
    settings = {"clips": [clip], "solvers": {"crude": crude}, "body": toy_body, **change}
    with pytest.raises(ValueError, match=message):
        evaluation.noise_rows(settings.pop("clips"), **settings)
