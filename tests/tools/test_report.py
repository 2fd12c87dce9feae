"""tools/report.py: from motion to a page, by the programs themselves."""

import importlib.util
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from absl import flags

from niki_tf import io, report
from niki_tf.cli import report_child
from niki_tf.data import image_sets
from niki_tf.motion import made_motion
from niki_tf.report.analysis import EVALUATE
from niki_tf.solvers import zoo


def test_flags_are_checked_before_any_work(run_tool, tmp_path):
    with pytest.raises(SystemExit, match="report: `path` must be a folder, a file or a pattern of .npz motion files"):
        run_tool("report", f"--motion={tmp_path / 'nothing'}", f"--output={tmp_path}")
    with pytest.raises(SystemExit, match="report takes flags only; got clips"):
        run_tool("report", "--motion=a", "clips")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--images=set"], "`freeze_backbone` must be given"),
        (["--solver=one_stage"], "`images` must be given"),
        (["--images=set", "--freeze_backbone=nowhere"], "`images` must be a folder of images that prepare_images"),
        (["--images=SET", "--freeze_backbone=nowhere"], "`freeze_backbone` must be a folder that holds model.keras"),
        (["--images=SET", "--freeze_backbone=SET", "--image_solver=nowhere"], "`image_solver` must be a folder"),
        (["--images=SET", "--freeze_backbone=SET", "--solver=nothing"], "`solver` must be one of"),
    ],
)
def test_flags_of_images_are_checked_before_any_work(run_tool, motion, tmp_path, given, message):
    example = {name: np.zeros([max(size, 1) for size in shape]) for name, shape in image_sets.NUMBERS.items()}
    example |= {"image": np.zeros([16, 16, 3], np.uint8), "clip": 0, "frame": 0}
    image_sets.write(tmp_path / "set", [1], lambda number: [example])
    (tmp_path / "set" / "model.keras").write_bytes(b"weights")
    given = [flag.replace("SET", str(tmp_path / "set")) for flag in given]
    with pytest.raises(SystemExit, match=f"report: {message}"):
        run_tool("report", f"--motion={motion}", f"--output={tmp_path}", *given)


@pytest.fixture(scope="module")
def motion(tmp_path_factory):
    folder = tmp_path_factory.mktemp("motion")
    for seed in range(3):
        io.save_clip(folder / f"{seed}.npz", made_motion(seed, frames=90))
    return folder


_ANALYSES = (*report.ANALYSES, *report.IMAGES)
_PROGRAMS = sorted({analysis.program for analysis in _ANALYSES})
_IMAGES = report.Images(("plain", "xocc"), "network", ("one_stage",), ("parts",))


@pytest.mark.usefixtures("no_flags")
@pytest.mark.parametrize("program", _PROGRAMS)
def test_programs_know_the_flags_of_every_command(program, repo, motion, tmp_path):
    place = repo / "niki_tf" / "cli" / pathlib.Path(program).name
    specification = importlib.util.spec_from_file_location("program", place if place.is_file() else repo / program)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    for quick in (False, True):
        setting = report.Setting(str(motion), tmp_path, quick, _IMAGES)
        for analysis in (analysis for analysis in _ANALYSES if analysis.program == program):
            flags.FLAGS.unparse_flags()
            for name in flags.FLAGS:
                flags.FLAGS[name].unparse()
            flags.FLAGS(setting.command(analysis)[1:])
            if program == EVALUATE:
                module._check_flags()
                assert module._options() is not None
                ends = module._ENDS.get(module._PROTOCOL.value, ())
                for solver in [] if analysis.trained_by else module._SOLVER.value:
                    zoo.check_solver(zoo.parse_name(solver, filters=ends).base)


@pytest.mark.slow
def test_a_command_is_kept_or_says_why_it_failed(tmp_path):
    run = report_child.Commands()
    assert run(["python", "tools/get_assets.py", "--list", "three"], tmp_path) == ""
    assert "three_module" in (tmp_path / "printed.txt").read_text()
    assert not (tmp_path / "log.txt").exists()
    assert run(["python", "tools/get_assets.py", "nothing"], tmp_path).startswith("get_assets: `name` must be one of")
    assert "Unknown command line flag 'nothing'" in run(["python", "tools/solve.py", "--nothing=1"], tmp_path)
    assert "is in a checkout" in run(["python", "tools/there_is_none.py"], tmp_path)


@pytest.mark.slow
def test_all_analyses_of_made_motion(repo, motion, tmp_path):
    output = tmp_path / "out"
    command = [sys.executable, "tools/report.py", f"--motion={motion}", f"--output={output}", "--quick"]
    environment = os.environ | {"PYTHONPATH": str(repo)}
    killed = subprocess.Popen(command, cwd=repo, env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not list(output.glob("*/analysis.json")) and time.monotonic() < deadline:
        time.sleep(0.5)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    finished = {path: path.stat().st_mtime_ns for path in output.glob("*/analysis.json")}
    assert finished
    done = subprocess.run(command, cwd=repo, env=environment, capture_output=True, text=True, timeout=3600)
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert not list(output.glob(".*"))
    page = (output / "report.html").read_text()
    assert "This page is quick" in page
    assert len(re.findall('<pre class="command">', page)) == 34
    card = page[page.index('id="card"') : page.index('id="film"')]
    assert card.count("<strong>") == 5
