"""Training of the prior of motion: what an example keeps, and the loss."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, data, rotations, skeletons, solvers
from niki_tf.body import kinematics
from niki_tf.solvers import motion_prior as prior_of_solver
from niki_tf.training import motion_prior

SKELETON = body.mannequin_joints()
COUNT, FRAMES, PADDED = 4, 12, 8
TINY = {"num_couplings": 2, "hidden_dim": 16, "num_temporal_pairs": 1, "temporal_hidden_dim": 8}


@pytest.fixture(scope="module")
def solver():
    keras.utils.set_random_seed(0)
    return solvers.TemporalPrior(SKELETON, first=TINY, completion={"hidden_dim": 8}, hidden_dim=12, num_layers=1)


@pytest.fixture(scope="module")
def windows():
    """Clean observations of smooth motion on a path; the second window ends early, the third is on no path."""
    made = data.load_sources(["made"], made_frames=400)
    local = rotations.rotvec_to_matrix(made.poses[: COUNT * FRAMES].astype(np.float32))
    local = tf.reshape(local, [COUNT, FRAMES, 24, 3, 3])
    path = made.pelvis[: COUNT * FRAMES].reshape(COUNT, FRAMES, 3)
    betas = np.repeat(np.random.default_rng(0).normal(size=[COUNT, 1, 10]), FRAMES, 1).astype(np.float32)
    rest = SKELETON(betas)
    posed, _ = kinematics.forward_kinematics(local, rest)
    mask = np.ones([COUNT, FRAMES], np.float32)
    mask[1, PADDED:] = 0.0
    has_path = np.array([1.0, 1.0, 0.0, 1.0], np.float32)
    joints = posed - posed[:, :, :1] + (path * has_path[:, None, None])[:, :, None]
    arrays = {
        "joints": joints,
        "joint_sigma": np.zeros([COUNT, FRAMES, 29], np.float32),
        "ground": np.zeros([COUNT, FRAMES, 4], np.float32),
        "frame_mask": mask,
        "betas": betas,
        "rest_joints": rest,
        "local": local,
        "path": path,
        "has_path": has_path,
    }
    return {name: tf.constant(value) for name, value in arrays.items()}


@pytest.fixture(scope="module")
def batch(solver, windows):
    return motion_prior.example(solver, windows)


@pytest.fixture
def still(solver):
    """The solver with a prior that changes nothing."""
    out = solver.prior._out
    before = [variable.numpy() for variable in (out.kernel, out.bias)]
    out.kernel.assign(tf.zeros_like(out.kernel))
    out.bias.assign(tf.zeros_like(out.bias))
    yield solver
    out.kernel.assign(before[0])
    out.bias.assign(before[1])


def _answered(batch, local):
    """The batch with another first answer."""
    return {**batch, "first": tf.cast(rotations.matrices_to_6d_vector(local), tf.float16)}


def _terms(solver, batch):
    total, terms = motion_prior.loss(solver, batch)
    return {name: float(value) for name, value in {"loss": total, **terms}.items()}


def test_an_example_keeps_what_the_loss_needs(solver, windows, batch):
    shapes = {name: value.shape.as_list() for name, value in batch.items()}
    assert shapes == {
        "joints": [COUNT, FRAMES, 29, 3],
        "frame_mask": [COUNT, FRAMES],
        "ground": [COUNT, FRAMES, 4],
        "path": [COUNT, FRAMES, 3],
        "has_path": [COUNT],
        "first": [COUNT, FRAMES, 144],
        "true": [COUNT, FRAMES, 144],
        "joint_sigma": [COUNT, FRAMES, 29],
        "rest_joints": [COUNT, 29, 3],
    }
    narrow = {name for name, value in batch.items() if value.dtype == tf.float16}
    assert narrow == {"first", "true", "joint_sigma"}
    for name in ("joints", "frame_mask", "ground", "path", "has_path"):
        np.testing.assert_array_equal(batch[name], windows[name])
    np.testing.assert_array_equal(batch["rest_joints"], windows["rest_joints"][:, 5])
    true = rotations.sixd_vector_to_matrices(tf.cast(batch["true"], tf.float32))
    np.testing.assert_allclose(true, windows["local"], atol=2e-3)
    given = {name: windows[name] for name in ("joints", "joint_sigma", "betas", "frame_mask")}
    inputs = [given["joints"], given["joint_sigma"], given["betas"], windows["rest_joints"], given["frame_mask"]]
    first = rotations.sixd_vector_to_matrices(tf.cast(batch["first"], tf.float32))
    np.testing.assert_allclose(first, solver.first_answer(*inputs), atol=2e-3)


def test_absence_survives_half_precision(solver, windows):
    absent = {**windows, "joint_sigma": windows["joint_sigma"] + skeletons.ABSENT * (np.arange(29) == 20)}
    sigma = motion_prior.example(solver, absent)["joint_sigma"].numpy()
    assert np.all(sigma[..., 20] >= skeletons.ABSENT)
    assert np.all(np.delete(sigma, 20, -1) == 0.0)


def test_the_loss_is_least_at_the_truth(still, windows, batch):
    right = _terms(still, _answered(batch, windows["local"]))
    turn = rotations.rotvec_to_matrix(0.3 * tf.random.stateless_normal([COUNT, FRAMES, 24, 3], [1, 2]))
    wrong = _terms(still, _answered(batch, tf.linalg.matmul(windows["local"], turn)))
    for name in ("joints", "velocity", "path", "path_velocity"):
        assert right[name] < 2.5e-3, name  # half precision, and a millimetre that smooths the distance
    assert right["rotations"] < 5e-3
    assert right["joint_error_mm"] == pytest.approx(1000 * right["joints"])
    for name in ("joints", "velocity", "rotations", "path", "path_velocity"):
        assert wrong[name] > 5 * right[name], name
    assert wrong["loss"] > right["loss"] + 0.05


def test_terms_are_means_over_what_they_say(still, windows, batch):
    """Of a root that is turned by 0.2 radians in one frame of the first window."""
    turn = np.zeros([COUNT, FRAMES, 24, 3], np.float32)
    turn[0, 3, 0, 1] = 0.2
    local = tf.linalg.matmul(windows["local"], rotations.rotvec_to_matrix(turn))
    terms, right = _terms(still, _answered(batch, local)), _terms(still, _answered(batch, windows["local"]))
    frames = COUNT * FRAMES - (FRAMES - PADDED)
    posed = [kinematics.forward_kinematics(x, windows["rest_joints"])[0].numpy() for x in (local, windows["local"])]
    error = (posed[0] - posed[0][:, :, :1]) - (posed[1] - posed[1][:, :, :1])
    mean = np.linalg.norm(error[0, 3], axis=-1).mean()
    assert mean > 0.02
    assert terms["joints"] - right["joints"] == pytest.approx(mean / frames, rel=0.15)
    assert terms["velocity"] - right["velocity"] == pytest.approx(2 * mean / (frames - COUNT), rel=0.15)
    chord = 8**0.5 * np.sin(0.1) / 24
    assert terms["rotations"] - right["rotations"] == pytest.approx(chord / frames, rel=0.15)


@pytest.mark.parametrize("name", ["true", "path"])
@pytest.mark.parametrize("at_first", [False, True])
def test_padding_counts_nothing(solver, batch, name, at_first):
    if at_first:  # as in windows that run backwards
        batch = {key: value if value.shape[1:2] != [FRAMES] else value[:, ::-1] for key, value in batch.items()}
    before = _terms(solver, batch)
    padding = batch["frame_mask"].numpy()[1] == 0.0
    changed = batch[name].numpy()
    changed[1, padding] += 1.0
    padded = _terms(solver, {**batch, name: tf.constant(changed)})
    assert padded == pytest.approx(before, rel=1e-5)
    changed[1, np.argmin(padding)] += 1.0
    assert _terms(solver, {**batch, name: tf.constant(changed)})["loss"] > before["loss"] + 1e-3


def test_paths_count_only_where_there_is_one(solver, batch):
    before = _terms(solver, batch)
    changed = batch["path"].numpy()
    changed[2] += 1.0
    assert _terms(solver, {**batch, "path": tf.constant(changed)}) == pytest.approx(before, rel=1e-5)
    changed[3] += 1.0
    found = _terms(solver, {**batch, "path": tf.constant(changed)})
    assert found["path"] > before["path"] + 0.3
    none = _terms(solver, {**batch, "has_path": tf.zeros([COUNT])})
    assert (none["path"], none["path_velocity"]) == (0.0, 0.0)


@pytest.mark.slow
def test_the_expected_error_is_best_where_it_is_the_error(still, batch):
    """log m + d / m over m, with the gradient of d held back."""
    bias = still.prior._out.bias

    def surprise(logarithm):
        bias.assign(tf.concat([tf.zeros([147]), tf.fill([24], logarithm)], 0))
        return _terms(still, batch)["expected"]

    with tf.GradientTape() as tape:
        expected = motion_prior.loss(still, batch)[1]["expected"]
    gradients = tape.gradient(expected, still.prior.trainable_variables, unconnected_gradients="zero")
    moved = [v.path for v, g in zip(still.prior.trainable_variables, gradients, strict=True) if np.any(g)]
    assert moved == [still.prior._out.kernel.path, bias.path]
    np.testing.assert_array_equal(gradients[-1][:147], 0.0)
    curve = [surprise(float(logarithm)) for logarithm in np.linspace(-1.0, 4.0, 26)]
    assert 0 < np.argmin(curve) < 25
    assert np.all(np.diff(np.sign(np.diff(curve))) >= 0)


@pytest.mark.slow
def test_it_learns_and_leaves_the_first_network_alone(windows):
    keras.utils.set_random_seed(1)
    solver = solvers.TemporalPrior(SKELETON, first=TINY, completion={"hidden_dim": 8}, hidden_dim=12, num_layers=1)
    batch = motion_prior.example(solver, windows)
    fixed = [variable.numpy() for variable in solver.first.variables + solver.completion.variables]
    optimizer = keras.optimizers.Adam(1e-2)

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            total, _ = motion_prior.loss(solver, batch)
        weights = solver.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(total, weights), weights, strict=True))
        return total

    optimizer.build(solver.trainable_variables)
    losses = [float(step()) for _ in range(30)]
    assert losses[-1] < 0.8 * losses[0]
    assert len(solver.trainable_variables) == len(solver.prior.trainable_variables)
    for before, variable in zip(fixed, solver.first.variables + solver.completion.variables, strict=True):
        np.testing.assert_array_equal(before, variable)


def test_padding_may_come_first_as_in_windows_that_run_backwards(windows):
    """The frames of a window are told the same of themselves, whichever end the padding is at."""
    names = ("local", "joints", "joint_sigma", "rest_joints", "frame_mask", "ground")
    last = [windows[name][1:2] for name in names]
    first = [tf.roll(value, FRAMES - PADDED, 1) for value in last]
    told = [prior_of_solver.start_of(*values).features for values in (last, first)]
    np.testing.assert_allclose(told[1][:, FRAMES - PADDED :], told[0][:, :PADDED], atol=1e-4)
