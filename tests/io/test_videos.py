"""Videos: frames, times, rotation, parts, and files that end early; by PyAV and by OpenCV."""

import struct
import sys

import numpy as np
import pytest

from niki_tf.drawing import video
from niki_tf.io import videos

pytest.importorskip("av", reason="PyAV is not installed")

_PLAIN = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_TURNED = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
"""Display matrices of MP4 (ISO 14496-12): as it is, and turned by 90 degrees to the right."""


@pytest.fixture(params=["PyAV", "OpenCV"])
def reader(request, monkeypatch):
    if request.param == "OpenCV":
        monkeypatch.setitem(sys.modules, "av", None)
    return request.param


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """30 frames at 25 a second, 96 x 64: red above at the left, and a grey that tells the number of the frame."""
    images = np.zeros([30, 64, 96, 3], np.uint8)
    images[:, :32, :48] = (255, 0, 0)
    images[:, 32:] = (8 * np.arange(30))[:, None, None, None]
    return video.write_video(tmp_path_factory.mktemp("clip") / "a.mp4", images, fps=25)


def _numbers(frames):
    return [round(float(frame.image[-8:, :, 1].mean()) / 8) for frame in frames]


def test_all_frames_come_with_their_times(clip, reader):
    found = list(videos.Video(clip))
    assert _numbers(found) == list(range(30))
    np.testing.assert_allclose([frame.time for frame in found], np.arange(30) / 25, atol=1e-3)
    assert found[0].image.shape == (64, 96, 3)
    assert np.abs(found[0].image[8, 8].astype(int) - (255, 0, 0)).max() < 30


def test_a_part_of_a_video(clip, reader):
    part = videos.Video(clip, start=0.5, end=0.9, stride=3)
    assert _numbers(part) == [13, 16, 19, 22]
    assert _numbers(part) == [13, 16, 19, 22]  # again
    assert part.notes == ()


def test_a_telephone_held_upright(clip, reader, tmp_path):
    content = clip.read_bytes()
    place = content.index(_PLAIN, content.index(b"tkhd"))
    (tmp_path / "b.mp4").write_bytes(content[:place] + _TURNED + content[place + len(_TURNED) :])
    image = next(iter(videos.Video(tmp_path / "b.mp4"))).image
    assert image.shape == (96, 64, 3)
    assert np.abs(image[8, -8].astype(int) - (255, 0, 0)).max() < 30  # above at the right
    assert image[8, 8].max() < 30


def test_a_video_that_ends_early_gives_what_can_be_read(tmp_path):
    random = np.random.default_rng(0).integers(0, 256, [40, 64, 96, 3], np.uint8)
    path = video.write_video(tmp_path / "a.mp4", random, fps=25)
    content = path.read_bytes()
    middle = content.index(b"mdat") + (content.index(b"moov") - content.index(b"mdat")) // 2
    end = content.index(b"moov") - 4
    path.write_bytes(content[:middle] + bytes(end - middle) + content[end:])
    part = videos.Video(path)
    assert 0 < len(list(part)) < 40
    (note,) = part.notes
    assert note.startswith("The video ends early:")


@pytest.mark.parametrize("content", [b"", b"no video", b"\x00\x00\x00\x18ftypmp42"])
def test_what_is_no_video_is_told(content, reader, tmp_path, capfd):
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(ValueError, match=r"`path` must be a video .*a.mp4' cannot be read"):
        list(videos.Video(tmp_path / "a.mp4"))


def test_bad_arguments_are_told(clip, tmp_path):
    with pytest.raises(ValueError, match=r"nothing is at .*b.mp4"):
        videos.Video(tmp_path / "b.mp4")
    with pytest.raises(ValueError, match="`start` and `end` must be seconds"):
        videos.Video(clip, start=2, end=1)
    with pytest.raises(ValueError, match="`start` and `end` must be seconds"):
        videos.Video(clip, start=-1)
    with pytest.raises(ValueError, match="`stride` must be 1 or more; got 0"):
        videos.Video(clip, stride=0)
    with pytest.raises(ValueError, match="has none that can be read"):
        list(videos.Video(clip, start=100))
    assert videos.is_video("A.MOV")
    assert not videos.is_video("a.png")
