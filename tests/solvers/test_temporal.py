"""Solvers that see time: windows of any length, filled-up windows, long motion, live use."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from window_makers import MAKERS, made, random_inputs, strong

from niki_tf import body, rotations, solvers
from niki_tf.fitting import gauss_newton_windows, smoothing, trunk_frame
from niki_tf.solvers.invertible import PADDING, Observation

SKELETON = body.mannequin_joints()


@pytest.fixture(params=MAKERS)
def solver(request):
    return made(request.param)


@pytest.mark.slow
def test_the_contract_holds_with_time_as_the_last_leading_axis(solver, rng):
    for leading in ((5,), (2, 5), (2, 3, 4)):
        outputs = solver(random_inputs(rng, *leading))
        assert outputs["global_orient"].shape == (*leading, 1, 3, 3)
        assert outputs["body_pose"].shape == (*leading, 23, 3, 3)
    with pytest.raises(ValueError, match=r"`joints` must be frames, \(..., T, 29, 3\); got \(29, 3\)"):
        solver(random_inputs(rng))


@pytest.mark.slow
def test_predict_and_keras_file_agree_with_a_call(solver, rng, tmp_path):
    inputs = random_inputs(rng, 4, 6)
    solver.save(tmp_path / "x.keras")
    again = keras.saving.load_model(tmp_path / "x.keras")
    first, second = ({k: v for k, v in which.get_config().items() if k != "body_joints"} for which in (solver, again))
    assert first == second
    found = again.predict(inputs, batch_size=2, verbose=0)
    for name, value in solver(inputs).items():
        np.testing.assert_allclose(found[name], value, atol=5e-5)


@pytest.mark.parametrize("frames", [1, 2, 15])
def test_pose_to_joints_to_pose(frames, rng):
    solver, inputs = made("temporal"), random_inputs(rng, 3, frames)
    pose = solver(inputs)
    there = solver.fk(pose["global_orient"], pose["body_pose"], z=pose["z"], betas=inputs["betas"])
    assert there["joints"].shape == (3, frames, 29, 3)
    back = solver.ik(**there, betas=inputs["betas"])
    for name in ("global_orient", "body_pose", "z"):
        np.testing.assert_allclose(back[name], pose[name], atol=2e-3)


def test_what_fills_up_a_window_changes_nothing_and_may_be_anything(solver, rng):
    inputs, mask = random_inputs(rng, 2, 6), np.float32([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 0, 0]])
    filled = {name: array.copy() for name, array in inputs.items()}
    filled["joints"][:, 4:] = np.nan
    short = solver({name: array[:, :4] for name, array in inputs.items()})
    both = {name: np.stack([array, filled[name]]) for name, array in inputs.items()}
    found = solver({**both, "frame_mask": np.stack([mask] * 2)})
    for name in ("body_pose", "global_orient"):
        for answer in found[name]:
            np.testing.assert_allclose(answer[:, :4], short[name], atol=2e-5)


def test_other_frames_count(solver, rng):
    both = {name: np.stack([array] * 2) for name, array in random_inputs(rng, 6).items()}
    both["joints"][1, 5] += 0.1 * rng.normal(size=[29, 3])
    one, other = solver(both)["body_pose"]
    apart = np.abs(one - other).max((1, 2, 3))
    assert (apart[:5] > 1e-6).all()


def test_a_turned_person_is_the_same_motion(solver, rng):
    inputs = random_inputs(rng, 2, 5)
    turn = np.asarray(rotations.rotvec_to_matrix(tf.constant([0.3, 2.0, -1.0])))
    both = {name: np.stack([array] * 2) for name, array in inputs.items()}
    both["joints"][1] = inputs["joints"] @ turn.T + 3.0
    answer = solver(both)
    np.testing.assert_allclose(*answer["body_pose"], atol=3e-4)
    found, turned = answer["global_orient"]
    np.testing.assert_allclose(turned, turn @ found, atol=3e-4)


def test_the_network_is_shown_smoothed_joints(rng):
    solver, inputs = made("temporal"), random_inputs(rng, 2, 6)
    mask = tf.constant([[1.0] * 6, [1.0] * 5 + [0.0]])
    rest = SKELETON(inputs["betas"])
    joints = smoothing.smooth(inputs["joints"], inputs["joint_sigma"], mask)
    rotation, centre = solver.coordinate_frame(joints, rest, inputs["joint_sigma"], mask)
    seen = Observation(trunk_frame.to_local(joints, rotation, centre), inputs["joint_sigma"], tf.zeros([2, 6, PADDING]))
    pose, _, _ = solver.to_pose(seen, solver.body_condition(inputs["betas"], rest, mask))
    found = solver({**inputs, "frame_mask": mask})
    expected = rotations.sixd_vector_to_matrices(pose)[..., 1:, :, :]
    np.testing.assert_allclose(found["body_pose"][:, :5], expected[:, :5], atol=2e-5)


def test_what_acts_on_single_frames_can_be_frozen(rng):
    solver = MAKERS["temporal"]()
    everything = len(solver.trainable_variables)
    solver.freeze_spatial()
    over_time = {id(variable) for layer in solver.flow.attention for variable in layer.trainable_variables}
    assert {id(variable) for variable in solver.trainable_variables} == over_time
    assert 0 < len(over_time) < everything


def test_it_starts_from_a_one_stage_solver(rng):
    small = strong(solvers.OneStage(SKELETON, hidden_dim=16, num_couplings=2))
    solver = MAKERS["temporal"]()
    solver.start_from(small)
    inputs = random_inputs(rng, 4, 1)
    np.testing.assert_allclose(solver(inputs)["body_pose"], small(inputs)["body_pose"], atol=1e-5)
    with pytest.raises(ValueError, match="`initial` must be a solver of single frames of the size of"):
        solver.start_from(solvers.OneStage(SKELETON, hidden_dim=8, num_couplings=2))


def test_the_exact_finish_sees_the_frames_of_a_window_and_not_its_filler(rng):
    solver, inputs = strong(MAKERS["temporal"]()), random_inputs(rng, 2, 5)
    plain = solver(inputs)
    solver.refine = 1
    found = solver(inputs)
    local = tf.concat([plain["global_orient"], plain["body_pose"]], -3)
    given = inputs["joints"], SKELETON(inputs["betas"]), inputs["joint_sigma"]
    expected = gauss_newton_windows.refine(local, *given, steps=1)
    np.testing.assert_allclose(found["body_pose"], expected[..., 1:, :, :], atol=2e-5)
    mask = np.float32([[1, 1, 1, 0, 0]] * 2)
    filled_up = solver({**inputs, "frame_mask": mask})["body_pose"]
    short = solver({name: array[:, :3] for name, array in inputs.items()})["body_pose"]
    np.testing.assert_allclose(filled_up[:, :3], short, atol=2e-5)


def test_another_body_is_solved_by_way_of_the_known_one(rng):
    taller = body.BodyJoints(1.1 * SKELETON.joints, directions=SKELETON.directions)
    solver, inputs = made("temporal").for_body(taller), random_inputs(rng, 2, 4)
    assert solver.needs_retargeting
    mask = np.float32([[1, 1, 1, 0]] * 2)
    found = solver({**inputs, "frame_mask": mask})["body_pose"]
    short = solver({name: array[:, :3] for name, array in inputs.items()})["body_pose"]
    np.testing.assert_allclose(found[:, :3], short, atol=2e-5)
