"""The campaigns of tools/reliability/ run, and tell a case that fails."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

from niki_tf import body, export, io, motion, solvers

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def outcomes(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools" / "reliability"))
    import outcomes

    return outcomes


def _printed(campaign, *arguments, statuses=(0,)):
    """What a campaign prints, which must end with one of the statuses."""
    command = [sys.executable, f"tools/reliability/{campaign}", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert found.returncode in statuses, found.stdout + found.stderr[-2000:]
    return found.stdout


@pytest.mark.slow
def test_hostile_files_end_right_or_clear():
    kinds = ("run.json", "motion", ".keras")
    printed = _printed("hostile.py", "--count=2", *(f"--kind={kind}" for kind in kinds))
    assert [line.split(" | ")[0][2:] for line in printed.splitlines()[2:]] == [*kinds]


@pytest.mark.slow
def test_sound_joints_are_not_doubted_and_faults_are_told(tmp_path):
    for seed in range(3):
        io.save_clip(tmp_path / f"{seed}.npz", motion.made_motion(seed, frames=90))
    printed = _printed("plausibility.py", f"--motion={tmp_path}")
    lines = [line.split() for line in printed.splitlines()]
    assert [line[-2:] for line in lines if line and line[-2].isdigit()] == 10 * [["3", "0"]] + 8 * [["3", "3"]]


@pytest.mark.slow
def test_exports_tell_faults_of_joints_by_their_reason(tmp_path):
    io.save_clip(tmp_path / "0.npz", motion.made_motion(0, frames=60))
    folder = export.write_saved_model(solvers.Analytic(body.mannequin_joints()), tmp_path / "analytic")
    printed = _printed("plausibility.py", f"--motion={tmp_path}/*.npz", f"--exported={folder}")
    lines = [line.split() for line in printed.splitlines()]
    assert [line[-3:] for line in lines if line[-3:-2] == ["60"]] == 10 * [["60", "0", "0"]]
    assert [line[-3:] for line in lines if line[-3:-2] == ["1"]] == 8 * [["1", "of", "1"]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("campaign", "row"),
    [
        (["kills.py", "--kills=20", "--only=solve"], r"\| solve \| \d+ \| \d \| 2 \| 0 \| 0 \| 0 \| 0 \| 0 \|"),
        (["full_disk.py", "--only=solve"], r"\| solve \| (clear|left out) \| clear \| clear \|"),
        (["workers.py", "--only=no JSON"], r"\| TF_CONFIG: no JSON \| \d+ \| right \|"),
    ],
)
def test_kills_full_disks_and_workers(campaign, row):
    printed = _printed(*campaign)
    assert re.search(row, printed), printed


def _told(message):
    def read(path):
        raise ValueError(message.format(path=path))

    return read


def _take(megabytes):
    return lambda path: (bytearray(megabytes * 2**20), None)[1]


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        (lambda path: None, "right"),
        (_told("{path} is damaged"), "clear"),
        (_told("{path}\nis damaged"), "raw"),
        (_told("damaged"), "raw"),
        (lambda path: {}["key"], "raw"),
        (_take(1100), "over memory"),
        (_told("{path}: Unable to allocate 9 TiB"), "over memory"),
        (lambda path: path.with_name("canary").touch(), "ran code"),
        (lambda path: os._exit(3), "raw"),
    ],
)
def test_each_end_is_told_from_the_others(outcomes, tmp_path, read, kind):
    case = outcomes.Case("a case", lambda path: path.touch(), ".npz")
    ended = outcomes.outcome_of(case, tmp_path / "case.npz", read, tmp_path / "canary")
    assert (ended.kind, ended.is_good) == (kind, kind in ("right", "clear"))


@pytest.fixture
def soak_tally(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools" / "reliability"))
    import soak_tally

    return soak_tally


def test_a_soak_tells_wrong_answers_and_calls_that_become_slower(soak_tally):
    tally = soak_tally.Tally(10)
    for k in range(30):
        tally.add(1e-6, 0.001 if k < 10 else 0.0015)
    assert not soak_tally.faults(tally.row())
    for gap in (1e-3, float("inf"), float("nan")):
        tally.add(gap, 0.001)
    for _ in range(10):
        tally.add(0.0, 0.003)
    row = tally.row()
    assert (row["tried"], row["wrong"]) == (43, 3)
    assert soak_tally.faults(row) == ["3 wrong answers", "a call takes 3.0 ms in place of 1.0"]


def test_a_soak_tells_memory_that_grows(soak_tally):
    tally, held = soak_tally.Tally(1), []
    for _ in range(3):
        tally.add(0.0, 0.001)
        held.append(bytearray(2**26))
    assert soak_tally.faults(tally.row())[0].startswith("memory has grown by 1")


@pytest.mark.slow
def test_streams_and_exports_stay_right_from_many_threads():
    parts = ("stream", "c_api", "litert_shared")
    sizes = ("--stream_frames=40", "--seconds=1", "--threads=4")
    lines = _printed("soak.py", *(f"--part={part}" for part in parts), *sizes).splitlines()
    for part, line in zip(parts, lines[2 : 2 + len(parts)], strict=True):
        assert re.match(rf"\| {part} \| [1-9]\d* \| 0 \| \d\.\de[+-]\d\d \|", line), line


@pytest.mark.slow
def test_sigma_is_tried_of_what_was_exported(tmp_path):
    io.save_clip(tmp_path / "motion.npz", motion.made_motion(0, frames=60))
    file = ROOT / "saved_models" / "one_stage" / "model_int8.tflite"
    flags = (f"--motion={tmp_path}", f"--exported={file}", "--stride=6")
    lines = _printed("sigma.py", *flags, statuses=(0, 1)).splitlines()  # a few frames may exceed the bound
    assert [line.split()[1] for line in lines[1:]] == ["all", "joint", "limb_end", "limb", "half"]
