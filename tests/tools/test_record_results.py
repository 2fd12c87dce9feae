"""tools/record_results.py: which commands of records it runs again, for which solvers, and which it need not."""

import importlib.util
import json
import subprocess
import types

import pytest
from absl import flags

from niki_tf.evaluation import records

START = "python tools/evaluate.py"


@pytest.fixture
def again(repo, tmp_path, monkeypatch):
    """A function of names of records that runs the program on records of two files, and gives the commands it ran."""
    specification = importlib.util.spec_from_file_location("record_results", repo / "tools" / "record_results.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    ran = []
    monkeypatch.setattr(module, "_ROOT", tmp_path)
    monkeypatch.setattr(module, "_MOCAP", types.SimpleNamespace(value=str(tmp_path)))
    monkeypatch.setattr(subprocess, "run", lambda command, **_: ran.append(command[1:]))
    monkeypatch.setattr(records, "git_commit", lambda: "now")

    def run(*names):
        monkeypatch.setattr(module, "_RECORDS", types.SimpleNamespace(value=list(names)))
        ran.clear()
        module.main(["record_results.py"])
        return list(ran)

    yield run
    for name in ("mocap", "records"):
        delattr(flags.FLAGS, name)


@pytest.fixture
def recorded(tmp_path):
    """Records by file; writes them."""

    def write(**of_files):
        for name, entries in of_files.items():
            folder = tmp_path / "saved_models" / name.strip("_")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / records.FILE).write_text(json.dumps(entries))

    return write


def entry(*solvers, command="--protocol=noise --motion=MOCAP/val --stride=4", name="noise", stride=4, commit="then"):
    flags_of_solvers = " ".join(f"--solver={solver}" for solver in solvers)
    words = f"{START} {command} {flags_of_solvers} --record={name}"
    return {"command": words, "options": {"stride": stride}, "git_commit": commit}


def test_a_record_is_measured_once_for_the_solvers_of_all_files(again, recorded, tmp_path):
    recorded(_={"noise": entry("analytic", "mlp")}, mlp={"noise": entry("mlp", "mlp+finish")})
    place = f"--motion={tmp_path}/val"
    solvers = ["--solver=analytic", "--solver=mlp", "--solver=mlp+finish"]
    command = ["tools/evaluate.py", "--protocol=noise", place, "--stride=4", *solvers, "--record=noise"]
    assert again() == [command, ["tools/render_results.py"]]


def test_what_was_measured_at_this_commit_is_not_measured_again(again, recorded, capsys):
    recorded(_={"noise": entry("analytic", commit="now")}, mlp={"noise": entry("mlp")})
    assert len(again()) == 2
    recorded(mlp={"noise": entry("mlp", commit="now")})
    capsys.readouterr()
    assert again() == [["tools/render_results.py"]]
    assert capsys.readouterr().out == "1 of 1, noise: measured at this commit\n"


def test_images_and_models_that_do_not_ship_are_left_out(again, recorded):
    images = entry("analytic", command="--protocol=images --images=images/val", name="images")
    recorded(_={"images": images, "diversity": entry("runs/one", name="diversity"), "noise": entry("analytic")})
    assert [command[-1] for command in again()] == ["--record=noise", "tools/render_results.py"]


def test_records_are_chosen_by_name(again, recorded):
    recorded(_={"noise": entry("analytic"), "xocc": entry("analytic", name="xocc")})
    assert [command[-1] for command in again("xocc")] == ["--record=xocc", "tools/render_results.py"]
    with pytest.raises(SystemExit, match=r"there is no record gaps; records: noise, xocc"):
        again("gaps")


def test_records_of_the_repository_have_commands_that_can_be_run(repo, again, recorded):
    for path in repo.glob(f"saved_models/**/{records.FILE}"):
        recorded(**{path.parent.name.replace("saved_models", "_"): json.loads(path.read_text())})
    commands = again()[:-1]
    assert len(commands) > 20
    assert all(command[0] == "tools/evaluate.py" and (repo / command[0]).is_file() for command in commands)
