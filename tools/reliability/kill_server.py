"""Runs programs of the package in processes forked from this one, which has imported what they need.

A line of JSON on stdin, {"program", "arguments", "log", "seconds", "largest"}, starts one; it is killed after so many
seconds if they are given, and writes no file of more bytes than `largest`. The answer is a line of JSON, its exit
status, negative for a signal, and the seconds that it took.
"""

import importlib
import json
import os
import resource
import signal
import sys
import time

from niki_tf.cli import main
from niki_tf.cli.quiet_start import quiet_start

_IMPORTED = ("data", "drawing", "evaluation", "export", "inference.solve", "report", "training", "vision")
_PAUSE = 0.005


def serve() -> None:
    """Runs what comes until stdin ends; no operation of TensorFlow has run, so that there are no threads to lose."""
    with quiet_start():
        for name in _IMPORTED:
            importlib.import_module(f"niki_tf.{name}")
    for line in sys.stdin:
        print(json.dumps(_ended(**json.loads(line))), flush=True)


def _ended(
    program: str, arguments: list[str], log: str, seconds: float | None, largest: int | None = None
) -> list[float]:
    began = time.monotonic()
    child = os.fork()
    if not child:
        _run(program, arguments, log, largest)
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        took = time.monotonic() - began
        if pid:
            return [os.waitstatus_to_exitcode(status), took]
        if seconds is not None and took > seconds:
            os.kill(child, signal.SIGKILL)
            return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), took]
        time.sleep(_PAUSE)


def _run(program: str, arguments: list[str], log: str, largest: int | None) -> None:
    """In the child: as `niki-tf PROGRAM` does."""
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), 1)
    os.dup2(1, 2)
    if largest is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if program == "report":
        _shorten_report()
    status = 0
    try:
        main.run(program, [f"niki-tf {program}", *arguments])
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException as error:
        status = 1
        print(repr(error), file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _shorten_report() -> None:
    """Two short analyses in the place of all."""
    from niki_tf import report

    report.ANALYSES = tuple(analysis for analysis in report.ANALYSES if analysis.name in ("round_trip", "bones"))


if __name__ == "__main__":
    serve()
