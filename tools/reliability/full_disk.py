"""Runs programs where the disk is full, fills up on the way, or is read-only, and prints what came of it.

Example:
    python tools/reliability/full_disk.py

    full       no byte is free: the program must refuse before it works,
    fills      a limit on the size of files, RLIMIT_FSIZE, which every larger file meets as it is written,
    read-only  the output folder is on a file system that cannot be written to; /proc is one.

A case is clear if the program ends with status 1 and one line that names the file or folder, and leaves no half file.
The disk that is full is a small tmpfs, for which the program has to be run by root; else that case is left out. Prints
a table, and ends with 1 if a case is not clear.
"""

import contextlib
import pathlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    import kill_cases
    from kill_cases import Case, Server

_ONLY = flags.DEFINE_string("only", "", "Only the program of this name.")
_LIMIT = 8192
"""Bytes of a file that RLIMIT_FSIZE allows: records and what is printed fit, what programs work for does not."""
_LONGEST = 1000
"""Characters of a line that is clear."""


def main(argv: list[str]) -> None:
    """Runs all and prints the table."""
    if argv[1:]:
        sys.exit(f"full_disk takes flags only; got {' '.join(argv[1:])}.")
    failed = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the small disk does not stay
    with tempfile.TemporaryDirectory() as name, _full(pathlib.Path(name)) as full, Server() as server:
        folder = pathlib.Path(name)
        kill_cases.write_inputs(folder)
        ways = {"full": full, "fills": folder / "fills", "read-only": pathlib.Path("/proc")}
        print("| program | " + " | ".join(ways) + " |" + "\n" + "|---" * (len(ways) + 1) + "|")
        for case in (case for case in kill_cases.cases(folder) if _ONLY.value in case.name):
            found = {way: _tried(case, way, place, folder, server) for way, place in ways.items()}
            print(f"| {case.name} | " + " | ".join(what.split(":")[0] for what in found.values()) + " |", flush=True)
            failed += [
                f"{case.name}, {way}: {what}" for way, what in found.items() if what not in ("clear", "left out")
            ]
    print("\n".join(failed))
    sys.exit(int(bool(failed)))


def _tried(case: Case, way: str, place: pathlib.Path | None, folder: pathlib.Path, server: Server) -> str:
    """`clear`, or what is wrong."""
    if place is None:
        return "left out"
    output, log = place / case.name, folder / "log.txt"
    order = {
        "program": case.name,
        "arguments": [*case.flags, f"--{case.output}={output}"],
        "log": str(log),
        "seconds": None,
        "largest": _LIMIT if way == "fills" else None,
    }
    status, _ = server.run(**order)
    said = log.read_text(errors="replace").replace("\r", "\n")
    lines = [line for line in said.splitlines() if line.startswith(f"{case.name}: ")]
    if status != 1 or "Traceback" in said:
        return f"status {status}: {said[-300:]}"
    if not any(str(place) in line and len(line) < _LONGEST for line in lines):
        return f"no clear line: {said[-300:]}"
    half = [str(path) for path in output.rglob("*") if ".partial" in str(path)] if way != "read-only" else []
    return f"left over: {', '.join(half)}" if half else "clear"


@contextlib.contextmanager
def _full(folder: pathlib.Path) -> Iterator[pathlib.Path | None]:
    """A folder on a disk without a free byte; None if this user cannot make one."""
    place = folder / "full"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], capture_output=True).returncode:
        yield None
        return
    try:
        with contextlib.suppress(OSError), (place / "all").open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


if __name__ == "__main__":
    app.run(main)
