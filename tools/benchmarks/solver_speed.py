"""Time per frame of the solvers, side by side in one run: python tools/benchmarks/solver_speed.py.

`--skeleton=coco_17 --skeleton=mediapipe_33 --solver=map_fit --solver=temporal+finish` times them on the points of other
joint sets, as `niki_tf.solve` is given them; `map_fit` fits the points themselves.

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
    from niki_tf.fitting import point_lifting
    from niki_tf.inference import graphs, point_fit
    from niki_tf.inference.solve import solve
    from niki_tf.skeletons import PointSet
    from niki_tf.solvers import zoo
    from niki_tf.solvers.map_fit import MapFit
    from niki_tf.solvers.solver import Solver

_SHIPPED = (
    "one_stage",
    "one_stage+finish",
    "twist_swing",
    "mlp",
    "temporal",
    "temporal+finish",
    "temporal_prior+finish",
)
_SMPL_29 = "smpl_29"
_SOLVER = flags.DEFINE_multi_string(
    "solver", ["analytic", *_SHIPPED], "Shipped solver, or folder with model.keras; may end in `+finish`."
)
_SKELETON = flags.DEFINE_multi_enum(
    "skeleton", [_SMPL_29], [*skeletons.POINT_SETS], "Joint set that the solvers are given, once each."
)
_ROUNDS = flags.DEFINE_integer("rounds", 7, "Rounds of timing; the median is reported.", lower_bound=1)
_BATCH = flags.DEFINE_multi_integer("batch", [1, 64, 1024], "Frames at a time, once each.", lower_bound=1)
_OUTPUT = flags.DEFINE_string("output", None, "Folder for speed.json and speed.csv; none if not given.")
_SECONDS = 0.3
"""Shortest duration of one timing."""
_NOISE_M = 0.05
"""Standard deviation of the joints about the rest pose."""


def main(_argv: Sequence[str]) -> None:
    """Times every solver on every joint set at every batch size and prints a table."""
    body_joints = body.mannequin().body_joints()
    solvers = {name: zoo.load(name, body_joints=body_joints) for name in _SOLVER.value}
    rows = []
    for skeleton in _SKELETON.value:
        point_set = skeletons.POINT_SETS[skeleton]
        for batch in _BATCH.value:
            inputs = _inputs(batch) if skeleton == _SMPL_29 else _point_inputs(batch, point_set)
            timed = {name: _function(solver, point_set, inputs) for name, solver in solvers.items()}
            medians = _medians(timed, inputs)
            first = next(iter(medians.values()))
            rows += [
                {
                    "skeleton": skeleton,
                    "batch": batch,
                    "solver": pathlib.Path(name).name,
                    "ms per frame": ms / batch,
                    "frames/s": 1000 * batch / ms,
                    "times as fast as the first": first / ms,
                }
                for name, ms in medians.items()
            ]
    print(evaluation.text_table(rows, decimals=4))
    if _OUTPUT.value:
        evaluation.write_json(rows, pathlib.Path(_OUTPUT.value, "speed.json"))
        evaluation.write_csv(rows, pathlib.Path(_OUTPUT.value, "speed.csv"))


def _function(solver: Solver, point_set: PointSet, inputs: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Any]:
    """What is timed: the solver as a graph, or the call that is given the points of another joint set."""
    if point_set.name == _SMPL_29:
        return graphs.compile_solver(solver, inputs=inputs, motion=True)
    if isinstance(solver, MapFit):
        return lambda given: point_fit.fit_points(**given, point_set=point_set, solver=solver)
    return lambda given: solve(given["points"], betas=given["betas"], skeleton=point_set, solver=solver)


def _medians(timed: Mapping[str, Callable[[Mapping[str, Any]], Any]], inputs: Mapping[str, Any]) -> dict[str, float]:
    """Milliseconds of a call of each solver: the median over the rounds, in each of which all are timed in turn."""
    times: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(_ROUNDS.value):
        for name, function in timed.items():
            times[name].append(_milliseconds(function, inputs))
    return {name: float(np.median(values)) for name, values in times.items()}


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


def _point_inputs(batch: int, point_set: PointSet) -> dict[str, np.ndarray]:
    """Points of `batch` frames, NaN where the set leaves them out, noisy about the rest pose, and their betas."""
    rng, rest = np.random.default_rng(0), body.mannequin_joints()
    betas = rng.normal(size=[batch, rest.num_betas]).astype(np.float32)
    points = np.full([batch, len(point_set), 3], np.nan, np.float32)
    at_rest = point_lifting.rest_points(point_set, rest(betas)).numpy()
    points[:, list(point_set.used)] = at_rest + _NOISE_M * rng.normal(size=at_rest.shape)
    return {"points": points, "betas": betas}


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
