"""Errors of answers whose distance from the truth is known."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from niki_tf.evaluation.scoring import pose_errors


@pytest.fixture(scope="module")
def truth(poser):
    random = np.random.default_rng(0)
    rotations = Rotation.from_rotvec(0.3 * random.normal(size=[3 * 24, 3])).as_matrix().reshape(3, 24, 3, 3)
    return poser.truth(rotations, betas=random.normal(size=[3, 10]))


def _answer(rotations):
    return {"global_orient": rotations[:, :1], "body_pose": rotations[:, 1:]}


def test_truth_is_root_relative_and_float32(truth):
    assert {name: array.shape for name, array in truth.items()} == {
        "rotations": (3, 24, 3, 3),
        "betas": (3, 10),
        "twist": (3, 23, 2),
        "joints": (3, 29, 3),
        "vertices": (3, 116, 3),
    }
    assert {array.dtype for array in truth.values()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(truth["joints"][:, 0], np.zeros([3, 3]))
    # The corners of each small box of the toy body lie about its joint.
    np.testing.assert_allclose(truth["vertices"].reshape(3, 29, 4, 3).mean(2), truth["joints"], atol=1e-5)


def test_the_truth_has_no_error(poser, truth):
    for name, values in pose_errors(_answer(truth["rotations"]), truth=truth, poser=poser).items():
        np.testing.assert_allclose(values, np.zeros(3), atol=1e-3, err_msg=name)


def test_a_body_turned_about_keeps_its_shape(poser, truth):
    turned = truth["rotations"].copy()
    half = np.diag([-1.0, 1.0, -1.0])
    turned[:, 0] = half @ turned[:, 0]
    scores = pose_errors(_answer(turned), truth=truth, poser=poser)
    np.testing.assert_allclose(scores["pa_mpjpe"], np.zeros(3), atol=1e-3)
    np.testing.assert_allclose(scores["rotation_deg"], np.full(3, 180.0 / 24.0), rtol=1e-3)
    for metric, points in (("mpjpe", truth["joints"][:, :24]), ("pve", truth["vertices"])):
        from_axis = np.linalg.norm(points[..., [0, 2]].astype(float), axis=-1)
        np.testing.assert_allclose(scores[metric], 2000.0 * from_axis.mean(-1), rtol=1e-4)


def test_only_24_joints_count(poser, truth):
    turned = truth["rotations"].copy()
    turned[:, 15] = turned[:, 15] @ Rotation.from_rotvec([0.0, 0.0, 1.0]).as_matrix()  # the head moves its top alone
    scores = pose_errors(_answer(turned), truth=truth, poser=poser)
    np.testing.assert_allclose(scores["mpjpe"], np.zeros(3), atol=1e-3)
    assert scores["pve"].min() > 1.0


def test_shapes_are_checked(poser):
    still = np.tile(np.eye(3), [2, 24, 1, 1])
    with pytest.raises(ValueError, match=r"`rotations` must have shape \(N, 24, 3, 3\); got \(24, 3, 3\)"):
        poser.truth(still[0], betas=np.zeros([1, 10]))
    with pytest.raises(ValueError, match=r"`betas` must have shape \(2, 10\); got \(1, 10\)"):
        poser.truth(still, betas=np.zeros([1, 10]))
