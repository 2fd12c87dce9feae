"""Points read off a posed mesh: exact at rest, on the skin in any pose, and how far from the table of offsets."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, motion, rotations, skeletons
from niki_tf.evaluation import mesh_points
from niki_tf.evaluation.mesh_points import NAMES, MeshPoints
from niki_tf.fitting import point_lifting
from niki_tf.skeletons.markers import VICON_39

ALL = skeletons.PointSet("all", tuple(skeletons.MARKERS.get(name, name) for name in NAMES))
ON_SKIN = ("nose", "left_eye", "right_eye_outer", "left_heel", "right_thumb", "left_pinky", "right_small_toe")


@pytest.fixture(scope="module")
def mannequin():
    return body.mannequin()


@pytest.fixture(scope="module")
def read(mannequin):
    return MeshPoints(mannequin)


@pytest.fixture(scope="module")
def truth(mannequin):
    """Twelve people, each of a random shape, in poses of a made motion."""
    poses = motion.made_motion(2, frames=120).poses[::10]
    betas = np.random.default_rng(1).normal(size=[12, 10])
    return body.BodyPoser(mannequin).truth(rotations.rotvec_to_matrix(poses).numpy(), betas=betas)


def _by_offsets(rotation, betas):
    """All points (N, M, 3) as solvers place them, each on one bone, relative to joint 0."""
    rest = body.mannequin_joints()(tf.constant(betas))
    points, joints = point_lifting.pose_points(ALL, tf.constant(rotation), rest)
    return (points - joints[:, :1]).numpy()


def _apart_mm(points, others):
    return 1000 * np.linalg.norm(points - others, axis=-1)


def test_at_rest_points_are_where_the_offsets_say(read, mannequin):
    still = {"joints": mannequin.joints[None] - mannequin.joints[0]}
    still["vertices"] = (mannequin.v_template - mannequin.joints[0])[None]
    wanted = _by_offsets(np.eye(3, dtype=np.float32) + np.zeros([1, 24, 1, 1], np.float32), np.zeros([1, 10], "f"))
    np.testing.assert_allclose(read.read(still), wanted, atol=1e-5)
    assert read.read(still).dtype == np.float32


def test_joints_are_the_body_s_and_all_points_turn_with_the_body(read, truth, mannequin):
    points = read.read(truth)
    np.testing.assert_array_equal(points[:, :29], truth["joints"])
    turn = rotations.rotvec_to_matrix(tf.constant([0.5, -1.0, 2.0])).numpy()
    turned = truth["rotations"].copy()
    turned[:, 0] = turn @ turned[:, 0]
    again = read.read(body.BodyPoser(mannequin).pose(turned, betas=truth["betas"]))
    np.testing.assert_allclose(again, points @ turn.T, atol=1e-5)


@pytest.mark.parametrize("name", [*ON_SKIN, *VICON_39])
def test_landmarks_of_the_skin_stay_on_it_in_any_pose_and_shape(name, read, truth):
    point = read.read(truth)[:, NAMES.index(name)]
    assert _apart_mm(truth["vertices"], point[:, None]).min(1).max() < 14  # in the middle of a face


def test_vertices_that_are_combined_are_near_and_none_outweighs_the_others(read, mannequin):
    np.testing.assert_allclose(read.vertices.sum(1), 1.0, atol=1e-5)
    assert read.vertices.min() > -0.6
    for name, weights in zip(NAMES[29:], read.vertices, strict=True):
        inside = name.startswith("mid_") or name.endswith("outer_hip")  # all markers are on the skin
        used = mannequin.v_template[weights != 0.0]
        assert len(used) == (48 if inside else 8)
        if inside:  # a ring: all about the point, at its height
            assert np.ptp(used[:, 1]) < 0.06, name
            assert (used[:, [0, 2]].min(0) < used[:, [0, 2]].T @ weights[weights != 0.0]).all()
            assert (used[:, [0, 2]].max(0) > used[:, [0, 2]].T @ weights[weights != 0.0]).all()


def test_how_far_the_posed_mesh_is_from_the_table_of_offsets(read, truth):
    apart = _apart_mm(read.read(truth), _by_offsets(truth["rotations"], truth["betas"])).mean(0)
    print({name: round(float(mm), 1) for name, mm in zip(NAMES, apart, strict=True) if mm > 0.05})
    assert apart[:29].max() < 0.01
    assert apart[NAMES.index("nose")] < 0.5  # moves with the head alone
    assert 4 < apart[NAMES.index("left_outer_hip")] < 25  # the skin there moves with the thigh, too, and with girth
    assert 1 < apart[29:].mean() < 5


def test_weights_combine_to_the_place_where_vertices_lie_in_a_plane():
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]])
    weights = mesh_points.affine_weights(corners, np.array([0.5, 0.5, 0.0]))
    np.testing.assert_allclose(weights, 0.25, atol=1e-6)
    near = mesh_points.affine_weights(corners, np.array([0.1, 0.1, 0.0]))
    np.testing.assert_allclose(near @ corners, [0.1, 0.1, 0.0], atol=1e-6)
    assert near[0] > 0.7
