"""What every solver costs, in every way to call it, beside what the machine can do: python tools/benchmarks/speed.py.

    python tools/benchmarks/speed.py --solver=one_stage --path=graph --path=litert_int8 --batch=1
    python tools/benchmarks/speed.py --solver=flow --size=published --threads=1 --reference=python3

Every way is timed in a process of its own, after calls to warm up, and the shortest and the median time of the rounds
are reported. A row tells, too, how much of what the machine can do it reaches: `flops %` of the largest rate of a
product of float32 matrices, counted over the weights that take part, `read %` of the rate at which a buffer as large
as the weights is read, and `ceiling %`, the larger. Integers are multiplied faster than float32, so that int8 may
reach more than 100 % of the first.

Solvers: `analytic`, a shipped one, or `flow`, the network of one_stage alone; `+finish` adds the exact finish. Of
`temporal` a call is given as many windows of 16 frames as the batch says, `bulk` one motion of that many frames, and
`stream` one frame. `--size=published` takes 16 couplings, 512 wide, with random weights.

`--reference` names a Python that has PyTorch (the extra `benchmark`): `torch_reference.py` runs in it in the same run.
The machine must be idle: a load above 0.3 is refused, unless `--busy` is given.
"""

import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    from speed_paths import LITERT, PATHS, STORED, WINDOW_PATHS
    from tqdm import tqdm

    from niki_tf import evaluation

_SOLVERS = ("analytic", "mlp", "one_stage", "twist_swing", "temporal")
_FLOW = "flow"
_PUBLISHED = ("one_stage", "twist_swing", "temporal", _FLOW)
"""What there is of published size."""
_SIZES = ("shipped", "published")
_SOLVER = flags.DEFINE_multi_string(
    "solver",
    [*(name + end for name in _SOLVERS for end in ("", "+finish")), _FLOW],
    "`analytic`, a shipped solver or `flow`; may end in `+finish`.",
)
_SIZE = flags.DEFINE_multi_enum("size", list(_SIZES), list(_SIZES), "Of the networks, once each.")
_PATH = flags.DEFINE_multi_enum("path", list(PATHS), list(PATHS), "How the solver is called, once each.")
_BATCH = flags.DEFINE_multi_integer("batch", [1, 64, 1024], "Frames of a call, once each.", lower_bound=1)
_THREADS = flags.DEFINE_multi_integer("threads", [1, 2], "Threads, once each.", lower_bound=1)
_ROUNDS = flags.DEFINE_integer("rounds", 30, "Calls that are timed, after those to warm up.", lower_bound=1)
_REFERENCE = flags.DEFINE_string("reference", None, "A Python that has PyTorch; no reference if not given.")
_BUSY = flags.DEFINE_bool("busy", False, "Measure although other programs are running.")
_OUTPUT = flags.DEFINE_string("output", None, "Folder for speed.json and speed.csv; none if not given.")
_HERE = pathlib.Path(__file__).resolve().parent
_LARGEST_LOAD = 0.3
_UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Variables that would make NumPy slower than the machine is."""

Row = dict[str, Any]


def main(argv: list[str]) -> None:
    """Times what the flags ask for and prints the ceilings and the table."""
    try:
        if argv[1:]:
            raise ValueError(f"flags only; got {' '.join(argv[1:])}")
        load = _checked_load()
        jobs = _jobs()
        rows = _measure(jobs)
    except (ValueError, OSError) as error:
        sys.exit(f"speed.py: {error}")
    print(f"Load average at the start: {load:.2f}.")
    print(evaluation.text_table(rows, decimals=3))
    if _OUTPUT.value:
        evaluation.write_json(rows, pathlib.Path(_OUTPUT.value, "speed.json"))
        evaluation.write_csv(rows, pathlib.Path(_OUTPUT.value, "speed.csv"))


def _checked_load() -> float:
    """The load average of the last minute; ValueError if it is too high."""
    load = os.getloadavg()[0]
    if load > _LARGEST_LOAD and not _BUSY.value:
        raise ValueError(f"the load average must be at most {_LARGEST_LOAD}; got {load:.2f}. Wait, or give --busy.")
    return load


def _jobs() -> list[Row]:
    """What is timed, each in a process of its own."""
    jobs = []
    for name, size, path, threads in itertools.product(_SOLVER.value, _SIZE.value, _PATH.value, _THREADS.value):
        base = name.removesuffix("+finish")
        over_time = base == "temporal"
        if (size == "published" and base not in _PUBLISHED) or (path in WINDOW_PATHS and not over_time):
            continue
        if base == _FLOW and path not in ("graph", "xla", *LITERT):
            continue
        jobs.append({"solver": name, "size": size, "path": path, "threads": threads, "batches": _BATCH.value})
    if not jobs:
        raise ValueError("`path` must be one that the solvers have; these have none of those named.")
    return jobs


def _measure(jobs: list[Row]) -> list[Row]:
    """The rows of all jobs, the ceilings first and the reference last."""
    rows, exported = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for threads in _THREADS.value:
            ceilings = _child({"task": "ceilings"}, threads)
            where = f"{threads} thread(s), {ceilings['device']}"
            print(f"{where}: {ceilings['gflops']:.0f} GFLOP/s in products of float32 matrices")
            for job in tqdm([job for job in jobs if job["threads"] == threads], unit="row"):
                key = (job["solver"], job["size"], job["path"])
                if job["path"] in STORED and key not in exported:
                    exported[key] = _child({**job, "task": "export", "folder": folder}, 1)
                timed = _child({**job, "task": "time", "folder": folder, "rounds": _ROUNDS.value}, threads)
                rows += _rows(job, timed | exported.get(key, {}), ceilings)
            rows += _reference_rows(threads, ceilings)
    return rows


def _rows(job: Row, timed: Row, ceilings: Row) -> list[Row]:
    """One row for each batch of a job."""
    shared = {key: job[key] for key in ("solver", "size", "path", "threads")}
    return [
        {
            **shared,
            "batch": batch,
            "ms": found["best"],
            "median ms": found["median"],
            "frames/s": 1000 * found["frames"] / found["best"],
            **_shares(found, timed, ceilings, job["threads"]),
            "first s": found["first"],
            "million weights": timed["weights"] / 1e6,
            "million stored": timed["stored"] / 1e6,
            "MB": timed["bytes"] / 1e6 if "bytes" in timed else None,
            "peak MB": timed["peak"] / 1e6,
        }
        for batch, found in zip(job["batches"], timed["times"], strict=True)
        if found
    ]


def _shares(found: Row, timed: Row, ceilings: Row, threads: int) -> Row:
    """Percent of the machine's rates that a call reaches."""
    seconds = found["best"] / 1000
    if not timed["weights"]:
        return {"flops %": None, "read %": None, "ceiling %": None}
    size = int(timed["weights"] * timed["bytes_a_weight"])
    rates = ceilings.setdefault("read", {})
    if size not in rates:
        rates[size] = _child({"task": "reading", "bytes": size}, threads)["gigabytes"]
    flops = 100 * found["flops"] / seconds / 1e9 / ceilings["gflops"]
    read = 100 * size / seconds / 1e9 / rates[size]
    return {"flops %": flops, "read %": read, "ceiling %": max(flops, read)}


def _reference_rows(threads: int, ceilings: Row) -> list[Row]:
    """The rows of PyTorch, if a Python for it is named."""
    if not _REFERENCE.value:
        return []
    given = {"threads": threads, "batches": _BATCH.value, "rounds": _ROUNDS.value}
    timed = _run([_REFERENCE.value, str(_HERE / "torch_reference.py"), json.dumps(given)], threads)
    job = {"solver": "plain flow, PyTorch", "size": "published", "path": "eager", **given}
    return _rows(job, timed, ceilings)


def _child(request: Row, threads: int) -> Row:
    return _run([sys.executable, str(_HERE / "speed_child.py"), json.dumps(request)], threads)


def _run(command: list[str], threads: int) -> Row:
    """What a process with so many threads prints as its last line; ValueError with its own last line if it fails."""
    limits = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
    environment = {name: value for name, value in os.environ.items() if name not in _UNSET}
    environment |= dict.fromkeys(limits, str(threads)) | {"TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["nothing was said"])[-1]
        raise ValueError(f"{' '.join(command[1:])} failed: {reason}")
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    app.run(main)
