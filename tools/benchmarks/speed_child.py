"""One measurement of speed.py, in a process of its own: the request is the argument, the last line printed the answer.

Prints a JSON object. LiteRT files are timed without TensorFlow, so that their memory is their own.
"""

import json
import pathlib
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

_WARM_UP = 3
_LONGEST = 60.0
"""Seconds after which no more rounds are begun."""


def main() -> None:
    """Does what the request says."""
    request = json.loads(sys.argv[1])
    print(json.dumps(_TASKS[request["task"]](request)))


def measured(call: Callable[[], Any], rounds: int) -> dict[str, float]:
    """Milliseconds of the shortest and the median call, and seconds of the first."""
    start = time.perf_counter()
    call()
    first = time.perf_counter() - start
    for _ in range(_WARM_UP - 1):
        call()
    times: list[float] = []
    begin = time.perf_counter()
    while len(times) < rounds and time.perf_counter() - begin < _LONGEST:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return {"best": 1000 * min(times), "median": 1000 * statistics.median(times), "first": first}


def _time(request: dict[str, Any]) -> dict[str, Any]:
    """Times of every batch, the weights and the peak of memory."""
    import speed_paths

    place = speed_paths.place(request)
    if request["path"] in speed_paths.LITERT:
        about = json.loads((place / "about.json").read_text())
        prepare = speed_paths.litert_call(place, request["path"], threads=request["threads"])
    else:
        import speed_subjects

        subject = speed_subjects.subject(request["solver"], request["size"])
        about, prepare = subject.about(), speed_paths.call(subject, request["path"], place)
    times = []
    for batch in request["batches"]:
        call = prepare(batch)
        frames = batch * (about["frames"] if request["path"] not in speed_paths.WINDOW_PATHS else 1)
        work = {"frames": frames, "flops": about["flops"] * frames}
        times.append(None if call is None else {**measured(call, request["rounds"]), **work})
    width = {"litert_float16": 2, "litert_int8": 1}.get(request["path"], 4)
    return {**about, "times": times, "bytes_a_weight": width, "peak": peak()}


def peak() -> int:
    """Bytes of memory that the process had at most; what it had before it became this program does not count."""
    status = pathlib.Path("/proc/self/status").read_text()
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def _export(request: dict[str, Any]) -> dict[str, Any]:
    """Writes the file of a path, and what there is to know of the solver; the size of the file."""
    import speed_paths
    import speed_subjects

    subject = speed_subjects.subject(request["solver"], request["size"])
    place = speed_paths.place(request)
    place.mkdir(parents=True, exist_ok=True)
    (place / "about.json").write_text(json.dumps(subject.about()))
    speed_paths.save_inputs(subject, place, request["batches"])
    written = speed_paths.export(subject, request["path"], place)
    return {"bytes": sum(file.stat().st_size for file in _files(written))}


def _files(path: pathlib.Path) -> list[pathlib.Path]:
    return [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]


def _ceilings(_request: dict[str, Any]) -> dict[str, Any]:
    import ceilings

    return {"gflops": ceilings.gigaflops(), "device": ceilings.device()}


def _reading(request: dict[str, Any]) -> dict[str, Any]:
    import ceilings

    return {"gigabytes": ceilings.gigabytes_read(request["bytes"])}


_TASKS = {"time": _time, "export": _export, "ceilings": _ceilings, "reading": _reading}

if __name__ == "__main__":
    main()
