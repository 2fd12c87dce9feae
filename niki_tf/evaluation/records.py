"""Recorded results: rows of protocols, and how they were measured, in files beside the models.

A file `results.json` lies in each model's folder, and one for solvers whose weights are not there in the folder above
them. It maps the name of a record to what was measured, how, and with which weights; `niki_tf.evaluation.results` shows
records in documents.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
import re
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from niki_tf import files
from niki_tf.evaluation.filters import FILTERS
from niki_tf.evaluation.protocols.bones import FINDER, MEAN
from niki_tf.evaluation.protocols.collisions import TRUTH
from niki_tf.evaluation.protocols.joint_sets import RENAMED
from niki_tf.evaluation.protocols.world_motion import OBSERVED
from niki_tf.evaluation.tables import Row
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


def record(
    rows: Sequence[Row],
    run: Run,
    *,
    name: str,
    models: str | os.PathLike = MODELS,
    network: str | os.PathLike | None = None,
) -> list[pathlib.Path]:
    """Writes rows as the record `name` of each solver's file and gives the paths; what it held before is replaced.

    Args:
        rows: of a protocol; those of the same weights belong to one file, as do all without.
        run: how they were measured.
        name: of the record.
        models: folder of the models, and of the file of solvers without weights there.
        network: folder of the network of images that all solvers stand behind; if it ships, all rows are its own.

    Raises:
        ValueError: a solver's name means no solver, or a file that is there is no file of records.
    """
    shared = None if network is None or not _ships(network, models) else pathlib.Path(network)
    of_folder: dict[pathlib.Path | None, list[Row]] = {}
    for row in rows:
        parsed = zoo.parse_name(row["solver"], filters=(*FILTERS, RENAMED))
        folder = _folder(parsed.base)
        short = parsed.base if folder is None else folder.resolve().name
        if folder is not None and not _ships(folder, models):
            folder = None
        short += zoo.FINISH * parsed.finish + parsed.filter
        rounded = {key: round(value, _DECIMALS) if isinstance(value, float) else value for key, value in row.items()}
        of_folder.setdefault(shared or folder, []).append({**rounded, "solver": short})
    return [_record_one(of_solver, run, name, folder, models) for folder, of_solver in of_folder.items()]


def _ships(folder: str | os.PathLike, models: str | os.PathLike) -> bool:
    return pathlib.Path(folder).resolve().is_relative_to(pathlib.Path(models).resolve())


def _folder(base: str) -> pathlib.Path | None:
    """The folder of the weights of a solver; None if there are none."""
    return None if base in (FINDER, MEAN, OBSERVED, TRUTH) else zoo.find(base)


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
