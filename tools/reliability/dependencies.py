"""Runs tests with the lowest and with the highest releases that setup.py allows, each in an environment of its own.

Example:
    python tools/reliability/dependencies.py --set=lowest --python=python3.10
    python tools/reliability/dependencies.py --set=highest -- tests/solvers

The lowest set has the first release within the bounds of each package that the package needs, or needs for exports, and
for all others what goes with these. What tests need beside it is of the newest releases. Bounds are read from setup.py.
Arguments after `--` go to pytest; without any, the fast tier runs. Prints the releases and how the tests ended, and
ends with 1 if one fails.
"""

import pathlib
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from unittest import mock

from absl import app, flags

SETS = {"lowest": "lowest-direct", "highest": "highest"}
"""Name -> how uv resolves it."""
_SET = flags.DEFINE_multi_enum("set", [*SETS], [*SETS], "Which releases.")
_PYTHON = flags.DEFINE_string("python", sys.executable, "The Python of the environments.")
_ROOT = pathlib.Path(__file__).resolve().parents[2]


def bounded() -> list[str]:
    """What the package and its exports need, with the bounds in setup.py; what has none is left out."""
    with mock.patch("setuptools.setup") as setup:
        runpy.run_path(str(_ROOT / "setup.py"))
    given = setup.call_args.kwargs
    needed = [*given["install_requires"], *given["extras_require"]["export"]]
    return [one for one in needed if "=" in one]


def tried(name: str, folder: pathlib.Path, arguments: Sequence[str]) -> bool:
    """Whether the tests pass with a set of releases, which are printed.

    Args:
        name: of the set, of `SETS`.
        folder: in which the environment is made.
        arguments: of pytest.
    """
    needed, pinned, venv = folder / "needed.txt", folder / f"{name}.txt", folder / name
    needed.write_text("\n".join(bounded()) + "\n")
    python = venv / "bin" / "python"
    _uv(folder, "venv", "--seed", "--python", _PYTHON.value, venv)
    how = ("--resolution", SETS[name], "--no-annotate", "--no-header")
    _uv(folder, "pip", "compile", "--python", python, *how, needed, "-o", pinned)
    _uv(folder, "pip", "install", "--python", python, "--constraint", pinned, "--editable", ".[test]")
    names = [one.split("=")[0].split(">")[0] for one in bounded()]
    releases = [line for line in pinned.read_text().splitlines() if line.split("==")[0] in names]
    print(f"{name}: {', '.join(releases)}", flush=True)
    warnings = ["-W", "default"] if name == "lowest" else []  # of old releases, of what is newer than they are
    command = [str(python), "-m", "pytest", "-q", *warnings, *arguments]
    return not subprocess.run(command, cwd=_ROOT).returncode


def _uv(folder: pathlib.Path, *arguments: object) -> None:
    """Runs uv, which is in `folder`; its end with an error is ours."""
    command = [str(folder / "tools" / "bin" / "uv"), *map(str, arguments), "--quiet"]
    if subprocess.run(command, cwd=_ROOT).returncode:
        sys.exit(f"dependencies: `{' '.join(command[1:])}` failed.")


def main(argv: list[str]) -> None:
    """Tries the sets one after the other."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run([sys.executable, "-m", "venv", folder / "tools"], check=True)
        subprocess.run([folder / "tools" / "bin" / "pip", "install", "--quiet", "uv"], check=True)
        failed = [which for which in dict.fromkeys(_SET.value) if not tried(which, folder, argv[1:])]
    print("\n".join(f"{which}: tests fail" for which in failed))
    sys.exit(int(bool(failed)))


if __name__ == "__main__":
    app.run(main)
