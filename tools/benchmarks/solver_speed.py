"""Time per frame of the solvers, side by side in one run: python tools/benchmarks/solver_speed.py.

Each batch size is timed in turns (solver after solver, round after round), and the median of the rounds counts, so that
a machine whose speed drifts treats all alike. The ratio to the analytic solver travels better than the milliseconds. A
solver that sees time is given the batch as one motion: overlapping windows of it, at batch 1 one window as in live use.
"""

import pathlib
import time

import numpy as np
from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    from niki_tf import body, evaluation
    from niki_tf.inference import graphs
    from niki_tf.solvers import zoo

_SHIPPED = ("one_stage", "one_stage+finish", "twist_swing", "mlp", "temporal", "temporal+finish")
_SOLVER = flags.DEFINE_multi_string(
    "solver", ["analytic", *_SHIPPED], "A shipped solver, or a folder that holds model.keras; `+finish`."
)
_ROUNDS = flags.DEFINE_integer("rounds", 7, "Rounds of timing; the median counts.", lower_bound=1)
_BATCHES = (1, 64, 1024)
_SECONDS = 0.3


def main(_):
    """Times every solver at every batch size and prints a table."""
    body_joints = body.mannequin().body_joints()
    rows = []
    for batch in _BATCHES:
        inputs = _inputs(batch)
        solve = {
            name: graphs.compile_solver(zoo.load(name, body_joints=body_joints), inputs=inputs, motion=True)
            for name in _SOLVER.value
        }
        times = {name: [] for name in solve}
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


def _inputs(batch):
    rng = np.random.default_rng(0)
    joints = body.mannequin_joints().joints + 0.05 * rng.normal(size=[batch, 29, 3])
    arrays = {"joints": joints, "betas": rng.normal(size=[batch, 10]), "twist": np.tile([1.0, 0.0], [batch, 23, 1])}
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def _milliseconds(function, inputs):
    """Mean time of one call, over calls of at least `_SECONDS` together, after a call that warms up."""
    function(inputs)
    calls, start = 0, time.perf_counter()
    while time.perf_counter() - start < _SECONDS:
        function(inputs)
        calls += 1
    return 1000 * (time.perf_counter() - start) / calls


if __name__ == "__main__":
    app.run(main)
