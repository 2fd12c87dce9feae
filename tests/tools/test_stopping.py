"""A signal ends a program with one line and the status that shells know it by, whatever the program is doing."""

import pathlib
import signal
import subprocess
import sys
import time

import pytest

from niki_tf.cli import stopping

ROOT = pathlib.Path(__file__).resolve().parents[2]
_PROGRAM = """
import ctypes, os, signal, sys, threading, time
from niki_tf.cli import stopping

stopping.PATIENCE = 0.5
with stopping.answered("solve"):
    print("ready", flush=True)
    {body}
print("after")
"""
_WAIT = "time.sleep(60)"
_SWALLOW = """
    try:
        time.sleep(60)
    except BaseException:
        pass
    {then}
"""
_WRAPPED = """
    try:
        time.sleep(60)
    except BaseException as error:
        raise SystemExit("solve: a bad file")
"""


def hear_signals():
    """A shell starts programs in the background with SIGINT ignored, and they stay so."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def start():
    """A function that starts a program with something to do, and waits until it does it."""
    processes = []

    def start(body):
        command = [sys.executable, "-c", _PROGRAM.format(body=body)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        processes.append(subprocess.Popen(command, cwd=ROOT, preexec_fn=hear_signals, **pipes))
        assert processes[-1].stdout.readline() == "ready\n"
        time.sleep(0.1)
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("body", [_WAIT, _SWALLOW.format(then="pass"), _WRAPPED], ids=["waits", "swallows", "wraps"])
def test_a_signal_is_one_line_and_a_status(start, number, body):
    process = start(body)
    process.send_signal(number)
    printed, complaints = process.communicate(timeout=30)
    assert (process.returncode, printed) == (128 + number, "")
    assert complaints == f"\nsolve: stopped by {number.name}. What is finished stays; the same command goes on.\n"


_DEAF = """
    mutex, lock = ctypes.create_string_buffer(64), ctypes.CDLL(None).pthread_mutex_lock
    lock(mutex), lock(mutex)
"""


@pytest.mark.parametrize("body", [_SWALLOW.format(then=_WAIT), _DEAF], ids=["swallows", "deaf"])
def test_what_does_not_end_by_itself_is_ended(start, body):
    process = start(body)
    process.send_signal(signal.SIGTERM)
    _, complaints = process.communicate(timeout=30)
    assert process.returncode == 143
    assert complaints.startswith("\nsolve: stopped by SIGTERM. It did not end within 0.5 s and was ended.")


def test_a_second_signal_ends_at_once_and_one_that_is_passed_on_is_the_first(start):
    process = start("stopping.PATIENCE, stopping._AGAIN = 60.0, 0.3" + _SWALLOW.format(then=_WAIT))
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    _, complaints = process.communicate(timeout=30)
    assert process.returncode == 143
    assert "It was told so again and was ended at once." in complaints


def test_what_was_ignored_stays_so_and_handlers_come_back():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stopping.answered("solve"):
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        with pytest.raises(SystemExit) as ended, stopping.answered("solve"):
            signal.raise_signal(signal.SIGTERM)
        assert ended.value.code == 143
        with pytest.raises(ZeroDivisionError), stopping.answered("solve"):
            raise ZeroDivisionError
    finally:
        signal.signal(signal.SIGINT, before)
