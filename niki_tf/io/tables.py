"""Text files of rows and columns: separators, decimal commas, headers, and blank cells."""

import csv
import pathlib
import re
from collections.abc import Sequence

import numpy as np

_SEPARATORS = ("\t", ";", ",")
"""In the order in which they are tried: a comma may also be the decimal sign of the others."""
_BLANK = {"", "-", "nan", "na", "n/a", "null", "none", "nil", "#n/a"}
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+([eE][-+]?\d+)?")


def read_rows(path: pathlib.Path) -> list[list[str]]:
    """The cells of each line of a text file that is not empty, without spaces around them.

    Raises:
        ValueError: the file is no text, or is empty.
    """
    text = decoded(path.read_bytes())
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise ValueError("a table of numbers is wanted; the file is empty.")
    separator = next((one for one in _SEPARATORS if one in lines[0] or one in lines[-1]), None)
    if separator is None:
        return [line.split() for line in lines]
    return [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=separator)]


def decoded(content: bytes) -> str:
    """The text of a file in UTF-8, UTF-16 with its mark, or else in Latin-1; ValueError if it is no text."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    if b"\0" in content:
        raise ValueError("text is wanted; the file is binary. Is its ending right?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def is_number(cell: str) -> bool:
    """Whether `cell` is a number, with a decimal point or comma."""
    try:
        float(cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell)
    except ValueError:
        return False
    return cell.lower() not in _BLANK


def to_numbers(rows: Sequence[Sequence[str]], *, columns: Sequence[int], width: int, first_line: int) -> np.ndarray:
    """(R, C) numbers in the `columns` of `rows`, NaN in blank cells.

    Args:
        rows: cells of each row.
        columns: C of them to read.
        width: number of cells that a row must have; further ones may only be blank.
        first_line: the number of the first row in the file, for messages.

    Raises:
        ValueError: a row has fewer or more cells, or a cell is text; with its line and column.
    """
    array = np.empty([len(rows), len(columns)])
    for index, row in enumerate(rows):
        line = first_line + index
        if len(row) < width or any(row[width:]):
            raise ValueError(
                f"every row must have {width} cells; line {line} has {len(row)}. Was the file cut off? Remove the "
                "line, or write the file again."
            )
        try:
            array[index] = [float(row[column]) for column in columns]
        except ValueError:
            array[index] = [_number(row[column], line, column + 1) for column in columns]
    return array


def _number(cell: str, line: int, column: int) -> float:
    """The number in `cell`, NaN if it is blank."""
    if cell.lower() in _BLANK:
        return np.nan
    try:
        return float(cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell)
    except ValueError:
        raise ValueError(f"numbers are wanted; line {line}, column {column} holds {cell[:40]!r}.") from None
