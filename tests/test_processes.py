"""A process that was forked after the first answer is told so; one before it answers."""

import os

import pytest

from niki_tf import processes


@pytest.fixture
def nothing_started(monkeypatch):
    monkeypatch.setattr(processes, "_started", [])


def test_the_same_process_goes_on(nothing_started):
    processes.check()
    processes.check()
    assert processes._started == [os.getpid()]


def test_a_forked_process_is_refused_in_a_line(nothing_started, monkeypatch):
    processes.check()
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(
        RuntimeError, match=r"^a solver must run in the process .*; got one .* by `spawn`, .*\.$"
    ) as told:
        processes.check()
    assert "\n" not in str(told.value)


def test_one_forked_before_the_first_answer_is_not(nothing_started, monkeypatch):
    monkeypatch.setattr(os, "getpid", lambda: 7)
    processes.check()
    processes.check()
