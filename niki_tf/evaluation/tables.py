"""Rows of figures (lists of flat dicts with equal keys) as text, JSON and CSV; files are whole or absent."""

import contextlib
import csv
import json
import os
import pathlib
import tempfile


@contextlib.contextmanager
def written_whole(path):
    """Gives a path beside `path` to write to; renames it to `path` at the end, or removes it if the writing failed.

    Example:
        >>> import pathlib, tempfile
        >>> from niki_tf import evaluation
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with evaluation.written_whole(f"{folder}/a.txt") as beside:
        ...         _ = beside.write_text("all of it")
        ...     pathlib.Path(folder, "a.txt").read_text()
        'all of it'
    """
    path = pathlib.Path(path)
    # The suffix stays, since writers choose the format by it; the process number keeps two runs apart.
    beside = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield beside
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def output_folder(path):
    """Makes the folder `path` (with those above it) and returns it; ValueError if it cannot be written to."""
    folder = pathlib.Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(f"`output` must be a folder that can be written to; got {str(path)!r} ({reason}).") from None
    return folder


def write_json(rows, path):
    """Writes the rows as one JSON list; ValueError for numbers that JSON does not know (NaN, infinity)."""
    text = json.dumps(rows, indent=1, allow_nan=False) + "\n"
    with written_whole(path) as beside:
        beside.write_text(text)


def write_csv(rows, path):
    """Writes the rows as CSV, the keys of the first row as its header."""
    with written_whole(path) as beside, beside.open("w", newline="") as file:
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
