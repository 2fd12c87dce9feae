"""The entry point: its commands, their help, and the flags that constructors give."""

import ast
import json
import subprocess
import sys
import types

import pytest
from absl import flags

from niki_tf import files, solvers
from niki_tf.cli import constructor_flags, main


def test_help_lists_every_command(monkeypatch, capsys):
    for arguments in ([], ["--help"]):
        monkeypatch.setattr(sys, "argv", ["niki-tf", *arguments])
        main.main()
        printed = capsys.readouterr().out
        assert all(command in printed for command in main.COMMANDS)


def test_an_unknown_command_is_named(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["niki-tf", "slove"])
    with pytest.raises(SystemExit, match="there is no command 'slove'; the commands are solve, evaluate"):
        main.main()


@pytest.mark.usefixtures("no_flags")
@pytest.mark.parametrize("command", main.COMMANDS)
def test_the_help_of_a_command_fits_a_screen(command, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["niki-tf", command, "--help"])
    known = sys.modules.pop(f"niki_tf.cli.{command}", None)
    main.main()
    if known:
        sys.modules[known.__name__] = known
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 120
    assert len(lines) < (100 if command == "train" else 50)
    assert any(line.startswith("  --") for line in lines)


@pytest.mark.usefixtures("no_flags")
def test_a_command_has_its_folder_alone_and_tells_what_the_system_refuses(monkeypatch, tmp_path):
    flags.DEFINE_string("workdir", None, "")
    held = []

    def fails(argv):
        with pytest.raises(ValueError, match="one run at a time"):
            files.sole_use(tmp_path, name="workdir").__enter__()
        held.append(argv)
        raise OSError("the disk is full")

    module = types.SimpleNamespace(main=fails)
    flags.FLAGS(["fit", f"--workdir={tmp_path}"])
    with pytest.raises(SystemExit, match="^fit_pose_prior: the disk is full$"):
        main._run("fit_pose_prior", module, ["fit"])
    with (
        files.sole_use(tmp_path, name="workdir"),
        pytest.raises(SystemExit, match="^fit_pose_prior: `workdir` must be"),
    ):
        main._run("fit_pose_prior", module, ["fit"])
    assert held == [["fit"]]


@pytest.mark.usefixtures("no_flags")
@pytest.mark.parametrize(("index", "place"), [(0, "run"), (1, None)])
def test_of_several_workers_the_chief_has_the_workdir(monkeypatch, index, place):
    flags.DEFINE_string("workdir", None, "")
    flags.DEFINE_string("strategy", None, "")
    flags.FLAGS(["train", "--workdir=run", "--strategy=multi_worker"])
    workers = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": index}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(workers))
    assert main.own_folder("train") == place
    assert main.own_folder("evaluate") is None


_EVERY_HELP = """
import os, runpy, sys
import keras, tensorflow, tensorflow_probability

for command in sys.argv[1:]:
    child = os.fork()
    if not child:
        sys.argv = ["niki_tf", command, "--help"]
        runpy.run_module("niki_tf", run_name="__main__", alter_sys=True)
        sys.stdout.flush()
        os._exit(0)  # to end in the usual way takes a second
    assert os.waitpid(child, 0)[1] == 0, command
"""
"""As `python -m niki_tf COMMAND --help` for each command, but TensorFlow and Keras are imported once."""


@pytest.mark.slow
def test_every_command_starts_in_a_process_of_its_own(repo):
    command = [sys.executable, "-c", _EVERY_HELP, *main.COMMANDS]
    found = subprocess.run(command, cwd=repo, capture_output=True, text=True, timeout=120)
    assert found.returncode == 0, found.stderr
    for name in main.COMMANDS:
        described = ast.get_docstring(ast.parse((repo / "niki_tf" / "cli" / f"{name}.py").read_text()), clean=False)
        assert found.stdout.count(f"{described.strip()}\n\n  --") == 1


def test_every_command_has_a_script(repo):
    for command in main.COMMANDS:
        assert f'run("{command}")' in (repo / "tools" / f"{command}.py").read_text()


def test_flags_are_the_keyword_arguments_of_a_class_and_its_bases():
    found = constructor_flags.arguments(solvers.Temporal)
    assert found["hidden_dim"] is int
    assert found["canonical"] is bool
    assert found["neighbour_mean"] is bool
    assert found["tanh_on"] is str
    assert "masks" not in found
    assert "num_rotation_couplings" not in found
    assert constructor_flags.arguments(solvers.TwistSwing)["dropout"] is float


def test_a_plain_type_is_seen_through_none_alone():
    plain = {int | None: int, bool: bool, int | float: None, list[int] | None: None, None | str: str}
    assert {annotation: constructor_flags._plain(annotation) for annotation in plain} == plain


def test_help_is_what_the_docstring_says():
    assert constructor_flags._help(solvers.OneStage, "num_couplings").startswith("number of coupling steps")
    assert constructor_flags._help(solvers.OneStage, "canonical").startswith("solve in the frame of the trunk")
    assert constructor_flags._help(solvers.TwistSwing, "dropout").startswith("dropout of the second network")
