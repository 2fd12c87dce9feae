"""Marker files of OpenSim."""

import numpy as np
import pytest

from niki_tf import io

RNG = np.random.default_rng(0)
POINTS = np.round(RNG.normal(0, 500, [4, 3, 3]), 5)
NAMES = ("R.Shoulder", "L.Heel", "C7")


def trc(points=POINTS, names=NAMES, unit="mm", rate="120.0", frames=None, *, blank_line=True, subs=True, tail="\t"):
    frames = len(points) if frames is None else frames
    lines = [
        "PathFileType\t4\t(X/Y/Z)\tD:\\data\\walk 1.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{rate}\t{rate}\t{frames}\t{len(names)}\t{unit}\t{rate}\t1\t{frames}",
        "Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t" + tail,
        *(["\t\t" + "\t".join(f"{a}{i + 1}" for i in range(len(names)) for a in "XYZ") + tail] if subs else []),
        *([""] if blank_line else []),
    ]
    for i, row in enumerate(points.reshape(len(points), 3 * points.shape[1])):
        cells = ["" if np.isnan(cell) else f"{cell:.5f}" for cell in row]
        lines.append("\t".join([str(101 + i), f"{i / 120:.3f}", *cells]) + tail)
    return "\n".join(lines) + "\n"


def read(tmp_path, text):
    (tmp_path / "a.trc").write_text(text)
    return io.read_keypoints(tmp_path / "a.trc")


@pytest.mark.parametrize("blank_line", [True, False])
@pytest.mark.parametrize("subs", [True, False])
@pytest.mark.parametrize("tail", ["\t", "", "\r"])
def test_markers(tmp_path, blank_line, subs, tail):
    (found,) = read(tmp_path, trc(blank_line=blank_line, subs=subs, tail=tail))
    np.testing.assert_array_equal(found.positions, POINTS)
    assert (found.names, found.fps, found.unit, found.up, found.person) == (NAMES, 120.0, 0.001, None, "")


@pytest.mark.parametrize(("unit", "metres"), [("m", 1.0), ("mm  ", 0.001), ("cm", 0.01), ("furlong", None)])
def test_units(tmp_path, unit, metres):
    assert read(tmp_path, trc(unit=unit))[0].unit == metres


def test_blank_cells_and_zeros_are_not_seen(tmp_path):
    points = POINTS.copy()
    points[1, 2], points[2, 0], points[3, 1, 2] = np.nan, 0, 0
    (found,) = read(tmp_path, trc(points))
    assert np.argwhere(np.isnan(found.positions).any(-1)).tolist() == [[1, 2], [2, 0]]


def test_subjects(tmp_path):
    ann, bob = read(tmp_path, trc(names=("Ann:LASI", "Bob:LASI", "Bob:RASI")))
    assert (ann.person, ann.names, bob.person, bob.names) == ("Ann", ("LASI",), "Bob", ("LASI", "RASI"))
    np.testing.assert_array_equal(bob.positions, POINTS[:, 1:])
    (only,) = read(tmp_path, trc(names=("Ann:LASI", "Ann:RASI", "*7")))
    assert (only.person, only.names) == ("Ann", ("LASI", "RASI"))


def test_other_headers(tmp_path):
    columns = "Frame#\tTime\t" + "\t".join(f"{name}_{axis}" for name in NAMES for axis in "xyz")
    lines = trc().split("\n")
    lines[3] = columns
    assert read(tmp_path, "\n".join(lines))[0].names == NAMES
    lines[3] = "Frame#\tTime\t" + "\t".join(NAMES)
    (found,) = read(tmp_path, "\n".join(lines))
    assert found.names == NAMES
    np.testing.assert_array_equal(found.positions, POINTS)


def test_times_count_where_the_header_has_no_rate(tmp_path):
    (found,) = read(tmp_path, trc(rate="0"))
    assert (found.fps, found.times) == (120.0, None)


TEXT = trc()
BAD = {
    "empty": ("", "a TRC file begins with PathFileType"),
    "another kind": ("a,b\n1,2\n" * 4, "a TRC file begins with PathFileType.*got 'a,b'"),
    "header only": ("\n".join(TEXT.split("\n")[:5]), "there must be 4 frames, as NumFrames tells; got 0"),
    "two lines": ("\n".join(TEXT.split("\n")[:2]), "a TRC file begins with"),
    "frames missing": (trc(frames=9), "there must be 9 frames, as NumFrames tells; got 4. Was the file cut off"),
    "cut in a row": (TEXT[:-20], r"every row must have 11 cells; line 10 has \d+"),
    "text": (TEXT.replace(f"{POINTS[1, 0, 0]:.5f}", "abc"), "numbers are wanted; line 8, column 3 holds 'abc'"),
    "markers": (TEXT.replace("\t3\tmm", "\t4\tmm"), "line 4 must name the 4 markers.*got 3"),
    "no frames": (trc(POINTS[:0]), "got 0"),
}


@pytest.mark.parametrize("kind", BAD)
def test_damaged_files_are_named(tmp_path, kind):
    text, message = BAD[kind]
    with pytest.raises(ValueError, match=rf"a\.trc.*{message}"):
        read(tmp_path, text)
