"""Bodies drawn off screen: where the camera sees them, lit, and the same by OpenGL and by the package's rasteriser."""

import threading

import numpy as np
import pytest

from niki_tf.drawing import offscreen

QUAD = np.array([[-0.5, -0.5, 0], [0.5, -0.5, 0], [0.5, 0.5, 0], [-0.5, 0.5, 0]])
FACES = np.array([[0, 2, 1], [0, 3, 2]])
"""Seen from outside by a camera that looks along +z, y down."""
BLACK = np.zeros([64, 64, 3], np.uint8)
FROM_THE_CAMERA = offscreen.Light(np.array([0.0, 0.0, -1.0]), np.full(3, 0.5), np.full(3, 0.25))


def sphere():
    """A ball of radius 0.4 m, vertices and faces that are counter-clockwise from outside, y down, z away."""
    rows, columns = 24, 48
    across, around = np.meshgrid(np.linspace(0, np.pi, rows), np.linspace(0, 2 * np.pi, columns, endpoint=False))
    unit = np.stack([np.sin(across) * np.cos(around), np.cos(across), np.sin(across) * np.sin(around)], -1)
    number = np.arange(rows * columns).reshape(columns, rows)
    after = np.roll(number, -1, 0)
    a, b, c, d = number[:, :-1], after[:, :-1], after[:, 1:], number[:, 1:]
    faces = np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)])
    return 0.4 * unit.reshape(-1, 3), faces.reshape(-1, 3)


def drawn(renderer, vertices, **options):
    given = {"focal": 64.0, "center": np.array([32.0, 32.0]), "light": FROM_THE_CAMERA, "background": BLACK}
    tint = options.pop("tint", np.ones([len(vertices), 3]))
    return renderer.draw(vertices, tint, **{**given, **options})


def test_a_square_is_where_the_pinhole_sees_it_and_as_bright_as_the_formula():
    renderer = offscreen.Renderer(FACES, size=64, opengl=False)
    picture = drawn(renderer, QUAD + (0.5, 0.25, 2.0))
    rows, columns = np.nonzero(picture.any(-1))
    assert (columns.min(), columns.max()) == (32, 63)
    assert (rows.min(), rows.max()) == (24, 55)
    np.testing.assert_array_equal(picture[40, 50], np.full(3, round(255 * 0.75)))
    red = drawn(renderer, QUAD + (0, 0, 2.0), tint=np.tile([1.0, 0, 0], (4, 1)))
    assert red[..., 1:].max() == 0


def test_nearer_faces_cover_and_the_background_is_seen_around():
    vertices = np.concatenate([QUAD + (0, 0, 2.0), 0.5 * QUAD + (0, 0, 1.5)])
    renderer = offscreen.Renderer(np.concatenate([FACES, FACES + 4]), size=64, opengl=False)
    tint = np.repeat([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]], 4, 0)
    picture = drawn(renderer, vertices, tint=tint, background=np.full_like(BLACK, 200))
    assert picture[32, 32].argmax() == 1
    assert picture[32, 18].argmax() == 2
    np.testing.assert_array_equal(picture[2, 2], np.full(3, 200))


def test_light_from_the_side_leaves_the_other_side_dark():
    vertices, faces = sphere()
    light = offscreen.Light(np.array([-1.0, 0.0, 0.0]), np.full(3, 0.8), np.full(3, 0.1))
    picture = drawn(offscreen.Renderer(faces, size=64, opengl=False), vertices + (0, 0, 1.5), light=light)
    assert picture[32, 18, 0] > 150
    assert picture[32, 46, 0] == round(255 * 0.1)


def test_what_is_behind_the_camera_is_not_drawn():
    renderer = offscreen.Renderer(FACES, size=64, opengl=False)
    np.testing.assert_array_equal(drawn(renderer, QUAD - (0, 0, 2.0)), BLACK)


def test_opengl_draws_the_same_in_any_thread():
    vertices, faces = sphere()
    renderer = offscreen.Renderer(faces, size=64)
    if not renderer.opengl:
        pytest.skip('OpenGL off screen is not there: pip install "niki-tf[render]", and EGL')
    light = offscreen.Light(np.array([-0.6, -0.64, -0.48]), np.array([0.6, 0.5, 0.4]), np.full(3, 0.3))
    tint = 0.5 + 0.5 * np.sin(7 * vertices)
    given = {"tint": tint, "light": light, "center": np.array([30.0, 35.0])}
    expected = drawn(offscreen.Renderer(faces, size=64, opengl=False), vertices + (0.1, -0.05, 1.2), **given)
    found = [drawn(renderer, vertices + (0.1, -0.05, 1.2), **given)]
    thread = threading.Thread(target=lambda: found.append(drawn(renderer, vertices + (0.1, -0.05, 1.2), **given)))
    thread.start()
    thread.join()
    for picture in found:
        off = np.abs(picture.astype(int) - expected).max(-1)
        assert (off > 3).mean() < 0.01  # the edge
        assert np.median(off[expected.any(-1)]) <= 1


def test_opengl_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(offscreen, "_OpenGL", lambda *_: (_ for _ in ()).throw(OSError("no driver")))
    with pytest.raises(ImportError, match=r"niki-tf\[render\].*EGL; no driver"):
        offscreen.Renderer(FACES, size=64, opengl=True)
    assert not offscreen.Renderer(FACES, size=64).opengl
