"""Recorded results: rows of protocols in files beside the models, and the tables of documents made from them.

A file `results.json` lies in each model's folder, and one for solvers without weights in the folder above them. It maps
the name of a record to what was measured, how, and with which weights. A document shows records in blocks:

    <!-- results: noise metric=mpjpe columns=0,10,30 solvers=mlp,mlp+finish,without_twist/twist_swing -->
    <!-- /results -->

First the name of the record, then `key=value` items, all without spaces:

- `solvers`: the lines, each `[RECORD/]SOLVER[:SCORE]`. SCORE is one of the error-score protocol's.
- `columns`: each `[RECORD/]METRIC[@LEVEL]`, or `[RECORD/]LEVEL` if `metric` is given. LEVEL is the noise in mm, the
  factor of an estimator's errors, or `visible` or `hidden`; without it, METRIC is of all joints.
- `metric`: the metric of columns that name a level only.
- `decimals`: 1 unless given.

RECORD is another record than the block's; a line or a column may name one, not both.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
import re
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from niki_tf import files
from niki_tf.evaluation.filters import FILTERS
from niki_tf.evaluation.tables import Row, markdown_table
from niki_tf.solvers import zoo

FILE = "results.json"
"""Name of the files that hold records."""

MODELS = "saved_models"
"""Folder of the models, and of the file of solvers without weights."""

Records = dict[str, list[Row]]
"""Name of a record -> its rows of all solvers."""

_WEIGHTS = "model.keras"
_DECIMALS = 6
"""Decimals of the numbers in files."""
_LEVELS = ("noise_mm", "factor", "joints")
"""Columns that tell rows of one solver apart, the last with "all" for all joints."""
_BLOCK = re.compile(r"^<!-- results: (.*?) -->\n(.*?)^<!-- /results -->$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"^<!-- (?:results:|/results -->)", re.MULTILINE)
_KEYS = {"solvers", "columns", "metric", "decimals"}
_LABELS = {
    "mpjpe": "MPJPE",
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
    "mean_mm": "mean distance, mm",
    "max_mm": "largest distance, mm",
    "mean_deg": "mean angle, deg",
    "max_deg": "largest angle, deg",
    "fk_mm": "error of `fk`, mm",
}


@dataclasses.dataclass(frozen=True)
class Run:
    """How rows were measured."""

    protocol: str
    """Name of the protocol."""
    command: str
    """The command that measures the same, without paths of this computer."""
    options: Mapping[str, Any]
    """Name -> value of all settings that change the numbers."""
    clips: int
    """Number of clips of motion."""
    git_commit: str | None
    """See `git_commit`."""


def record(rows: Sequence[Row], run: Run, *, name: str, models: str | os.PathLike = MODELS) -> list[pathlib.Path]:
    """Writes rows as the record `name` of each solver's file and gives the paths; what it held before is replaced.

    Args:
        rows: of a protocol; all whose solver's name has the same base belong to one file.
        run: how they were measured.
        name: of the record.
        models: folder of the file of solvers without weights.

    Raises:
        ValueError: a solver's name means no solver, or a file that is there is no file of records.
    """
    of_base: dict[str, list[Row]] = {}
    for row in rows:
        parsed = zoo.parse_name(row["solver"], filters=FILTERS)
        folder = zoo.find(parsed.base)
        short = parsed.base if folder is None else folder.resolve().name
        short += zoo.FINISH * parsed.finish + parsed.filter
        rounded = {key: round(value, _DECIMALS) if isinstance(value, float) else value for key, value in row.items()}
        of_base.setdefault(parsed.base, []).append({**rounded, "solver": short})
    return [_record_one(of_solver, run, name, zoo.find(base), models) for base, of_solver in of_base.items()]


def _record_one(
    rows: list[Row], run: Run, name: str, folder: pathlib.Path | None, models: str | os.PathLike
) -> pathlib.Path:
    path = (pathlib.Path(models) if folder is None else folder) / FILE
    entry = {
        "protocol": run.protocol,
        "command": run.command,
        "options": dict(run.options),
        "motion": {"clips": run.clips, "frames": rows[0]["frames"]},
        "git_commit": run.git_commit,
        **({} if folder is None else {"weights_sha256": sha256(folder / _WEIGHTS)}),
        "rows": rows,
    }
    entries = {**(_read(path) if path.is_file() else {}), name: entry}
    with files.atomic_write(path) as beside:
        beside.write_text(_to_text(entries))
    return path


def _to_text(entries: Mapping[str, Any]) -> str:
    """JSON with each innermost dictionary, such as a row, on a line of its own."""
    text = json.dumps(dict(sorted(entries.items())), indent=1, allow_nan=False, ensure_ascii=False)
    return re.sub(r"\{[^{}]*\}", lambda match: re.sub(r"\n *", " ", match.group()), text) + "\n"


def _read(path: pathlib.Path) -> dict[str, Any]:
    """The records of a file, by name; ValueError if it holds something else."""
    try:
        entries = json.loads(path.read_text())
    except ValueError:
        entries = None
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        raise ValueError(f"{path} must hold the records that `tools/evaluate.py --record` writes; it holds others.")
    return entries


def sha256(path: str | os.PathLike) -> str:
    """The SHA-256 of a file, hexadecimal."""
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def git_commit() -> str | None:
    """The commit that this package is of, with `-dirty` if its files differ from it; None outside a git checkout."""
    package = pathlib.Path(__file__).resolve().parent.parent
    outputs = []
    for command in (["git", "rev-parse", "HEAD"], ["git", "status", "--porcelain", "."]):
        try:
            outputs.append(subprocess.run(command, cwd=package, capture_output=True, text=True, check=True).stdout)
        except (OSError, subprocess.CalledProcessError):
            return None
    return outputs[0].strip() + "-dirty" * bool(outputs[1].strip())


def load(root: str | os.PathLike) -> Records:
    """All records of the models of a checkout.

    Args:
        root: folder of the checkout.

    Raises:
        ValueError: a record was measured in one way for one solver and in another for another.
    """
    models = pathlib.Path(root) / MODELS
    records: Records = {}
    first: dict[str, tuple[pathlib.Path, list[Any]]] = {}
    for path in sorted(models.glob(FILE)) + sorted(models.glob(f"*/{FILE}")):
        for name, entry in _read(path).items():
            measured = [entry[key] for key in ("protocol", "options", "motion")]
            place, before = first.setdefault(name, (path, measured))
            if measured != before:
                raise ValueError(
                    f"record {name!r} must be of one protocol, options and motion; {place} and {path} differ."
                )
            records.setdefault(name, []).extend(entry["rows"])
    return records


def stale_weights(root: str | os.PathLike) -> list[str]:
    """A message for each record whose weights are not those of the model beside it."""
    return [
        f"{path}: {name} is of other weights than {_WEIGHTS}"
        for path in sorted(pathlib.Path(root, MODELS).glob(f"*/{FILE}"))
        for name, entry in _read(path).items()
        if entry["weights_sha256"] != sha256(path.with_name(_WEIGHTS))
    ]


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
    rows = []
    for line in lines:
        row: Row = {"solver": line.label}
        if any(other.score for other in lines):
            row["score"] = line.score
        rows.append(row | {column.label: _value(name, line, column, records) for column in columns})
    return markdown_table(rows, decimals=int(values.get("decimals", "1")))


class _Line(NamedTuple):
    record: str
    solver: str
    score: str

    @property
    def label(self) -> str:
        return ", ".join([self.solver, self.record.replace("_", " ")] if self.record else [self.solver])


class _Column(NamedTuple):
    record: str
    metric: str
    level: str
    label: str


def _line(item: str) -> _Line:
    """`[RECORD/]SOLVER[:SCORE]`."""
    record_name, _, rest = item.rpartition("/")
    solver, _, score = rest.partition(":")
    return _Line(record_name, solver, score)


def _column(item: str, metric: str | None) -> _Column:
    """`[RECORD/]METRIC[@LEVEL]`, or `[RECORD/]LEVEL` of `metric`."""
    record_name, _, rest = item.rpartition("/")
    if metric and "@" not in rest:
        parts = [rest]
        found, level = metric, rest
    else:
        found, _, level = rest.partition("@")
        parts = [_LABELS.get(found, found), level]
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
        which = " ".join(part for part in (line.solver, line.score, column.metric, column.level) if part)
        raise ValueError(f"record {record_name!r} must have one number for {which}; it has {len(found)} rows of it.")
    return found[0][column.metric]


def _fits(row: Row, line: _Line, column: _Column) -> bool:
    level = next((str(row[key]) for key in _LEVELS if key in row), "")
    wanted = column.level or ("all" if "joints" in row else "")
    return (row["solver"], row.get("score", ""), level) == (line.solver, line.score, wanted)
