"""Runs the programs of niki_tf/cli/ and tools/ in this process, each with its own flags only."""

import contextlib
import importlib.util
import pathlib
import sys

import pytest
from absl import flags

from niki_tf import body, cli, io, solvers
from niki_tf.motion import made_motion
from niki_tf.solvers import zoo

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_SHARED = ("body_flag", "deterministic_flag", "frozen_backbone", "image_solver_flag", "memory_flag")


@pytest.fixture(scope="module")
def motion(tmp_path_factory):
    """Folder of two short clips."""
    folder = tmp_path_factory.mktemp("motion")
    for seed in range(2):
        io.save_clip(folder / f"clip{seed}.npz", made_motion(seed, frames=5))
    return folder


@pytest.fixture
def run_tool(monkeypatch, capsys):
    """A function of a program's name and its arguments that runs it and returns what it printed."""

    def run(name, *arguments):
        program = _ROOT / "niki_tf" / "cli" / f"{name}.py"
        program = program if program.exists() else _ROOT / "tools" / f"{name}.py"
        specification = importlib.util.spec_from_file_location(f"program_{name}", program)
        module = importlib.util.module_from_spec(specification)
        with _no_flags():
            specification.loader.exec_module(module)
            module.main(flags.FLAGS([name, *map(str, arguments)]))
        return capsys.readouterr().out

    return run


@pytest.fixture
def no_flags():
    """As in a new process: no program has defined its flags."""
    with _no_flags():
        yield


@contextlib.contextmanager
def _no_flags():
    put_aside = _remove_flags()
    for name in _SHARED:  # so that their flags are defined anew
        sys.modules.pop(f"niki_tf.cli.{name}", None)
        vars(cli).pop(name, None)
    try:
        yield
    finally:
        _remove_flags()
        for flag_name, flag in put_aside.items():
            flags.FLAGS[flag_name] = flag


def _remove_flags():
    """Removes and returns all flags but absl's own: two programs may each have a --output."""
    removed = {}
    for name in list(flags.FLAGS):
        if not flags.FLAGS.find_module_defining_flag(name, "").startswith("absl"):
            removed[name] = flags.FLAGS[name]
            delattr(flags.FLAGS, name)
    return removed


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """A folder with an untrained solver."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    zoo.save(solvers.OneStage(body.mannequin_joints(), num_couplings=2, hidden_dim=8), folder)
    return folder
