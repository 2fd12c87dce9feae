"""The renderer: it shows what is there, where it is, the same every time."""

import numpy as np
import pytest

from niki_tf.body.mannequin import mannequin
from niki_tf.body.mannequin_joints import rest_joints
from niki_tf.drawing import rasterizing, rendering

WHITE = (255, 255, 255)
BALL_RADIUS = 0.4


def _ball(center=(0.0, 0.0, 0.0), radius=BALL_RADIUS):
    """A sphere with outward faces."""
    ends = np.array([[0, -radius, 0], [0, radius, 0]]) + center
    return rendering._tube(ends, lambda t: radius * np.sqrt(np.maximum(1 - t * t, 0)), rings=24, around=32)


def _covered(image, background=WHITE, *, tolerance=60):
    """Pixels that clearly differ from the background, shadow aside."""
    return (np.abs(image.astype(int) - background) > tolerance).any(-1)


def test_a_ball_covers_its_disc():
    image = rendering.render_mesh(*_ball(), image_size=200, center=(0, 0, 0), extent=1.0, background=WHITE)
    assert image.shape == (200, 200, 3)
    assert image.dtype == np.uint8
    rows, columns = np.indices((200, 200)) + 0.5
    disc = np.hypot(rows - 100, columns - 100) < BALL_RADIUS * 200
    covered = (image != 255).any(-1)
    assert covered[disc].mean() > 0.98
    assert covered[:20].mean() == 0


def test_light_comes_from_above_and_shading_is_smooth():
    vertices, faces = _ball()
    image = rendering.render_mesh(vertices, faces, image_size=200, center=(0, 0, 0), extent=1.0).astype(float).sum(-1)
    assert image[50, 100] > image[150, 100] + 60
    assert np.abs(np.diff(image[40:160, 100])).max() < 40


def test_left_and_right_change_places_behind():
    vertices, faces = _ball(center=(0.5, 0.0, 0.0), radius=0.2)
    middles = []
    for azimuth in (0, 180):
        image = rendering.render_mesh(vertices, faces, image_size=100, azimuth=azimuth, center=(0, 0, 0), extent=2.0)
        middles.append(np.nonzero(_covered(image, rendering.PAPER))[1].mean())
    assert middles[0] == pytest.approx(75, abs=2)
    assert middles[1] == pytest.approx(25, abs=2)


def test_azimuth_ninety_sees_the_left_side():
    """The nearer, left ball hides the right one."""
    near, far = _ball(center=(0.5, 0, 0), radius=0.2), _ball(center=(-0.5, 0, 0), radius=0.2)
    vertices = np.concatenate([near[0], far[0]])
    faces = np.concatenate([near[1], far[1] + len(near[0])])
    color = np.repeat([[230, 30, 30], [30, 30, 230]], len(near[0]), axis=0)
    seen = {a: rendering.render_mesh(vertices, faces, image_size=64, azimuth=a, color=color) for a in (90, -90)}
    assert seen[90][32, 32, 0] > 2 * seen[90][32, 32, 2]
    assert seen[-90][32, 32, 2] > 2 * seen[-90][32, 32, 0]


def test_elevation_looks_down():
    """From above, what lies in front of the center appears below it."""
    vertices, faces = _ball(center=(0, 0, 0.5), radius=0.2)
    image = rendering.render_mesh(vertices, faces, image_size=100, elevation=60, center=(0, 0, 0), extent=2.0)
    assert np.nonzero(_covered(image, rendering.PAPER))[0].mean() > 60


def test_the_ground_gets_a_shadow():
    image = rendering.render_mesh(*_ball(), image_size=128, elevation=25, background=WHITE, extent=1.6)
    assert 100 < image[108, 64].mean() < 250
    assert image[2, 2].mean() > 250


def test_everything_fits_by_default():
    image = rendering.draw_skeleton(rest_joints(), image_size=120, background=WHITE)
    covered = _covered(image)
    assert 0.02 < covered.mean() < 0.2
    assert not covered[[0, -1]].any()
    assert not covered[:, [0, -1]].any()


def test_same_picture_every_time():
    first, second = (rendering.draw_skeleton(rest_joints(), image_size=96, azimuth=30) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_skeleton_and_mesh_share_their_camera():
    """Spheres sit at the pixels that the camera gives for the joints."""
    joints = rest_joints()
    camera = rendering.fit_camera(joints, azimuth=20, elevation=10, center=(0, -0.3, 0), extent=2.2)
    pixels = camera.project(joints, image_size=256)[:, 1::-1].astype(int)
    image = rendering.draw_skeleton(joints, image_size=256, azimuth=20, elevation=10, center=(0, -0.3, 0), extent=2.2)
    assert _covered(image, rendering.PAPER, tolerance=40)[tuple(pixels.T)].all()


def test_nothing_in_view_is_background():
    image = rendering.render_mesh(*_ball(), image_size=32, center=(50, 50, 0), extent=1.0, background=(10, 200, 30))
    np.testing.assert_array_equal(image, np.broadcast_to(np.uint8([10, 200, 30]), image.shape))


def test_normals_of_a_ball_point_outwards():
    vertices, faces = _ball()
    normals = rasterizing.vertex_normals(vertices, faces)
    inner = np.abs(vertices[:, 1]) < 0.39
    cosine = (normals * vertices).sum(-1) / np.maximum(np.linalg.norm(vertices, axis=-1), 1e-9)
    assert cosine[inner].min() > 0.97


def test_captions_above_panels():
    panels = [np.full((100, 120, 3), shade, np.uint8) for shade in (50, 150, 200)]
    image = rendering.side_by_side(panels, ["a", "", "a very long caption that has to become much smaller to fit"])
    strip = image.shape[0] - 100
    assert image.shape == (100 + strip, 360, 3)
    np.testing.assert_array_equal(image[strip:], np.concatenate(panels, 1))
    written = [_covered(image[:strip, 120 * k : 120 * k + 120], rendering.PAPER).any() for k in range(3)]
    assert written == [True, False, True]


@pytest.mark.parametrize(
    ("vertices", "faces", "size", "message"),
    [
        (np.zeros((2, 4, 3)), np.zeros((1, 3), int), 8, r"`vertices` must have shape \(V, 3\); got \(2, 4, 3\)"),
        (np.full((4, 3), np.nan), np.zeros((1, 3), int), 8, "`vertices` must be finite"),
        (np.zeros((4, 3)), np.zeros((1, 3)), 8, "`faces` must be whole numbers"),
        (np.zeros((4, 3)), np.array([[0, 1, 4]]), 8, "`faces` must name vertices 0 to 3; got 0 to 4"),
        (
            np.zeros((4, 3)),
            np.zeros((1, 3), int),
            0,
            "`image_size` must be one whole number, 1 or more; got 0. It is in pixels",
        ),
    ],
)
def test_bad_meshes_are_refused(vertices, faces, size, message):
    with pytest.raises(ValueError, match=message):
        rendering.render_mesh(vertices, faces, image_size=size)


def test_bad_skeletons_and_panels_are_refused():
    with pytest.raises(ValueError, match=r"`joints` must have shape \(29, 3\); got \(24, 3\)"):
        rendering.draw_skeleton(np.zeros((24, 3)))
    with pytest.raises(ValueError, match="`joints` must be finite"):
        rendering.draw_skeleton(np.full((29, 3), np.inf))
    with pytest.raises(ValueError, match="`panels` must be one or more pictures of one size"):
        rendering.side_by_side([np.zeros((4, 4, 3), np.uint8), np.zeros((5, 4, 3), np.uint8)], ["a", "b"])
    with pytest.raises(ValueError, match="`captions` must be as many as panels, 1; got 2"):
        rendering.side_by_side([np.zeros((4, 4, 3), np.uint8)], ["a", "b"])


SHADE = [
    [245.3, 245.3, 245.3, 237.4, 234.1, 245.3, 245.3, 245.3],
    [240.7, 222.8, 213.5, 198.6, 200.3, 234.2, 238.2, 245.3],
    [245.3, 245.3, 245.3, 195.6, 161.1, 223.9, 229.4, 237.9],
    [245.3, 245.3, 245.3, 192.6, 180.0, 245.3, 245.3, 245.3],
    [245.3, 245.3, 245.3, 172.5, 171.2, 245.3, 245.3, 245.3],
    [245.3, 245.3, 245.3, 183.8, 184.0, 245.3, 245.3, 245.3],
    [244.3, 243.1, 243.3, 203.5, 201.1, 244.4, 244.7, 245.1],
    [243.1, 240.4, 238.2, 202.8, 203.6, 235.7, 237.5, 241.3],
]
"""Mean brightness of the 64 parts of the picture below, 0 to 255."""


def test_a_body_and_its_shadow_are_as_bright_as_they_were():
    data = mannequin()
    image = rendering.render_mesh(data.v_template, data.faces, image_size=96, azimuth=20, elevation=15)
    np.testing.assert_allclose(image.reshape(8, 12, 8, 12, 3).mean((1, 3, 4)), SHADE, atol=0.6)


def test_the_rim_light_grows_with_the_square_of_the_cosine():
    rim = np.array(rasterizing._RIM) / np.linalg.norm(rasterizing._RIM)
    away = np.cross(rim, np.cross(rim, rasterizing._KEY))
    away /= np.linalg.norm(away)  # across the rim light, turned from the key light
    angles = np.radians([20.0, 50.0])
    normals = np.cos(angles)[:, None] * rim + np.sin(angles)[:, None] * away
    lit = rasterizing.shade(normals, np.ones([2, 3]), np.zeros(2))  # nothing else reaches where openness is 0
    np.testing.assert_allclose(lit, np.repeat(0.22 * np.cos(angles)[:, None] ** 2, 3, 1), rtol=1e-6)
