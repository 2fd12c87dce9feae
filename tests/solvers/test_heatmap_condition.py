"""The heatmap condition: it turns the answer, goes without, both ways are exact, and the solver is saved with it."""

import image_models
import keras
import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, contract, solvers, training, vision

COUNT = 5


@pytest.fixture(scope="module")
def solver():
    keras.utils.set_random_seed(0)
    sizes = {"num_couplings": 2, "hidden_dim": 16}
    return solvers.OneStage(body.mannequin_joints(), heatmap_condition=True, **sizes)


@pytest.fixture
def given(rng):
    joints = (body.mannequin_joints()(np.zeros([COUNT, 10])) + 0.05 * rng.normal(size=[COUNT, 29, 3])).numpy()
    return {"joints": joints, "heat_moments": rng.normal(size=[COUNT, 78]).astype(np.float32)}


def test_the_layer_is_that_of_the_paper():
    layer = solvers.HeatmapCondition()
    assert layer.count_params() == 78 * 256 + 256 + 256 * 56 + 56
    layer.numbers.bias.assign(np.ones(56))
    np.testing.assert_array_equal(layer(np.zeros([1, 2, 78])), np.zeros([1, 2, 56]))
    assert np.abs(layer(np.ones([1, 2, 78]))).min() > 0


def test_it_changes_the_answer_and_zeros_are_unknown(solver, given):
    told, silent = solver(given), solver({"joints": given["joints"]})
    assert np.abs(told["body_pose"] - silent["body_pose"]).max() > 1e-3
    zeros = solver(given | {"heat_moments": np.zeros([COUNT, 78])})
    np.testing.assert_array_equal(zeros["body_pose"], silent["body_pose"])


def test_the_way_back_is_exact(solver, given):
    pose = solver({"joints": given["joints"]})
    back = solver.fk(pose["global_orient"], pose["body_pose"], z=pose["z"])
    again = solver.ik(**{name: back[name] for name in ("joints", "joint_sigma", "padding")})
    np.testing.assert_allclose(again["body_pose"], pose["body_pose"], atol=1e-4)


def test_others_do_not_take_it(given):
    plain = solvers.OneStage(body.mannequin_joints(), num_couplings=2, hidden_dim=16)
    with pytest.raises(ValueError, match="`heat_moments` is no input of a solver"):
        plain(given)


def test_it_is_saved(solver, given, tmp_path):
    solvers.save(solver, tmp_path)
    again = solvers.load(tmp_path)
    np.testing.assert_array_equal(again(given)["body_pose"], solver(given)["body_pose"])


def test_a_network_of_images_tells_it(solver, rng):
    seen = image_models.seen()
    image = rng.integers(0, 256, [2, image_models.SIZE, image_models.SIZE, 3])
    told = seen({"image": image})
    expected = solver({name: told[name] for name in (*contract.INPUTS, *contract.HEAT)})
    found = vision.ImageSolver(seen, solver=solver)({"image": image})
    np.testing.assert_allclose(found["body_pose"], expected["body_pose"], atol=1e-5)


def test_it_starts_from_a_solver_without(solver, given):
    plain = solvers.OneStage(body.mannequin_joints(), num_couplings=2, hidden_dim=16)
    larger = solvers.OneStage.from_config(solver.get_config())
    larger.start_from(plain)
    expected = plain({"joints": given["joints"]})
    np.testing.assert_allclose(larger(given)["body_pose"], expected["body_pose"], atol=1e-6)
    other = solvers.OneStage(body.mannequin_joints(), num_couplings=2, hidden_dim=32)
    for start, wrong in ((larger, other), (plain, other)):
        with pytest.raises(ValueError, match="^`initial` must be a one-stage solver of the size of one_stage"):
            start.start_from(wrong)


def test_it_learns(solver, given, rng):
    turns = np.tile(np.eye(3, dtype=np.float32), (COUNT, 24, 1, 1))
    twist = np.tile(np.float32([1, 0]), (COUNT, 23, 1))
    batch = {
        **{"joints": given["joints"], "noisy": given["joints"], "heat_moments": given["heat_moments"]},
        **{"joint_sigma": np.zeros([COUNT, 29]), "betas": np.zeros([COUNT, 10])},
        **{"rest_joints": body.mannequin_joints()(np.zeros([COUNT, 10])), "rotations": turns, "swing": turns},
        **{"twist": twist, "noisy_twist": twist},
        **{name: rng.normal(size=[COUNT, size]) for name, size in training.noise_sizes(solver).items()},
    }
    batch = {name: tf.cast(value, tf.float32) for name, value in batch.items()}
    with tf.GradientTape() as tape:
        total, _ = training.loss_of(solver)(solver, batch, training.LossWeights())
    kernel = solver.heatmap_condition.hidden.kernel
    assert np.abs(tape.gradient(total, kernel)).max() > 0


def test_it_may_be_the_only_condition(given):
    solver = solvers.OneStage(body.mannequin_joints(), num_couplings=2, condition="none", heatmap_condition=True)
    assert np.isfinite(solver({"joints": given["joints"]})["body_pose"]).all()
