"""Marker files of OpenSim and Motion Analysis (.trc)."""

import pathlib
from collections.abc import Mapping

import numpy as np

from niki_tf.io import frame_times, tables, units
from niki_tf.io.people import by_subject
from niki_tf.motion.clip import stated_rate
from niki_tf.motion.keypoints import Keypoints

_WANTED = "PathFileType, two lines of DataRate and so on, a line of Frame#, Time and the names of the markers"
_HEADER_LINES = 4


def read_trc(path: pathlib.Path) -> list[Keypoints]:
    """The subjects of a TRC file; markers with blank cells or at (0, 0, 0) are NaN.

    OpenSim wants y up, other programs write z up, and the file does not tell it.

    Raises:
        ValueError: no TRC header, another number of markers or fewer rows than it tells, or cells that are no numbers.
    """
    lines = tables.decoded(path.read_bytes()).splitlines()
    if len(lines) < _HEADER_LINES or not lines[0].lstrip().lower().startswith("pathfiletype"):
        raise ValueError(f"a TRC file begins with {_WANTED}; got {lines[0][:40] if lines else ''!r}.")
    header = dict(zip(_cells(lines[1]), _cells(lines[2]), strict=False))
    names = _names(lines[3], header)
    width = 2 + 3 * len(names)
    below = [(number, _cells(line)) for number, line in enumerate(lines[_HEADER_LINES:], _HEADER_LINES + 1)]
    rows = [(number, cells) for number, cells in below if tables.is_number(cells[0])]
    _check_count(len(rows), header)
    padded = [cells + [""] * (width - len(cells)) if number < rows[-1][0] else cells for number, cells in rows]
    numbers = tables.to_numbers(padded, columns=range(width), width=width, first_line=rows[0][0])
    positions = numbers[:, 2:].reshape(len(rows), len(names), 3)
    positions[(positions == 0).all(-1)] = np.nan
    fps, times = _timing(header, numbers[:, 1])
    unit = units.metres(header.get("Units", ""))
    return by_subject(Keypoints(positions, names=tuple(names), fps=fps, times=times, unit=unit))


def _cells(line: str) -> list[str]:
    """The cells of a line, separated by tabs, or by spaces in a line without any."""
    return [cell.strip() for cell in line.split("\t")] if "\t" in line else line.split() or [""]


def _names(line: str, header: Mapping[str, str]) -> list[str]:
    """Names of the markers, one above three columns; of columns NAME_x, NAME_y, NAME_z only the name."""
    names = [cell for cell in _cells(line)[2:] if cell]
    plain = [name[:-2] if name[-2:].lower() in ("_x", "_y", "_z") else name for name in names]
    if plain[::3] == plain[1::3] == plain[2::3]:
        names = plain[::3]
    told = header.get("NumMarkers", "")
    if not names or told.isdecimal() and int(told) != len(names):
        raise ValueError(
            f"line 4 must name the {told or ''} markers of the header; got {len(names)} names. Correct one."
        )
    return names


def _check_count(rows: int, header: Mapping[str, str]) -> None:
    """ValueError if there are fewer rows than the header tells: the file was cut off."""
    told = header.get("NumFrames", "")
    if not rows or told.isdecimal() and rows < int(told):
        raise ValueError(
            f"there must be {told or 'some'} frames, as NumFrames tells; got {rows}. Was the file cut off? Write it "
            "again, or correct NumFrames."
        )


def _timing(header: Mapping[str, str], times: np.ndarray) -> tuple[float | None, np.ndarray | None]:
    """Frames per second by the header, or else by the column of times."""
    rate = header.get("DataRate", "")
    if tables.is_number(rate) and float(rate) > 0:
        return stated_rate(float(rate), "`DataRate`"), None
    return frame_times.rate_and_times(times)
