"""Size, latency and accuracy of the formats that a solver leaves in: python tools/benchmarks/export_formats.py.

Keras (as one graph), SavedModel, and LiteRT in float32, float16 and int8, side by side in one run. The latency is that
of one frame, or of one window of 16 for solvers that see time, called in turns, round after round; the median counts,
and the ratio to Keras travels better than the milliseconds. LiteRT and TensorFlow each have one thread. `--motion` adds
the accuracy: MPJPE on the noise protocol's joints. How far each format's numbers are from those of Keras by output
name, at batches of 1, 7 and 256, is to be held against what one step of the last digit of the joints changes in Keras.
"""

import pathlib
import sys
import tempfile
import time

import numpy as np
from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    import tensorflow as tf
    from tqdm import tqdm

    from niki_tf import body, evaluation, export, io, motion
    from niki_tf.evaluation.protocols import common as protocol
    from niki_tf.evaluation.scoring import pose_errors
    from niki_tf.solvers import zoo

_SHIPPED = ("mlp", "one_stage", f"one_stage{zoo.FINISH}", "twist_swing", "temporal")
_SOLVER = flags.DEFINE_multi_string(
    "solver",
    ["analytic", *_SHIPPED],
    "A shipped solver, or a folder that holds model.keras, with `+finish` after it for the exact finish.",
)
_MOTION = flags.DEFINE_string("motion", None, "Folder, file or pattern of motion in AMASS's layout; none if not given.")
_STRIDE = flags.DEFINE_integer("stride", 1, "Use every n-th frame of all clips.", lower_bound=1)
_ROUNDS = flags.DEFINE_integer("rounds", 15, "Rounds of timing; the median counts.", lower_bound=1)
_LEVELS_MM, _BATCHES, _WINDOW, _SECONDS = (0, 30), (1, 7, 256), 16, 0.1


def main(argv):
    """Exports every solver in every format, measures and prints."""
    if argv[1:]:
        sys.exit(f"export_formats.py takes flags only; got {' '.join(argv[1:])}.")
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    rows = []
    try:
        clips = io.load_clips(_MOTION.value) if _MOTION.value else None
        for name in tqdm(_SOLVER.value, unit="solver"):
            rows += _rows(name, clips)
    except (ValueError, OSError) as error:
        sys.exit(f"export_formats.py: {error}")
    print(evaluation.text_table(rows, decimals=3))


def _rows(name, clips):
    """One row for each format of a solver."""
    solver = zoo.load(name, body_joints=body.mannequin_joints())
    with tempfile.TemporaryDirectory() as folder, quiet_start():
        formats, sizes = _formats(solver, pathlib.Path(folder))
        joints = _shown(solver, _observed(clips or [motion.made_motion(0, frames=256)], 30)[1])
        milliseconds = _latencies(formats, joints[:1])
        apart = {form: _apart(run, formats["Keras"], joints) for form, run in formats.items()}
        apart["Keras"] = _apart(_nudged(formats["Keras"]), formats["Keras"], joints)
        errors = _errors(solver, formats, clips)
    return [
        {
            "solver": pathlib.Path(name).name,
            "format": form,
            "MB": sizes[form] / 1e6,
            "ms": milliseconds[form],
            "times Keras": milliseconds[form] / milliseconds["Keras"],
            **apart[form],
            **errors[form],
        }
        for form in formats
    ]


def _formats(solver, folder):
    """Functions joints -> answer by format, and the sizes of their files in bytes."""
    solver.save(folder / "model.keras")
    saved = export.write_saved_model(solver, folder)
    formats = {"Keras": _in_keras(solver), "SavedModel": _saved(export.load_saved_model(saved))}
    sizes = {"Keras": (folder / "model.keras").stat().st_size}
    sizes["SavedModel"] = sum(path.stat().st_size for path in saved.rglob("*"))
    for quantize in export.QUANTIZE:
        path, form = folder / f"{quantize}.tflite", f"LiteRT {quantize.replace('none', 'float32')}"
        path.write_bytes(export.litert(solver, quantize=quantize))
        formats[form], sizes[form] = _saved(export.load_litert(path)), path.stat().st_size
    return formats, sizes


def _in_keras(solver):
    axes = [None] * solver.event_axes
    signature = {"joints": tf.TensorSpec([*axes, 29, 3], tf.float32)}
    graph = tf.function(solver, input_signature=[signature], autograph=False)
    return lambda joints: {name: tensor.numpy() for name, tensor in graph({"joints": joints}).items()}


def _nudged(run):
    """The function on joints of which each number is the next one up or down."""
    rng = np.random.default_rng(0)
    return lambda joints: run(np.nextafter(joints, np.float32([-np.inf, np.inf])[rng.integers(2, size=joints.shape)]))


def _shown(solver, seen):
    """The joints as the solver takes them: frames (N, 29, 3), or windows (N / 16, 16, 29, 3)."""
    joints = np.asarray(seen["joints"], np.float32)
    if solver.event_axes == 1:
        return joints
    return joints[: len(joints) // _WINDOW * _WINDOW].reshape(-1, _WINDOW, 29, 3)


def _saved(exported):
    return lambda joints: exported("ik", joints=joints)


def _latencies(formats, joints):
    """Milliseconds of one call by format, medians of rounds in which each has its turn."""
    times = {form: [] for form in formats}
    for _ in range(_ROUNDS.value):
        for form, run in formats.items():
            run(joints)
            calls, start = 0, time.perf_counter()
            while time.perf_counter() - start < _SECONDS:
                run(joints)
                calls += 1
            times[form].append(1000 * (time.perf_counter() - start) / calls)
    return {form: float(np.median(values)) for form, values in times.items()}


def _apart(run, keras, joints):
    """The largest differences from Keras, of numbers above 1 the relative ones, of the rotations and of all else."""
    worst = {"rotations apart": 0.0, "others apart": 0.0}
    for batch in _BATCHES:
        expected, found = keras(joints[:batch]), run(joints[:batch])
        for name, array in expected.items():
            kind = "rotations apart" if name in ("global_orient", "body_pose") else "others apart"
            apart = (np.abs(found[name] - array) / np.maximum(1.0, np.abs(array))).max()
            worst[kind] = max(worst[kind], float(apart))
    return {kind: f"{apart:.1e}" for kind, apart in worst.items()}


def _observed(clips, level_mm):
    """The true bodies and what a solver is given of them, as in the noise protocol; no shapes, no twist are told."""
    poser = body.BodyPoser(body.mannequin())
    poses = protocol.strided_poses(clips, stride=_STRIDE.value)
    noise, betas = protocol.random_noise(len(poses), seed=0), np.zeros([len(poses), poser.num_betas], np.float32)
    truth = protocol.true_bodies(poser, poses, betas)
    return truth, protocol.observation(truth, noise=noise * (level_mm / 1000), twist=False), poser


def _errors(solver, formats, clips):
    """MPJPE in millimetres by format and noise; none without clips."""
    found = {form: {} for form in formats}
    for level in _LEVELS_MM if clips else ():
        truth, seen, poser = _observed(clips, level)
        joints = _shown(solver, seen)
        truth = {name: array[: joints[..., 0, 0].size] for name, array in truth.items()}
        for form, run in formats.items():
            pose = {name: array.reshape(-1, *array.shape[-3:]) for name, array in _pose(run(joints)).items()}
            found[form][f"MPJPE at {level} mm"] = float(pose_errors(pose, truth=truth, poser=poser)["mpjpe"].mean())
    return found


def _pose(answer):
    return {name: answer[name] for name in ("global_orient", "body_pose")}


if __name__ == "__main__":
    app.run(main)
