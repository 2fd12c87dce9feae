"""Projections and weak-perspective cameras."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import camera
from niki_tf.data import occlusion
from niki_tf.drawing import orthographic


@pytest.fixture
def seen(rng):
    shapes = {"joints": [29, 3], "camera": [3], "joint_sigma": [29], "image_center": [2]}
    given = {name: 0.2 * rng.normal(size=[4, 2, *shape]) for name, shape in shapes.items()}
    given["camera"] += [0.9, 0.0, 0.0]
    given["joint_sigma"] = np.abs(given["joint_sigma"])
    return {name: value.astype(np.float32) for name, value in given.items()}


@pytest.fixture(params=[np.asarray, tf.constant], ids=["numpy", "tensorflow"])
def points(request, rng):
    """Points (3, 2, 5, 3) in front of a camera 8 m away, as an array and as a tensor."""
    return request.param(rng.uniform(-1, 1, size=[3, 2, 5, 3]))


def test_perspective_by_hand(points):
    image = camera.perspective(points, focal_length=100.0, distance=8.0)
    assert type(image) is type(points)
    assert image.dtype == points.dtype
    assert tuple(image.shape) == (3, 2, 5, 2)
    for index in np.ndindex(3, 2, 5):
        x, y, z = np.asarray(points)[index]
        np.testing.assert_allclose(np.asarray(image)[index], [100.0 * x / (8.0 + z), 100.0 * y / (8.0 + z)], rtol=1e-12)
    moved = points + np.array([0.0, 0.0, 8.0])
    np.testing.assert_allclose(camera.perspective(moved, focal_length=100.0), image, rtol=1e-12)


def test_orthographic_by_hand(points):
    image = camera.orthographic(points, scale=50.0)
    assert type(image) is type(points)
    assert image.dtype == points.dtype
    np.testing.assert_array_equal(image, 50.0 * np.asarray(points)[..., :2])
    nearer = points + np.array([0.0, 0.0, 3.0])
    np.testing.assert_array_equal(camera.orthographic(nearer, scale=50.0), image)


def test_far_away_a_perspective_camera_is_orthographic(points):
    far = camera.perspective(points, focal_length=50.0 * 1e7, distance=1e7)
    np.testing.assert_allclose(far, camera.orthographic(points, scale=50.0), atol=1e-4)


def test_the_rooms_share_these_projections(seen):
    """The image of the occlusion and of the renderer is that of this module, in their own axes."""
    joints = seen["joints"]
    image, depth = occlusion._project(tf.constant(joints))
    root_depth = joints[..., :1, 2:]
    np.testing.assert_allclose(depth, 8.0 - (joints[..., 2:] - root_depth), rtol=1e-6)
    np.testing.assert_allclose(image, 1000.0 * joints[..., :2] / depth, rtol=1e-5)
    view = orthographic.Camera(np.zeros(3), extent=2.0, azimuth=0.0, elevation=0.0)
    pixels = view.project(joints, image_size=100)
    np.testing.assert_allclose(pixels[..., 0], 50.0 + 50.0 * joints[..., 0], atol=1e-5)
    np.testing.assert_allclose(pixels[..., 1], 50.0 - 50.0 * joints[..., 1], atol=1e-5)
    np.testing.assert_allclose(pixels[..., 2], joints[..., 2], atol=1e-6)


def test_camera_and_translation_are_two_names_of_one_place():
    transl = camera.camera_to_transl([0.5, 0.1, -0.2])
    np.testing.assert_allclose(transl, [0.1, -0.2, 1000 / (256 * 0.5)], rtol=1e-6)
    np.testing.assert_allclose(camera.transl_to_camera(transl), [0.5, 0.1, -0.2], rtol=1e-6)


def test_weak_perspective_by_hand():
    joints = np.zeros([29, 3], np.float32)
    joints[1], joints[2] = [0.2, 5.0, 1.0], [0.0, 3.0, 3.0]  # the hips: their middle is (0.1, 4, 2)
    joints[3] = [0.6, 3.0, 3.0]
    uv = camera.weak_perspective(joints, [0.5, 0.1, 0.3])
    depth = camera.FOCAL / 0.5
    np.testing.assert_allclose(uv[3], [camera.FOCAL * 0.6 / (1 + depth), camera.FOCAL * -0.7 / (1 + depth)], rtol=1e-5)
    np.testing.assert_allclose(camera.weak_perspective(joints + 7, [0.5, 0.1, 0.3]), uv, rtol=1e-4, atol=1e-6)


def test_image_translation_by_hand(seen):
    joints, cam = seen["joints"].astype(float), seen["camera"].astype(float)
    uv, weights = np.asarray(camera.weak_perspective(joints, cam), float), np.clip(1 - 5 * seen["joint_sigma"], 0, 1)
    joints, depth = joints - joints[..., :1, :], camera.FOCAL / cam[..., 0]
    expected = np.zeros([4, 2, 3])
    for i in np.ndindex(4, 2):
        total = 0.0
        for j in range(24):
            ray = (uv[i][j] - seen["image_center"][i]) / camera.FOCAL
            expected[i][:2] += weights[i][j] * (ray * (joints[i][j, 2] + depth[i]) - joints[i][j, :2])
            total += weights[i][j]
        expected[i] = [*expected[i][:2] / total, depth[i]]
    options = {name: seen[name] for name in ("joint_sigma", "image_center")}
    np.testing.assert_allclose(camera.image_transl(seen["joints"], cam, **options), expected, atol=1e-4)


def test_image_translation_puts_joints_where_the_crop_shows_them():
    """A pinhole camera at the image's centre sees flat joints, moved there, where the crop's camera sees them."""
    joints = np.random.default_rng(1).normal(size=[29, 3]).astype(np.float32) * [0.5, 0.5, 0]
    cam, center = np.float32([0.9, 0.1, -0.2]), np.float32([0.3, -0.1])
    transl = camera.image_transl(joints, cam, image_center=center).numpy()
    placed = joints - joints[0] + transl
    uv = camera.FOCAL * placed[:, :2] / placed[:, 2:] + center
    np.testing.assert_allclose(uv, camera.weak_perspective(joints, cam), atol=1e-4)


def test_no_joint_that_is_trusted_means_all_alike(seen):
    one, two = (
        camera.image_transl(seen["joints"], seen["camera"], joint_sigma=np.full([4, 2, 29], sigma, np.float32))
        for sigma in (0.0, 0.5)
    )
    np.testing.assert_allclose(one, two, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: camera.weak_perspective(np.zeros([24, 3]), np.ones(3)),
            r"`joints` must end in shape \(29, 3\).*SMPL_29",
        ),
        (
            lambda: camera.weak_perspective(np.zeros([29, 3]), np.ones(4)),
            r"`camera` must end in shape \(3,\); got \(4,\)",
        ),
        (lambda: camera.transl_to_camera(np.ones(2)), r"`transl` must end in shape \(3,\); got \(2,\)"),
        (
            lambda: camera.image_transl(np.zeros([29, 3]), np.ones(3), image_center=np.zeros(3)),
            r"`image_center` must end in shape \(2,\); got \(3,\)",
        ),
    ],
)
def test_bad_shapes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
