"""Tiles cover the picture, overlap, and are no more than are useful."""

import numpy as np
import pytest

from niki_tf.vision.tiles import surroundings, tiles


@pytest.mark.parametrize(("height", "width"), [(1080, 1920), (1920, 1088), (994, 1768), (500, 3000), (10000, 10000)])
def test_squares_cover_the_picture_and_overlap_by_half(height, width):
    found = tiles(height, width)
    assert found[0].tolist() == [0, 0, width, height]
    for side in np.unique(found[1:, 2] - found[1:, 0]):
        same = found[1:][(found[1:, 2] - found[1:, 0]) == side]
        covered = np.zeros([height // 10, width // 10], int)
        for left, top, right, bottom in same // 10:
            covered[top:bottom, left:right] += 1
        assert covered.min() >= 1
        lefts = np.unique(same[:, 0])
        assert (np.diff(lefts) <= side / 2 + 1).all()
    assert (found[:, :2] >= 0).all()
    assert (found[:, 2:] <= [width, height]).all()
    assert len(found) <= 40


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 5000), (200, 200), (224, 224)])
def test_small_pictures_are_one_tile_or_few(height, width):
    found = tiles(height, width)
    assert len(found) <= 8
    assert ((found[:, 2:] - found[:, :2]) >= 1).all()
    if max(height, width) <= 224:
        assert found.tolist() == [[0, 0, width, height]]


def test_surroundings_stay_in_the_picture():
    assert surroundings(100, 200, center=np.array([50.0, 40.0]), side=20.0).tolist() == [40, 30, 60, 50]
    assert surroundings(100, 200, center=np.array([-500.0, 400.0]), side=20.0).tolist() == [0, 99, 1, 100]
    assert surroundings(100, 200, center=np.array([100.0, 50.0]), side=1e6).tolist() == [0, 0, 200, 100]
