"""Requests a second, and how long they take, that a server of models answers: python tools/benchmarks/serving_load.py.

Example:
    python tools/benchmarks/serving_load.py --protocol=v2 --server=http://localhost:8080 --model=one_stage

Clients, each a thread that asks again as soon as it is answered, for some seconds; every request opens a connection, as
`niki_tf.export` does. Client and server share the machine's cores where both are on it, so these are lower bounds.
"""

import concurrent.futures
import time
from collections.abc import Callable, Sequence
from typing import Any

from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    import numpy as np

    from niki_tf import body, contract, evaluation, export

_SERVER = flags.DEFINE_string("server", "http://localhost:8080", "Address of the server; grpc:// asks by gRPC.")
_PROTOCOL = flags.DEFINE_enum("protocol", "v2", ["tfs", "v2"], "What it speaks.")
_MODEL = flags.DEFINE_string("model", "one_stage", "Name of the model on the server, one of single frames.")
_CLIENTS = flags.DEFINE_multi_integer("clients", [1, 8, 32], "Clients at a time; once for each row.", lower_bound=1)
_FRAMES = flags.DEFINE_multi_integer("frames", [1, 64], "Frames in a request; once for each row.", lower_bound=1)
_SECONDS = flags.DEFINE_float("seconds", 5.0, "Seconds of each row.", lower_bound=0.1)

_Ask = Callable[..., dict[str, np.ndarray]]


def main(_argv: Sequence[str]) -> None:
    """Asks with every number of clients and of frames, and prints a table."""
    connect = export.grpc_server if _SERVER.value.startswith("grpc") else export.rest_server
    ask = connect(_SERVER.value, model=_MODEL.value, protocol=_PROTOCOL.value)
    rows = [_row(ask, clients, frames) for frames in _FRAMES.value for clients in _CLIENTS.value]
    print(evaluation.text_table(rows, decimals=1))


def _row(ask: _Ask, clients: int, frames: int) -> dict[str, Any]:
    """What so many clients find within the seconds."""
    inputs = _inputs(frames)
    ask("ik_full", **inputs)
    started = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        found = list(pool.map(lambda _: _asked(ask, inputs, started + _SECONDS.value), range(clients)))
    seconds = time.perf_counter() - started
    times = np.array([one for some, _ in found for one in some])
    return {
        "frames in a request": frames,
        "clients": clients,
        "requests/s": len(times) / seconds,
        "frames/s": frames * len(times) / seconds,
        "median ms": 1000 * np.median(times),
        "p99 ms": 1000 * np.quantile(times, 0.99),
        "failed": sum(failed for _, failed in found),
    }


def _asked(ask: _Ask, inputs: dict[str, np.ndarray], end: float) -> tuple[list[float], int]:
    """Seconds of each answer of one client until the end, and how many requests failed."""
    times, failed = [], 0
    while (began := time.perf_counter()) < end:
        try:
            ask("ik_full", **inputs)
            times.append(time.perf_counter() - began)
        except (ConnectionError, ValueError):
            failed += 1
    return times, failed


def _inputs(frames: int) -> dict[str, np.ndarray]:
    """Joints near the rest pose; what else there is is not known."""
    shapes = contract.input_shapes(10)
    unknown = {name: np.zeros([frames, *shape], np.float32) for name, shape in shapes.items()}
    joints = body.mannequin_joints().joints + np.random.default_rng(0).normal(scale=0.05, size=[frames, 29, 3])
    return {**unknown, "joints": joints.astype(np.float32)}


if __name__ == "__main__":
    app.run(main)
