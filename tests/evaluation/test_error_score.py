"""The error-score protocol on solvers whose answers are known, and its statistics against SciPy's and by hand."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from niki_tf import body, evaluation, motion, skeletons, solvers
from niki_tf.evaluation.protocols import common, error_score

RANKS = ["rank_error", "rank_mpjpe", "rank_joint", "rank_in_frame"]
FOUND, AUROC = [f"found_{mm}" for mm in (0, 10, 30)], [f"auroc_{mm}" for mm in (0, 10, 30)]


def still(inputs):
    """A solver that always answers the resting pose: right for `resting_clips`, whatever the joints."""
    count = tf.shape(inputs["joints"])[0]
    return {
        "global_orient": tf.eye(3, batch_shape=[count, 1]),
        "body_pose": tf.eye(3, batch_shape=[count, 23]),
    }


def knowing(inputs):
    """The resting pose with a z as long as the joints are wrong: the true ones are those of the resting body."""
    error = inputs["joints"] - body.mannequin_joints()(inputs["betas"])
    return {**still(inputs), "z": tf.reshape(error - tf.reduce_mean(error, 1, keepdims=True), [-1, 87])}


def ignorant(inputs):
    return {**still(inputs), "z": tf.ones([tf.shape(inputs["joints"])[0], 32])}


@pytest.fixture(scope="module")
def resting_clips():
    return [motion.Clip(poses=np.zeros([frames, 24, 3]), trans=np.zeros([frames, 3])) for frames in (40, 20)]


@pytest.fixture(scope="module")
def rows(resting_clips, toy_body):
    solvers_by_name = {"knowing": knowing, "ignorant": ignorant, "still": still}
    found = evaluation.error_score_rows(resting_clips, solvers=solvers_by_name, body=toy_body, seed=3)
    return {(row["solver"], row["score"]): row for row in found}


def test_a_row_for_each_solver_and_score_it_has(rows):
    without_z = ["residual", "residual_max", "bone_lengths"]
    assert list(rows) == [
        *(("knowing", score) for score in ["z", *without_z]),
        *(("ignorant", score) for score in ["z", *without_z]),
        *(("still", score) for score in without_z),
    ]
    for row in rows.values():
        assert list(row) == ["solver", "score", "frames", *RANKS, *FOUND, *AUROC]
        assert row["frames"] == 60


def test_a_score_that_knows_the_error_is_worth_all(rows):
    for row in (rows["knowing", "z"], rows["still", "residual"]):
        assert row["rank_error"] > 0.98
        assert row["auroc_0"] == 1.0
        assert row["auroc_10"] > 0.99
    residual = rows["still", "residual"]
    assert residual["rank_joint"] > 0.95
    assert residual["rank_in_frame"] > 0.9
    assert residual["found_0"] == residual["found_10"] == 1.0
    assert residual["found_30"] > 0.9


def test_a_score_that_is_always_the_same_is_worth_nothing(rows):
    row = rows["ignorant", "z"]
    assert [row[name] for name in AUROC] == [0.5, 0.5, 0.5]
    assert row["rank_error"] == row["rank_mpjpe"] == 0.0


def test_an_answer_that_is_never_wrong_correlates_with_nothing(rows):
    assert rows["still", "residual"]["rank_mpjpe"] == 0.0


def test_scores_of_frames_have_no_figures_for_joints(rows):
    for solver, score in rows:
        row = rows[solver, score]
        assert all((row[name] is None) == (score in ("z", "residual_max")) for name in [*RANKS[2:], *FOUND])


def test_the_largest_residual_finds_one_wrong_joint_at_least_as_well(rows):
    assert rows["still", "residual_max"]["auroc_30"] >= rows["still", "residual"]["auroc_30"] > 0.8


def test_bone_lengths_need_no_solver(rows, clips, toy_body):
    figures = [{**rows[name, "bone_lengths"], "solver": ""} for name in ("knowing", "ignorant", "still")]
    assert figures[0] == figures[1] == figures[2]
    assert figures[0]["auroc_0"] == 1.0
    assert figures[0]["rank_error"] > 0.9


def test_bone_lengths_by_hand():
    rest = np.asarray(body.mannequin_joints()(tf.zeros([1, 10])))
    knee, ankle, foot = (skeletons.SMPL_29.names.index(name) for name in ("left_knee", "left_ankle", "left_foot"))
    longer = rest.copy()
    shin = rest[0, ankle] - rest[0, knee]
    below = [ankle, *skeletons.SMPL_29.descendants[ankle]]
    longer[0, sorted(set(below))] += 0.04 * shin / np.linalg.norm(shin)
    expected = np.zeros([1, 29])
    expected[0, [knee, ankle]] = 0.02  # each of them joins two bones, of which one is 40 mm longer
    np.testing.assert_allclose(error_score._bone_lengths(longer, rest), expected, atol=1e-6)
    assert expected[0, foot] == 0.0


@pytest.mark.usefixtures("eager")
def test_what_the_embedding_stands_for_is_measured_where_a_solver_goes_both_ways(clips, toy_body):
    solver = solvers.OneStage(toy_body.body_joints(), hidden_dim=8, num_couplings=2)
    rows = evaluation.error_score_rows(clips, solvers={"flow": solver}, body=toy_body)
    assert [row["score"] for row in rows] == ["z", "decoded_z", "residual", "residual_max", "bone_lengths"]
    assert rows[1]["found_0"] is not None


@pytest.mark.usefixtures("eager")
def test_seed_decides_and_batch_size_does_not(clips, toy_body):
    settings = {"solvers": {"knowing": knowing}, "body": toy_body}
    rows, again, chopped, other = (
        evaluation.error_score_rows(clips, seed=seed, batch_size=size, **settings)
        for seed, size in ((5, 64), (5, 64), (5, 4), (6, 64))
    )
    assert again == rows
    assert chopped == [pytest.approx(row, abs=0.02) for row in rows]
    assert {row["frames"] for row in chopped} == {11}
    assert other != rows


@pytest.mark.usefixtures("eager")
def test_stride_counts_through_all_clips(clips, toy_body):
    rows = evaluation.error_score_rows(clips, solvers={"still": still}, body=toy_body, stride=3)
    assert rows[0]["frames"] == 4


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("twist", [True, False])
def test_the_twist_is_given_or_not(clips, toy_body, twist):
    seen = []

    def watching(inputs):
        seen.append("twist" in inputs)
        return still(inputs)

    evaluation.error_score_rows(clips, solvers={"watching": watching}, body=toy_body, twist=twist)
    assert set(seen) == {twist}


def test_random_numbers_have_the_protocol_s_distribution():
    drawn = error_score._RandomNumbers.draw(4000, num_betas=10, seed=0)
    unit = common.random_noise(4000, seed=0)
    np.testing.assert_array_equal(drawn.betas, common.random_bodies(4000, num_betas=10, seed=0))
    np.testing.assert_array_equal(drawn.noise, unit)
    assert drawn.level.min() >= 0.0
    assert drawn.level.max() <= 0.1
    assert stats.kstest(drawn.level.ravel(), "uniform", args=(0, 0.1)).pvalue > 0.01
    moved = np.linalg.norm(drawn.displacement, axis=-1)
    np.testing.assert_array_equal((moved > 0).sum(-1), np.ones(4000))
    np.testing.assert_allclose(moved.max(-1), np.full(4000, 0.2), rtol=1e-5)
    assert np.bincount(moved.argmax(-1), minlength=29).min() > 80
    np.testing.assert_allclose(drawn.displacement.sum(1).mean(0), np.zeros(3), atol=0.01)
    errors = drawn.errors(slice(5, 8))
    np.testing.assert_allclose(errors["plain", 30], 0.03 * unit[5:8])
    np.testing.assert_allclose(errors["displaced", 0], drawn.displacement[5:8])


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("betas", ["true", "zeros"])
def test_scores_are_computed_with_the_betas_that_are_given(clips, toy_body, betas):
    settings = {"solvers": {"still": still}, "body": toy_body, "betas": betas}
    rows = {row["score"]: row for row in evaluation.error_score_rows(clips, **settings)}
    assert (rows["bone_lengths"]["auroc_0"] == 1.0) == (betas == "true")  # exact on clean joints of the right body only


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("broken", ["joints", "z"])
def test_a_solver_that_gives_nan_is_not_ranked(clips, toy_body, broken):
    def solver(inputs):
        answer = ignorant(inputs)
        name = {"joints": "body_pose", "z": "z"}[broken]
        return {**answer, name: answer[name] * np.nan}

    with pytest.raises(FloatingPointError, match="must be finite"):
        evaluation.error_score_rows(clips, solvers={"broken": solver}, body=toy_body)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clips": []}, "`clips` must hold at least one clip"),
        ({"solvers": {}}, "`solvers` must name at least one"),
        ({"stride": 0}, "`stride` must be at least 1; got 0"),
        ({"batch_size": -1}, "`batch_size` must be at least 1; got -1"),
    ],
)
def test_bad_arguments_are_named(change, message, clips, toy_body):
    settings = {"clips": clips, "solvers": {"still": still}, "body": toy_body, **change}
    with pytest.raises(ValueError, match=message):
        evaluation.error_score_rows(settings.pop("clips"), **settings)


def test_rank_correlation_of_monotone_maps():
    values = np.array([0.3, -1.0, 2.0, 0.9])
    assert evaluation.rank_correlation(values, np.exp(values)) == pytest.approx(1.0)
    assert evaluation.rank_correlation(values, -(values**3)) == pytest.approx(-1.0)
    assert evaluation.rank_correlation(values, np.full(4, 7.0)) == 0.0
    assert evaluation.rank_correlation([1.0, 2.0], [3.0, 8.0]) == pytest.approx(1.0)
    assert evaluation.rank_correlation([1.0], [2.0]) == 0.0


def test_rank_correlation_is_scipy_s_with_ties_and_row_by_row(rng):
    first, second = rng.integers(6, size=[2, 5, 40])
    expected = [stats.spearmanr(a, b).statistic for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(evaluation.rank_correlation(first, second), expected)


def test_auroc_by_hand():
    assert evaluation.auroc([2.0, 3.0], [0.0, 1.0, 1.5]) == 1.0
    assert evaluation.auroc([0.0, 1.0, 1.5], [2.0, 3.0]) == 0.0
    assert evaluation.auroc([4.0, 4.0], [4.0]) == 0.5
    assert evaluation.auroc([1.0, 3.0], [2.0, 2.0]) == 0.5
    assert evaluation.auroc([2.0, 3.0], [2.0, 1.0]) == 3.5 / 4


def test_auroc_is_the_share_of_pairs_won(rng):
    positive, negative = rng.integers(8, size=30), rng.integers(6, size=50)
    difference = positive[:, None] - negative[None]
    assert evaluation.auroc(positive, negative) == pytest.approx(((difference > 0) + 0.5 * (difference == 0)).mean())


@pytest.mark.parametrize("pair", [([1.0, 2.0], [1.0]), ([], []), (np.ones([2, 3]), np.ones([3, 2]))])
def test_rank_correlation_needs_pairs(pair):
    with pytest.raises(ValueError, match="`first` and `second` must have one shape"):
        evaluation.rank_correlation(*pair)


@pytest.mark.parametrize("pair", [([1.0], []), ([], [1.0]), ([[1.0]], [1.0])])
def test_auroc_needs_scores_of_both_kinds(pair):
    with pytest.raises(ValueError, match="`positive` and `negative` must be"):
        evaluation.auroc(*pair)


def test_nan_has_no_rank_and_infinity_has_one():
    with pytest.raises(ValueError, match="`second` must be numbers that can be ranked; got NaN in 1 of 3"):
        evaluation.rank_correlation([1.0, 2.0, 3.0], [1.0, np.nan, 3.0])
    with pytest.raises(ValueError, match="`negative` must be numbers that can be ranked; got NaN in 2 of 2"):
        evaluation.auroc([1.0], [np.nan, np.nan])
    assert evaluation.auroc([np.inf], [1.0]) == 1.0
    assert evaluation.rank_correlation([1.0, 2.0, np.inf], [0.0, 1.0, 2.0]) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="`first` must be an array of real numbers; got complex128"):
        evaluation.rank_correlation([1j], [1.0])
    with pytest.raises(ValueError, match="`first` and `second` must have one shape"):
        evaluation.rank_correlation(1.0, 1.0)
