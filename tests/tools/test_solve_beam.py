"""solve --runner=beam in a Python that NIKI_BEAM_PYTHON names: as on one machine, resumed, and bad files put aside."""

import json
import os
import signal
import subprocess
import time

import numpy as np
import pytest

from niki_tf import body, io, motion
from niki_tf.inference import long_motion

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("NIKI_BEAM_PYTHON" not in os.environ, reason="NIKI_BEAM_PYTHON names no Python"),
]
REST = body.mannequin_joints().joints


@pytest.fixture
def start(repo, tmp_path):
    """A function of flags that starts the program on the folder `in`, for the folder `out` unless told otherwise."""

    def begin(*flags):
        command = [
            os.environ["NIKI_BEAM_PYTHON"],
            str(repo / "tools" / "solve.py"),
            f"--input={tmp_path / 'in'}",
            f"--output={tmp_path / 'out'}",
            "--model=analytic",
            "--format=npz",
            *flags,
        ]
        environment = {**os.environ, "PYTHONPATH": str(repo)}
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, env=environment, text=True, cwd=tmp_path, **streams)

    return begin


def _ended(process):
    """Exit status and the last line of a program."""
    _, said = process.communicate(timeout=240)
    return process.returncode, said.strip().splitlines()[-1]


def _write_joints(path, frames, seed, persons=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).normal(scale=0.02, size=[persons, frames, 29, 3])
    walked = np.linspace(0.0, 3.0, frames)[:, None, None] * np.array([0.0, 0.0, 1.0])
    joints = REST + walked + noise
    np.savez(path, joints=joints[0] if persons == 1 else joints, fps=30.0)


def test_answers_are_those_of_one_machine_and_only_bad_files_are_tried_again(start, tmp_path):
    """Clips, two people, motion in AMASS's layout, and clips that are cut into shards, by the length or by a person."""
    long = long_motion.WHOLE + 100
    for name, frames, persons in (("a", 9, 1), ("below/b", 5, 1), ("two", 6, 2), ("long", long, 1), ("far", long, 2)):
        _write_joints(tmp_path / "in" / f"{name}.npz", frames, seed=frames, persons=persons)
    with np.load(tmp_path / "in" / "far.npz") as file:
        joints = file["joints"]
    joints[1, 50:] = np.nan  # who is there for a short while
    np.savez(tmp_path / "in" / "far.npz", joints=joints, fps=30.0)
    io.save_clip(tmp_path / "in" / "amass.npz", motion.made_motion(1, frames=8))
    (tmp_path / "in" / "bad.npz").write_bytes(b"no archive")
    local = start(f"--output={tmp_path / 'local'}")
    assert _ended(local)[0] == 1
    status, said = _ended(start("--runner=beam"))
    assert (status, said.split(",")[:3]) == (
        1,
        ["solve: 6 files solved", " 0 were finished before", " 1 bad; 6478 frames"],
    )
    wanted = sorted(path.relative_to(tmp_path / "local") for path in (tmp_path / "local").rglob("*.npz"))
    assert len(wanted) == 8
    for path in wanted:
        with np.load(tmp_path / "local" / path) as one, np.load(tmp_path / "out" / path) as other:
            assert set(one) == set(other)
            for name in one:
                if one[name].dtype.kind == "f":
                    np.testing.assert_allclose(other[name], one[name], atol=1e-6)
                else:
                    np.testing.assert_array_equal(other[name], one[name])
    (letter,) = [json.loads(line) for path in (tmp_path / "out").glob("bad*") for line in path.read_text().splitlines()]
    assert letter["file"] == str(tmp_path / "in" / "bad.npz")
    assert "no zip archive" in letter["error"]
    _write_joints(tmp_path / "in" / "bad.npz", 4, seed=4)
    status, said = _ended(start("--runner=beam"))
    assert (status, said.split(";")[0]) == (0, "solve: 1 files solved, 6 were finished before, 0 bad")
    status, said = _ended(start("--runner=beam", "--finish=off"))
    assert status == 1
    assert "has `finish` 'full', now it is 'off'" in said


def test_a_run_that_was_killed_goes_on(start, tmp_path):
    for number in range(40):
        _write_joints(tmp_path / "in" / f"{number:03}.npz", 3, seed=number)
    (tmp_path / "in" / "007.npz").write_bytes(b"poison")
    first, end = start("--runner=beam"), time.monotonic() + 240.0
    while not (found := _finished(tmp_path)) and first.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    before = _finished(tmp_path)
    assert found
    assert len(before) < 39
    for path in (tmp_path / "out").glob("*.npz"):
        with np.load(path) as file:  # what bears its name is whole
            assert len(file["poses"]) == 3
    status, said = _ended(start("--runner=beam"))
    count = len(before)
    assert status == 1
    assert f"{39 - count} files solved, {count} were finished before, 1 bad" in said
    after = _finished(tmp_path)
    assert len(after) == 39
    assert {name: after[name] for name in before} == before
    assert len(list((tmp_path / "out").glob("*.npz"))) == 39
    assert not list((tmp_path / "out").glob(".*.partial"))


def _finished(folder):
    """Name -> time of each file that says that its clip is solved."""
    return {path.name: path.stat().st_mtime_ns for path in (folder / "out").glob("*.solved.json")}
