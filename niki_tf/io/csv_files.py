"""Keypoints in tables (.csv, .tsv): a column for each coordinate, or a row for each point."""

import dataclasses
import pathlib
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from niki_tf.io import arrays, frame_times, tables, units
from niki_tf.io.people import Sighting, by_subject, persons
from niki_tf.motion.clip import stated_rate
from niki_tf.motion.keypoints import Keypoints

_FRAME = ("frame", "frames", "frame#", "frame_id", "frame_index", "frame_number", "frame_no", "frame_num", "fnum")
_TIME = {
    **dict.fromkeys(("time_ms", "timestamp_ms", "time (ms)", "timems", "timestampms"), 1e-3),
    **dict.fromkeys(("time_s", "time_sec", "time (s)", "time (seconds)", "timestamp_s", "seconds"), 1.0),
    **dict.fromkeys(("time", "timestamp", "t"), None),
}
"""Name of a column of times -> seconds in its unit, None if the name does not tell it."""
_PERSON = ("person", "person_id", "personid", "subject", "track_id", "trackid", "track", "pid", "body_id", "id")
_POINT = ("landmark_name", "joint_name", "landmark", "joint", "keypoint", "marker", "landmark_id", "joint_id", "name")
_SCORES = ("c", "conf", "confidence", "score", "visibility", "vis", "v", "likelihood", "prob")
_COORDINATE = (
    re.compile(r"(?P<name>.+?)[ _.:\-/]+\(?(?P<part>[A-Za-z]+)\)?"),
    re.compile(r"(?P<name>.*[a-z0-9])(?P<part>[XYZ])"),
    re.compile(r"(?P<part>[A-Za-z]+?)[ _.:\-]?(?P<name>\d+)"),
    re.compile(r"(?P<part>[xyzXYZcv])[_.](?P<name>.+)"),
)
"""Names of columns of coordinates: nose_x or nose.x or nose (x); noseX; x1 or x_1; x_nose."""
_AXIS = re.compile(r"([xyzXYZ])\d*")
_UNIT = re.compile(r"\s*[(\[](?P<unit>\w{1,3})[)\]]$")
_MOST_HEADER_ROWS = 8


@dataclasses.dataclass(frozen=True)
class _Layout:
    """What the columns of a table are."""

    points: dict[str, dict[str, int]]
    """Name of a point -> x, y, z and perhaps "score" -> column; one point "" in a table with a row for each point."""
    others: dict[str, int]
    """Name of another column, in small letters -> column."""
    width: int
    """Number of columns."""
    unit: float | None = None

    def column(self, names: Sequence[str]) -> int | None:
        """The column of the first of `names` that is there."""
        return next((self.others[name] for name in names if name in self.others), None)


def read_csv(path: pathlib.Path) -> list[Keypoints]:
    """The persons of a table.

    - One header row, in which each point has its columns, such as `nose_x,nose_y,nose_z` or `nose.x`, perhaps with one
      of confidence, `nose_c`, beside columns of frames, times and persons.
    - Two header rows: names above x, y, z. Rows above them are left out; a row of units below them is read.
    - A row for each point: columns of the frame, the point (`landmark`, `joint`), x, y, z.
    - Numbers without a header: x, y, z of each point, perhaps after the number or the time of the frame.

    Separators are commas, semicolons, tabs or spaces; beside semicolons and tabs, decimals may have a comma. Blank
    cells are NaN, and so are frames whose number is missing.

    Raises:
        ValueError: no points in the header, cells that are no numbers, rows of another length.
    """
    rows = _trajectories(tables.read_rows(path))
    scanned = range(min(len(rows), _MOST_HEADER_ROWS))
    found = next(filter(None, (_two_rows(rows, i) or _one_row(rows, i) for i in scanned)), None)
    if found is None:
        return _without_header(rows)
    layout, start = found
    units_below = _unit_row(rows[start], layout) if start < len(rows) else None
    start += bool(units_below) or (start < len(rows) and _is_title(rows[start], layout))
    if start >= len(rows):
        raise ValueError("rows of numbers are wanted below the header; there are none.")
    common = {"unit": layout.unit or units_below, "fps": _rate_above(rows[: start - 1])}
    read = _point_a_row if "" in layout.points else _frame_a_row
    return read(layout, rows[start:], start + 1, {name: value for name, value in common.items() if value})


def _trajectories(rows: list[list[str]]) -> list[list[str]]:
    """The part of Vicon's tables that begins with the word Trajectories, or all `rows`."""
    alone = [index for index, row in enumerate(rows) if row[0] and not any(row[1:]) and not tables.is_number(row[0])]
    start = next((index for index in alone if rows[index][0].lower() == "trajectories"), None)
    if start is None:
        return rows
    part = rows[start + 1 : next((index for index in alone if index > start), None)]
    if not part:
        raise ValueError("rows of numbers are wanted below the word Trajectories; there are none.")
    return part


def _two_rows(rows: Sequence[Sequence[str]], index: int) -> tuple[_Layout, int] | None:
    """Names in row `index`, which may be blank over further coordinates, above x, y and z; and the first row below."""
    if index + 1 >= len(rows) or sum(bool(_AXIS.fullmatch(cell)) for cell in rows[index + 1]) < 3:
        return None
    axes = rows[index + 1]
    names = _filled_up(rows[index], len(axes))
    points: dict[str, dict[str, int]] = {}
    others: dict[str, int] = {}
    for column, cell in enumerate(axes):
        part = _part(cell.rstrip("0123456789"))
        if part and names[column] and not tables.is_number(names[column]):
            if part in points.setdefault(names[column], {}):
                raise ValueError(f"names of points must differ; got {names[column]} twice. Leave out one of them.")
            points[names[column]][part] = column
        elif not part:
            others[(cell or names[column]).lower()] = column
    return _layout(points, others, len(axes), None, index + 2)


def _filled_up(names: Sequence[str], width: int) -> list[str]:
    """`names` as long as `width`, the former one in blank places."""
    filled = [""]
    for column in range(width):
        filled.append(names[column] if column < len(names) and names[column] else filled[-1])
    return filled[1:]


def _one_row(rows: Sequence[Sequence[str]], index: int) -> tuple[_Layout, int] | None:
    """Columns named after point and coordinate, or once x, y, z beside a column of points; and the first row below."""
    points: dict[str, dict[str, int]] = {}
    others: dict[str, int] = {}
    found_units = set()
    for column, cell in enumerate(rows[index]):
        unit = _UNIT.search(cell)
        if unit and units.metres(unit["unit"]):
            cell = cell[: unit.start()]
            found_units.add(units.metres(unit["unit"]))
        name, part = _split(cell)
        points.setdefault(name, {}).setdefault(part, column) if part else others.setdefault(cell.lower(), column)
    unit_found = found_units.pop() if len(found_units) == 1 else None
    if {"x", "y", "z"} <= set(others) and any(name in others for name in _POINT):
        score = next((name for name in _SCORES if name in others), None)
        whole = {"x": others["x"], "y": others["y"], "z": others["z"]} | ({"score": others[score]} if score else {})
        return _Layout({"": whole}, others, len(rows[index]), unit_found), index + 1
    return _layout(points, others, len(rows[index]), unit_found, index + 1)


def _layout(
    points: dict[str, dict[str, int]], others: dict[str, int], width: int, unit: float | None, start: int
) -> tuple[_Layout, int] | None:
    """The layout of those `points` that have x, y and z; None if none has. Confidence counts if all have it."""
    whole = {name: columns for name, columns in points.items() if {"x", "y", "z"} <= set(columns)}
    parts = ["x", "y", "z", *(["score"] if all("score" in columns for columns in whole.values()) else [])]
    chosen = {name: {part: columns[part] for part in parts} for name, columns in whole.items()}
    return (_Layout(chosen, others, width, unit), start) if whole else None


def _part(text: str) -> str | None:
    """x, y, z or "score" if `text` names one of them."""
    lower = text.lower()
    return lower if lower in ("x", "y", "z") else "score" if lower in _SCORES else None


def _split(cell: str) -> tuple[str, str | None]:
    """Point and part, x, y, z or "score", that the name of a column tells; the part is None if it tells none."""
    for pattern in _COORDINATE:
        found = pattern.fullmatch(cell)
        if found and _part(found["part"]):
            return found["name"], _part(found["part"])
    return cell, None


def _unit_row(row: Sequence[str], layout: _Layout) -> float | None:
    """Metres in the unit that all cells of a row name, as below Vicon's header; None if it is no row of units."""
    found = {units.metres(cell) for cell in _of_points(row, layout)}
    return found.pop() if len(found) == 1 else None


def _of_points(row: Sequence[str], layout: _Layout) -> list[str]:
    """Cells of `row` in the columns of the points that are not blank."""
    columns = [column for point in layout.points.values() for column in point.values()]
    return [row[column] for column in columns if column < len(row) and row[column]]


def _is_title(row: Sequence[str], layout: _Layout) -> bool:
    """Whether `row` is one more of the header: words, and nothing below the points."""
    return not _of_points(row, layout) and any(cell and not tables.is_number(cell) for cell in row)


def _rate_above(header: Sequence[Sequence[str]]) -> float | None:
    """The frame rate that stands alone in a row above the names, as in Vicon's tables."""
    alone = [[cell for cell in row if cell] for row in header]
    rate = next((float(cells[0]) for cells in alone if len(cells) == 1 and tables.is_number(cells[0])), None)
    return None if rate is None else stated_rate(rate, "the number above the names")


def _frame_a_row(
    layout: _Layout, rows: Sequence[Sequence[str]], first_line: int, common: dict[str, Any]
) -> list[Keypoints]:
    """The persons of a table with a row for each frame and person."""
    columns = [column for point in layout.points.values() for column in point.values()]
    points = tables.to_numbers(rows, columns=columns, width=layout.width, first_line=first_line)
    points = points.reshape(len(rows), len(layout.points), -1)
    person, place, timing = _persons_and_frames(layout, rows, first_line)
    sightings = [Sighting(*one) for one in zip(place.tolist(), person, points, strict=True)]
    numbered = all(name.isdecimal() for name in layout.points)
    names = {} if numbered else {"names": tuple(layout.points)}
    found = persons(sightings, frames=int(place.max()) + 1, **names, **common | timing)
    return by_subject(found[0]) if len(found) == 1 else found


def _point_a_row(
    layout: _Layout, rows: Sequence[Sequence[str]], first_line: int, common: dict[str, Any]
) -> list[Keypoints]:
    """The persons of a table with a row for each frame, person and point."""
    columns = list(layout.points[""].values())
    values = tables.to_numbers(rows, columns=columns, width=layout.width, first_line=first_line)
    column = layout.column(_POINT)
    names = [row[column] for row in rows] if column is not None else []
    order = list(dict.fromkeys(names))
    numbered = all(name.isdecimal() for name in order)
    order = sorted(order, key=int) if numbered else order
    point = {name: index for index, name in enumerate(order)}
    person, place, timing = _persons_and_frames(layout, rows, first_line)
    frames: dict[tuple[int, str], np.ndarray] = {}
    for who, frame, name, row in zip(person, place.tolist(), names, values, strict=True):
        points = frames.setdefault((frame, who), np.full([len(order), len(columns)], np.nan))
        points[point[name]] = row
    sightings = [Sighting(frame, who, points) for (frame, who), points in frames.items()]
    named = {} if numbered else {"names": tuple(order)}
    return persons(sightings, frames=int(place.max()) + 1, **named, **common | timing)


def _persons_and_frames(
    layout: _Layout, rows: Sequence[Sequence[str]], first_line: int
) -> tuple[list[str], np.ndarray, dict[str, Any]]:
    """Of each row the person and the place of the frame; and fps and times, if there is a column of times."""
    who = layout.column(_PERSON)
    person = [row[who] if who is not None else "" for row in rows]
    frame, time = layout.column(_FRAME), layout.column(tuple(_TIME))
    values = {
        column: tables.to_numbers(rows, columns=[column], width=layout.width, first_line=first_line)[:, 0]
        for column in (frame, time)
        if column is not None
    }
    if frame is not None:
        place = frame_times.places(values[frame])
    elif time is not None and who is not None:
        place = np.unique(values[time], return_inverse=True)[1].reshape(-1)
    else:
        place = _row_of_person(person) if "" not in layout.points else np.zeros(len(rows), int)
    if time is None:
        return person, place, {}
    name = next(name for name in _TIME if layout.others.get(name) == time)
    return person, place, _timing(frame_times.at_places(values[time], place), _TIME[name])


def _row_of_person(person: Sequence[str]) -> np.ndarray:
    """How many rows of the same person stand above each row."""
    count: dict[str, int] = {}
    rows = []
    for name in person:
        rows.append(count.get(name, 0))
        count[name] = rows[-1] + 1
    return np.array(rows)


def _timing(times: np.ndarray, scale: float | None) -> dict[str, Any]:
    """Rate and uneven times of `times` (T,), `scale` seconds in their unit, None if it is not known."""
    fps, uneven = frame_times.rate_and_times(frame_times.to_seconds(times) if scale is None else times * scale)
    return {name: value for name, value in {"fps": fps, "times": uneven}.items() if value is not None}


def _without_header(rows: Sequence[Sequence[str]]) -> list[Keypoints]:
    """The person of a table of numbers only."""
    width = len(rows[0])
    if any(cell and not tables.is_number(cell) for cell in rows[0]):
        got = ", ".join(rows[0])[:80]
        raise ValueError(f"a header with columns such as nose_x, nose_y, nose_z is wanted, or none; got {got}.")
    numbers = tables.to_numbers(rows, columns=range(width), width=width, first_line=1)
    lead = width % 3
    if not lead or width < 4 or not (np.diff(numbers[:, :lead], axis=0) > 0).all():
        return arrays.from_shape(numbers)
    first = numbers[:, lead - 1]
    counts = (first == np.round(first)).all() and (np.diff(first) == 1).all()
    return arrays.from_shape(numbers[:, lead:], **{} if counts else _timing(first, None))
