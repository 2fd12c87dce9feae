"""What a part of a soak has tried: wrong answers, latency and memory at its beginning and at its end."""

import collections
import os
import pathlib
import threading
from collections.abc import Mapping

import numpy as np

WRONG = 1e-4
"""From how far apart on an answer is wrong: rotations by entry, translations in metres."""
_GROWN = 100.0
"""Megabytes by which memory may have grown from the beginning of a part to its end."""
_SLOWER = 2.0
"""How many times as long a call may take at the end as at the beginning; this machine may have other work."""


class Tally:
    """Counts calls from any number of threads.

    Args:
        edge: calls that are the beginning, and calls that are the end. Memory is looked at once the beginning is over.
    """

    def __init__(self, edge: int) -> None:
        self._edge, self._lock = edge, threading.Lock()
        self._tried, self._wrong, self._worst = 0, 0, 0.0
        self._first: list[float] = []
        self._last: collections.deque[float] = collections.deque(maxlen=edge)
        self._begin = 0.0
        self.settle()

    def settle(self) -> None:
        """Says that memory that is in use by now does not count as grown."""
        _forget_peak()
        self._begin = megabytes("VmRSS:")

    def add(self, gap: float, seconds: float) -> None:
        """Counts a call.

        Args:
            gap: how far its answer is from the one it should be.
            seconds: that it took.
        """
        with self._lock:
            self._tried += 1
            self._wrong += not gap <= WRONG
            self._worst = max(self._worst, gap)
            self._last.append(seconds)
            if len(self._first) < self._edge:
                self._first.append(seconds)
                if len(self._first) == self._edge:
                    self.settle()

    def row(self) -> dict[str, float]:
        """All that was counted; memory in MB, times in ms."""
        now = megabytes("VmRSS:")
        times = {
            f"{name}_{place}_ms": 1000.0 * float(np.percentile(values or [0.0], percent))
            for place, values in (("first", self._first), ("last", list(self._last)))
            for name, percent in (("median", 50), ("p99", 99))
        }
        memory = {"mb": self._begin, "grown_mb": now - self._begin, "peak_mb": megabytes("VmHWM:") - self._begin}
        return {"tried": self._tried, "wrong": self._wrong, "apart": self._worst, **memory, **times}


def faults(row: Mapping[str, float]) -> list[str]:
    """What is wrong with a row of a part; nothing if all is well."""
    found = [] if row["tried"] else ["nothing was tried"]
    if row["wrong"]:
        found.append(f"{row['wrong']} wrong answers")
    if row["grown_mb"] > _GROWN:
        found.append(f"memory has grown by {row['grown_mb']:.0f} MB")
    if row["median_last_ms"] > _SLOWER * row["median_first_ms"]:
        found.append(f"a call takes {row['median_last_ms']:.1f} ms in place of {row['median_first_ms']:.1f}")
    return found


def megabytes(name: str) -> float:
    """What Linux says of the memory of this process: `VmRSS:` in use, `VmHWM:` at most since the peak was forgotten."""
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(name))) / 1024


def _forget_peak() -> None:
    pathlib.Path(f"/proc/{os.getpid()}/clear_refs").write_text("5")
