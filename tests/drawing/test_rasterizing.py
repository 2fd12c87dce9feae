"""The visible triangle of each pixel, beside a twin that goes pixel by pixel and triangle by triangle."""

import numpy as np

from niki_tf.drawing import rasterizing

SIZE = 12


def _one_by_one(seen, faces, size):
    """Pixel -> nearest triangle that faces the viewer and covers its middle, the weights of its corners, nearness."""
    found = {}
    for row in range(size):
        for column in range(size):
            middle = np.array([column + 0.5, row + 0.5])
            for number, corners in enumerate(seen[faces]):
                edges = (corners[1:, :2] - corners[0, :2]).T
                if np.linalg.det(edges) >= -1e-12:
                    continue
                second, third = np.linalg.solve(edges, middle - corners[0, :2])
                weights = np.array([1 - second - third, second, third])
                nearness = weights @ corners[:, 2]
                if weights.min() >= 0 and nearness > found.get(row * size + column, (0, 0, -np.inf))[2]:
                    found[row * size + column] = (number, weights, nearness)
    return found


def test_the_nearest_triangle_of_each_pixel():
    random = np.random.default_rng(0)
    seen = random.uniform(-4, SIZE + 4, [60, 3])  # some of it outside the picture
    faces = random.permutation(60).reshape(-1, 3)
    faces = np.concatenate([faces, faces[:, ::-1], random.integers(0, 60, [9, 3])])  # both sides, and some that share
    wanted = _one_by_one(seen, faces, SIZE)
    pixels, triangles, weights, nearness = rasterizing.visible(seen, faces, SIZE)
    assert pixels.tolist() == sorted(wanted)
    assert len(pixels) > SIZE**2 / 2
    assert triangles.tolist() == [wanted[pixel][0] for pixel in pixels]
    np.testing.assert_allclose(weights, [wanted[pixel][1] for pixel in pixels], atol=1e-9)
    np.testing.assert_allclose(nearness, [wanted[pixel][2] for pixel in pixels], atol=1e-9)


def test_a_triangle_that_covers_no_middle_of_a_pixel_is_not_seen():
    corners = np.array([[2.6, 2.6, 0.0], [2.9, 2.9, 0.0], [2.9, 2.6, 0.0], [2.4, 2.4, 1.0], [2.4, 2.9, 1.0]])
    small, around = np.array([[0, 1, 2], [3, 4, 2]]), np.array([[3, 4, 2]])
    assert rasterizing.visible(corners, small[:1], 5)[0].size == 0
    assert rasterizing.visible(corners, small, 5)[1].tolist() == [1]
    assert rasterizing.visible(corners, around, 5)[0].tolist() == [2 * 5 + 2]
    assert rasterizing.visible(corners, around[:, ::-1], 5)[0].size == 0  # from behind
