"""Tables of documents, made from recorded results.

A document shows records (`niki_tf.evaluation.records`) in blocks:

    <!-- results: noise metric=mpjpe columns=0,10,30 solvers=mlp,mlp+finish,without_twist/twist_swing -->
    <!-- /results -->

First the name of the record, then `key=value` items, all without spaces:

- `solvers`: the lines, each `[RECORD/]SOLVER[:PART]`. PART is a score of the error-score protocol, a skeleton of the
  joint-set protocol, people of the bone protocol, what was seen of the half-body protocol, the way of the protocols of
  gaps and frame rates; and `WAY:LOST`, what was lost, where a record has several losses; what a level is of in the
  protocol of occlusion levels; what was given as ground in the world protocol; the set in that of images.
- `columns`: each `[RECORD/]METRIC[@LEVEL]`, or `[RECORD/]LEVEL` if `metric` is given. LEVEL is the noise in mm or
  degrees, the factor of an estimator's errors, frames per second, percent that are hidden, such as 20-30, the joint or
  part that is hidden, or `visible` or `hidden`; without it, METRIC is of all joints. In the gap protocol it is the
  frames of the gap, and `GAP@NOISE` where a record has several noises.
- `metric`: the metric of columns that name a level only.
- `decimals`: 1 unless given.

RECORD is another record than the block's; a line or a column may name one, not both.
"""

import os
import pathlib
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from niki_tf import files
from niki_tf.evaluation.records import MODELS, Records, load
from niki_tf.evaluation.tables import Row, markdown_table

_PARTS = ("score", "skeleton", "people", "seen", "way", "lost", "of", "ground", "images")
"""Columns that tell rows of one solver apart, and have a column of their own in tables."""
_LEVELS = ("gap", "noise_mm", "noise_deg", "factor", "fps", "level", "hidden", "joints")
"""Further ones, which are part of a column's name; the last has "all" for all joints."""
_BLOCK = re.compile(r"^<!-- results: (.*?) -->\n(.*?)^<!-- /results -->$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"^<!-- (?:results:|/results -->)", re.MULTILINE)
_KEYS = {"solvers", "columns", "metric", "decimals"}
LABELS = {
    "mpjpe": "MPJPE",
    "world_mpjpe": "MPJPE in the world",
    "pa_mpjpe": "PA-MPJPE",
    "pve": "PVE",
    "accel": "ACCEL",
    "rotation_deg": "rotation error, deg",
    "rank_error": "rank correlation with the joints' error",
    "rank_mpjpe": "rank correlation with MPJPE",
    "rank_joint": "rank correlation over joints",
    "rank_in_frame": "rank correlation within a frame",
    **{f"auroc_{mm}": f"AUROC at {mm} mm" for mm in (0, 10, 30)},
    **{f"found_{mm}": f"displaced joint found at {mm} mm" for mm in (0, 10, 30)},
    "frames_per_s": "frames/s",
    "ratio": "ratio to 30 frames/s",
    "foot_speed": "planted feet, m/s",
    "true_foot_speed": "true ones, m/s",
    "sliding_percent": "planted feet that slide, %",
    "penetration_mm": "under the ground, mm",
    "median_mm": "median error, mm",
    "size_percent": "error of the size, %",
    "error_to_sigma": "error / sigma",
    "mean_mm": "mean distance, mm",
    "max_mm": "largest distance, mm",
    "mean_deg": "mean angle, deg",
    "max_deg": "largest angle, deg",
    "pairs_percent": "intersecting pairs / triangles, %",
    "triangles_percent": "triangles that intersect, %",
    "new_pairs_percent": "new pairs / triangles, %",
    "new_triangles_percent": "triangles in new pairs, %",
    "less_percent": "less than the first, %",
    "gain_mm": "gain, mm",
    "rise_mm": "rise, mm",
    "fk_mm": "error of `fk`, mm",
}
"""Name of a column of rows -> what tables call it."""


def documents(root: str | os.PathLike) -> list[pathlib.Path]:
    """The documents of a checkout that may show records: README.md, docs/*.md and the models' README.md."""
    patterns = ("README.md", "docs/*.md", f"{MODELS}/*/README.md")
    return [path for pattern in patterns for path in sorted(pathlib.Path(root).glob(pattern))]


def update_documents(root: str | os.PathLike, *, check: bool = False) -> list[str]:
    """Renders all blocks of all documents anew.

    Args:
        root: folder of the checkout.
        check: write nothing.

    Returns:
        a message for each block that was not what the records say.

    Raises:
        ValueError: a block is not well-formed, or asks for what is not recorded.
    """
    records, messages = load(root), []
    for path in documents(root):
        text, place = path.read_text(), path.relative_to(root)
        try:
            rendered, changed = render(text, records)
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from None
        messages += [f"{place}: block differs: {block}" for block in changed]
        if changed and not check:
            with files.atomic_write(path) as beside:
                beside.write_text(rendered)
    return messages


def render(text: str, records: Records) -> tuple[str, list[str]]:
    r"""A document with its blocks rendered anew, and the specifications of those that changed.

    Args:
        text: of the document.
        records: what `load` gives.

    Raises:
        ValueError: a block has no end, or see `table`.

    Example:
        >>> from niki_tf.evaluation import results
        >>> records = {"noise": [{"solver": "mlp", "noise_mm": 0, "mpjpe": 2.375}]}
        >>> block = "<!-- results: noise metric=mpjpe columns=0 solvers=mlp -->\n<!-- /results -->"
        >>> print(results.render(block, records)[0])
        <!-- results: noise metric=mpjpe columns=0 solvers=mlp -->
        <BLANKLINE>
        | solver | 0 |
        |---|---|
        | mlp | 2.4 |
        <BLANKLINE>
        <!-- /results -->
    """
    changed = []

    def replaced(block: re.Match[str]) -> str:
        specification, body = block.groups()
        wanted = f"\n{table(specification, records)}\n\n"
        if body != wanted:
            changed.append(specification)
        return f"<!-- results: {specification} -->\n{wanted}<!-- /results -->"

    if len(_MARK.findall(text)) != 2 * len(_BLOCK.findall(text)):
        raise ValueError("each line `<!-- results: ... -->` must be followed by a line `<!-- /results -->`.")
    return _BLOCK.sub(replaced, text), changed


def table(specification: str, records: Records) -> str:
    """The Markdown table of one block.

    Args:
        specification: name of a record and `key=value` items; see the module.
        records: what `load` gives.

    Raises:
        ValueError: the specification is not well-formed, or what it asks for is not recorded.
    """
    name, *items = specification.split()
    values = dict(item.partition("=")[::2] for item in items)
    if not {"solvers", "columns"} <= values.keys() <= _KEYS:
        raise ValueError(f"a block must have solvers= and columns=, and may have metric= and decimals=; got {items}.")
    lines = [_line(item) for item in values["solvers"].split(",")]
    columns = [_column(item, values.get("metric")) for item in values["columns"].split(",")]
    if len({column.label for column in columns}) < len(columns):
        raise ValueError(f"columns= must name each column once; got {values['columns']}.")
    rows = []
    for line in lines:
        row: Row = {"solver": line.label}
        row |= zip(_headings(records.get(name, []), lines), line.part.split(":"), strict=False)
        rows.append(row | {column.label: _value(name, line, column, records) for column in columns})
    return markdown_table(rows, decimals=int(values.get("decimals", "1")))


class _Line(NamedTuple):
    record: str
    solver: str
    part: str

    @property
    def label(self) -> str:
        return ", ".join([self.solver, self.record.replace("_", " ")] if self.record else [self.solver])


class _Column(NamedTuple):
    record: str
    metric: str
    level: str
    label: str


def _line(item: str) -> _Line:
    """`[RECORD/]SOLVER[:PART]`."""
    record_name, _, rest = item.rpartition("/")
    solver, _, part = rest.partition(":")
    return _Line(record_name, solver, part)


def _headings(rows: list[Row], lines: Sequence[_Line]) -> list[str]:
    """The names of the columns of parts, as many as the lines have."""
    most = max(len(line.part.split(":")) if line.part else 0 for line in lines)
    return [part for part in _PARTS if rows and part in rows[0]][:most]


def _column(item: str, metric: str | None) -> _Column:
    """`[RECORD/]METRIC[@LEVEL]`, or `[RECORD/]LEVEL` of `metric`."""
    record_name, _, rest = item.rpartition("/")
    if metric and ("@" not in rest or rest[0].isdigit()):
        parts = [rest]
        found, level = metric, rest
    else:
        found, _, level = rest.partition("@")
        parts = [LABELS.get(found, found), level]
    label = ", ".join(part for part in (*parts, record_name.replace("_", " ")) if part)
    return _Column(record_name, found, level, label)


def _value(name: str, line: _Line, column: _Column, records: Records) -> Any:
    """The one number that a line and a column mean; ValueError if there is none or more than one."""
    if line.record and column.record:
        raise ValueError(f"a line or a column may name a record, not both; got {line.label} and {column.label}.")
    record_name = line.record or column.record or name
    if record_name not in records:
        raise ValueError(f"there is no record {record_name!r}; there are {', '.join(records) or 'none'}.")
    found = [row for row in records[record_name] if _fits(row, line, column)]
    if len(found) != 1 or column.metric not in found[0]:
        which = " ".join(part for part in (line.solver, line.part, column.metric, column.level) if part)
        raise ValueError(f"record {record_name!r} must have one number for {which}; it has {len(found)} rows of it.")
    return found[0][column.metric]


def _fits(row: Row, line: _Line, column: _Column) -> bool:
    """Whether a row is of the solver, the parts and the levels; of those that are left out any fits."""
    levels = [f"{row[key]:g}" if isinstance(row[key], float) else str(row[key]) for key in _LEVELS if key in row]
    wanted = column.level or ("all" if "joints" in row else "")
    parts = [row[key] for key in _PARTS if key in row]
    return row["solver"] == line.solver and _begins(parts, line.part, ":") and _begins(levels, wanted, "@")


def _begins(values: Sequence[str], wanted: str, separator: str) -> bool:
    """Whether the values begin with those in `wanted`."""
    named = wanted.split(separator) if wanted else []
    return list(values[: len(named)]) == named
