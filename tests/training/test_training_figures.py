import numpy as np
import pytest
import tensorflow as tf
import toy_body

from niki_tf import body, contract, rotations, solvers
from niki_tf.training import figures

SKELETON = body.mannequin_joints()


@pytest.fixture
def posed(rng):
    """Local rotations of eight poses and a batch of their joints without noise."""
    local = rotations.rotvec_to_matrix(tf.constant(0.3 * rng.normal(size=[8, 24, 3]), tf.float32))
    rest = tf.repeat(tf.constant(SKELETON.joints[None], tf.float32), 8, axis=0)
    joints, _ = body.forward_kinematics(local, rest)
    joints -= joints[:, :1]
    batch = {
        "noisy": joints,
        "joints": joints,
        "rest_joints": rest,
        "joint_sigma": None,
        "betas": None,
        "noisy_twist": None,
    }
    return local, batch


def test_joint_errors_are_zero_for_the_truth_and_name_the_joint_that_is_off(posed):
    local, batch = posed
    answer = {"global_orient": local[:, :1], "body_pose": local[:, 1:]}
    np.testing.assert_allclose(figures.joint_errors(lambda inputs: answer, batch), 0.0, atol=1e-3)
    off = batch | {"joints": batch["joints"] + tf.one_hot(5, 29)[:, None] * tf.constant([0.0, 0.04, 0.03])}
    np.testing.assert_allclose(figures.joint_errors(lambda inputs: answer, off), 50.0 * np.eye(24)[5], atol=1e-2)


SOLVERS = {
    "analytic": lambda: solvers.Analytic(SKELETON),
    "one_stage": lambda: solvers.OneStage(SKELETON, num_couplings=2, hidden_dim=8),
}


@pytest.mark.parametrize("position", [1.0, np.nan], ids=["a_metre_off", "nan"])
@pytest.mark.parametrize("kind", SOLVERS)
def test_joint_errors_are_those_of_the_answer_with_a_joint_absent(kind, position, posed):
    solver, batch = SOLVERS[kind](), posed[1]
    noisy, sigma = batch["noisy"].numpy(), np.zeros([8, 29], np.float32)
    noisy[:, 4] += position
    sigma[:, 4] = 10.0
    found = figures.joint_errors(solver, batch | {"noisy": tf.constant(noisy), "joint_sigma": tf.constant(sigma)})
    local = contract.local_rotations(solver({"joints": noisy, "joint_sigma": sigma}))
    bodies = zip(local, batch["rest_joints"].numpy(), strict=True)
    places = np.stack([toy_body.walk(turns, rest)[0] for turns, rest in bodies])
    errors = np.linalg.norm(places - places[:, :1] - batch["joints"], axis=-1)
    np.testing.assert_allclose(found, 1000.0 * errors[:, :24].mean(0), rtol=1e-4, atol=1e-2)


def test_filler_frames_are_not_in_the_figure(posed):
    local, batch = posed
    shown = {name: value[None] for name, value in batch.items() if value is not None}
    mask = tf.constant([[1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
    off = tf.where(mask[..., None, None] > 0.0, shown["joints"], 9.0)
    answer = {"global_orient": local[None, :, :1], "body_pose": local[None, :, 1:]}
    windows = batch | shown | {"joints": off, "frame_mask": mask}
    np.testing.assert_allclose(figures.joint_errors(lambda inputs: answer, windows), 0.0, atol=1e-3)


def test_the_image_shows_larger_errors_as_longer_bars():
    def bar_pixels(others):
        image = figures.joint_error_image(np.r_[100.0, np.full(23, others)]).numpy()[0]
        return (np.abs(image[..., :3] - np.float64([31, 119, 180])).max(-1) < 3).sum()

    assert bar_pixels(90.0) > 3 * bar_pixels(10.0) > 0
