"""Occlusion sensitivity maps: where the squares are, what they change, and one scale for all methods."""

import cv2
import numpy as np
import pytest

from niki_tf.evaluation import occlusion_maps

SIZE = 112


@pytest.fixture
def image(rng):
    return rng.integers(1, 255, [SIZE, SIZE, 3]).astype(np.uint8)


def estimate(images):
    """Two joints, the second of which moves by the brightness of the upper left quarter, metres."""
    joints = np.zeros([len(images), 2, 3])
    joints[:, 1, 0] = images[:, : SIZE // 2, : SIZE // 2].mean((1, 2, 3)) / 255.0
    joints[:, :, 2] = 5.0
    return joints


def test_squares_are_a_224th_of_40_pixels_and_cover_the_image_once(image):
    hidden = occlusion_maps.occluded(image, fill=(0.0, 0.0, 0.0))
    assert hidden.shape == (36, SIZE, SIZE, 3)
    covered = (hidden == 0).all(-1)
    np.testing.assert_array_equal(covered.sum(0), np.ones([SIZE, SIZE]))
    assert covered[7, 20:40, 20:40].all()
    assert covered[7].sum() == 400


def test_only_squares_over_what_is_looked_at_count(image):
    errors = occlusion_maps.occlusion_map(estimate, image, fill=(0.0, 0.0, 0.0))
    assert errors.shape == (6, 6, 2)
    assert errors[..., 0].max() == 0.0
    np.testing.assert_allclose(errors[3:, :, 1], np.zeros([3, 6]), atol=1e-9)
    assert (errors[:3, :3, 1] > 0).all()
    lost = image[20:40, 20:40].astype(float).sum() / 255.0 / (SIZE // 2) ** 2 / 3
    np.testing.assert_allclose(errors[1, 1, 1], 1e3 * lost, rtol=1e-4)


def test_with_the_truth_it_is_the_error(image):
    truth = np.zeros([2, 3])
    errors = occlusion_maps.occlusion_map(estimate, image, fill=(0.0, 0.0, 0.0), truth=truth)
    whole = 1e3 * estimate(image[None])[0, 1, 0]
    np.testing.assert_allclose(errors[5, 5, 1], whole, rtol=1e-4)


def test_a_map_is_enlarged_smoothly_and_stays_positive():
    errors = np.zeros([6, 6])
    errors[2, 3] = 100.0
    large = occlusion_maps.enlarged(errors, 60)
    assert large.min() == 0.0
    assert np.unravel_index(large.argmax(), large.shape)[0] // 10 == 2
    assert np.abs(np.diff(large, axis=0)).max() < 25


def test_the_figure_has_a_panel_for_the_image_and_for_each_method(image, tmp_path):
    errors = occlusion_maps.occlusion_map(estimate, image, fill=(0.0, 0.0, 0.0))
    occlusion_maps.occlusion_figure(image, {"one": errors, "half": 0.5 * errors}, tmp_path / "map.png", changes=True)
    drawn = cv2.imread(str(tmp_path / "map.png"))
    assert drawn.shape[1] > 2 * drawn.shape[0]
    with pytest.raises(ValueError, match="^`maps` must hold one method or more"):
        occlusion_maps.occlusion_figure(image, {}, tmp_path / "none.png")
