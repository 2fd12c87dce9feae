"""Bodies before a camera: exact points come back, hidden ones do not matter, and noise does as little as it must."""

import numpy as np
import pytest
import scipy.optimize
from scipy.spatial.transform import Rotation

from niki_tf.fitting import picture_place

FOCAL, CENTER = 900.0, np.array([320.0, 200.0])


def _seen(rng, frames=5, points=12):
    bodies = rng.uniform(-1, 1, [frames, points, 3])
    places = rng.uniform([-2, -1, 3], [2, 1, 9], [frames, 3])
    moved = bodies + places[:, None]
    return bodies, places, FOCAL * moved[..., :2] / moved[..., 2:] + CENTER


def test_points_that_are_seen_exactly_tell_the_place(rng):
    bodies, places, seen_at = _seen(rng)
    weights = rng.uniform(0.1, 1, bodies.shape[:2])
    weights[:, 3] = 0.0
    seen_at[:, 3] = np.nan
    found = picture_place.translations(bodies, seen_at, weights, focal=FOCAL, center=CENTER)
    np.testing.assert_allclose(found, places, atol=1e-6)
    again = picture_place.with_depth(bodies, seen_at, weights, places[:, 2], focal=FOCAL, center=CENTER)
    np.testing.assert_allclose(again, places, atol=1e-6)


def test_the_place_is_that_of_least_squares_of_pixels(rng):
    bodies, places, seen_at = _seen(rng, frames=1)
    seen_at += rng.normal(0, 8, seen_at.shape)
    weights = rng.uniform(0.1, 1, bodies.shape[:2])

    def apart(place):
        moved = bodies[0] + place
        return (weights[0, :, None] * (FOCAL * moved[:, :2] / moved[:, 2:] + CENTER - seen_at[0])).ravel()

    best = scipy.optimize.least_squares(apart, places[0]).x
    (found,) = picture_place.translations(bodies, seen_at, weights, focal=FOCAL, center=CENTER)
    np.testing.assert_allclose(found, best, atol=1e-3)


def test_too_few_points_have_no_place(rng):
    bodies, _, seen_at = _seen(rng, frames=3)
    weights = np.zeros(bodies.shape[:2])
    weights[0], weights[1, 0] = 1.0, 1.0
    found = picture_place.translations(bodies, seen_at, weights, focal=FOCAL, center=CENTER)
    assert np.isfinite(found).all(1).tolist() == [True, False, False]


def test_a_body_does_not_stand_behind_the_camera(rng):
    bodies, _, _ = _seen(rng, frames=1)
    mirrored = CENTER - FOCAL * bodies[..., :2]  # upside down, as if seen from the other side
    found = picture_place.translations(bodies, mirrored, np.ones([1, 12]), focal=FOCAL, center=CENTER)
    assert (bodies[0, :, 2] + found[0, 2]).min() >= 0.1 - 1e-9


def test_smoothing_keeps_lines_and_leaves_gaps(rng):
    times = np.cumsum(rng.uniform(0.02, 0.05, 40))
    path = np.stack([3 * times, 1 - times], -1)
    path[10:13] = np.nan
    smooth = picture_place.smoothed(path, times, seconds=0.1)
    assert np.isnan(smooth[10:13]).all()
    np.testing.assert_allclose(np.delete(smooth - path, slice(10, 13), 0), 0.0, atol=1e-9)
    noise = rng.normal(size=[40, 1])
    assert picture_place.smoothed(noise, times, seconds=0.2).std() < 0.6 * noise.std()
    sharp = picture_place.smoothed(noise, times, seconds=1e-4)
    np.testing.assert_allclose(sharp, noise)


def test_reprojection_is_that_of_a_pinhole():
    assert picture_place.reprojected(np.array([1.0, 2.0, 4.0]), focal=100, center=CENTER).tolist() == [345.0, 250.0]


@pytest.mark.parametrize("ray", [[0.3, -0.2, 1.0], [0, 0, 1], [1, 0, 0.1]])
def test_the_smallest_turn_towards_a_ray(ray):
    axis = np.cross([0, 0, 1], ray)
    angle = np.arctan2(np.linalg.norm(axis), ray[2])
    wanted = Rotation.from_rotvec(axis / max(np.linalg.norm(axis), 1e-12) * angle).as_matrix()
    np.testing.assert_allclose(picture_place.along_ray(np.array(ray, float)), wanted, atol=1e-12)
