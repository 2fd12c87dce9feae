"""Pictures of every kind come out upright in colour; what is no picture is told."""

import io

import numpy as np
import pytest
from PIL import Image

from niki_tf.io import pictures
from niki_tf.io.picture_camera import picture_camera

_EXIF, _ORIENTATION, _FOCAL_35 = 0x8769, 0x0112, 0xA405


@pytest.fixture
def photo():
    """Red above, blue below at the left; black at the right."""
    image = np.zeros([40, 60, 3], np.uint8)
    image[:20, :30], image[20:, :30] = (255, 0, 0), (0, 0, 255)
    return image


def _saved(path, image, mode="RGB", **options):
    Image.fromarray(image).convert(mode).save(path, **options)
    return path


@pytest.mark.parametrize(
    ("name", "mode"),
    [("a.png", "RGB"), ("a.png", "RGBA"), ("a.png", "P"), ("a.JPG", "RGB"), ("a.jpg", "CMYK"), ("ä b.bmp", "RGB")],
)
def test_colours_come_as_they_are(photo, tmp_path, name, mode):
    found = pictures.read_picture(_saved(tmp_path / name, photo, mode))
    assert found.dtype == np.uint8
    assert found.shape == photo.shape
    assert np.abs(found[10, 10].astype(int) - (255, 0, 0)).max() < 40
    assert np.abs(found[30, 10].astype(int) - (0, 0, 255)).max() < 40


def test_grey_and_sixteen_bits_become_colour(tmp_path):
    grey = np.arange(0, 250, 10, dtype=np.uint8).reshape(5, 5)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(pictures.read_picture(tmp_path / "grey.png"), np.repeat(grey[..., None], 3, 2))
    Image.fromarray(grey.astype(np.uint16) * 256).save(tmp_path / "deep.png")
    assert np.abs(pictures.read_picture(tmp_path / "deep.png")[..., 1].astype(int) - grey).max() <= 1


def test_a_turned_photograph_is_upright(photo, tmp_path):
    exif = Image.Exif()
    exif[_ORIENTATION] = 6  # to be turned to the right for display
    turned = np.ascontiguousarray(np.rot90(photo))
    found = pictures.read_picture(_saved(tmp_path / "a.jpg", turned, exif=exif, quality=95))
    assert found.shape == photo.shape
    assert np.abs(found[10, 10].astype(int) - (255, 0, 0)).max() < 40


def test_a_single_pixel_is_a_picture(tmp_path):
    found = pictures.read_picture(_saved(tmp_path / "a.png", np.full([1, 1, 3], 7, np.uint8)))
    assert found.tolist() == [[[7, 7, 7]]]


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_told(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"`path` must be a picture .*a.png' is damaged or none"):
        pictures.read_picture(tmp_path / "a.png")


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ValueError, match=r"b.png' cannot be read \(No such file"):
        pictures.read_picture(tmp_path / "b.png")


def test_endings():
    assert pictures.is_picture("a.JPEG")
    assert not pictures.is_picture("a.mp4")
    assert not pictures.is_picture("jpg")


def _with_exif(path, photo, entries):
    exif = Image.Exif()
    exif.get_ifd(_EXIF).update(entries)
    return _saved(path, photo, exif=exif)


def test_the_focal_length_is_read_from_the_photograph(photo, tmp_path):
    diagonal = np.hypot(40, 60)
    path = _with_exif(tmp_path / "a.jpg", photo, {_FOCAL_35: 28})
    camera = picture_camera(path, height=40, width=60)
    assert camera.source == "EXIF"
    assert camera.focal == pytest.approx(28 / np.hypot(36, 24) * diagonal)
    assert camera.center.tolist() == [30, 20]
    # A lens of 10 mm and 300 pixels an inch on the sensor; the picture was 120 pixels wide when it was taken.
    path = _with_exif(tmp_path / "b.jpg", photo, {0x920A: 10.0, 0xA20E: 300.0, 0xA210: 2, 0xA002: 120})
    assert picture_camera(path, height=40, width=60).focal == pytest.approx(10 / 25.4 * 300 / 2, rel=1e-4)
    assert picture_camera(path, height=40, width=60, focal=77).focal == 77


@pytest.mark.parametrize("entries", [{}, {_FOCAL_35: 0}, {0x920A: 10.0}, {0x920A: 10.0, 0xA20E: 300.0, 0xA210: 9}])
def test_without_a_usable_entry_the_focal_length_is_guessed(photo, tmp_path, entries):
    camera = picture_camera(_with_exif(tmp_path / "a.jpg", photo, entries), height=40, width=60)
    assert (camera.source, camera.focal) == ("guessed", pytest.approx(np.hypot(40, 60)))


def test_a_broken_file_has_no_focal_length(tmp_path):
    buffer = io.BytesIO(b"broken")
    (tmp_path / "a.jpg").write_bytes(buffer.getvalue())
    assert pictures.focal_of(tmp_path / "a.jpg", height=4, width=4) is None


@pytest.mark.parametrize("focal", [0.0, -1.0, np.inf, np.nan])
def test_a_bad_focal_length_is_told(focal):
    with pytest.raises(ValueError, match="`focal` must be above 0, in pixels"):
        picture_camera("a.png", height=4, width=4, focal=focal)
