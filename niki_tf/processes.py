"""Processes that were forked: TensorFlow's threads stay behind in the parent, so what waits for them never ends."""

import os

_started: list[int] = []
"""Number of the process in which TensorFlow's threads are; none before the first answer."""


def check() -> None:
    """Notes the process at its first call; later ones must be made in the same.

    Raises:
        RuntimeError: this process was forked from it.
    """
    here = os.getpid()
    if not _started:
        _started.append(here)
    elif _started[0] != here:
        raise RuntimeError(
            "a solver must run in the process that TensorFlow started in; got one that was forked from it, where it "
            "would wait for ever. Start workers by `spawn`, or load solvers in the workers (gunicorn: no --preload)."
        )
