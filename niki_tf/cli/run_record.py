"""What a run was started with, written beside its checkpoints: flags, versions, git commit."""

import importlib.metadata
import json
import os
import pathlib
import platform
import subprocess
from collections.abc import Iterable, Iterator
from typing import Any

from absl import flags

from niki_tf import files

Path = str | os.PathLike

_LARGEST = 2**20
"""Bytes of a record; a run's flags have some four thousand."""
_PACKAGES = ("niki-tf", "tensorflow", "tensorflow-probability", "keras", "numpy")


def resolved(names: Iterable[str]) -> dict[str, Any]:
    """Flags as they stand after flag files and overrides, name -> value."""
    return {name: flags.FLAGS[name].value for name in names}


def write(workdir: Path, values: dict[str, Any]) -> None:
    """Writes run.json (flags, versions, commit) and resolved.flags into `workdir`."""
    workdir = pathlib.Path(workdir)
    workdir.mkdir(parents=True, exist_ok=True)
    versions = {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in _PACKAGES}
    run = {"flags": values, "versions": versions, "git_commit": _commit()}
    _write(workdir / "run.json", json.dumps(run, indent=1) + "\n")
    _write(workdir / "resolved.flags", "".join(flag_lines(values)))


def started_with(workdir: Path) -> dict[str, Any]:
    """The flags, name -> value, that the run in `workdir` was started with.

    Raises:
        ValueError: run.json is damaged.
    """
    path = pathlib.Path(workdir) / "run.json"
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"more than {_LARGEST:,} bytes")
        run = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(run, dict) or not isinstance(run.get("flags"), dict):
            raise ValueError("no dictionary with `flags`")
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} must be the record of a run; got {error}. Write it anew by removing it: the run goes on, and the "
            "flags are not compared."
        ) from None
    return run["flags"]


def check(workdir: Path, values: dict[str, Any], *, free: tuple[str, ...] = ()) -> None:
    """Compares `values` with the flags of the run that was started in `workdir`, if there is one.

    Raises:
        ValueError: a flag differs that is not named in `free`, or run.json is damaged.
    """
    if not (pathlib.Path(workdir) / "run.json").exists():
        return
    before = started_with(workdir)
    for name in sorted(values.keys() - set(free)):
        default = flags.FLAGS[name].default if name in flags.FLAGS else None
        started = before.get(name, default)  # an older version had fewer flags
        if started != values[name]:
            raise ValueError(
                f"`{name}` was {started} when the run in {workdir} was started; got {values[name]}."
                " Take another --workdir, or the flags of the run."
            )


def flag_lines(values: dict[str, Any]) -> Iterator[str]:
    """Lines of a flag file that give the flags `values`, name -> value; those that are None are left out."""
    for name, value in values.items():
        if isinstance(value, bool):
            yield f"--{'' if value else 'no'}{name}\n"
        elif isinstance(value, list):
            yield from (f"--{name}={item}\n" for item in value)
        elif value is not None:
            yield f"--{name}={value}\n"


def _commit() -> str | None:
    here = pathlib.Path(__file__).parent
    try:
        found = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=40"], cwd=here, capture_output=True)
    except FileNotFoundError:
        return None
    return found.stdout.decode().strip() or None


def _write(path: pathlib.Path, text: str) -> None:
    with files.atomic_write(path) as beside:
        beside.write_text(text)
