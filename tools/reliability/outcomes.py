"""One hostile file read in a child process: how it ended, in what time, with how much memory."""

import contextlib
import dataclasses
import os
import pathlib
import resource
import select
import signal
import sys
import time
from collections.abc import Callable

import numpy as np

SECONDS = 10.0
"""Longest time that a case may keep the processor, the import of the package apart."""
_PATIENCE = 60.0
"""Seconds of the clock after which it is ended: other programs may run beside it."""
MEGABYTES = 1024
"""Most memory of a case above that of the package when it is imported."""
KINDS = ("right", "clear", "raw", "wrong", "over memory", "over time", "ran code")
"""How a case can end; the first two are as they should be."""
_RESERVE = 4 * 2**30
"""Bytes of addresses that a child may take beyond those that it begins with, so that a bomb ends itself only."""
_OUT_OF_IT = ("MemoryError", "Unable to allocate", "more than the memory holds")
"""Words of an error that tells that these were asked for, whether they were filled or not."""
_LONGEST_LINE = 1000


@dataclasses.dataclass(frozen=True)
class Case:
    """A file, and what its reader may make of it."""

    name: str
    write: Callable[[pathlib.Path], None]
    """From the path of the file, which is to be written."""
    ending: str
    wanted: str = "either"
    """`right`: it must be read. `refused`: it must not be. `either`: damage that may not show."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a case ended."""

    kind: str
    """One of `KINDS`."""
    message: str
    seconds: float
    megabytes: float

    @property
    def is_good(self) -> bool:
        """Whether that is as it should be."""
        return self.kind in KINDS[:2]


def outcome_of(case: Case, path: pathlib.Path, read: Callable[[pathlib.Path], None], canary: pathlib.Path) -> Outcome:
    """Writes the file of a case and reads it in a child process.

    Args:
        case: what is written.
        path: of the file; it and what its folder holds are the case's own.
        read: a reader, which raises what the package raises; AssertionError for an answer that is wrong.
        canary: the file that code in a hostile file would make.
    """
    case.write(path)
    started, (listen, tell) = time.monotonic(), os.pipe()
    child = os.fork()
    if not child:
        os.close(listen)
        _read_and_end(lambda: read(path), tell)
    os.close(tell)
    text = _heard(listen, child, started + _PATIENCE)
    used = os.wait4(child, 0)[2]
    seconds = used.ru_utime + used.ru_stime
    how, _, rest = (text or "").partition("\n")
    peak, _, message = rest.partition("\n")
    megabytes = float(peak or 0)
    kind = _kind(case, path, how, message) if text is not None and seconds < SECONDS else "over time"
    if megabytes > MEGABYTES or any(words in message for words in _OUT_OF_IT):
        kind = "over memory"
    if canary.exists():
        canary.unlink()
        kind = "ran code"
    return Outcome(kind, message.strip() or how or "the process died", seconds, megabytes)


def _heard(listen: int, child: int, until: float) -> str | None:
    """What the child wrote until it ended, or None if it did not end in time and was killed."""
    heard = b""
    with os.fdopen(listen, "rb", buffering=0) as pipe:
        while (left := until - time.monotonic()) > 0:
            if not select.select([pipe], [], [], left)[0]:
                break
            if not (piece := pipe.read(65536)):
                return heard.decode(errors="replace")
            heard += piece
    os.kill(child, signal.SIGKILL)
    return None


def _read_and_end(read: Callable[[], None], tell: int) -> None:
    """In the child: reads, writes how that ended and ends the process without anything else."""
    memory, text = _MemoryOf(os.getpid()), ""
    log = os.memfd_create("log")
    os.dup2(log, 1)
    os.dup2(log, 2)
    size = memory.addresses() + _RESERVE
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    memory.forget_peak()
    before = memory.now()
    try:
        with contextlib.redirect_stdout(None):
            read()
        how = "returned"
    except (ValueError, OSError, ImportError, SystemExit, FloatingPointError) as error:
        how, text = "told", str(error)
        if isinstance(error, SystemExit) and not isinstance(error.code, str):
            how, text = ("told" if error.code else "returned"), _log(log)
    except AssertionError as error:
        how, text = "wrong", str(error)
    except BaseException as error:  # whatever reaches the user as a traceback
        how, text = "raw", f"{type(error).__name__}: {error}"
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    with os.fdopen(tell, "wb") as pipe:
        pipe.write(f"{how}\n{memory.peak() - before}\n{text[:20000]}".encode(errors="replace"))
    os._exit(0)


def _log(log: int) -> str:
    """What the child printed."""
    sys.stderr.flush()
    return os.pread(log, 100_000, 0).decode(errors="replace")


def _kind(case: Case, path: pathlib.Path, how: str, message: str) -> str:
    """The kind of a case that ended in time, by what the child wrote."""
    if how == "returned":
        return "wrong" if case.wanted == "refused" else "right"
    if how == "told":
        lines = message.strip().splitlines()
        is_clear = len(lines) == 1 and _names(path, message) and len(message) < _LONGEST_LINE
        return "wrong" if is_clear and case.wanted == "right" else ("clear" if is_clear else "raw")
    return "wrong" if how == "wrong" else "raw"


def _names(path: pathlib.Path, message: str) -> bool:
    """Whether a message names the file, or the folder that was made for it."""
    return path.name in message or str(path.parent) in message


class _MemoryOf:
    """Memory of a process, from Linux's /proc."""

    def __init__(self, process: int) -> None:
        self._folder = pathlib.Path(f"/proc/{process}")

    def _megabytes(self, name: str) -> float:
        lines = (self._folder / "status").read_text().splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith(name))) / 1024

    def now(self) -> float:
        """Megabytes in use."""
        return self._megabytes("VmRSS:")

    def peak(self) -> float:
        """The most megabytes that were in use since `forget_peak`."""
        return self._megabytes("VmHWM:")

    def addresses(self) -> int:
        """Bytes of addresses that are taken."""
        return int(self._megabytes("VmSize:") * 2**20)

    def forget_peak(self) -> None:
        """Begins to count the peak anew."""
        (self._folder / "clear_refs").write_text("5")


def check_finite(arrays: dict[str, np.ndarray]) -> None:
    """AssertionError if an array of an answer is not finite."""
    for name, array in arrays.items():
        assert np.isfinite(np.asarray(array, np.float64)).all(), f"`{name}` of the answer is not finite"
