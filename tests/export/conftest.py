"""One tiny invertible solver exported once in each format, and a toy that takes windows of time."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, export, rotations, solvers

SKELETON = body.mannequin_joints()


@pytest.fixture(scope="session")
def solver():
    """Twist and swing: all signatures, and a graph in which all operations of the learned solvers occur."""
    keras.utils.set_random_seed(0)
    solver = solvers.TwistSwing(
        SKELETON, num_couplings=2, hidden_dim=48, num_rotation_couplings=2, rotation_hidden_dim=16, twist_hidden_dim=16
    )
    # Without training some 6D rotations have two almost parallel rows, which amplifies rounding errors.
    for conditioner in solver.rotation_flow.conditioners:
        bias = conditioner.translation[-1].bias
        bias.assign(2.0 * tf.random.normal(bias.shape))
    return solver


@pytest.fixture(scope="session")
def arrays():
    """A function of a leading shape: inputs of every name, joints near the rest pose, some absent, twists unknown."""

    def make(*leading):
        rng = np.random.default_rng(1)
        turns = rotations.rotvec_to_matrix(tf.constant(0.5 * rng.normal(size=[*leading, 24, 3]), tf.float32)).numpy()
        sigma = np.where(rng.random([*leading, 29]) < 0.1, 10.0, 0.02 * rng.random([*leading, 29]))
        twist = rng.normal(size=[*leading, 23, 2]) * (rng.random([*leading, 23, 1]) < 0.5)
        return {
            "joints": (SKELETON.joints + 0.05 * rng.normal(size=[*leading, 29, 3])).astype(np.float32),
            "joint_sigma": sigma.astype(np.float32),
            "betas": rng.normal(size=[*leading, 10]).astype(np.float32),
            "twist": twist.astype(np.float32),
            "global_orient": turns[..., :1, :, :],
            "body_pose": turns[..., 1:, :, :],
            "known_rotations": (turns * (rng.random([*leading, 24, 1, 1]) < 0.3)).astype(np.float32),
            "z": (0.1 * rng.normal(size=[*leading, 78])).astype(np.float32),
        }

    return make


@pytest.fixture(scope="session")
def saved_model_folder(solver, tmp_path_factory):
    pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed")
    return export.write_saved_model(solver, tmp_path_factory.mktemp("export") / "tiny")


@pytest.fixture(scope="session")
def saved_model(saved_model_folder):
    return export.load_saved_model(saved_model_folder)
