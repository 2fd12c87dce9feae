"""The square around a person, and what the landmark network's numbers mean: made arrays."""

import numpy as np
import pytest

from niki_tf.vision import landmark_crop
from niki_tf.vision.landmark_crop import Crop


@pytest.mark.parametrize(
    ("edge", "angle"), [((0, -10), 0.0), ((10, 0), np.pi / 2), ((-10, 0), -np.pi / 2), ((10, -10), np.pi / 4)]
)
def test_the_square_is_upright_where_the_head_is(edge, angle):
    crop = landmark_crop.crop_of(np.array([30.0, 40.0]), np.array([30.0, 40.0]) + edge)
    assert crop.angle == pytest.approx(angle)
    assert crop.side == pytest.approx(2.5 * np.hypot(*edge))
    top = crop.to_picture(256) @ [128, 0, 1]  # the middle of the square's upper side
    np.testing.assert_allclose(top - crop.center, np.array(edge) * 1.25, atol=1e-9)
    np.testing.assert_allclose(crop.to_picture(256) @ [128, 128, 1], crop.center)


def test_what_is_cut_out_is_turned_upright():
    picture = np.zeros([200, 300, 3], np.uint8)
    picture[95:105, 180:200] = 255  # to the right of (150, 100), where the head is
    crop = landmark_crop.crop_of(np.array([150.0, 100.0]), np.array([190.0, 100.0]))
    part = landmark_crop.cut(picture, crop, size=100)
    assert part.shape == (1, 100, 100, 3)
    assert part.dtype == np.float32
    lit = np.argwhere(part[0, ..., 0] > 0.5)
    np.testing.assert_allclose(lit.mean(0), [50 - 40, 50], atol=1.5)  # above the middle: 40 of 50 pixels
    assert part.max() == 1.0


def _outputs(size):
    rows = np.zeros([39, 5])
    rows[:, :2] = size / 2
    rows[0] = [size / 2, 0.0, 7.0, 0.0, np.log(3)]
    rows[34, :2] = [size, size / 2]
    world = np.zeros([39, 3])
    world[0] = [0.0, -0.5, 0.2]
    return {
        "Identity": rows.reshape(1, -1),
        "Identity_1": np.array([[0.8]]),
        "Identity_3": np.full([1, 64, 64, 39], -9.0),
        "Identity_4": world.reshape(1, -1),
    }


def test_landmarks_are_brought_back_into_the_picture():
    crop = Crop(np.array([150.0, 100.0]), 80.0, np.pi / 2)  # upright points to the right
    found = landmark_crop.decode(_outputs(256), crop)
    assert found.picture.shape == (33, 2)
    np.testing.assert_allclose(found.picture[0], [190.0, 100.0])
    np.testing.assert_allclose(found.picture[1], [150.0, 100.0], atol=1e-9)
    np.testing.assert_allclose(found.world[0], [0.5, 0.0, 0.2], atol=1e-9)
    np.testing.assert_allclose([found.visibility[0], found.presence[0], found.score], [0.5, 0.75, 0.8])
    np.testing.assert_allclose(found.next_crop.center, [150.0, 100.0])
    assert found.next_crop.side == pytest.approx(2.5 * 40)
    assert found.next_crop.angle == pytest.approx(np.pi)  # the second point is below the first in the picture


def test_points_move_to_what_the_heatmap_shows():
    heatmap = np.full([64, 64, 4], -50.0)
    heatmap[20, 30:32, :3] = 4.0  # row 20, columns 30 and 31
    heatmap[20, 40, 0] = 9.0  # outside the window of the first
    heatmap[..., 3] = -0.1  # below one half
    places = np.array([[121.0, 81.0], [114.0, 90.0], [300.0, 81.0], [121.0, 81.0]])
    found = landmark_crop.refined(places, heatmap)
    np.testing.assert_allclose(found[:2], [[4 * 30.5, 4 * 20]] * 2, atol=1e-6)
    np.testing.assert_array_equal(found[2:], places[2:])


def test_a_window_at_the_edge_is_cut_off():
    heatmap = np.full([64, 64, 1], 3.0)
    np.testing.assert_allclose(landmark_crop.refined(np.array([[1.0, 255.0]]), heatmap), [[4 * 1.5, 4 * 61.5]])
