"""Keypoints in tables."""

import numpy as np
import pytest

from niki_tf import io

RNG = np.random.default_rng(0)
POINTS = np.round(RNG.normal(size=[5, 3, 3]), 4)
NAMES = ("nose", "left_pinky", "Hip")


def table(header, rows, separator=",", end="\n"):
    return end.join(separator.join(map(str, row)) for row in [*header, *rows]) + end


def read(tmp_path, text, name="a.csv"):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return io.read_keypoints(tmp_path / name)


def flat(points=POINTS):
    return points.reshape(len(points), -1).tolist()


STYLES = {
    "underscore": [f"{n}_{a}" for n in NAMES for a in "xyz"],
    "capitals": [f"{n}_{a}" for n in NAMES for a in "XYZ"],
    "dot": [f"{n}.{a}" for n in NAMES for a in "xyz"],
    "space": [f"{n} {a}" for n in NAMES for a in "XYZ"],
    "brackets": [f"{n} ({a})" for n in NAMES for a in "xyz"],
    "camel": [f"{n}{a}" for n in NAMES for a in "XYZ"],
    "axis first": [f"{a}_{n}" for n in NAMES for a in "xyz"],
    "unit": [f"{n}_{a} [m]" for n in NAMES for a in "xyz"],
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("separator", [",", ";", "\t", ", "])
def test_styles_of_the_header(tmp_path, style, separator):
    (found,) = read(tmp_path, table([STYLES[style]], flat(), separator))
    np.testing.assert_array_equal(found.positions, POINTS)
    assert found.names == NAMES
    assert found.unit == (1.0 if style == "unit" else None)
    assert (found.fps, found.times, found.confidence) == (None, None, None)


@pytest.mark.parametrize(
    "header", [[f"{a}{i}" for i in range(1, 4) for a in "xyz"], [f"{i}_{a}" for i in range(3) for a in "xyz"]]
)
def test_numbers_are_no_names(tmp_path, header):
    (found,) = read(tmp_path, table([header], flat()))
    np.testing.assert_array_equal(found.positions, POINTS)
    assert found.names is None


def test_rows_of_persons_without_frames_or_times_are_their_frames_in_turn(tmp_path):
    header = ["person", *STYLES["underscore"]]
    rows = [[name, *row] for row in flat() for name in ("Ann", "Bob")]
    ann, bob = read(tmp_path, table([header], rows))
    assert (ann.person, bob.person) == ("Ann", "Bob")
    for found in (ann, bob):
        np.testing.assert_array_equal(found.positions, POINTS)


def test_columns_in_any_order_among_others(tmp_path):
    header = [*STYLES["underscore"], "frame", "label"]
    rows = [[*row, 7 + i, "squat"] for i, row in enumerate(flat())]
    order = RNG.permutation(len(header))
    (found,) = read(tmp_path, table([[header[i] for i in order]], [[row[i] for i in order] for row in rows]))
    chosen = [found.names.index(name) for name in NAMES]
    np.testing.assert_array_equal(found.positions[:, chosen], POINTS)


def test_confidence_counts_if_all_points_have_it(tmp_path):
    header = [f"{n}_{a}" for n in NAMES for a in ("x", "y", "z", "visibility")]
    rows = np.concatenate([POINTS, np.full([5, 3, 1], 0.5)], -1)
    rows[1, 2, 3] = 0
    (found,) = read(tmp_path, table([header], flat(rows)))
    np.testing.assert_array_equal(found.confidence, rows[..., 3])
    assert np.argwhere(np.isnan(found.positions).any(-1)).tolist() == [[1, 2]]
    (found,) = read(tmp_path, table([header[:-1]], [row[:-1] for row in flat(rows)]))
    assert found.confidence is None
    np.testing.assert_array_equal(found.positions, POINTS)


@pytest.mark.parametrize("blank", ["", "NaN", "nan", "NA", "null", "-"])
def test_blank_cells_are_not_seen(tmp_path, blank):
    rows = flat()
    rows[2][3:6] = [blank] * 3
    (found,) = read(tmp_path, table([STYLES["dot"]], rows))
    assert np.argwhere(np.isnan(found.positions).any(-1)).tolist() == [[2, 1]]


def test_decimal_commas(tmp_path):
    rows = [[str(cell).replace(".", ",") for cell in row] for row in flat()]
    (found,) = read(tmp_path, table([STYLES["dot"]], rows, ";"))
    np.testing.assert_array_equal(found.positions, POINTS)
    (found,) = read(tmp_path, table([], rows, "\t"), "a.tsv")
    np.testing.assert_array_equal(found.positions, POINTS)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_encodings_and_line_ends(tmp_path, encoding, end):
    header = [cell.replace("nose", "Näse") for cell in STYLES["dot"]]
    (found,) = read(tmp_path, table([header], flat(), end=end).encode(encoding))
    np.testing.assert_array_equal(found.positions, POINTS)
    assert found.names[0] == "Näse"


@pytest.mark.parametrize(
    ("name", "times", "fps"),
    [
        ("time", np.arange(5) / 60, 60.0),
        ("Time_ms", np.round(np.arange(5) * 1000 / 30), 30.0),
        ("timestamp", 1e15 + np.arange(5) * 4e4, 25.0),
        ("time (s)", np.arange(5) * 2.0, 0.5),
    ],
)
def test_times_give_the_rate(tmp_path, name, times, fps):
    (found,) = read(tmp_path, table([[name, *STYLES["dot"]]], np.column_stack([times, flat()]).tolist()))
    assert found.fps == pytest.approx(fps)
    assert found.times is None
    np.testing.assert_array_equal(found.positions, POINTS)


def test_uneven_times_are_kept(tmp_path):
    times = [0.0, 0.1, 0.25, 0.3, 0.4]
    (found,) = read(tmp_path, table([["time", *STYLES["dot"]]], np.column_stack([times, flat()]).tolist()))
    np.testing.assert_allclose(found.times, times)


def test_missing_frames_are_not_seen(tmp_path):
    rows = np.column_stack([[0, 2, 4, 8, 10], np.array([0, 2, 4, 8, 10]) / 50, flat()])
    (found,) = read(tmp_path, table([["frame", "time", *STYLES["dot"]]], rows.tolist()))
    assert np.isnan(found.positions).all((1, 2)).tolist() == [False, False, False, True, False, False]
    assert found.fps == 25.0


def test_two_rows_of_header(tmp_path):
    names = ["", "time", *(cell for name in NAMES for cell in (name, "", ""))]
    axes = ["frame", "", *"xyzxyzxyz"]
    rows = np.column_stack([range(5), np.arange(5) / 20, flat()]).tolist()
    (found,) = read(tmp_path, table([names, axes], rows))
    np.testing.assert_array_equal(found.positions, POINTS)
    assert (found.names, found.fps) == (NAMES, 20.0)


def test_three_rows_of_header_as_deeplabcut_and_pandas_write(tmp_path):
    columns = ("x", "y", "z", "likelihood")
    header = [["scorer", *["DLC"] * 12], ["bodyparts", *(n for n in NAMES for _ in columns)], ["coords", *columns * 3]]
    rows = np.concatenate([POINTS, np.ones([5, 3, 1])], -1).reshape(5, -1)
    (found,) = read(tmp_path, table(header, np.column_stack([range(5), rows]).tolist()))
    np.testing.assert_array_equal(found.positions, POINTS)
    assert (found.names, found.confidence.min()) == (NAMES, 1.0)
    index_row = ["frame", *[""] * 12]
    (found,) = read(tmp_path, table([*header[1:], index_row], np.column_stack([range(5), rows]).tolist()))
    np.testing.assert_array_equal(found.positions, POINTS)


def vicon(*subjects):
    labels = [f"{subject}:{name}" for subject in subjects for name in ("LASI", "RASI")]
    points = RNG.normal(0, 500, [4, len(labels), 3]).round(3)
    lines = [
        *("Devices", "1000", ",,Force", "Frame,Sub Frame,Fx", ",,N", "1,0,4.5", "", "Trajectories", "120"),
        ",," + ",".join(f"{label},," for label in labels),
        "Frame,Sub Frame" + ",X,Y,Z" * len(labels),
        "," + ",mm,mm,mm" * len(labels),
        *(f"{11 + i},0," + ",".join(map(str, row)) for i, row in enumerate(flat(points))),
    ]
    return points, "\r\n".join(lines) + "\r\n"


def test_vicon(tmp_path):
    points, text = vicon("Ann", "Bob")
    ann, bob = read(tmp_path, text)
    np.testing.assert_array_equal(ann.positions, points[:, :2])
    np.testing.assert_array_equal(bob.positions, points[:, 2:])
    assert (ann.person, bob.person, ann.names, ann.unit, ann.fps) == ("Ann", "Bob", ("LASI", "RASI"), 0.001, 120.0)


def test_persons_by_a_column(tmp_path):
    rows = [[0, "Ann", *flat()[0]], [1, "Ann", *flat()[1]], [1, "Bob", *flat()[2]], [2, "Bob", *flat()[3]]]
    ann, bob = read(tmp_path, table([["frame", "person", *STYLES["dot"]]], rows))
    assert (ann.person, bob.person, len(ann), len(bob)) == ("Ann", "Bob", 3, 3)
    np.testing.assert_array_equal(ann.positions[:2], POINTS[:2])
    np.testing.assert_array_equal(bob.positions[1:], POINTS[2:4])
    assert np.isnan(ann.positions[2]).all()
    assert np.isnan(bob.positions[0]).all()
    with pytest.raises(ValueError, match="a person must be once in a frame; got Ann twice in frame 0"):
        read(tmp_path, table([["frame", "person", *STYLES["dot"]]], [rows[0], rows[0]]))


@pytest.mark.parametrize("names", [NAMES, ("0", "1", "10")])
def test_a_row_for_each_point(tmp_path, names):
    rows = [[i, name, *POINTS[i, j].tolist(), 0.5] for i in range(5) for j, name in enumerate(names)]
    RNG.shuffle(rows)
    del rows[4]
    (found,) = read(tmp_path, table([["frame", "landmark", "x", "y", "z", "visibility"]], rows))
    order = [list(names).index(name) for name in found.names] if names == NAMES else range(3)
    assert (found.names is None) == (names != NAMES)
    seen = ~np.isnan(found.positions).any(-1)
    assert seen.sum() == 14
    np.testing.assert_array_equal(found.positions[seen], POINTS[:, order][seen])


@pytest.mark.parametrize(
    ("lead", "fps"),
    [([], None), ([range(5)], None), ([np.arange(5) / 20], 20.0), ([range(3, 8), np.arange(5) / 20], 20.0)],
)
@pytest.mark.parametrize("separator", [",", " ", "\t"])
def test_numbers_without_a_header(tmp_path, lead, fps, separator):
    (found,) = read(tmp_path, table([], np.column_stack([*lead, flat()]).tolist(), separator))
    np.testing.assert_array_equal(found.positions, POINTS)
    assert found.fps == fps


def test_rows_of_three_numbers_are_one_frame(tmp_path):
    (found,) = read(tmp_path, table([], POINTS[0].tolist()))
    np.testing.assert_array_equal(found.positions, POINTS[:1])


GOOD = table([STYLES["dot"]], flat())
BAD = {
    "empty": ("", "the file is empty"),
    "blank": ("\n \n", "the file is empty"),
    "binary": (b"\x00\x01" * 40, "text is wanted; the file is binary"),
    "header only": (table([STYLES["dot"]], []), "rows of numbers are wanted below the header"),
    "cut off": (GOOD[:-12], r"every row must have 9 cells; line 6 has \d. Was the file cut off"),
    "too many cells": (GOOD + ",".join("1" * 10), "every row must have 9 cells; line 7 has 10"),
    "text": (GOOD.replace(str(POINTS[1, 1, 0]), "abc"), "numbers are wanted; line 3, column 4 holds 'abc'"),
    "text at first": (GOOD.replace(str(POINTS[0, 0, 0]), "abc"), "numbers are wanted; line 2, column 1 holds 'abc'"),
    "no points": ("a,b,c\n1,2,3\n", "columns such as nose_x, nose_y, nose_z is wanted, or none; got a, b, c"),
    "two axes": (table([[f"{n}_{a}" for n in NAMES for a in "xy"]], [[1] * 6]), "columns such as nose_x"),
    "twice": (table([["a"] * 6, "xyzxyz"], [[1] * 6]), "names of points must differ; got a twice"),
    "bad times": (table([["time", *STYLES["dot"]]], [[1, *row] for row in flat()]), "increase from frame to frame"),
    "infinite": (GOOD.replace(str(POINTS[1, 1, 0]), "inf"), "positions must be finite"),
    "odd numbers": ("1,2,3,4,5\n2,3,4,5,4\n1,3,4,5,6\n", "keypoints must have shape"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_table_of_points_is_named(tmp_path, kind):
    text, message = BAD[kind]
    with pytest.raises(ValueError, match=rf"a\.csv.*{message}"):
        read(tmp_path, text)
