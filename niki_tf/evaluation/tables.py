"""Rows of figures (lists of flat dicts with equal keys) as text, JSON and CSV."""

import csv
import json

from niki_tf import files


def write_json(rows, path):
    """Writes the rows as one JSON list; ValueError for numbers that JSON does not know (NaN, infinity)."""
    text = json.dumps(rows, indent=1, allow_nan=False) + "\n"
    with files.atomic_write(path) as beside:
        beside.write_text(text)


def write_csv(rows, path):
    """Writes the rows as CSV, the keys of the first row as its header."""
    with files.atomic_write(path) as beside, beside.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def text_table(rows, *, decimals=1):
    """The rows as text with aligned columns, the keys of the first row as heading; numbers to the right.

    Example:
        >>> from niki_tf import evaluation
        >>> print(evaluation.text_table([{"solver": "analytic", "mpjpe": 8.25}, {"solver": "mlp", "mpjpe": 10.0}]))
        solver    mpjpe
        analytic    8.2
        mlp        10.0
    """
    columns = list(rows[0])
    cells = [columns] + [[_cell(row[column], decimals) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    align = [str.ljust if isinstance(rows[0][column], str) else str.rjust for column in columns]
    lines = ["  ".join(place(*cell) for place, *cell in zip(align, line, widths, strict=True)) for line in cells]
    return "\n".join(line.rstrip() for line in lines)


def pivot(rows, *, index, column, value):
    """Rows of one figure each, rearranged: a row for each `index`, a key for each `column`, its `value` there.

    Example:
        >>> from niki_tf import evaluation
        >>> rows = [{"solver": "mlp", "noise_mm": level, "mpjpe": 2.0 * level} for level in (0, 10)]
        >>> evaluation.pivot(rows, index="solver", column="noise_mm", value="mpjpe")
        [{'solver': 'mlp', '0': 0.0, '10': 20.0}]
    """
    lines = {}
    for row in rows:
        lines.setdefault(row[index], {index: row[index]})[str(row[column])] = row[value]
    return list(lines.values())


def _cell(value, decimals):
    return f"{value:.{decimals}f}" if isinstance(value, float) else str(value)
