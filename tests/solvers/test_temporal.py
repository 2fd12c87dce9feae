"""Solvers that see time: windows of any length, filled-up windows, long motion, live use."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, rotations, solvers
from niki_tf.fitting import gauss_newton_windows, smoothing, trunk_frame
from niki_tf.inference import streaming, windows
from niki_tf.solvers.invertible import PADDING, Observation

SKELETON = body.mannequin_joints()
MAKERS = {
    "temporal": lambda **more: solvers.Temporal(
        SKELETON, hidden_dim=16, num_couplings=2, num_temporal_pairs=1, temporal_hidden_dim=8, **more
    ),
    "recurrent": lambda **more: solvers.Recurrent(SKELETON, hidden_dim=8, **more),
}


@pytest.fixture(params=MAKERS)
def solver(request):
    return _strong(MAKERS[request.param]())


def _strong(solver):
    for number, variable in enumerate(solver.trainable_variables):
        if len(variable.shape) == 2:
            size = 0.7 * variable.shape[0] ** -0.5
            variable.assign(keras.random.normal(variable.shape, stddev=size, seed=number))
    return solver


def _inputs(rng, *leading):
    joints = SKELETON.joints + 0.1 * rng.normal(size=[*leading, 29, 3])
    arrays = {
        "joints": joints,
        "joint_sigma": 0.05 * rng.uniform(size=[*leading, 29]),
        "betas": rng.normal(size=[*leading, 10]),
    }
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def test_the_contract_holds_with_time_as_the_last_leading_axis(solver, rng):
    for leading in ((5,), (2, 5), (2, 3, 4)):
        outputs = solver(_inputs(rng, *leading))
        assert outputs["global_orient"].shape == (*leading, 1, 3, 3)
        assert outputs["body_pose"].shape == (*leading, 23, 3, 3)
    with pytest.raises(ValueError, match=r"`joints` must be frames, \(..., T, 29, 3\); got \(29, 3\)"):
        solver(_inputs(rng))


def test_predict_and_keras_file_agree_with_a_call(solver, rng, tmp_path):
    inputs = _inputs(rng, 3, 6)
    solver.save(tmp_path / "x.keras")
    again = keras.saving.load_model(tmp_path / "x.keras")
    first, second = ({k: v for k, v in which.get_config().items() if k != "body_joints"} for which in (solver, again))
    assert first == second
    for name, value in solver(inputs).items():
        np.testing.assert_allclose(again.predict(inputs, batch_size=2, verbose=0)[name], value, atol=2e-5)


@pytest.mark.parametrize("frames", [1, 2, 5, 16])
def test_pose_to_joints_to_pose(frames, rng):
    solver, inputs = _strong(MAKERS["temporal"]()), _inputs(rng, 3, frames)
    pose = solver(inputs)
    there = solver.fk(pose["global_orient"], pose["body_pose"], z=pose["z"], betas=inputs["betas"])
    assert there["joints"].shape == (3, frames, 29, 3)
    back = solver.ik(**there, betas=inputs["betas"])
    for name in ("global_orient", "body_pose", "z"):
        np.testing.assert_allclose(back[name], pose[name], atol=2e-3)


def test_what_fills_up_a_window_changes_nothing_and_may_be_anything(solver, rng):
    inputs, mask = _inputs(rng, 2, 6), np.float32([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 0, 0]])
    filled = {name: array.copy() for name, array in inputs.items()}
    filled["joints"][:, 4:] = np.nan
    short = solver({name: array[:, :4] for name, array in inputs.items()})
    for given in (inputs, filled):
        found = solver({**given, "frame_mask": mask})
        np.testing.assert_allclose(found["body_pose"][:, :4], short["body_pose"], atol=2e-5)
        np.testing.assert_allclose(found["global_orient"][:, :4], short["global_orient"], atol=2e-5)


def test_other_frames_count(solver, rng):
    inputs = _inputs(rng, 1, 6)
    other = {**inputs, "joints": inputs["joints"].copy()}
    other["joints"][:, 5] += 0.1 * rng.normal(size=[29, 3])
    apart = np.abs(solver(inputs)["body_pose"] - solver(other)["body_pose"]).max((0, 2, 3, 4))
    assert (apart[:5] > 1e-6).all()


def test_a_turned_person_is_the_same_motion(solver, rng):
    inputs = _inputs(rng, 2, 5)
    turn = np.asarray(rotations.rotvec_to_matrix(tf.constant([0.3, 2.0, -1.0])))
    turned = solver({**inputs, "joints": inputs["joints"] @ turn.T + 3.0})
    found = solver(inputs)
    np.testing.assert_allclose(turned["body_pose"], found["body_pose"], atol=3e-4)
    np.testing.assert_allclose(turned["global_orient"], turn @ found["global_orient"], atol=3e-4)


def test_the_network_is_shown_smoothed_joints(rng):
    solver, inputs = _strong(MAKERS["temporal"]()), _inputs(rng, 2, 6)
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
    small = _strong(solvers.OneStage(SKELETON, hidden_dim=16, num_couplings=2))
    solver = MAKERS["temporal"]()
    solver.start_from(small)
    inputs = _inputs(rng, 4, 1)
    np.testing.assert_allclose(solver(inputs)["body_pose"], small(inputs)["body_pose"], atol=1e-5)
    with pytest.raises(ValueError, match="`initial` must be a solver of single frames of the size of"):
        solver.start_from(solvers.OneStage(SKELETON, hidden_dim=8, num_couplings=2))


def test_the_exact_finish_sees_the_frames_of_a_window_and_not_its_filler(rng):
    solver, inputs = _strong(MAKERS["temporal"]()), _inputs(rng, 2, 5)
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
    solver, inputs = _strong(MAKERS["temporal"]()), _inputs(rng, 2, 4)
    mask = np.float32([[1, 1, 1, 0]] * 2)
    found = solver.for_body(taller)({**inputs, "frame_mask": mask})["body_pose"]
    short = solver.for_body(taller)({name: array[:, :3] for name, array in inputs.items()})["body_pose"]
    assert solver.for_body(taller).needs_retargeting
    np.testing.assert_allclose(found[:, :3], short, atol=2e-5)


def test_starts_cover_every_frame():
    for length in (1, 15, 16, 17, 24, 61):
        first = windows.starts(length, frames=16, step=8)
        assert first[0] == 0
        assert max(first) == max(0, length - 16)
        assert max(np.diff([*first, first[-1]])) <= 8


def test_long_motion_equals_a_window_where_there_is_but_one(solver, rng):
    for frames in (9, 16):
        inputs = _inputs(rng, frames)
        found = windows.solve_motion(solver, inputs)
        alone = solver({name: array[None] for name, array in inputs.items()})
        np.testing.assert_allclose(found["body_pose"], alone["body_pose"][0], atol=1e-4)
        np.testing.assert_allclose(found["global_orient"], alone["global_orient"][0], atol=1e-4)


def test_overlapping_windows_are_blended(rng):
    def solve(inputs):
        """Turns by 0.1 times the number of the window's first frame, which the first joint's x tells."""
        angle = np.float32(0.1) * inputs["joints"][:, :1, 0, 0] * np.float32([0.0, 0.0, 1.0])[:, None, None]
        turn = rotations.rotvec_to_matrix(tf.transpose(tf.tile(angle, [1, 1, 16]), [1, 2, 0]))[:, :, None].numpy()
        return {"global_orient": turn, "body_pose": np.tile(turn, [1, 1, 23, 1, 1])}

    joints = np.zeros([24, 29, 3], np.float32)
    joints[:, 0, 0] = np.arange(24)
    found = windows.solve_motion(solve, {"joints": joints}, step=8)
    angles = rotations.matrix_to_rotvec(found["global_orient"][:, 0]).numpy()[:, 2]
    np.testing.assert_allclose(angles[:8], 0.0, atol=1e-6)
    np.testing.assert_allclose(angles[16:], 0.8, atol=1e-5)
    assert (np.diff(angles[7:17]) > 0).all()
    assert abs(angles[11] - 0.8 * 4 / 9) < 0.02  # there the first window weighs 5 and the second 4


def test_bad_motion_is_named(rng):
    solver = MAKERS["recurrent"]()
    for inputs, step in ((_inputs(rng, 0), 4), (_inputs(rng, 3), 17)):
        with pytest.raises(ValueError, match="`inputs` must hold frames and `step` be 1 to 16; got"):
            windows.solve_motion(solver, inputs, step=step)


def test_streaming_gives_what_the_windowed_call_gives(solver, rng):
    inputs, delay = _inputs(rng, 2, 21), 5
    push = tf.function(lambda state, frame: streaming.push(solver, state, frame, delay=delay))
    state, answers = streaming.start(solver, people=2), []
    for place in range(21):
        state, answer = push(state, {name: tf.constant(array[:, place]) for name, array in inputs.items()})
        assert int(answer["frame"]) == place - delay
        answers.append(answer["body_pose"])
    for place in (5, 9, 15, 17, 20):  # frames `first` to `place` are in view, the answer is that of place - delay
        first = max(0, place - 15)
        window = solver({name: array[:, first : place + 1] for name, array in inputs.items()})
        np.testing.assert_allclose(answers[place], window["body_pose"][:, place - delay - first], atol=5e-5)
    window = solver({name: array[:, 5:] for name, array in inputs.items()})
    rest = streaming.remaining(solver, state, delay=delay)
    assert rest["global_orient"].shape == (2, delay, 1, 3, 3)
    np.testing.assert_allclose(rest["body_pose"], window["body_pose"][:, -delay:], atol=5e-5)


def test_bad_streams_are_named(rng):
    solver = MAKERS["recurrent"]()
    state = streaming.start(solver)
    with pytest.raises(ValueError, match="`delay` must be 0 to 15 frames; got 16"):
        streaming.push(solver, state, _inputs(rng, 1), delay=16)
    with pytest.raises(ValueError, match="`inputs` must hold `joints`"):
        streaming.push(solver, state, {})
    with pytest.raises(ValueError, match=r"`joints` must be one frame of each person, \(1, 29, 3\); got \(2, 29, 3\)"):
        streaming.push(solver, state, _inputs(rng, 2))
