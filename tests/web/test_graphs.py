"""The graphs of a web page: streams and solvers of frames, frame by frame, and what landmarks tell."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, skeletons, solvers
from niki_tf.inference import streaming
from niki_tf.solvers.joint_completion import JointCompletion
from niki_tf.vision.landmark_sigma import landmark_sigma
from niki_tf.web import graphs

SIZES = {"num_couplings": 2, "hidden_dim": 16}
WINDOW = {**SIZES, "num_temporal_pairs": 1, "temporal_hidden_dim": 16}
FRAMES = 19


@pytest.fixture
def joints(rng):
    """Joints that move, of more frames than a window has, (T, 1, 29, 3)."""
    path = np.cumsum(0.01 * rng.normal(size=[FRAMES, 1, 1, 3]), 0)
    noise = 0.02 * rng.normal(size=[FRAMES, 1, 29, 3])
    return (body.mannequin_joints().joints + path + noise).astype(np.float32)


def followed(solver, step, frames):
    """The answers to frames, one after the other, each a dict of the step's own inputs."""
    state = {f"state_{name}": np.zeros(shape, np.float32) for name, shape in graphs.state_shapes(solver).items()}
    for frame in frames:
        inputs = {name: tf.constant(value) for name, value in {**frame, **state}.items()}
        answer = {name: value.numpy() for name, value in step(inputs).items()}
        state = {f"state_{name[5:]}": value for name, value in answer.items() if name.startswith("next_")}
        yield answer


def test_joints_of_frames_are_solved_alone(joints):
    solver = solvers.OneStage(body.mannequin_joints(), **SIZES)
    sigma = np.zeros([1, 29], np.float32)
    step, frames = graphs.JointStep(solver), [{"joints": j, "joint_sigma": sigma} for j in joints[:2]]
    for frame, found in zip(joints[:2], followed(solver, step, frames), strict=True):
        wanted = solver({"joints": frame})
        np.testing.assert_allclose(found["rotations"][:, 1:], wanted["body_pose"], atol=1e-5)
        np.testing.assert_allclose(found["expected_error"], wanted["expected_error"], atol=1e-6)
        assert found["valid"] == 1.0


@pytest.mark.slow
def test_joints_over_time_are_a_stream(joints):
    solver = solvers.Temporal(body.mannequin_joints(), **WINDOW)
    sigma = np.zeros([1, 29], np.float32)
    state = streaming.start(solver)
    found = followed(solver, graphs.JointStep(solver), [{"joints": j, "joint_sigma": sigma} for j in joints])
    for frame, answer in zip(joints, found, strict=True):
        state, wanted = streaming.push(solver, state, {"joints": frame}, delay=graphs.DELAY)
        np.testing.assert_allclose(answer["rotations"][:, :1], wanted["global_orient"], atol=1e-5)
        np.testing.assert_allclose(answer["rotations"][:, 1:], wanted["body_pose"], atol=1e-5)
        assert answer["frame"] == wanted["frame"].numpy()


def test_matrices_move_the_joints_of_the_body_at_rest(joints):
    solver = solvers.Analytic(body.mannequin_joints())
    sigma = np.zeros([1, 29], np.float32)
    (answer,) = followed(solver, graphs.JointStep(solver), [{"joints": joints[0], "joint_sigma": sigma}])
    matrices = answer["matrices"].reshape(24, 3, 4)
    rest = body.mannequin_joints().joints[:24]
    moved = np.einsum("jab,jb->ja", matrices[..., :3], rest) + matrices[..., 3]
    assert np.linalg.norm(moved - joints[0, 0, :24], axis=-1).mean() < 0.05
    np.testing.assert_allclose(moved[0], answer["pelvis"][0], atol=1e-5)


def test_a_body_seen_in_a_picture_stands_on_the_ground():
    points = skeletons.POINT_SETS["mediapipe_33"].at_rest * [1, -1, -1]  # y down, z away from the camera
    seen = np.ones([1, 33], np.float32)
    solver = solvers.Analytic(body.mannequin_joints())
    step = graphs.LandmarkStep(solver, JointCompletion(hidden_dim=8))
    frame = {"landmarks": (points - points[23:25].mean(0))[None].astype(np.float32), "visibility": seen}
    first, second = followed(solver, step, 2 * [{**frame, "presence": seen}])
    for answer in (first, second):
        turned = answer["rotations"][0, 0]
        assert np.degrees(np.arccos((np.trace(turned) - 1) / 2)) < 10  # as it stands at rest
        assert 0.8 < answer["pelvis"][0, 1] < 1.1
        np.testing.assert_allclose(answer["pelvis"][0, ::2], 0.0, atol=1e-6)


def test_sigma_of_landmarks_is_that_of_pictures(rng):
    shown, present = rng.random([2, 1, 33]).astype(np.float32)
    found = graphs.sigma_of(tf.constant(shown), tf.constant(present))
    np.testing.assert_allclose(found, landmark_sigma(shown, present), rtol=1e-6)


@pytest.mark.slow
def test_numbers_that_are_not_finite_are_told(joints):
    solver = solvers.Analytic(body.mannequin_joints())
    frame = {"joints": joints[0] * np.float32(np.inf), "joint_sigma": np.zeros([1, 29], np.float32)}
    (answer,) = followed(solver, tf.function(graphs.JointStep(solver)), [frame])
    assert answer["valid"] == 0.0


def test_solvers_that_need_a_twist_are_refused():
    solver = solvers.TwistSwing(body.mannequin_joints(), twist_known=False, **SIZES)
    with pytest.raises(ValueError, match="`solver` must do without the twist"):
        graphs.graphs(solver, JointCompletion(hidden_dim=8))
