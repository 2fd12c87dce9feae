"""Bodies over pictures: where they are drawn, how much they cover, and what is left out."""

import sys

import cv2
import numpy as np
import pytest

from niki_tf.drawing import overlay, overlay_film
from niki_tf.io import videos

FOCAL, CENTER = 100.0, (60.0, 40.0)
PICTURE = np.full([80, 120, 3], 30, np.uint8)


def _cube(x, y, z, half):
    """A cube's corners about a place before the viewer, and its outward triangles."""
    corners = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)], float) * half + (x, y, z)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return corners, np.array([part for a, b, c, d in quads for part in ((a, b, c), (a, c, d))])


def _changed(drawn):
    return (drawn != PICTURE).any(-1)


def test_a_body_is_drawn_where_the_camera_sees_it():
    corners, faces = _cube(0.5, 0.3, -5, 0.4)
    changed = _changed(overlay.draw_over(PICTURE, corners, faces, focal=FOCAL, center=CENTER))
    near = 5 - 0.4
    columns, rows = np.flatnonzero(changed.any(0)), np.flatnonzero(changed.any(1))
    np.testing.assert_allclose([columns[0], columns[-1]], [60 + 100 * 0.1 / 5.4, 60 + 100 * 0.9 / near], atol=1.5)
    np.testing.assert_allclose([rows[0], rows[-1]], [40 - 100 * 0.7 / near, 40 + 100 * 0.1 / near], atol=2.5)
    assert PICTURE.min() == PICTURE.max() == 30  # the picture itself stays


def test_the_picture_shows_through_a_little():
    corners, faces = _cube(0, 0, -5, 0.5)
    dark, bright = (
        overlay.draw_over(np.full_like(PICTURE, level), corners, faces, focal=FOCAL, center=CENTER)[40, 60].astype(int)
        for level in (0, 250)
    )
    assert (bright - dark > 25).all()
    assert (bright - dark < 125).all()


@pytest.mark.parametrize("place", [(0, 0, 5), (50, 0, -5), (0, -50, -5), (-50, 0, -5)])
def test_what_is_not_seen_is_not_drawn(place):
    corners, faces = _cube(*place, 0.5)
    drawn = overlay.draw_over(PICTURE, corners, faces, focal=FOCAL, center=CENTER)
    assert not _changed(drawn).any()
    assert drawn is not PICTURE


def test_a_body_that_reaches_beyond_the_edge_and_behind_the_camera():
    corners, faces = _cube(0.4, 0, -1, 0.95)
    changed = _changed(overlay.draw_over(PICTURE, corners, faces, focal=FOCAL, center=CENTER))
    assert changed[:, 60:].mean() > 0.9
    near_corner, _ = _cube(0, 0, -1, 1.5)
    assert not _changed(overlay.draw_over(PICTURE, near_corner, faces[:1], focal=FOCAL, center=CENTER)).all()


def test_a_large_picture_is_drawn_as_a_small_one():
    corners, faces = _cube(0, 0, -5, 1)
    large = overlay.draw_over(np.full([1600, 2400, 3], 30, np.uint8), corners, faces, focal=2000, center=(1200, 800))
    small = overlay.draw_over(PICTURE, corners, faces, focal=FOCAL, center=CENTER)
    reduced = cv2.resize(large, (120, 80), interpolation=cv2.INTER_AREA)
    assert np.abs(reduced.astype(int) - small).mean() < 4


def _bodies(*seen):
    corners, faces = _cube(0, 0, -5, 0.5)
    asked = []

    def vertices(first, last):
        asked.append((first, last))
        return np.repeat(corners[None], last - first, 0) + np.arange(first, last)[:, None, None] * [0.01, 0, 0]

    return [overlay_film.SeenBody(vertices, np.array(one)) for one in seen], faces, asked


def test_a_film_draws_those_who_are_seen():
    bodies, faces, asked = _bodies([True, False] * 10, [False, False, True, False] * 5)
    images = [PICTURE] * 20
    drawn = list(overlay_film.film(images, bodies, faces, focal=FOCAL, center=CENTER))
    assert [_changed(image).any() for image in drawn] == [True, False] * 10
    assert sorted(set(asked)) == [(0, 16), (16, 20)]
    twice, once = drawn[2], drawn[0]
    assert np.abs(twice[40, 60].astype(int) - once[40, 60]).max() > 5  # the other's colour is over it
    more = list(overlay_film.film(images * 2, bodies, faces, focal=FOCAL, center=CENTER))
    assert len(more) == 20
    assert list(overlay_film.film(images, [], faces, focal=FOCAL, center=CENTER)) == []


@pytest.mark.parametrize("writer", [".mp4", ".webm"])
def test_films_are_written_as_the_machine_can(writer, monkeypatch, tmp_path):
    if writer == ".mp4":
        pytest.importorskip("av", reason="PyAV is not installed")
    else:
        monkeypatch.setitem(sys.modules, "av", None)
    images = [np.full([48, 64, 3], 20 * k, np.uint8) for k in range(10)]
    path = overlay_film.write_film(tmp_path / "walk.1", iter(images), fps=20)
    assert path == tmp_path / f"walk.1{writer}"
    found = list(videos.Video(path))
    assert len(found) == 10
    assert found[0].image.shape == (48, 64, 3)
    np.testing.assert_allclose([frame.image.mean() for frame in found], 20 * np.arange(10), atol=4)
    np.testing.assert_allclose(found[-1].time, 9 / 20, atol=0.01)
    with pytest.raises(ValueError, match="`images` must hold at least one"):
        overlay_film.write_film(tmp_path / "none", iter([]), fps=20)
