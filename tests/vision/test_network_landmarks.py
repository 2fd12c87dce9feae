"""What a network of images tells of people whom another estimator has found."""

import numpy as np
import pytest
from image_models import seen

from niki_tf import solvers, vision
from niki_tf.inference import picture_motion
from niki_tf.inference.seen_person import SeenPerson
from niki_tf.io.picture_camera import PictureCamera
from niki_tf.vision import network_landmarks, tracks
from niki_tf.vision.landmark_crop import Crop, Landmarks
from niki_tf.vision.tracking import Sighting

HEIGHT, WIDTH = 60, 100
BOX = np.array([50.0, 10.0, 74.0, 50.0])


@pytest.fixture
def picture(rng):
    return rng.integers(0, 256, [HEIGHT, WIDTH, 3], np.uint8)


@pytest.fixture
def landmarks(rng):
    """Of a person in `BOX`; two that are not visible lie outside."""
    points = rng.uniform(BOX[:2], BOX[2:], [33, 2])
    points[:4] = BOX[:2], BOX[2:], [0.0, 0.0], [99.0, 59.0]
    visibility = np.ones(33)
    visibility[2:4] = 0.1
    return Landmarks(points, np.zeros([33, 3]), visibility, np.ones(33), 0.8, Crop(points[0], 9.0, 0.1), np.ones(33))


def test_joints_are_those_of_the_network_for_the_box_of_the_visible_landmarks(picture, landmarks):
    found = network_landmarks.NetworkLandmarks(seen())(picture, landmarks)
    wanted = {name: value.numpy() for name, value in seen()({"image": picture, "box": BOX.astype(np.float32)}).items()}
    np.testing.assert_allclose(found.world, wanted["joints"], atol=1e-4)
    np.testing.assert_allclose(found.twist, wanted["twist"], atol=1e-4)
    np.testing.assert_allclose(found.sigma, wanted["joint_sigma"], rtol=1e-4)
    side = 1.25 * 40.0
    np.testing.assert_allclose(found.picture, [62.0, 30.0] + side * wanted["uvd"][:, :2], atol=1e-3)
    assert (found.score, found.next_crop.side) == (0.8, side)
    assert ((found.visibility > 0.0) & (found.visibility <= 1.0)).all()
    assert np.argmin(found.visibility) == np.argmax(found.sigma)


def test_depths_are_along_the_camera_s_axis(picture, landmarks):
    """A person beside the middle is not turned, as landmarks are that are seen along the ray."""
    told = network_landmarks.NetworkLandmarks(seen())(picture, landmarks)
    (track,) = tracks.tracks([[Sighting(0, told)]])
    person = SeenPerson(track, PictureCamera(120.0, WIDTH, HEIGHT, "told"), np.zeros(1)).person
    assert person.point_set.name == "smpl_29"
    np.testing.assert_allclose(person.twist, told.twist[None])
    np.testing.assert_allclose(person.joint_sigma, told.sigma[None])
    depths, wanted = -person.joints[0, :, 2], told.world[:, 2]
    np.testing.assert_allclose(depths - depths[0], wanted - wanted[0], atol=1e-5)
    pixels = 120.0 * person.joints[0, :, :2] * [1, -1] / depths[:, None] + [50.0, 30.0]
    np.testing.assert_allclose(pixels, told.picture, atol=1e-3)
    turned = picture_motion.camera_points(track.world, np.array([[90.0, 30.0]]), focal=120.0, center=np.array([50, 30]))
    assert np.abs(turned[..., 2] + track.world[..., 2]).max() > 0.02


def test_where_hardly_anything_is_visible_all_landmarks_make_the_box(landmarks):
    assert network_landmarks.seen_box(landmarks).tolist() == BOX.tolist()
    hidden = landmarks._replace(visibility=np.zeros(33))
    assert network_landmarks.seen_box(hidden).tolist() == [0.0, 0.0, 99.0, 59.0]


def test_a_network_with_a_solver_in_it_is_refused(tmp_path):
    model = vision.ImageSolver(seen(), solver=solvers.Analytic(seen().body_joints))
    solvers.save(model, tmp_path)
    with pytest.raises(ValueError, match=r"^`network` must be an ImageJoints, which tells joints; got ImageSolver\."):
        network_landmarks.NetworkLandmarks(tmp_path)
    with pytest.raises(ValueError, match="^`network` must be a folder that holds model.keras"):
        network_landmarks.NetworkLandmarks(tmp_path / "none")
