"""Size, latency and accuracy of a solver's export formats: python tools/benchmarks/export_formats.py.

Compares Keras (as one graph), SavedModel, and LiteRT in float32, float16 and int8. The latency is that of one frame, or
of one window of 16 frames for solvers of windows. The formats are timed in turn in every round, on one thread each, and
the median of the rounds is reported; the ratio to Keras depends less on the machine than the milliseconds do.
`--motion` adds the accuracy: MPJPE on the noise protocol's joints.

The columns `rotations apart` and `others apart` are the largest differences between a format's outputs and those of
Keras, at batch sizes 1, 7 and 256. The row of Keras serves as the reference: it gives the differences between Keras on
the joints and Keras on the joints with every number moved to an adjacent float32.
"""

import pathlib
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    import tensorflow as tf
    from tqdm import tqdm

    from niki_tf import body, contract, evaluation, export, io, motion, skeletons
    from niki_tf.evaluation.protocols import common as protocol
    from niki_tf.evaluation.scoring import pose_errors
    from niki_tf.motion import Clip
    from niki_tf.solvers import zoo
    from niki_tf.solvers.solver import Solver

_SHIPPED = ("mlp", "one_stage", f"one_stage{zoo.FINISH}", "twist_swing", "temporal")
_SOLVER = flags.DEFINE_multi_string(
    "solver",
    ["analytic", *_SHIPPED],
    "A shipped solver, or a folder that holds model.keras; may end in `+finish`, which adds the exact finish.",
)
_MOTION = flags.DEFINE_string("motion", None, "Folder, file or pattern of motion in AMASS's layout; none if not given.")
_STRIDE = flags.DEFINE_integer("stride", 1, "Use every n-th frame of all clips, or window of 16.", lower_bound=1)
_ROUNDS = flags.DEFINE_integer("rounds", 15, "Rounds of timing; the median is reported.", lower_bound=1)
_OUTPUT = flags.DEFINE_string("output", None, "Folder for formats.json and formats.csv; none if not given.")
_LEVELS_MM = (0, 30)
"""Standard deviations of the noise on the joints for which the accuracy is measured."""
_BATCHES = (1, 7, 256)
"""Batch sizes at which the formats' outputs are compared."""
_WINDOW = 16
"""Frames of a window."""
_SECONDS = 0.1
"""Shortest duration of one timing."""

_Arrays = dict[str, np.ndarray]
_Run = Callable[[np.ndarray], _Arrays]
"""A solver in some format: joints -> answer."""


def main(argv: Sequence[str]) -> None:
    """Exports every solver in every format, measures each and prints the table."""
    if argv[1:]:
        sys.exit(f"export_formats.py takes flags only; got {' '.join(argv[1:])}.")
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    rows: list[dict[str, Any]] = []
    try:
        clips = io.load_clips(_MOTION.value) if _MOTION.value else None
        for name in tqdm(_SOLVER.value, unit="solver"):
            rows += _rows(name, clips)
    except (ValueError, OSError) as error:
        sys.exit(f"export_formats.py: {error}")
    print(evaluation.text_table(rows, decimals=3))
    if _OUTPUT.value:
        evaluation.write_json(rows, pathlib.Path(_OUTPUT.value, "formats.json"))
        evaluation.write_csv(rows, pathlib.Path(_OUTPUT.value, "formats.csv"))


def _rows(name: str, clips: Sequence[Clip] | None) -> list[dict[str, Any]]:
    """The table's rows of one solver, one for each format."""
    solver = zoo.load(name, body_joints=body.mannequin_joints())
    with tempfile.TemporaryDirectory() as folder, quiet_start():
        formats, sizes = _formats(solver, pathlib.Path(folder))
        joints = _solver_joints(solver, _observed(clips or [motion.made_motion(0, frames=256)], 30, solver)[1])
        milliseconds = _latencies(formats, joints[:1])
        differences = {form: _differences(run, formats["Keras"], joints) for form, run in formats.items()}
        differences["Keras"] = _differences(_perturbed(formats["Keras"]), formats["Keras"], joints)
        errors = _errors(solver, formats, clips)
    return [
        {
            "solver": pathlib.Path(name).name,
            "format": form,
            "MB": sizes[form] / 1e6,
            "ms": milliseconds[form],
            "times Keras": milliseconds[form] / milliseconds["Keras"],
            **differences[form],
            **errors[form],
        }
        for form in formats
    ]


def _formats(solver: Solver, folder: pathlib.Path) -> tuple[dict[str, _Run], dict[str, int]]:
    """The solver in every format, and the sizes of the formats' files in bytes, both by name of the format."""
    solver.save(folder / "model.keras")
    saved = export.write_saved_model(solver, folder)
    formats = {"Keras": _keras_run(solver), "SavedModel": _exported_run(export.load_saved_model(saved))}
    sizes = {"Keras": (folder / "model.keras").stat().st_size}
    sizes["SavedModel"] = sum(path.stat().st_size for path in saved.rglob("*"))
    for quantize in export.QUANTIZE:
        path, form = folder / f"{quantize}.tflite", f"LiteRT {quantize.replace('none', 'float32')}"
        path.write_bytes(export.litert(solver, quantize=quantize))
        formats[form], sizes[form] = _exported_run(export.load_litert(path)), path.stat().st_size
    return formats, sizes


def _keras_run(solver: Solver) -> _Run:
    """The Keras solver as one graph."""
    axes = [None] * solver.event_axes
    signature = {"joints": tf.TensorSpec([*axes, skeletons.NUM_JOINTS, 3], tf.float32)}
    graph = tf.function(solver, input_signature=[signature], autograph=False)
    return lambda joints: {name: tensor.numpy() for name, tensor in graph({"joints": joints}).items()}


def _exported_run(exported: export.Exported) -> _Run:
    """The signature `ik` of an exported solver."""
    return lambda joints: exported("ik", joints=joints)


def _perturbed(run: _Run) -> _Run:
    """`run` on joints whose every number is replaced by the next larger or smaller float32, at random."""
    rng = np.random.default_rng(0)
    return lambda joints: run(
        np.nextafter(joints, np.array([-np.inf, np.inf], np.float32)[rng.integers(2, size=joints.shape)])
    )


def _solver_joints(solver: Solver, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """The joints in the shape that the solver expects: frames (N, 29, 3), or windows (N // 16, 16, 29, 3)."""
    joints = np.asarray(inputs["joints"], np.float32)
    return joints if solver.event_axes == 1 else joints.reshape(-1, _WINDOW, *joints.shape[1:])


def _latencies(formats: Mapping[str, _Run], joints: np.ndarray) -> dict[str, float]:
    """Milliseconds of one call by format: medians over rounds, in each of which all formats are timed in turn."""
    times: dict[str, list[float]] = {form: [] for form in formats}
    for _ in range(_ROUNDS.value):
        for form, run in formats.items():
            run(joints)
            calls, start = 0, time.perf_counter()
            while time.perf_counter() - start < _SECONDS:
                run(joints)
                calls += 1
            times[form].append(1000 * (time.perf_counter() - start) / calls)
    return {form: float(np.median(values)) for form, values in times.items()}


def _differences(run: _Run, keras: _Run, joints: np.ndarray) -> dict[str, str]:
    """The largest differences max |x - y| / max(1, |y|) from Keras (y), of the rotations and of the other outputs."""
    worst = {"rotations apart": 0.0, "others apart": 0.0}
    for batch in _BATCHES:
        expected, found = keras(joints[:batch]), run(joints[:batch])
        for name, array in expected.items():
            kind = "rotations apart" if name in contract.POSE else "others apart"
            difference = (np.abs(found[name] - array) / np.maximum(1.0, np.abs(array))).max()
            worst[kind] = max(worst[kind], float(difference))
    return {kind: f"{difference:.1e}" for kind, difference in worst.items()}


def _poses(clips: Sequence[Clip], solver: Solver) -> np.ndarray:
    """Rotation vectors (N, 24, 3) of every n-th frame, or of every n-th window of frames that follow each other."""
    if solver.event_axes == 1:
        return protocol.strided_poses(clips, stride=_STRIDE.value)
    firsts = [(clip, first) for clip in clips for first in range(0, len(clip) - _WINDOW + 1, _WINDOW)]
    windows = [clip.poses[first : first + _WINDOW] for clip, first in firsts[:: _STRIDE.value]]
    return np.concatenate(windows).astype(np.float32)


def _observed(clips: Sequence[Clip], level_mm: float, solver: Solver) -> tuple[_Arrays, _Arrays, body.BodyPoser]:
    """True bodies, a solver's inputs and the poser, as in the noise protocol without twist and with zero betas."""
    poser = body.BodyPoser(body.mannequin())
    poses = _poses(clips, solver)
    noise, betas = protocol.random_noise(len(poses), seed=0), np.zeros([len(poses), poser.num_betas], np.float32)
    truth = protocol.true_bodies(poser, poses, betas)
    return truth, protocol.observation(truth, noise=noise * (level_mm / 1000), twist=False), poser


def _errors(solver: Solver, formats: Mapping[str, _Run], clips: Sequence[Clip] | None) -> dict[str, dict[str, float]]:
    """MPJPE in millimetres by format and column of the table, one column a noise level; no columns without clips."""
    found: dict[str, dict[str, float]] = {form: {} for form in formats}
    if not clips:
        return found
    for level in _LEVELS_MM:
        truth, inputs, poser = _observed(clips, level, solver)
        joints = _solver_joints(solver, inputs)
        for form, run in formats.items():
            answer = run(joints)
            pose = {name: answer[name].reshape(-1, *shape) for name, shape in contract.POSE.items()}
            found[form][f"MPJPE at {level} mm"] = float(pose_errors(pose, truth=truth, poser=poser)["mpjpe"].mean())
    return found


if __name__ == "__main__":
    app.run(main)
