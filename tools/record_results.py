"""Measures again what is recorded in saved_models, by the commands in the records, and renders the documents.

Example:
    python tools/record_results.py --mocap=MOCAP --records=noise,xocc

After new weights, or a change of the program that moves numbers. Records of one name are measured together, for all
solvers that they hold. What was measured at this commit is not measured again, so an interrupted run goes on. Records
of images and of models that do not ship are left out; docs/contributing.md has their commands.
"""

import json
import pathlib
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    from niki_tf.evaluation import records

_MOCAP = flags.DEFINE_string("mocap", None, "Folder that MOCAP stands for in the commands.", required=True)
_RECORDS = flags.DEFINE_list("records", [], "Names of records, with commas; all if none is given.")
_ROOT = pathlib.Path(__file__).resolve().parent.parent
_PLACE, _SOLVER = "--motion=MOCAP/", "--solver="


def main(argv: list[str]) -> None:
    """Runs the commands, then renders."""
    if argv[1:]:
        sys.exit(f"record_results.py takes flags only; got {' '.join(argv[1:])}.")
    mocap = pathlib.Path(_MOCAP.value)
    if not mocap.is_dir():
        sys.exit(f"record_results.py: `mocap` must be a folder of motion files; got {mocap}, which is none.")
    found = _recorded(_ROOT / records.MODELS)
    names = dict.fromkeys(name for name, _ in found)
    unknown = [name for name in _RECORDS.value if name not in names]
    if unknown:
        sys.exit(f"record_results.py: there is no record {', '.join(unknown)}; records: {', '.join(names)}.")
    chosen = {key: entries for key, entries in found.items() if not _RECORDS.value or key[0] in _RECORDS.value}
    for number, ((name, _), entries) in enumerate(chosen.items(), start=1):
        head = f"{number} of {len(chosen)}, {name}: "
        if {entry["git_commit"] for entry in entries} == {records.git_commit()}:
            print(f"{head}measured at this commit")
            continue
        command = _command(entries, mocap.resolve())
        print(head + shlex.join(command), flush=True)
        start = time.monotonic()
        subprocess.run([sys.executable, *command], cwd=_ROOT, check=True, stdout=subprocess.DEVNULL)
        print(f"{head}{time.monotonic() - start:.0f} s", flush=True)
    subprocess.run([sys.executable, "tools/render_results.py"], cwd=_ROOT, check=True)


def _recorded(models: pathlib.Path) -> Mapping[tuple[str, str], list[dict[str, Any]]]:
    """Name of a record and its settings -> what the models' files hold of it."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for path in sorted(models.glob(records.FILE)) + sorted(models.glob(f"*/{records.FILE}")):
        for name, entry in json.loads(path.read_text()).items():
            words = shlex.split(entry["command"])
            solvers = [word for word in words if word.startswith(_SOLVER)]
            if any("/" in solver for solver in solvers) or not any(word.startswith(_PLACE) for word in words):
                continue
            found.setdefault((name, json.dumps(entry["options"], sort_keys=True)), []).append(entry)
    return dict(sorted(found.items()))


def _command(entries: Sequence[Mapping[str, Any]], mocap: pathlib.Path) -> list[str]:
    """The command of the first entry, without the word python, for the solvers of all."""
    words = [shlex.split(entry["command"])[1:] for entry in entries]
    solvers = dict.fromkeys(word for of_one in words for word in of_one if word.startswith(_SOLVER))
    others = [word for word in words[0] if not word.startswith(_SOLVER)]
    place = [word.replace(_PLACE, f"--motion={mocap}/", 1) for word in others]
    return [place[0], *place[1:-1], *solvers, place[-1]]


if __name__ == "__main__":
    app.run(main)
