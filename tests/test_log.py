"""One logger, which says nothing twice and nothing of joints."""

import json
import logging

import pytest

from niki_tf import body, log, solvers
from niki_tf.cli import solve_folders


def test_what_is_said_seldom(caplog):
    log._told.clear()
    for size in (1, 2):
        log.warn_seldom(f"Joints look like {size} m.", seconds=60.0)
    log.warn_seldom("Sides are exchanged.", seconds=60.0)
    assert caplog.messages == ["Joints look like 1 m.", "Sides are exchanged."]
    log.warn_seldom("Joints look like 3 m.", seconds=0.0)
    assert len(caplog.messages) == 3


def test_all_is_said_by_one_logger_and_no_joint_is(caplog, monkeypatch):
    log._told.clear()
    joints = 1000.0 * body.mannequin_joints().joints + 0.123456
    with caplog.at_level(logging.DEBUG):
        solvers.Analytic(body.mannequin_joints()).ik(joints)
    told = [record for record in caplog.records if record.name == "niki_tf"]
    assert told
    assert not any(f"{number:.3f}" in record.getMessage() for record in told for number in joints.ravel())


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FileNotFoundError("a"), "not_readable"),
        (ValueError("a"), "bad_input"),
        (ModuleNotFoundError("a"), "package_missing"),
        (MemoryError("a"), "no_memory"),
        (KeyError("a"), "failed"),
    ],
)
def test_codes_of_reasons(error, code):
    assert solve_folders.reason_code(error) == code


def test_a_line_for_each_file_and_one_for_all(tmp_path):
    def solve(path, target):
        if path.name == "bad.npz":
            raise ValueError("bad joints")
        return [{"file": str(path), "frames": 7, "outputs": []}] * 2

    todo = [solve_folders.Job(tmp_path / name, tmp_path / "out" / name) for name in ("a.npz", "bad.npz")]
    (tmp_path / "out").mkdir()
    path = tmp_path / "log.jsonl"
    solve_folders.solve_all(todo, solve, output=tmp_path / "out", options={}, say=lambda line: None, log=str(path))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line.pop("seconds") >= 0.0 for line in lines[:2]] == [True, True]
    assert lines == [
        {"file": str(tmp_path / "a.npz"), "outcome": "solved", "persons": 2, "frames": 14},
        {"file": str(tmp_path / "bad.npz"), "outcome": "bad", "reason": "bad_input"},
        {"all": {"solved": 1, "skipped": 0, "bad": 1, "frames": 14}},
    ]
