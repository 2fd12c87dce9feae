"""Metrics against cases worked out by hand, and the laws they obey."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from niki_tf import evaluation


@pytest.fixture
def points():
    return np.random.default_rng(0).normal(size=[2, 5, 24, 3])


@pytest.mark.parametrize("metric", [evaluation.mpjpe, evaluation.pve])
def test_distances_are_means_in_millimetres(metric):
    true = np.zeros([2, 2, 3])
    predicted = np.array([[[0.003, 0.004, 0.0], [0.0, 0.0, 0.001]], [[0.0, 0.0, 0.0], [0.0, 0.02, 0.0]]])
    np.testing.assert_allclose(metric(predicted, true), [3.0, 10.0], rtol=1e-12)


def test_root_alignment_removes_a_shift_and_nothing_else(points):
    np.testing.assert_allclose(evaluation.root_aligned_mpjpe(points + [1.0, -2.0, 3.0], points), 0.0, atol=1e-9)
    np.testing.assert_allclose(evaluation.mpjpe(points + [0.0, 0.6, 0.8], points), np.full([2, 5], 1000.0))
    moved = points.copy()
    moved[..., 0, 0] += 0.024  # the root alone is off: after alignment the 23 others are
    np.testing.assert_allclose(evaluation.root_aligned_mpjpe(moved, points), np.full([2, 5], 23.0))


def test_leading_axes_are_kept_and_float32_is_summed_in_float64(points):
    small = points.astype(np.float32)
    for metric in (evaluation.mpjpe, evaluation.root_aligned_mpjpe, evaluation.pa_mpjpe, evaluation.pve):
        both = metric(small, small + np.float32(0.01))
        assert both.shape == (2, 5)
        assert both.dtype == np.float64
        alone = metric(small[0, 0], small[0, 0] + np.float32(0.01))
        np.testing.assert_allclose(alone, both[0, 0], rtol=1e-6, atol=1e-5)


def test_many_meshes_have_the_errors_of_each(points):
    meshes = np.concatenate([points, points + 1.0, -points], 1)  # more than are taken at a time
    meshes[1, 2, 3, 0] = np.inf
    errors = evaluation.pve(meshes, np.zeros_like(meshes))
    np.testing.assert_array_equal(errors, evaluation.mpjpe(meshes, np.zeros_like(meshes)))
    assert np.argwhere(np.isnan(errors)).tolist() == [[1, 2]]


def test_pa_mpjpe_is_zero_under_any_similarity(points):
    turned = points @ Rotation.from_rotvec([0.4, -2.0, 1.1]).as_matrix().T
    np.testing.assert_allclose(evaluation.pa_mpjpe(0.3 * turned + [4.0, 5.0, 6.0], points), 0.0, atol=1e-9)


def test_pa_mpjpe_does_not_mirror(points):
    mirrored = points * [-1.0, 1.0, 1.0]
    assert evaluation.pa_mpjpe(mirrored, points).min() > 100.0


def test_pa_mpjpe_by_hand():
    # A square of side 2 whose corners lean in and out by 0.5 in turn: the best similarity is the identity.
    true = np.array([[1.0, 1.0, 0.0], [-1.0, 1.0, 0.0], [-1.0, -1.0, 0.0], [1.0, -1.0, 0.0]])
    predicted = true + np.array([[0.0, 0.0, 0.5], [0.0, 0.0, -0.5], [0.0, 0.0, 0.5], [0.0, 0.0, -0.5]])
    scale = 8.0 / 9.0  # sum of true . predicted over sum of predicted . predicted
    expected = 1000.0 * np.sqrt(2.0 * (1.0 - scale) ** 2 + (0.5 * scale) ** 2)
    np.testing.assert_allclose(evaluation.pa_mpjpe(predicted, true), expected)


def test_pa_mpjpe_is_no_worse_than_any_other_alignment(points):
    noisy = points + 0.1 * np.random.default_rng(1).normal(size=points.shape)
    squares = ((evaluation.similarity_aligned(noisy, points) - points) ** 2).sum((-2, -1))
    for seed in range(20):
        random = np.random.default_rng(seed)
        turn = Rotation.from_rotvec(0.02 * random.normal(size=3)).as_matrix()
        other = evaluation.similarity_aligned(noisy, points) @ turn.T * (1.0 + 0.02 * random.normal())
        assert (((other + 0.01 * random.normal(size=3) - points) ** 2).sum((-2, -1)) > squares).all()


def test_pa_mpjpe_of_one_point_cloud_in_one_place_is_finite(points):
    away = np.linalg.norm(points - points.mean(-2, keepdims=True), axis=-1).mean(-1)
    np.testing.assert_allclose(evaluation.pa_mpjpe(np.ones_like(points), points), 1000.0 * away)


def test_acceleration_error_is_zero_for_constant_velocity(points):
    drift = np.arange(5.0)[:, None, None] * [0.1, -0.2, 0.3]
    np.testing.assert_allclose(evaluation.accel_error(points[0] + drift, points[0]), np.zeros(3), atol=1e-9)


def test_acceleration_error_by_hand():
    true = np.zeros([5, 2, 3])
    predicted = true.copy()
    predicted[2, 0, 1] = 0.01  # second differences 10, -20, 10 mm of one joint in two
    np.testing.assert_allclose(evaluation.accel_error(predicted, true), [5.0, 10.0, 5.0])


def test_rotation_error_of_known_angles():
    angles = np.zeros([3, 24])
    angles[1, 7], angles[2] = np.pi, 1e-5
    predicted = Rotation.from_rotvec(angles.reshape(-1, 1) * [0.6, 0.0, 0.8]).as_matrix().reshape(3, 24, 3, 3)
    turn = Rotation.from_rotvec([1.0, 2.0, 3.0]).as_matrix()
    error = evaluation.rotation_error_deg(turn @ predicted, np.broadcast_to(turn, predicted.shape))
    np.testing.assert_allclose(error, [0.0, 180.0 / 24.0, np.degrees(1e-5)], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("metric", [evaluation.mpjpe, evaluation.root_aligned_mpjpe, evaluation.pa_mpjpe])
def test_shapes_that_do_not_fit_are_named(metric):
    with pytest.raises(ValueError, match=r"one shape .* got \(2, 24, 3\) and \(2, 29, 3\)"):
        metric(np.zeros([2, 24, 3]), np.zeros([2, 29, 3]))
    with pytest.raises(ValueError, match=r"got \(24, 2\)"):
        metric(np.zeros([24, 2]), np.zeros([24, 2]))


def test_acceleration_wants_one_clip_of_three_frames():
    with pytest.raises(ValueError, match=r"`predicted` must be one clip .* of at least 3 frames; got \(2, 24, 3\)"):
        evaluation.accel_error(np.zeros([2, 24, 3]), np.zeros([2, 24, 3]))
    with pytest.raises(ValueError, match=r"got \(1, 9, 24, 3\)"):
        evaluation.accel_error(np.zeros([1, 9, 24, 3]), np.zeros([1, 9, 24, 3]))


def test_rotation_error_wants_matrices():
    with pytest.raises(ValueError, match=r"rotation matrices; got \(24, 3\)"):
        evaluation.rotation_error_deg(np.zeros([24, 3]), np.zeros([24, 3]))


def test_alignment_to_a_mirror_image_is_the_best_rotation(points):
    """A reflection would fit exactly and is not allowed: no small turn of what is found fits better."""
    source = points.reshape(-1, *points.shape[-2:])[0]
    target = source * [-1.0, 1.0, 1.0]
    found = evaluation.similarity_aligned(source, target)
    least = ((found - target) ** 2).sum()
    middle = found.mean(0)
    for turn in Rotation.from_rotvec(0.02 * np.concatenate([np.eye(3), -np.eye(3)])):
        assert ((turn.apply(found - middle) + middle - target) ** 2).sum() >= least - 1e-12
    shape = (source - source.mean(0)) / np.sqrt(((source - source.mean(0)) ** 2).sum())
    seen = (found - middle) / np.sqrt(((found - middle) ** 2).sum())
    np.testing.assert_allclose(seen @ seen.T, shape @ shape.T, atol=1e-9)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "metric",
    [evaluation.mpjpe, evaluation.root_aligned_mpjpe, evaluation.pa_mpjpe, evaluation.pve],
    ids=lambda m: m.__name__,
)
def test_a_number_that_is_none_costs_its_own_frame_alone(metric, bad, rng):
    true, predicted = rng.normal(size=[2, 3, 24, 3]), rng.normal(size=[2, 3, 24, 3])
    whole = metric(predicted, true)
    predicted[0, 1, 5, 2], true[1, 2, 0, 0] = bad, bad
    found = metric(predicted, true)
    np.testing.assert_array_equal(np.isnan(found), [[False, True, False], [False, False, True]])
    np.testing.assert_array_equal(found[~np.isnan(found)], whole[~np.isnan(found)])


def test_a_rotation_that_is_none_costs_its_own_frame_alone():
    predicted = Rotation.random(8, random_state=0).as_matrix().reshape(4, 2, 3, 3)
    true = Rotation.random(8, random_state=1).as_matrix().reshape(4, 2, 3, 3)
    whole = evaluation.rotation_error_deg(predicted, true)
    predicted[0, 0, 1, 1], true[2, 1] = np.nan, np.inf
    found = evaluation.rotation_error_deg(predicted, true)
    np.testing.assert_array_equal(np.isnan(found), [True, False, True, False])
    np.testing.assert_array_equal(found[[1, 3]], whole[[1, 3]])


def test_acceleration_is_unknown_around_a_missing_frame(rng):
    predicted, true = rng.normal(size=[2, 9, 24, 3])
    predicted[4, 0] = np.nan
    np.testing.assert_array_equal(
        np.isnan(evaluation.accel_error(predicted, true)), [False, False, True, True, True, False, False]
    )


@pytest.mark.parametrize("name", ["predicted", "true"])
@pytest.mark.parametrize("change", [lambda m: 0.0 * m, lambda m: -m, lambda m: 1.1 * m])
def test_matrices_that_are_no_rotations_have_no_error(name, change):
    given = dict.fromkeys(("predicted", "true"), Rotation.random(4, random_state=0).as_matrix())
    with pytest.raises(ValueError, match=f"`{name}` must be rotation matrices, orthonormal with determinant 1; got"):
        evaluation.rotation_error_deg(**{**given, name: change(given[name])})


@pytest.mark.parametrize(
    ("points", "got"),
    [
        (np.zeros([3, 24]), r"got \(3, 24\)"),
        (np.zeros([0, 3]), r"got \(0, 3\)"),
        (np.zeros(3), r"got \(3,\)"),
        (1j * np.zeros([24, 3]), "must be an array of real numbers; got complex128"),
        ([["x"] * 3] * 24, "must be an array of real numbers; got <U1"),
        ([[1.0, 2.0, 3.0], [1.0]], "must be an array of real numbers; got what is no array"),
        (None, "must be an array of real numbers; got what is no array"),
    ],
)
def test_what_is_no_set_of_points_is_named(points, got):
    for metric in (evaluation.mpjpe, evaluation.pa_mpjpe, evaluation.similarity_aligned, evaluation.accel_error):
        with pytest.raises(ValueError, match=f"`(predicted|source)`.*{got}"):
            metric(points, points)
    with pytest.raises(ValueError, match="`(points|predicted)` must.*"):
        evaluation.root_aligned(points)
