"""The noise protocol: exact without noise, worse with more of it, the same for every solver, seed and batch size."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import data, evaluation, rotations, solvers
from niki_tf.evaluation import noise


@pytest.fixture(scope="module")
def analytic(toy_body):
    return solvers.Analytic(toy_body.rest_skeleton())


def crude(inputs):
    """A solver that is quick to compile: turns the root by what a knee shows, and nothing else."""
    root = rotations.rotvec_to_matrix(inputs["joints"][:, 4:5])
    return {"global_orient": root, "body_pose": tf.eye(3, batch_shape=[tf.shape(root)[0], 23])}


@pytest.fixture(scope="module")
def rows(clips, analytic, toy_body):
    return evaluation.noise_rows(clips, solvers={"analytic": analytic}, body=toy_body, seed=5)


def test_one_row_a_level_with_the_paper_s_columns(rows):
    assert [row["noise_mm"] for row in rows] == [0, 10, 20, 30, 50, 70, 100]
    for row in rows:
        assert list(row) == ["solver", "noise_mm", "frames", "mpjpe", "pa_mpjpe", "pve", "rotation_deg"]
        assert row["solver"] == "analytic"
        assert row["frames"] == 11


def test_the_analytic_solver_is_exact_without_noise_when_told_the_twist(rows):
    assert rows[0]["mpjpe"] < 0.05
    assert rows[0]["pve"] < 0.05
    assert rows[0]["rotation_deg"] < 0.1


@pytest.mark.parametrize("metric", ["mpjpe", "pa_mpjpe", "pve", "rotation_deg"])
def test_error_grows_with_noise(rows, metric):
    assert np.all(np.diff([row[metric] for row in rows]) > 0)
    assert rows[1]["mpjpe"] > 5.0


def test_the_twist_reaches_the_solver(rows, clips, analytic, toy_body):
    blind_solver = {"blind": lambda inputs: analytic({**inputs, "twist": None})}
    blind = evaluation.noise_rows(clips, solvers=blind_solver, body=toy_body, levels_mm=(0,), seed=5)
    assert blind[0]["rotation_deg"] > 5.0


def test_the_twist_can_be_kept_from_the_solvers(rows, clips, analytic, toy_body):
    blind_solver = {"analytic": lambda inputs: analytic({**inputs, "twist": None})}
    settings = {"body": toy_body, "levels_mm": (0, 30), "seed": 5}
    untold = evaluation.noise_rows(clips, solvers={"analytic": analytic}, twist=False, **settings)
    assert untold == evaluation.noise_rows(clips, solvers=blind_solver, **settings)
    assert untold[0] != rows[0]


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


def test_every_solver_sees_the_same_noise(clips, toy_body):
    both = evaluation.noise_rows(clips, solvers={"a": crude, "b": crude}, body=toy_body, levels_mm=(20, 50))
    assert [row["solver"] for row in both] == ["a", "a", "b", "b"]
    for first, second in zip(both[:2], both[2:], strict=True):
        assert {**first, "solver": "b"} == second


def test_stride_counts_through_all_clips(clips):
    poses = np.concatenate([clip.poses for clip in clips])
    np.testing.assert_array_equal(noise.chosen_poses(clips, stride=3), poses[[0, 3, 6, 9]])


def test_noise_of_the_root_moves_all_other_joints(scorer):
    truth = scorer.truth(np.eye(3) + np.zeros([1, 24, 1, 1]), betas=np.zeros([1, 10]))
    error = np.zeros([1, 29, 3])
    error[0, 0], error[0, 4] = [0.1, 0.0, 0.0], [0.0, 0.2, 0.0]
    seen = noise.observation(truth, noise=error)
    moved = seen["joints"] - truth["joints"]
    np.testing.assert_array_equal(seen["joints"][:, 0], np.zeros([1, 3]))
    np.testing.assert_allclose(moved[0, 4], [-0.1, 0.2, 0.0], atol=1e-7)
    np.testing.assert_allclose(moved[0, 5:], np.tile([-0.1, 0.0, 0.0], [24, 1]), atol=1e-7)
    assert sorted(seen) == ["betas", "joints", "twist"]


def test_draws_have_the_protocol_s_distribution():
    betas, errors = noise.draws(20000, num_betas=12, seed=0)
    assert np.abs(betas).max() == 2.5
    assert np.std(betas[:, :10]) == pytest.approx(0.98, abs=0.01)
    np.testing.assert_array_equal(betas[:, 10:], np.zeros([20000, 2]))
    assert np.std(errors) == pytest.approx(1.0, abs=0.005)
    assert errors.shape == (20000, 29, 3)
    assert noise.draws(3, num_betas=4, seed=0)[0].shape == (3, 4)


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
    ],
)
def test_bad_arguments_are_named(change, message, toy_body):
    clip = data.Clip(poses=np.zeros([1, 24, 3]), trans=np.zeros([1, 3]))
    settings = {"clips": [clip], "solvers": {"crude": crude}, "body": toy_body, **change}
    with pytest.raises(ValueError, match=message):
        evaluation.noise_rows(settings.pop("clips"), **settings)
