"""What a run was started with, written beside its checkpoints: flags, versions, git commit."""

import importlib.metadata
import json
import os
import pathlib
import platform
import subprocess

from absl import flags

_PACKAGES = ("niki-tf", "tensorflow", "tensorflow-probability", "keras", "numpy")


def resolved(names):
    """Flags as they stand after flag files and overrides, name -> value."""
    return {name: flags.FLAGS[name].value for name in names}


def write(workdir, values, *, free=()):
    """Writes run.json (flags, versions, commit) and resolved.flags into `workdir`.

    Raises:
        ValueError: a run with other flags, but for those named in `free`, was started there.
    """
    workdir = pathlib.Path(workdir)
    workdir.mkdir(parents=True, exist_ok=True)
    path = workdir / "run.json"
    if path.is_file():
        _check_same(workdir, json.loads(path.read_text())["flags"], values, free)
    versions = {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in _PACKAGES}
    run = {"flags": values, "versions": versions, "git_commit": _commit()}
    _write(path, json.dumps(run, indent=1) + "\n")
    _write(workdir / "resolved.flags", "".join(_flag_lines(values)))


def _check_same(workdir, before, values, free):
    for name in values.keys() - set(free):
        if before.get(name) != values[name]:
            raise ValueError(
                f"`{name}` was {before.get(name)} when the run in {workdir} was started; got {values[name]}."
                " Take another --workdir, or the flags of the run."
            )


def _flag_lines(values):
    for name, value in values.items():
        if isinstance(value, bool):
            yield f"--{'' if value else 'no'}{name}\n"
        elif isinstance(value, list):
            yield from (f"--{name}={item}\n" for item in value)
        elif value is not None:
            yield f"--{name}={value}\n"


def _commit():
    here = pathlib.Path(__file__).parent
    try:
        found = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=40"], cwd=here, capture_output=True)
    except FileNotFoundError:
        return None
    return found.stdout.decode().strip() or None


def _write(path, text):
    beside = path.with_name(f"{path.name}.{os.getpid()}.partial")
    beside.write_text(text)
    beside.replace(path)
