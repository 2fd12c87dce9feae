"""Commands as processes of their own that start at once: what they import was imported before them."""

import io
import multiprocessing
import os
import pathlib
import runpy
import sys
import threading
from collections.abc import Sequence

from niki_tf.cli import main
from niki_tf.cli.quiet_start import quiet_start
from niki_tf.report.runs import PRINTED

_ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
_LOG = "log.txt"
_GRACE = 20.0
"""Seconds that a command which is stopped has to end by itself."""
_LONGEST = 300
"""Letters of a reason."""
_IMPORTED = ["niki_tf.data", "niki_tf.drawing", "niki_tf.evaluation", "niki_tf.inference.solve"]
"""What commands take long to import; no module that defines flags."""


class Commands:
    """Runs the programs of tools/, each call in a process of its own."""

    def __init__(self) -> None:
        self._running: set[multiprocessing.process.BaseProcess] = set()
        ways = multiprocessing.get_all_start_methods()
        self._context = multiprocessing.get_context("forkserver" if "forkserver" in ways else "spawn")
        if "forkserver" in ways:
            from multiprocessing import forkserver

            forkserver.set_forkserver_preload(_IMPORTED)
            with quiet_start():
                forkserver.ensure_running()

    def __call__(self, command: list[str], folder: pathlib.Path) -> str:
        """Runs the words of a command, such as python tools/evaluate.py --output=FOLDER, and keeps what it prints.

        Args:
            command: python, a program of tools/, flags.
            folder: that `printed.txt` is written to.

        Returns:
            the line that it ended with if it failed, else an empty text.
        """
        process = self._context.Process(target=_run, args=(command[1:], str(folder)))  # type: ignore[attr-defined]
        process.start()
        self._running.add(process)
        process.join()
        self._running.discard(process)
        log = folder / _LOG
        said = log.read_text(errors="replace").strip().splitlines() if log.is_file() else []
        log.unlink(missing_ok=True)
        if process.exitcode == 0:
            return ""
        if process.exitcode is not None and process.exitcode < 0:
            return f"it was ended by signal {-process.exitcode}; is there memory enough?"
        told = [line for line in said if line.startswith("FATAL")] or said[-1:]  # a bad flag, before all flags' help
        return told[0][:_LONGEST] if told else f"it ended with exit code {process.exitcode}"

    def stop(self) -> None:
        """Ends what is running, as SIGTERM does."""
        for process in [*self._running]:
            process.terminate()
            process.join(_GRACE)
            process.kill()


def _run(argv: Sequence[str], folder: str) -> None:
    """Runs a program with its output in files; ends with it, or with the process that asked for it."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.stderr = _redirected(2, pathlib.Path(folder, _LOG))
    sys.stdout = _redirected(1, pathlib.Path(folder, PRINTED))
    sys.argv, program = list(argv), pathlib.PurePath(argv[0])
    try:
        if program.stem in main.COMMANDS:
            main.run(program.stem, sys.argv)
        elif (_ROOT / program).is_file():
            runpy.run_path(str(_ROOT / program), run_name="__main__")
        else:
            sys.exit(f"{program} is in a checkout of the package, and this is none.")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _redirected(descriptor: int, path: pathlib.Path) -> io.TextIOWrapper:
    """A file in the place of stdout or stderr, for C++ code, too."""
    file = path.open("w", encoding="utf-8")
    os.dup2(file.fileno(), descriptor)
    return file


def _end_with_parent() -> None:
    """Ends this process when the one that asked for it is gone, be it killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
