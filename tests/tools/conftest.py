"""Runs the programs of niki_tf/cli/ and tools/ in this process, each with its own flags only."""

import importlib.util
import pathlib
import sys

import pytest
from absl import flags

from niki_tf import body, cli, solvers
from niki_tf.solvers import zoo

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_SHARED = "niki_tf.cli.body_flag"


@pytest.fixture
def run_tool(monkeypatch, capsys):
    """A function of a program's name and its arguments that runs it and returns what it printed."""

    def run(name, *arguments):
        program = _ROOT / "niki_tf" / "cli" / f"{name}.py"
        program = program if program.exists() else _ROOT / "tools" / f"{name}.py"
        specification = importlib.util.spec_from_file_location(f"program_{name}", program)
        module = importlib.util.module_from_spec(specification)
        put_aside = _remove_flags()
        sys.modules.pop(_SHARED, None)
        vars(cli).pop("body_flag", None)  # so that its flag is defined anew
        try:
            specification.loader.exec_module(module)
            module.main(flags.FLAGS([name, *map(str, arguments)]))
        finally:
            _remove_flags()
            for flag_name, flag in put_aside.items():
                flags.FLAGS[flag_name] = flag
        return capsys.readouterr().out

    return run


def _remove_flags():
    """Removes and returns all flags but absl's own: two programs may each have a --output."""
    removed = {}
    for name in list(flags.FLAGS):
        if not flags.FLAGS.find_module_defining_flag(name, "absl").startswith("absl"):
            removed[name] = flags.FLAGS[name]
            delattr(flags.FLAGS, name)
    return removed


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """A folder with an untrained solver."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    zoo.save(solvers.OneStage(body.mannequin_joints(), num_couplings=2, hidden_dim=8), folder)
    return folder
