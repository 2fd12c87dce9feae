"""C3D files, written by ezc3d where it is installed."""

import struct
import sys

import numpy as np
import pytest

from niki_tf import io
from niki_tf.io import c3d

RNG = np.random.default_rng(0)
POINTS = RNG.normal(0, 500, [20, 3, 3])
NAMES = ["LASI", "RASI", "C7"]


@pytest.fixture
def write(tmp_path):
    ezc3d = pytest.importorskip("ezc3d")

    def to_file(points=POINTS, names=NAMES, unit="mm", **parameters):
        content = ezc3d.c3d()
        point = content["parameters"]["POINT"]
        point["UNITS"]["value"], point["RATE"]["value"], point["LABELS"]["value"] = [unit], [100.0], names
        for name, value in parameters.items():
            content.add_parameter("POINT", name, value)
        data = np.ones([4, len(names), len(points)])
        data[:3] = points.transpose(2, 1, 0)
        content["data"]["points"] = data
        content.write(str(tmp_path / "a.c3d"))
        return tmp_path / "a.c3d"

    return to_file


def test_markers(write):
    points = POINTS.copy()
    points[3:6, 1], points[7, 2] = np.nan, 0
    (found,) = io.read_keypoints(write(points))
    seen = ~np.isnan(found.positions).any(-1)
    assert np.argwhere(~seen).tolist() == [[3, 1], [4, 1], [5, 1], [7, 2]]
    np.testing.assert_allclose(found.positions[seen], POINTS[seen], atol=1e-3)
    assert (found.names, found.fps, found.unit, found.up) == (tuple(NAMES), 100.0, 0.001, None)


@pytest.mark.parametrize(("screen", "up"), [("+Z", "z"), ("-Y", "-y"), ("Y", "y"), ("", None)])
def test_the_screen_tells_up(write, screen, up):
    assert io.read_keypoints(write(unit="m", Y_SCREEN=[screen]))[0].up == up


def test_subjects_and_what_is_no_marker(write):
    points = RNG.normal(0, 500, [5, 6, 3])
    names = ["Ann:LASI", "Ann:LKneeAngles", "Bob:LASI", "*12", "Ann:C7", "Bob:C7"]
    ann, bob = io.read_keypoints(write(points, names, ANGLES=["Ann:LKneeAngles"]))
    assert (ann.person, ann.names, bob.person, bob.names) == ("Ann", ("LASI", "C7"), "Bob", ("LASI", "C7"))
    np.testing.assert_allclose(ann.positions, points[:, [0, 4]], atol=1e-3)
    np.testing.assert_allclose(bob.positions, points[:, [2, 5]], atol=1e-3)


def test_many_markers(write):
    names = [f"M{i}" for i in range(300)]
    points = RNG.normal(0, 500, [3, 300, 3])
    (found,) = io.read_keypoints(write(points, names))
    assert found.names == tuple(names)
    np.testing.assert_allclose(found.positions, points, atol=1e-3)


@pytest.mark.parametrize("part", [0.05, 0.1, 0.3, 0.5, 0.75, 0.9])
def test_files_that_were_cut_off_are_named(write, part):
    path = write(RNG.normal(0, 500, [200, 3, 3]))
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(ValueError, match=r"a\.c3d.*whole C3D file is wanted"):
        io.read_keypoints(path)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("block", [2, 4])
def test_the_header_tells_where_parameters_are_and_they_the_order_of_bytes(tmp_path, order, block):
    header = bytes([block, 0x50]) + struct.pack(f"{order}5HfH", 3, 0, 1, 258, 0, -1.0, block + 1)
    parameters = bytes([1, 0x50, 1, 86 if order == ">" else 84])
    content = b"".join(part.ljust(512, b"\0") for part in (header, *[b""] * (block - 2), parameters))
    path = tmp_path / "a.c3d"
    path.write_bytes(content + bytes(258 * 3 * 16))
    assert c3d._number_of_frames(path) == 258
    path.write_bytes(content + bytes(258 * 3 * 16 - 1))
    with pytest.raises(ValueError, match=f"of {len(content) + 258 * 3 * 16} bytes by its header"):
        c3d._number_of_frames(path)


def _damaged(content, *, name, after, value):
    """The file with another byte so many places after the name of a parameter."""
    at = content.index(name) + len(name) + after
    return content[:at] + bytes([value]) + content[at + 1 :]


@pytest.mark.parametrize(
    ("name", "after", "value"),
    [
        (b"LABELS", 3, 128),  # how many dimensions it has
        (b"USED", 6, 255),  # how long its description is
        (b"DATA_START", 6, 255),
    ],
)
def test_a_byte_that_ends_the_reader_s_process_ends_no_other(write, name, after, value):
    path = write()
    path.write_bytes(_damaged(path.read_bytes(), name=name, after=after, value=value))
    with pytest.raises(ValueError, match=r"a\.c3d.*it cannot be read"):
        io.read_keypoints(path)


def test_a_file_that_takes_for_ever_is_given_up(write, monkeypatch):
    path = write()
    monkeypatch.setattr(c3d, "_SECONDS", 0.01)
    with pytest.raises(ValueError, match=r"a\.c3d.*it was not read in 0 s"):
        io.read_keypoints(path)


def test_what_the_reader_says_is_told(write):
    path = write()
    path.write_bytes(_damaged(path.read_bytes(), name=b"LABELS", after=0, value=254))
    with pytest.raises(ValueError, match=r"a\.c3d.*cannot be read \(The format is not standard"):
        io.read_keypoints(path)


@pytest.mark.slow
def test_damaged_files_are_read_or_named(write, monkeypatch):
    monkeypatch.setattr(c3d, "_SECONDS", 5.0)
    path = write()
    whole = path.read_bytes()
    for _ in range(40):
        content, at = bytearray(whole), int(RNG.integers(len(whole) // 2))
        if RNG.random() < 0.2:
            del content[at : at + int(RNG.integers(1, 9))]
        content[at] = RNG.choice([0, 1, 3, 127, 128, 255, content[at] ^ 1])
        path.write_bytes(content)
        try:
            assert io.read_keypoints(path)[0].positions.shape[-1] == 3
        except ValueError as error:
            told = ("C3D", "markers", "frames", "positions must be", "RATE")
            assert "a.c3d" in str(error) and any(word in str(error) for word in told), error  # noqa: PT017, PT018


@pytest.mark.parametrize("content", [b"", b"\x02", b"text that is none", b"\x02\x50", bytes([2, 0x50]) + bytes(2000)])
def test_other_files_are_named(tmp_path, content):
    pytest.importorskip("ezc3d")
    (tmp_path / "a.c3d").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.c3d.*a (whole )?C3D file is wanted"):
        io.read_keypoints(tmp_path / "a.c3d")


def test_the_package_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ezc3d", None)
    (tmp_path / "a.c3d").write_bytes(b"\x02\x50")
    with pytest.raises(ImportError, match=r'pip install "niki-tf\[c3d\]"'):
        io.read_keypoints(tmp_path / "a.c3d")
