"""The tables of tools/benchmarks/ on a few rows."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from niki_tf import body, vision
from niki_tf.solvers import zoo

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(*words):
    """A benchmark in a process of its own."""
    command = [sys.executable, *(f"tools/benchmarks/{words[0]}", *map(str, words[1:]))]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})


@pytest.mark.slow
def test_speed_tells_times_ceilings_and_sizes(tmp_path):
    rows = ["--solver=one_stage", "--size=shipped", "--path=graph", "--path=litert_int8", "--threads=1"]
    done = run("speed.py", "--busy", *rows, "--batch=1", "--batch=3", "--rounds=2", f"--output={tmp_path}")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "GFLOP/s in products" in done.stdout
    found = json.loads((tmp_path / "speed.json").read_text())
    assert [(row["path"], row["batch"]) for row in found] == [(p, b) for p in ("graph", "litert_int8") for b in (1, 3)]
    shipped = ROOT / "saved_models" / "one_stage"
    for row in found:
        assert 0 < row["ms"] <= row["median ms"]
        assert row["ceiling %"] == max(row["flops %"], row["read %"]) > 0
        file = shipped / ("model.keras" if row["path"] == "graph" else "model_int8.tflite")
        assert abs(row["MB"] - file.stat().st_size / 1e6) < 0.2


@pytest.mark.slow
def test_speed_refuses_a_busy_machine_and_rows_that_are_not_there():
    words = ["-c", "import os, runpy, sys; os.getloadavg = lambda: (9, 9, 9); sys.argv = sys.argv[1:]; "]
    program = str(ROOT / "tools" / "benchmarks" / "speed.py")
    words[1] += "sys.path.insert(0, os.path.dirname(sys.argv[0])); runpy.run_path(sys.argv[0], run_name='__main__')"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for flags, reason in (([], "load average"), (["--busy", "--solver=mlp", "--path=stream"], "`path`")):
        command = [sys.executable, *words, program, *flags]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 1
        assert reason in done.stderr.splitlines()[-1]


@pytest.mark.slow
def test_train_speed_tells_steps_and_pipeline(tmp_path):
    size = ["--solver=one_stage", "--source=made", "--hidden_dim=8", "--num_couplings=2", "--batch_size=4"]
    done = run("train_speed.py", *size, "--timed_steps=2", f"--output={tmp_path}")
    assert done.returncode == 0, done.stderr[-2000:]
    (row,) = json.loads((tmp_path / "train_speed.json").read_text())
    assert row["batch"] == 4
    assert row["first step s"] > row["ms a step"] / 1000 > 0
    assert row["samples/s"] == pytest.approx(4000 / row["ms a step"])
    assert 0 < row["flops % at least"] < 100
    assert row["pipeline samples/s"] > 0


@pytest.mark.slow
def test_image_networks_tell_sizes_and_times(tmp_path):
    model = vision.ImageJoints(body.mannequin_joints(), backbone="mobilenet_v2", image_size=32)
    zoo.save(model, tmp_path / "seen")
    flags = [f"--network={tmp_path / 'seen'}", "--solver=analytic", "--form=graph", "--form=litert_int8", "--rounds=1"]
    done = run("image_networks.py", *flags, f"--output={tmp_path}")
    assert done.returncode == 0, done.stderr[-2000:]
    graph, small = json.loads((tmp_path / "image_networks.json").read_text())
    assert (graph["form"], small["form"], graph["pixels"]) == ("graph", "litert_int8", 32)
    assert graph["MB"] == pytest.approx(4e-6 * sum(array.size for array in model.get_weights()), rel=0.01)
    assert small["MB"] < 0.5 * graph["MB"]
    assert graph["apart, deg"] == 0.0
    assert min(graph["ms"], small["ms"]) > 0.0
