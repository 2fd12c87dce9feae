"""Rows of a table (lists of flat dicts with equal keys) as text, JSON and CSV."""

import csv
import json
import os
from collections.abc import Sequence
from typing import Any

from niki_tf import files
from niki_tf.shapes import real_number

Row = dict[str, Any]
"""One line of a table: column -> text, number or None."""


def write_json(rows: Sequence[Row], path: str | os.PathLike) -> None:
    """Writes the rows as one JSON list; ValueError for numbers that JSON does not know (NaN, infinity)."""
    text = json.dumps(rows, indent=1, allow_nan=False) + "\n"
    with files.atomic_write(path) as beside:
        beside.write_text(text)


def write_csv(rows: Sequence[Row], path: str | os.PathLike) -> None:
    """Writes the rows as CSV, the keys of the first row as its header."""
    columns = _columns(rows)
    with files.atomic_write(path) as beside, beside.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def text_table(rows: Sequence[Row], *, decimals: int = 1) -> str:
    """The rows as text with aligned columns, the keys of the first row as heading; numbers to the right.

    Example:
        >>> from niki_tf import evaluation
        >>> print(evaluation.text_table([{"solver": "analytic", "mpjpe": 8.25}, {"solver": "mlp", "mpjpe": 10.0}]))
        solver    mpjpe
        analytic    8.2
        mlp        10.0
    """
    columns, decimals = _columns(rows), _decimals(decimals)
    cells = [columns] + [[cell_text(row[column], decimals) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    align = [str.ljust if isinstance(rows[0][column], str) else str.rjust for column in columns]
    lines = [
        "  ".join(place(cell, width) for place, cell, width in zip(align, line, widths, strict=True)) for line in cells
    ]
    return "\n".join(line.rstrip() for line in lines)


def markdown_table(rows: Sequence[Row], *, decimals: int = 1) -> str:
    """The rows as a Markdown table, the keys of the first row as heading; None as a dash.

    Example:
        >>> from niki_tf import evaluation
        >>> print(evaluation.markdown_table([{"solver": "mlp", "mpjpe": 8.25, "accel": None}]))
        | solver | mpjpe | accel |
        |---|---|---|
        | mlp | 8.2 | – |
    """
    columns, decimals = _columns(rows), _decimals(decimals)
    cells = [["–" if row[column] is None else cell_text(row[column], decimals) for column in columns] for row in rows]
    lines = ["| " + " | ".join(line) + " |" for line in (columns, *cells)]
    return "\n".join([lines[0], "|---" * len(columns) + "|", *lines[1:]])


def pivot(rows: Sequence[Row], *, index: str, column: str, value: str) -> list[Row]:
    """Rows of one value each, rearranged: a row for each `index`, a key for each `column`, its `value` there.

    Example:
        >>> from niki_tf import evaluation
        >>> rows = [{"solver": "mlp", "noise_mm": level, "mpjpe": 2.0 * level} for level in (0, 10)]
        >>> evaluation.pivot(rows, index="solver", column="noise_mm", value="mpjpe")
        [{'solver': 'mlp', '0': 0.0, '10': 20.0}]
    """
    lines: dict[Any, Row] = {}
    for row in rows:
        lines.setdefault(row[index], {index: row[index]})[str(row[column])] = row[value]
    return list(lines.values())


def without(rows: Sequence[Row], column: str) -> list[Row]:
    """The rows without one of their columns."""
    return [{name: value for name, value in row.items() if name != column} for row in rows]


def cell_text(value: Any, decimals: int) -> str:
    """A value as text: numbers that are not whole with so many decimals."""
    return f"{value:.{decimals}f}" if isinstance(value, float) else str(value)


def _columns(rows: Sequence[Row]) -> list[str]:
    """The keys of all rows; ValueError unless they are dictionaries of equal keys, at least one."""
    if not isinstance(rows, Sequence) or not rows or not all(isinstance(row, dict) and row for row in rows):
        got = f"{len(rows)} rows" if isinstance(rows, list | tuple) else type(rows).__name__
        raise ValueError(f"`rows` must be a list of dictionaries, at least one; got {got}. A dictionary is a line.")
    columns = list(rows[0])
    strange = [row for row in rows if set(columns) - set(row)]
    if strange:
        raise ValueError(
            f"`rows` must all have the keys of the first; got {', '.join(strange[0])}. None is for no value."
        )
    return columns


def _decimals(decimals: int) -> int:
    return int(real_number("decimals", decimals, least=0, whole=True, cure="It is a number of digits."))
