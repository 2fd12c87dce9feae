"""Time of `ik` as it is called, eager and by its graph, side by side: python tools/benchmarks/ik_speed.py.

Arrays go in and arrays come out, on one thread unless `--threads` says otherwise. All ways of a solver are timed in
turn in every round, after a call that warms up. Reported are the shortest time, the median, the shortest time of the
processors, by which ways are compared, and how long the first call took, which makes the graph. `--xla` compiles the
graph for the batch by XLA on top, whose first call takes long and is for that batch alone.
"""

import functools
import os
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf
from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    from niki_tf import body, evaluation
    from niki_tf.solvers import zoo
    from niki_tf.solvers.solver import Solver

_SOLVER = flags.DEFINE_multi_string(
    "solver",
    ["analytic", "mlp", "one_stage", "one_stage+finish", "temporal", "temporal+finish"],
    "Shipped solver, once each; may end in `+finish`.",
)
_BATCH = flags.DEFINE_multi_integer("batch", [1, 64, 1024], "Frames at a time, once each.", lower_bound=1)
_ROUNDS = flags.DEFINE_integer("rounds", 30, "Rounds of timing.", lower_bound=1)
_SECONDS = flags.DEFINE_float("seconds", 15.0, "Longest time of a solver at a batch size.", lower_bound=0.1)
_THREADS = flags.DEFINE_integer("threads", 1, "Threads of TensorFlow.", lower_bound=1)
_XLA = flags.DEFINE_bool("xla", False, "Compile by XLA, too.")
_NOISE_M = 0.05
"""Standard deviation of the joints about the rest pose."""

_Call = Callable[[], Mapping[str, np.ndarray]]


def main(_argv: Sequence[str]) -> None:
    """Times every solver at every batch size and prints a table."""
    tf.config.threading.set_intra_op_parallelism_threads(_THREADS.value)
    tf.config.threading.set_inter_op_parallelism_threads(_THREADS.value)
    rows = []
    for name in _SOLVER.value:
        for batch in _BATCH.value:
            solver = zoo.load(name)
            ways = _ways(solver, _joints(batch, solver.event_axes, getattr(solver, "frames", 1)))
            first = {way: _seconds(call) for way, call in ways.items()}
            times = _times(ways)
            eager = min(busy for _, busy in times["eager"])
            rows += [
                {
                    "solver": name,
                    "frames": batch,
                    "way": way,
                    "best ms": 1000 * min(wall for wall, _ in found),
                    "median ms": 1000 * float(np.median([wall for wall, _ in found])),
                    "processor ms": 1000 * min(busy for _, busy in found),
                    "times as fast": eager / min(busy for _, busy in found),
                    "first call s": first[way],
                }
                for way, found in times.items()
            ]
    print(evaluation.text_table(rows, decimals=3))
    print(f"load average {os.getloadavg()[0]:.1f}, {_THREADS.value} threads")


def _ways(solver: Solver, joints: np.ndarray) -> dict[str, _Call]:
    """The ways of solving, by name."""

    def as_arrays(call: Callable[[], Mapping[str, tf.Tensor]]) -> Mapping[str, np.ndarray]:
        return {name: value.numpy() for name, value in call().items()}

    ways = {"eager": lambda: solver({"joints": joints}), "ik": lambda: solver.ik(joints)}
    if _XLA.value:
        compiled = tf.function(lambda joints: solver({"joints": joints}), autograph=False, jit_compile=True)
        ways["XLA"] = lambda: compiled(tf.constant(joints))
    return {name: functools.partial(as_arrays, call) for name, call in ways.items()}


def _joints(batch: int, axes: int, frames: int) -> np.ndarray:
    """Noisy joints of the rest pose: (N, 29, 3), or windows (N, T, 29, 3) of as many frames, at least one."""
    rng, rest = np.random.default_rng(0), body.mannequin_joints().joints
    leading = [batch] if axes == 1 else [max(1, batch // frames), min(batch, frames)]
    return (rest + _NOISE_M * rng.normal(size=[*leading, *rest.shape])).astype(np.float32)


def _times(ways: Mapping[str, _Call]) -> dict[str, list[tuple[float, float]]]:
    """Seconds of the calls of each way, of the clock and of the processors, all in turn in every round."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    end = time.perf_counter() + _SECONDS.value
    for number in range(_ROUNDS.value):
        for name, call in ways.items():
            began = time.process_time()
            found[name].append((_seconds(call), time.process_time() - began))
        if number > 1 and time.perf_counter() > end:
            break
    return found


def _seconds(call: _Call) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


if __name__ == "__main__":
    app.run(main)
