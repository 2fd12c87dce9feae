"""Runs the client again and again in one process, which servers.py may end: a line of JSON in, a line of JSON out."""

import contextlib
import io
import json
import resource
import sys
import time
import traceback

from absl import flags

from niki_tf.cli import client


def _tried(arguments: list[str]) -> dict[str, object]:
    """How the program ends: its exit status or message, or the last line of a traceback, and what it used."""
    printed, started, before = io.StringIO(), time.monotonic(), _peak_mb()
    ended: dict[str, object] = {"status": 0}
    try:
        with contextlib.redirect_stdout(printed):
            flags.FLAGS.unparse_flags()
            client.main(flags.FLAGS(["client", *arguments]))
    except SystemExit as stop:
        ended = {"status": 1 if isinstance(stop.code, str) else stop.code, "said": str(stop.code)}
    except BaseException:
        ended = {"traceback": traceback.format_exc()}
    return {**ended, "seconds": time.monotonic() - started, "grown_mb": _peak_mb() - before}


def _peak_mb() -> float:
    """The most memory that the process has had, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


for line in sys.stdin:
    print(json.dumps(_tried(json.loads(line))), flush=True)
