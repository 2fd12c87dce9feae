"""From landmarks of squares to the camera's axes, and a motion to where it was seen."""

import dataclasses

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import niki_tf
from niki_tf import skeletons, solvers
from niki_tf.inference import picture_motion

FOCAL, CENTER = 800.0, np.array([320.0, 240.0])
POINTS = skeletons.POINT_SETS["smpl_29"]


@pytest.fixture(scope="module")
def motion():
    """A body at rest, half turned, over 12 frames."""
    joints = np.repeat(niki_tf.body.mannequin_joints().joints[None], 12, 0)
    joints = joints @ Rotation.from_euler("y", 40, degrees=True).as_matrix().T
    found = niki_tf.solve(joints, fps=30, solver=solvers.Analytic(niki_tf.body.mannequin_joints()), unit="m", up="y")
    return dataclasses.replace(found, transl=np.full([12, 3], 99.0, np.float32))


def _path():
    return np.stack([np.linspace(-0.5, 0.5, 12), np.full(12, 0.2), np.full(12, -4.0)], -1)


def _pixels(motion, path):
    points = dataclasses.replace(motion, transl=path.astype(np.float32)).joints().astype(np.float64)
    return FOCAL * points[..., :2] * [1, -1] / -points[..., 2:] + CENTER


def _placed(motion, seen_at, weights):
    return picture_motion.placed(motion, seen_at, weights, point_set=POINTS, focal=FOCAL, center=CENTER)


def test_a_motion_is_brought_to_where_it_was_seen(motion):
    found, distance = _placed(motion, _pixels(motion, _path()), np.ones([12, 29]))
    np.testing.assert_allclose(found.transl, _path(), atol=3e-3)
    np.testing.assert_array_equal(found.rotations, motion.rotations)
    assert distance.shape == (12,)
    assert distance.max() < 0.5


def test_frames_without_a_person_are_on_the_way(motion):
    seen_at, weights = _pixels(motion, _path()), np.ones([12, 29])
    seen_at[5:8], weights[5:8] = np.nan, np.nan
    weights[:, 3] = 0.0
    seen_at[:, 3] = 1e6
    found, distance = _placed(motion, seen_at, weights)
    np.testing.assert_allclose(found.transl[4:9], _path()[4:9], atol=5e-3)
    assert np.isnan(distance).tolist() == [False] * 5 + [True] * 3 + [False] * 4


def test_depth_is_smoothed_more_than_the_rest(motion, rng):
    path = _path() + rng.normal(0, 0.1, [12, 3]) * [0, 0, 1]
    found, _ = _placed(motion, _pixels(motion, path), np.ones([12, 29]))
    assert found.transl[:, 2].std() < 0.5 * path[:, 2].std()


def test_nobody_has_no_place(motion):
    with pytest.raises(ValueError, match="`weights` must be above 0 for two points of a frame"):
        _placed(motion, _pixels(motion, _path()), np.zeros([12, 29]))


def test_a_square_away_from_the_middle_is_seen_at_an_angle(rng):
    world = rng.normal(size=[2, 33, 3])
    middle = CENTER + [[0, 0], [800, 0]]
    found = picture_motion.camera_points(world, middle, focal=FOCAL, center=CENTER)
    np.testing.assert_allclose(found[0], world[0] * [1, -1, -1])
    # 45 degrees to the right: what was straight before the network's camera now is on that ray.
    turned = Rotation.from_euler("y", 45, degrees=True).apply(world[1])
    np.testing.assert_allclose(found[1], turned * [1, -1, -1], atol=1e-12)


def test_points_move_across_to_their_rays(motion, rng):
    moved = dataclasses.replace(motion, transl=_path().astype(np.float32))
    true, seen_at = moved.joints().astype(np.float64), _pixels(motion, _path())
    about = true - true[:, :1] + rng.normal(0, 0.02, true.shape) * [1, 1, 0]
    found = picture_motion.on_rays(about, seen_at, np.ones([12, 29]), focal=FOCAL, center=CENTER)
    depth = found[..., 2:] / true[..., 2:]
    np.testing.assert_allclose(found, true * depth, atol=1e-6)  # on the ray
    assert np.abs(depth - 1).max() < 0.03
    nobody = np.full([1, 29, 3], np.nan)
    gone = picture_motion.on_rays(nobody, nobody[..., :2], nobody[..., 0], focal=FOCAL, center=CENTER)
    assert np.isnan(gone).all()


def test_depths_lean_on_the_body(motion):
    placed = dataclasses.replace(motion, transl=_path().astype(np.float32))
    true, seen_at = placed.joints().astype(np.float64), _pixels(motion, _path())
    wrong = true * np.linspace(0.9, 1.1, 29)[:, None]  # along the rays
    found = picture_motion.leaning_on(placed, wrong, seen_at, point_set=POINTS, focal=FOCAL, center=CENTER)
    np.testing.assert_allclose(found / true, (found[..., 2:] / true[..., 2:]) * np.ones(3), atol=1e-4)
    before, after = (np.abs(points - true)[..., 2].mean() for points in (wrong, found))
    assert after < 0.35 * before
