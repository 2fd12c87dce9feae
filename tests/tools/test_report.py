"""tools/report.py: from motion to a page, by the programs themselves."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from niki_tf import io
from niki_tf.cli import report_child
from niki_tf.motion import made_motion


def test_flags_are_checked_before_any_work(run_tool, tmp_path):
    with pytest.raises(SystemExit, match="report: `path` must be a folder, a file or a pattern of .npz motion files"):
        run_tool("report", f"--motion={tmp_path / 'nothing'}", f"--output={tmp_path}")
    with pytest.raises(SystemExit, match="report takes flags only; got clips"):
        run_tool("report", "--motion=a", "clips")


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
def test_all_analyses_of_made_motion(repo, tmp_path):
    for seed in range(3):
        io.save_clip(tmp_path / "motion" / f"{seed}.npz", made_motion(seed, frames=90))
    output = tmp_path / "out"
    command = [sys.executable, "tools/report.py", f"--motion={tmp_path / 'motion'}", f"--output={output}", "--quick"]
    environment = os.environ | {"PYTHONPATH": str(repo)}
    killed = subprocess.Popen(command, cwd=repo, env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not list(output.glob("*/analysis.json")) and time.monotonic() < deadline:
        time.sleep(0.5)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    finished = {path: path.stat().st_mtime_ns for path in output.glob("*/analysis.json")}
    assert finished
    done = subprocess.run(command, cwd=repo, env=environment, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert not list(output.glob(".*"))
    page = (output / "report.html").read_text()
    assert "This page is quick" in page
    assert len(re.findall('<pre class="command">', page)) == 32
    card = page[page.index('id="card"') : page.index('id="film"')]
    assert card.count("<strong>") == 5
