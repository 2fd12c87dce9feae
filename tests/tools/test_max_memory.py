"""--max_memory: sizes of pieces, refusal before anything is allocated, and runs that stay below it."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from niki_tf import body, io, motion
from niki_tf.cli import memory_flag
from niki_tf.cli.memory_flag import ANY, Memory, Need

SKELETON = body.mannequin_joints()
NEED = Need(first=100e6, frame=1e3, at_once=1e6)


@pytest.fixture
def program_of_500_mb(monkeypatch):
    monkeypatch.setattr(memory_flag, "resident", lambda: 500 * 10**6)


def _at_once(memory, frames, least=64):
    return memory.at_once(frames, NEED, usual=256, least=least, cure="Or take fewer.")


@pytest.mark.usefixtures("program_of_500_mb")
def test_pieces_are_as_large_as_the_memory_allows():
    assert _at_once(ANY, 10**9) == 256
    assert _at_once(Memory(2 * 10**9), 10_000) == 256
    assert _at_once(Memory(800 * 10**6), 10_000) == 190
    assert _at_once(Memory(800 * 10**6), 100_000) == 100
    assert _at_once(Memory(610 * 10**6), 5) == 9


@pytest.mark.usefixtures("program_of_500_mb")
def test_what_does_not_fit_is_refused_with_what_would():
    message = r"`max_memory` must be 0.67 GB or more for 10,000 frames; got 0.66 GB. Or take fewer."
    with pytest.raises(ValueError, match=message):
        _at_once(Memory(660 * 10**6), 10_000)
    assert _at_once(Memory(675 * 10**6), 10_000) == 65


@pytest.mark.usefixtures("program_of_500_mb")
def test_a_file_is_refused_by_its_directory_before_it_is_read(tmp_path):
    np.savez_compressed(tmp_path / "joints.npz", joints=np.zeros([4000, 29, 3]))
    assert (tmp_path / "joints.npz").stat().st_size < 100_000
    Memory(503 * 10**6).check_file(tmp_path / "joints.npz")
    with pytest.raises(
        ValueError, match=r"`max_memory` must be 0.50 GB or more for .*joints.npz; got 0.502 GB. Or cut"
    ):
        Memory(502 * 10**6).check_file(tmp_path / "joints.npz")


@pytest.mark.parametrize("tool", ["solve", "evaluate"])
@pytest.mark.parametrize("size", ["much", "2", "-1GB", "0MB", "2 TB"])
def test_what_is_no_size_is_refused(run_tool, tmp_path, tool, size):
    given = ["--motion=none"] if tool == "evaluate" else []
    with pytest.raises(SystemExit, match=f"^{tool}: `max_memory` must be a size such as 2GB or 800MB; got '{size}'"):
        run_tool(tool, f"--max_memory={size}", f"--output={tmp_path}", *given)


_LIMITED = """
import atexit, re, resource, sys
from niki_tf import files
from niki_tf.cli import main, memory_flag

output_folder = files.output_folder

def told(name):
    with open("/proc/self/status") as file:
        return 1024 * int(re.search(name + r":\\s+(\\d+)", file.read())[1])

def limited(path):
    size = told("VmSize") + memory_flag.memory().most - memory_flag.resident() + {untouched}
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    return output_folder(path)

files.output_folder = limited
atexit.register(lambda: print("peak", told("VmHWM"), file=sys.stderr))
main.main()
"""
"""A program that may take no more addresses than its flag allows from where its work begins."""


_UNTOUCHED = 500 * 10**6
"""Addresses of threads and of TensorFlow that no memory is taken for."""


def _limited(*arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", _LIMITED.format(untouched=_UNTOUCHED), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    return done, int(re.search(r"^peak (\d+)$", done.stderr, re.MULTILINE)[1])


@pytest.mark.slow
def test_a_long_motion_is_solved_within_it_or_refused(tmp_path):
    np.savez(tmp_path / "joints.npz", joints=np.repeat(np.float32(SKELETON.joints)[None], 20_000, 0))
    paths = [f"--input={tmp_path / 'joints.npz'}", f"--output={tmp_path / 'out'}", "--format=npz", "--model=analytic"]
    refused, _ = _limited("solve", *paths, "--max_memory=1GB")
    assert refused.returncode == 1
    assert "GB or more for 20,000 frames; got 1 GB. Or solve a part by --frames." in refused.stderr
    solved, peak = _limited("solve", *paths, "--max_memory=2GB")
    assert solved.returncode == 0, solved.stderr[-2000:]
    assert peak < 2e9
    assert len(io.load_clips(tmp_path / "out" / "joints.npz")[0]) == 20_000


@pytest.mark.slow
def test_frames_are_measured_within_it_or_refused(tmp_path):
    io.save_clip(tmp_path / "motion.npz", motion.made_motion(0, frames=400))
    given = [f"--motion={tmp_path / 'motion.npz'}", "--solver=analytic", f"--output={tmp_path / 'out'}"]
    refused, _ = _limited("evaluate", *given, "--max_memory=700MB")
    assert refused.returncode == 1
    assert "GB or more for 400 frames; got 0.7 GB. Or take fewer by --stride." in refused.stderr
    measured, peak = _limited("evaluate", *given, "--max_memory=1.4GB")
    assert measured.returncode == 0, measured.stderr[-2000:]
    assert peak < 1.4e9
    assert (tmp_path / "out" / "noise.json").is_file()
