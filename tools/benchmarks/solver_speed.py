"""Time per frame of the solvers, side by side in one run: python tools/benchmarks/solver_speed.py.

For each batch size the solvers are timed in turn in every round, and the median of the rounds is reported, so that a
drift in the machine's speed affects all solvers alike. The ratio to the first solver depends less on the machine than
the milliseconds do. A solver of windows of frames is given the batch as one motion in overlapping windows; at a batch
size of 1 that is one window, as in live use.
"""

import pathlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    from niki_tf import body, evaluation, skeletons
    from niki_tf.inference import graphs
    from niki_tf.solvers import zoo

_SHIPPED = ("one_stage", "one_stage+finish", "twist_swing", "mlp", "temporal", "temporal+finish")
_SOLVER = flags.DEFINE_multi_string(
    "solver", ["analytic", *_SHIPPED], "Shipped solver, or folder with model.keras; may end in `+finish`."
)
_ROUNDS = flags.DEFINE_integer("rounds", 7, "Rounds of timing; the median is reported.", lower_bound=1)
_BATCHES = (1, 64, 1024)
"""Batch sizes, in frames."""
_SECONDS = 0.3
"""Shortest duration of one timing."""
_NOISE_M = 0.05
"""Standard deviation of the joints about the rest pose."""


def main(_argv: Sequence[str]) -> None:
    """Times every solver at every batch size and prints a table."""
    body_joints = body.mannequin().body_joints()
    rows = []
    for batch in _BATCHES:
        inputs = _inputs(batch)
        solve = {
            name: graphs.compile_solver(zoo.load(name, body_joints=body_joints), inputs=inputs, motion=True)
            for name in _SOLVER.value
        }
        times: dict[str, list[float]] = {name: [] for name in solve}
        for _ in range(_ROUNDS.value):
            for name, function in solve.items():
                times[name].append(_milliseconds(function, inputs) / batch)
        medians = {name: float(np.median(values)) for name, values in times.items()}
        first = next(iter(medians.values()))
        rows += [
            {"batch": batch, "solver": pathlib.Path(n).name, "ms per frame": ms, "times the first": ms / first}
            for n, ms in medians.items()
        ]
    print(evaluation.text_table(rows, decimals=4))


def _inputs(batch: int) -> dict[str, np.ndarray]:
    """Random inputs of `batch` frames: noisy joints of the rest pose, random betas, zero twist angles."""
    rng = np.random.default_rng(0)
    rest = body.mannequin_joints()
    arrays = {
        "joints": rest.joints + _NOISE_M * rng.normal(size=[batch, skeletons.NUM_JOINTS, 3]),
        "betas": rng.normal(size=[batch, rest.num_betas]),
        "twist": np.tile([1.0, 0.0], [batch, skeletons.NUM_TWISTS, 1]),
    }
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def _milliseconds(function: Callable[[Mapping[str, Any]], Any], inputs: Mapping[str, Any]) -> float:
    """Mean time of one call over at least `_SECONDS`, after one warm-up call."""
    function(inputs)
    calls, start = 0, time.perf_counter()
    while time.perf_counter() - start < _SECONDS:
        function(inputs)
        calls += 1
    return 1000 * (time.perf_counter() - start) / calls


if __name__ == "__main__":
    app.run(main)
