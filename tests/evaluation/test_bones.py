"""The bone protocol: who is measured, what is compared, and that the numbers are those of the errors."""

import numpy as np
import pytest

from niki_tf import evaluation, motion, skeletons
from niki_tf.evaluation.protocols import bones, common
from niki_tf.fitting import bone_shape

PARENTS = list(skeletons.SMPL_29.parents[1:])


@pytest.fixture(scope="module")
def walks():
    return [motion.made_motion(seed, frames=frames) for seed, frames in ((0, 70), (1, 59), (2, 61))]


@pytest.fixture
def calls(monkeypatch, toy_body):
    """What shapes are found from, call by call; what is found is the body of zero betas, two centimetres uncertain."""
    given, lengths = [], np.linalg.norm(toy_body.joints[1:] - toy_body.joints[PARENTS], axis=-1)

    def estimate(joints, joint_sigma, *, body_joints):
        given.append((joints, joint_sigma))
        return bone_shape.ShapeEstimate(np.zeros(10), np.eye(10), lengths, np.full(28, 0.02), 1.0)

    monkeypatch.setattr(bones.bone_shape, "estimate_shape", estimate)
    return given


@pytest.fixture(scope="module")
def rows(walks, toy_body):
    return evaluation.bone_rows(walks, body=toy_body, levels_mm=(0, 20), bodies=6)


@pytest.fixture(scope="module")
def found(rows):
    """The rows of what is found."""
    return [row for row in rows if row["solver"] == "bone_shape"]


def test_a_row_for_each_people_and_level(rows, found):
    assert [(row["people"], row["noise_mm"], row["frames"]) for row in found] == [
        (people, level, 60 if people == "adult_10_frames" else 360)
        for people in ("adult", "child", "giant", "adult_absent", "adult_10_frames")
        for level in (0, 20)
    ]
    columns = ["solver", "people", "noise_mm", "frames", "median_mm", "mean_mm", "size_percent", "error_to_sigma"]
    assert all(list(row) == columns for row in rows)


def test_the_mean_shape_is_as_wrong_whatever_the_noise(rows, found):
    mean = {(row["people"], row["noise_mm"]): row for row in rows if row["solver"] == "mean_shape"}
    assert list(mean) == [(people, level) for people in ("adult", "child", "giant") for level in (0, 20)]
    for row in found[:6]:
        without = mean[row["people"], row["noise_mm"]]
        assert without["mean_mm"] > 5.0 > 2.0 * row["mean_mm"]
        assert without["error_to_sigma"] is None
        assert without["frames"] == row["frames"]
        assert without["mean_mm"] == mean[row["people"], 0]["mean_mm"]
    assert mean["child", 0]["size_percent"] == pytest.approx(100 * 3 / 7, abs=15)


def test_errors_grow_with_noise_and_with_what_is_not_seen(found):
    clean, noisy = found[::2], found[1::2]
    assert max(row["mean_mm"] for row in clean) < 0.2
    assert all(0.3 < row["median_mm"] < row["mean_mm"] < 4.0 for row in noisy)
    assert noisy[0]["mean_mm"] < noisy[3]["mean_mm"] < noisy[4]["mean_mm"]
    assert all(0.6 < row["error_to_sigma"] < 1.6 for row in noisy)
    assert all(row["size_percent"] < 2.0 for row in noisy)


@pytest.mark.usefixtures("eager")
def test_the_numbers_are_those_of_the_errors(walks, toy_body, calls):
    """Everybody is told to be of the mean shape: a child is then too long by three sevenths, and so on."""
    rows = evaluation.bone_rows(walks, body=toy_body, levels_mm=(0,), bodies=3)
    betas = common.random_bodies(3, num_betas=10, seed=0)
    true = np.stack([toy_body.joints + toy_body.joint_directions @ shape for shape in betas])
    true = np.linalg.norm(true[:, 1:] - true[:, PARENTS], axis=-1)
    mean = np.linalg.norm(toy_body.joints[1:] - toy_body.joints[PARENTS], axis=-1)
    for row, other, size in zip(rows[:6:2], rows[1:6:2], (1.0, 0.7, 1.15), strict=True):
        assert (row["solver"], other["solver"]) == ("bone_shape", "mean_shape")
        assert all(other[name] == pytest.approx(row[name], rel=1e-4) for name in ("median_mm", "mean_mm"))
        away = mean - size * true
        assert row["median_mm"] == pytest.approx(1000 * np.median(np.abs(away)), rel=1e-4)
        assert row["mean_mm"] == pytest.approx(1000 * np.abs(away).mean(), rel=1e-4)
        assert row["error_to_sigma"] == pytest.approx(np.sqrt(np.mean(away**2)) / 0.02, rel=1e-4)
        sizes = mean.sum() / (size * true.sum(1))
        assert row["size_percent"] == pytest.approx(100 * np.abs(sizes - 1).mean(), rel=1e-4)


@pytest.mark.usefixtures("eager")
def test_joints_are_those_of_bodies_of_that_size_with_the_noise_that_is_said(walks, toy_body, calls):
    evaluation.bone_rows(walks, body=toy_body, levels_mm=(0, 20), bodies=2)
    of = dict(zip(bones.PEOPLE, (calls[place : place + 4] for place in range(0, 20, 4)), strict=True))
    adult, other, noisy = (of["adult"][place][0] for place in (0, 1, 2))
    lengths = np.linalg.norm(adult[:, 1:] - adult[:, PARENTS], axis=-1)
    np.testing.assert_allclose(lengths, np.tile(lengths[:1], [60, 1]), atol=1e-5)
    assert np.abs(np.diff(adult, axis=0)).max() > 1e-3  # it moves
    assert np.abs(adult - other).max() > 0.01
    assert (noisy - adult).std() == pytest.approx(0.02, rel=0.05)
    np.testing.assert_allclose(of["child"][0][0], 0.7 * adult, atol=1e-6)
    np.testing.assert_allclose(of["giant"][2][0] - 1.15 * adult, noisy - adult, atol=1e-6)
    np.testing.assert_array_equal(of["adult_10_frames"][2][0], noisy[:10])
    joints, sigma = of["adult_absent"][2]
    absent = sigma == skeletons.ABSENT
    assert 0.15 < absent.mean() < 0.25
    np.testing.assert_array_equal(sigma[~absent], 0.0)
    np.testing.assert_array_equal(joints[~absent], noisy[~absent])
    assert not joints[absent].any()
    assert not any(sigma.any() for people in ("adult", "child", "giant") for _, sigma in of[people])


def test_motion_begins_at_places_spread_over_all_long_clips(walks, toy_body):
    long = common.long_clips(walks, stride=1)
    poses = bones._spread_poses(long, 13)
    assert poses.shape == (13, 60, 24, 3)
    for number in range(11):
        np.testing.assert_array_equal(poses[number], np.float32(long[0].poses[number : number + 60]))
    np.testing.assert_array_equal(poses[12], np.float32(long[1].poses[1:]))
    assert len(bones._spread_poses(long, 3)) == 3


@pytest.mark.usefixtures("eager")
def test_the_seed_decides(walks, toy_body, calls):
    for seed in (1, 1, 2):
        evaluation.bone_rows(walks, body=toy_body, levels_mm=(20,), bodies=1, seed=seed)
    first, again, other = (calls[place][0] for place in (0, 5, 10))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01


def test_a_table_for_each_number(rows):
    tables = evaluation.PROTOCOLS["bones"].tables(rows)
    assert tables.count("adult_10_frames") == 4
    assert "None" not in tables
    for row in rows:
        shown = [row[name] for name in ("median_mm", "mean_mm", "size_percent", "error_to_sigma")]
        assert all(f"{number:.2f}" in tables for number in shown if number is not None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"clips": []}, "`clips` must hold at least one clip"),
        ({"clips": [motion.made_motion(1, frames=59)]}, "`clips` must hold a clip of 60 frames or more"),
        ({"levels_mm": (0, -1)}, r"`levels_mm` must be millimetres, none below 0; got \(0, -1\)"),
        ({"levels_mm": ()}, "`levels_mm` must be millimetres"),
        ({"bodies": 0}, "`bodies` must be at least 1; got 0"),
        ({"stride": 0}, "`stride` must be at least 1; got 0"),
    ],
)
def test_bad_arguments_are_named(walks, toy_body, changes, message):
    arguments = {"clips": walks, "body": toy_body, **changes}
    with pytest.raises(ValueError, match=message):
        evaluation.bone_rows(arguments.pop("clips"), **arguments)


@pytest.mark.usefixtures("calls")
def test_progress_ends_where_it_was_said_to(walks, toy_body, monkeypatch):
    bars = []
    real = bones.tqdm.tqdm
    monkeypatch.setattr(bones.tqdm, "tqdm", lambda **given: bars.append(real(**{**given, "disable": False})) or bars[0])
    evaluation.bone_rows(walks, body=toy_body, levels_mm=(0, 20), bodies=3)
    assert [bar.n for bar in bars] == [bar.total for bar in bars] == [5 * 2 * 3]
