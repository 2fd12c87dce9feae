"""Time of the equations of the exact finish, set up and solved: python tools/benchmarks/finish_speed.py.

By the tree of the body, and by the Jacobian, which known rotations need; both give the same turns
(tests/fitting/test_tree_equations.py). They are timed in turn in every round, on one thread, in TensorFlow and in
LiteRT, and the shortest time is reported. A finish of four steps solves them four times.
"""

import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence

os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = "1"  # before TensorFlow is imported

import numpy as np
import tensorflow as tf
from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    from ai_edge_litert.interpreter import Interpreter

    from niki_tf import body, evaluation, skeletons
    from niki_tf.fitting import held_equations, tree_equations
    from niki_tf.fitting.linear_solvers import CHOLESKY, ELIMINATION, LinearSolver

_ROUNDS = flags.DEFINE_integer("rounds", 30, "Rounds of timing; the shortest time is reported.", lower_bound=1)
_BATCHES = (1, 64, 1024)
"""Batch sizes, in frames."""
_TREE, _JACOBIAN = "tree", "Jacobian"
_SHAPES = {"posed": (29, 3), "error": (29, 3), "weights": (29,), "stiffness": (1,), "turned": (24, 3)}
"""Of the arguments of `solve_turns`, after the batch axis."""

_Arrays = Mapping[str, np.ndarray]
_Call = Callable[[_Arrays], object]


def main(_argv: Sequence[str]) -> None:
    """Times both ways in both runtimes at every batch size and prints a table."""
    rows = []
    for runtime, made in (("TensorFlow", _graph), ("LiteRT", _litert)):
        calls = {way: made(way) for way in (_TREE, _JACOBIAN)}
        for batch in _BATCHES:
            shortest = _shortest(calls, _inputs(batch))
            rows += [
                {
                    "runtime": runtime,
                    "batch": batch,
                    "equations": way,
                    "ms per frame": 1000 * seconds / batch,
                    "times as fast as the Jacobian": shortest[_JACOBIAN] / seconds,
                }
                for way, seconds in shortest.items()
            ]
    print(evaluation.text_table(rows, decimals=4))


def _function(way: str, linear_solver: LinearSolver) -> tf.types.experimental.PolymorphicFunction:
    """The turns of one step as a function of the arguments of `solve_turns`."""

    def solve_turns(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        given = {**inputs, "skeleton": skeletons.SMPL_29, "linear_solver": linear_solver}
        if way == _TREE:
            return {"turns": tree_equations.solve_turns(**given)}
        none = tf.zeros([tf.shape(inputs["posed"])[0], skeletons.NUM_ROTATIONS, 3, 3])
        return {"turns": held_equations.solve_turns(**given, known=none)}

    return tf.function(solve_turns)


def _specs() -> dict[str, tf.TensorSpec]:
    """Arguments of any batch size."""
    return {name: tf.TensorSpec([None, *shape], tf.float32, name) for name, shape in _SHAPES.items()}


def _graph(way: str) -> _Call:
    function = _function(way, CHOLESKY).get_concrete_function(**_specs())
    return lambda inputs: function(**{name: tf.constant(array) for name, array in inputs.items()})["turns"].numpy()


def _litert(way: str) -> _Call:
    module = tf.Module()
    module.function = _function(way, ELIMINATION)
    with tempfile.TemporaryDirectory() as folder, quiet_start():
        tf.saved_model.save(module, folder, signatures=module.function.get_concrete_function(**_specs()))
        content = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
        runner = Interpreter(model_content=content, num_threads=1).get_signature_runner()
    return lambda inputs: runner(**inputs)


def _shortest(calls: Mapping[str, _Call], inputs: _Arrays) -> dict[str, float]:
    """Seconds of the shortest call of each way, after one to warm up."""
    times: dict[str, list[float]] = {way: [] for way in calls}
    for number in range(1 + _ROUNDS.value):
        for way, call in calls.items():
            start = time.perf_counter()
            call(inputs)
            if number:
                times[way].append(time.perf_counter() - start)
    return {way: min(seconds) for way, seconds in times.items()}


def _inputs(batch: int) -> dict[str, np.ndarray]:
    """Joints of the mannequin at rest, errors of 20 mm on each axis, the weights of that error."""
    rng = np.random.default_rng(0)
    arrays = {
        "posed": body.mannequin_joints()(np.zeros([batch, 10], np.float32)),
        "error": 0.02 * rng.normal(size=[batch, 29, 3]),
        "weights": np.full([batch, 29], 0.02**-2),
        "stiffness": np.full([batch, 1], 500.0),
        "turned": 0.02 * rng.normal(size=[batch, 24, 3]),
    }
    return {name: np.asarray(array, np.float32) for name, array in arrays.items()}


if __name__ == "__main__":
    app.run(main)
