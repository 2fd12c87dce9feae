"""Landmarks of one's own: near a joint, between points, from a regressor."""

import types

import numpy as np
import pytest

from niki_tf import body, skeletons
from niki_tf.fitting import point_lifting
from niki_tf.skeletons import SMPL_29, own_landmarks, rest

JOINTS = dict(zip(SMPL_29.names, rest.rest_joints(), strict=True))


def _place(landmark):
    return JOINTS[landmark.joint] + landmark.offset


@pytest.mark.parametrize(
    ("first", "second", "joint", "told"),
    [
        ("left_hip", "right_hip", "pelvis", "left_hip right_hip"),
        ("left_shoulder", "right_shoulder", "spine3", "neck"),
        ("left_knee", "left_ankle", "left_knee", "left_knee left_ankle"),
        ("left_ankle", "left_knee", "left_knee", "left_knee left_ankle"),
        ("left_hip", "right_shoulder", "pelvis", "spine1"),
        ("pelvis", "neck", "pelvis", "spine1"),
        ("left_eye", "right_ear", "head", "head"),
        ("neck", "head", "neck", "neck head"),
    ],
)
def test_a_point_between_two_hangs_on_the_joint_that_moves_both(first, second, joint, told):
    landmark = own_landmarks.landmark_between(first, second)
    ends = skeletons.PointSet("ends", (first, second)).at_rest
    np.testing.assert_allclose(_place(landmark), ends.mean(0), atol=1e-12)
    assert (landmark.joint, landmark.tells) == (joint, tuple(told.split()))
    quarter = own_landmarks.landmark_between(first, second, fraction=0.25)
    np.testing.assert_allclose(_place(quarter), 0.75 * ends[0] + 0.25 * ends[1], atol=1e-12)


@pytest.mark.parametrize(
    "pair",
    [("left_hip", "left_ankle"), ("left_knee", "right_knee"), ("left_wrist", "head"), ("left_shoulder", "head_top")],
)
def test_points_that_turn_about_a_joint_have_none_between(pair):
    with pytest.raises(ValueError, match=f"`between` must be two points that move as one; got {pair[0]} and {pair[1]}"):
        own_landmarks.landmark_between(*pair)


def test_a_point_beside_a_bone_tells_the_joint_that_is_nearest():
    at = JOINTS["left_knee"] + [0.05, 0.02, 0.0]
    assert own_landmarks.landmark_at(at, "left_hip").tells == ("left_knee",)
    assert own_landmarks.landmark_at(at, "left_knee").tells == ("left_knee",)
    assert own_landmarks.landmark_at(JOINTS["head_top"] + 0.01, "head").tells == ("head_top",)


def _regressor(mannequin):
    """Three points: one vertex of the left foot, the middle of two of the head, a mix of many on the right thigh."""
    of = np.argmax(mannequin.lbs_weights, -1)
    weights = np.zeros([3, len(of)])
    weights[0, np.flatnonzero(of == 7)[0]] = 1.0
    weights[1, np.flatnonzero(of == 15)[[0, 9]]] = 0.5
    weights[2, of == 2] = 1.0 / np.sum(of == 2)
    return weights


def test_regressed_points_are_where_the_vertices_are():
    mannequin = body.mannequin()
    weights = _regressor(mannequin)
    found = own_landmarks.from_regressor(weights, mannequin, name="three")
    assert (found.name, found.carriers) == ("three", (7, 15, 2))
    np.testing.assert_allclose(found.at_rest, weights @ mannequin.v_template, atol=1e-6)


def test_on_another_body_regressed_points_are_brought_to_the_mannequin_and_back():
    mannequin = body.mannequin()
    large = types.SimpleNamespace(
        v_template=1.3 * mannequin.v_template, lbs_weights=mannequin.lbs_weights, joints=1.3 * mannequin.joints
    )
    weights = _regressor(mannequin)
    found = own_landmarks.from_regressor(weights, large)
    np.testing.assert_allclose(found.at_rest, weights @ mannequin.v_template, atol=1e-6)
    back = point_lifting.rest_points(found, np.float32(large.joints)).numpy()
    np.testing.assert_allclose(back, weights @ large.v_template, atol=1e-5)


def test_regressors_in_files(tmp_path):
    sparse = pytest.importorskip("scipy.sparse")
    mannequin = body.mannequin()
    weights = _regressor(mannequin)
    wanted = own_landmarks.from_regressor(weights, mannequin)
    np.save(tmp_path / "J.npy", weights)
    assert own_landmarks.from_regressor(str(tmp_path / "J.npy"), mannequin) == wanted
    for form in (sparse.csr_matrix, sparse.csc_matrix, sparse.coo_matrix):
        sparse.save_npz(tmp_path / "J.npz", form(weights))
        found = own_landmarks.from_regressor(tmp_path / "J.npz", mannequin)
        np.testing.assert_allclose(found.at_rest, wanted.at_rest, atol=1e-9)
    sparse.save_npz(tmp_path / "J.npz", sparse.bsr_matrix(weights))
    with pytest.raises(ValueError, match=r"`regressor` must be .*J.npz, which cannot be read: sparse format bsr"):
        own_landmarks.from_regressor(tmp_path / "J.npz", mannequin)


def test_regressors_that_do_not_fit_are_refused(tmp_path):
    mannequin = body.mannequin()
    vertices = len(mannequin.v_template)
    shape = rf"`regressor` must have shape \(J, {vertices}\), the body's vertices; got"
    for wrong in (np.zeros([17, 6890]), np.zeros([0, vertices]), np.zeros(vertices)):
        with pytest.raises(ValueError, match=shape):
            own_landmarks.from_regressor(wrong, mannequin)
    for wrong in (np.full([2, vertices], np.nan), np.full([2, vertices], "a")):
        with pytest.raises(ValueError, match="`regressor` must (hold finite|be an array of) numbers"):
            own_landmarks.from_regressor(wrong, mannequin)
    np.save(tmp_path / "object.npy", np.array([{}], object), allow_pickle=True)
    (tmp_path / "text.npy").write_text("text")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    empty = {"data": np.zeros(0), "indices": np.zeros(0, int), "indptr": np.zeros(1, int)}
    np.savez(tmp_path / "huge.npz", format="csr", shape=np.array([10**6, 10**6]), **empty)
    np.savez(tmp_path / "flat.npz", format="csr", shape=np.array([10**6]), **empty)
    for name in ("object.npy", "text.npy", "other.npz", "none.npy", "huge.npz", "flat.npz"):
        with pytest.raises(
            ValueError, match=f"`regressor` must be an .npy file of numbers; .*{name}, which cannot be read"
        ):
            own_landmarks.from_regressor(tmp_path / name, mannequin)
