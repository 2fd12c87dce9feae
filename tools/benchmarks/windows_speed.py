"""Motion in windows: accuracy and time of its ways, side by side: python tools/benchmarks/windows_speed.py --motion=...

`every window` runs the whole solver, its finish too, in each window, as often as windows overlap; `once` runs the
network in windows and all that follows once for each frame (`niki_tf.inference.windows`); `compiled`, with
`--compiled`, is the same after `windows.warm_up`. Each way is given the same noisy joints of the same clips; `xocc` are
those of the protocol of occlusion. `--frames` times one long motion as well, made of the clips one after the other.
"""

import dataclasses
import functools
import os
import resource
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf
from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    from niki_tf import body, contract, data, evaluation, io, motion, skeletons
    from niki_tf.body import kinematics
    from niki_tf.evaluation import metrics
    from niki_tf.evaluation.protocols.occluded_clips import ClipRunner
    from niki_tf.inference import graphs, windows
    from niki_tf.motion import Clip
    from niki_tf.solvers import zoo
    from niki_tf.solvers.window_solver import WindowSolver

_SOLVER = flags.DEFINE_multi_string("solver", ["temporal+finish"], "Shipped solver of windows, once each.")
_MOTION = flags.DEFINE_string("motion", None, "Folder or pattern of .npz files.", required=True)
_STRIDE = flags.DEFINE_integer("stride", 8, "Use every n-th clip.", lower_bound=1)
_LONGEST = flags.DEFINE_integer("longest", 300, "Frames of a clip that are used.", lower_bound=3)
_NOISE_MM = flags.DEFINE_multi_integer("noise_mm", [0, 10, 30, 100], "Noise of the joints, once each.", lower_bound=0)
_STEP = flags.DEFINE_multi_integer("step", [], "Frames from window to window; the solver's own if not given.")
_FRAMES = flags.DEFINE_integer("frames", 0, "Frames of the long motion that is timed; 0 for none.", lower_bound=0)
_ACCURACY = flags.DEFINE_bool("accuracy", True, "Measure the errors.")
_EVERY_WINDOW = flags.DEFINE_bool("every_window", True, "Run the whole solver in each window, too.")
_COMPILED = flags.DEFINE_bool("compiled", False, "Have XLA compile it (`windows.warm_up`), too.")
_THREADS = flags.DEFINE_integer("threads", 2, "Threads of TensorFlow.", lower_bound=1)
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Rounds of timing; the shortest time is reported.", lower_bound=1)

_Arrays = Mapping[str, np.ndarray]
_Way = Callable[[_Arrays], _Arrays]


def main(_argv: Sequence[str]) -> None:
    """Measures and times every way of every solver and prints tables."""
    tf.config.threading.set_intra_op_parallelism_threads(_THREADS.value)
    clips = [_first(clip) for clip in io.load_clips(_MOTION.value)[:: _STRIDE.value]]
    ways = {f"{name}, {way}": call for name in _SOLVER.value for way, call in _ways(zoo.load(name)).items()}
    if _ACCURACY.value:
        print(evaluation.text_table(_errors(clips, ways), decimals=3))
    if _FRAMES.value:
        print(evaluation.text_table(_timed(clips, ways), decimals=4))
    print(f"load average {os.getloadavg()[0]:.1f}, {_THREADS.value} threads")


def _first(clip: Clip) -> Clip:
    """The first frames of a clip."""
    return dataclasses.replace(clip, poses=clip.poses[: _LONGEST.value], trans=clip.trans[: _LONGEST.value])


def _ways(solver: WindowSolver) -> dict[str, _Way]:
    """Functions of one motion."""
    example = {"joints": np.zeros([1, 1, 29, 3]), "joint_sigma": np.zeros([1, 1, 29]), "betas": np.zeros([1, 1, 10])}
    whole = graphs.compile_solver(solver, inputs=example)
    parts = graphs.compile_solver(solver, inputs={name: array[0] for name, array in example.items()}, motion=True)
    found: dict[str, _Way] = {}
    if _EVERY_WINDOW.value:
        former = {"frames": solver.frames, "step": solver.frames // 4}
        found[f"every window, step {former['step']}"] = functools.partial(windows.solve_motion, whole, **former)
    for step in _STEP.value or [solver.step]:
        found[f"once, step {step}"] = functools.partial(parts, step=step)
    if _COMPILED.value:
        windows.warm_up(solver, inputs=[*example], frames=solver.frames)
        for step in _STEP.value or [solver.step]:
            compiled = functools.partial(windows.solve_motion, solver, frames=solver.frames, step=step)
            found[f"once, step {step}, compiled"] = compiled
    return found


def _observed(clips: Sequence[Clip], level: int | str) -> list[tuple[_Arrays, np.ndarray, np.ndarray]]:
    """Inputs, true rotations and betas of the clips."""
    found = []
    if level == "xocc":
        runner = ClipRunner(body.mannequin(), data.occluded_motion, seed=0, batch_size=256, twist=False, betas="true")
        for clip in clips:
            seen = runner.observe(clip)
            found.append((seen.inputs, seen.truth["rotations"], seen.inputs["betas"]))
    else:
        poser = body.BodyPoser(body.mannequin())
        for clip in clips:
            seen = motion.observe(clip, poser=poser, noise_mm=level, seed=0)
            found.append((seen.inputs, seen.true_rotations, seen.inputs["betas"]))
    names = ("joints", "joint_sigma", "betas")
    zeros = {"joint_sigma": np.zeros(29, np.float32)}
    return [
        ({name: inputs.get(name, np.tile(zeros.get(name, 0), [len(true), 1])) for name in names}, true, betas)
        for inputs, true, betas in found
    ]


def _errors(clips: Sequence[Clip], ways: Mapping[str, _Way]) -> list[dict[str, object]]:
    """A row for each noise and way."""
    rows = []
    for level in (*_NOISE_MM.value, "xocc"):
        observed = _observed(clips, level)
        for name, way in ways.items():
            errors = [_error(way(inputs), true, betas) for inputs, true, betas in observed]
            means = {key: float(np.concatenate([one[key] for one in errors]).mean()) for key in errors[0]}
            rows.append({"noise mm": str(level), "way": name, **means})
    return rows


def _error(answer: _Arrays, true: np.ndarray, betas: np.ndarray) -> dict[str, np.ndarray]:
    """MPJPE, PA-MPJPE, ACCEL and the expected error, mm, of each frame."""
    rest = body.mannequin_joints()(betas)
    local = contract.local_rotations(answer)
    found, wanted = (kinematics.forward_kinematics(tf.constant(x, tf.float32), rest)[0].numpy() for x in (local, true))
    aligned = metrics.similarity_aligned(found[:, : skeletons.NUM_ROTATIONS], wanted[:, : skeletons.NUM_ROTATIONS])
    found, wanted = found[:, : skeletons.NUM_ROTATIONS], wanted[:, : skeletons.NUM_ROTATIONS]
    return {
        "MPJPE": 1000.0 * np.linalg.norm(found - wanted, axis=-1).mean(-1),
        "PA": 1000.0 * np.linalg.norm(aligned - wanted, axis=-1).mean(-1),
        "ACCEL": 1000.0 * np.linalg.norm(np.diff(found - wanted, 2, axis=0), axis=-1).mean(-1),
        "expected": 1000.0 * answer["expected_error"].mean(-1),
    }


def _timed(clips: Sequence[Clip], ways: Mapping[str, _Way]) -> list[dict[str, object]]:
    """A row for each way: the shortest time a frame, of the clock and of all processors, and the peak of memory."""
    parts = [inputs for inputs, _, _ in _observed(clips, 30)]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    places = np.arange(_FRAMES.value) % len(joined["joints"])
    inputs = {name: array[places] for name, array in joined.items()}
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for way in ways.values():
        way({key: array[:200] for key, array in inputs.items()})
    for _ in range(_ROUNDS.value):
        for name, way in ways.items():
            start, processor = time.perf_counter(), time.process_time()
            way(inputs)
            seconds[name].append((time.perf_counter() - start, time.process_time() - processor))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return [
        {
            "way": name,
            "frames": len(places),
            "ms a frame": 1000.0 * min(wall for wall, _ in found) / len(places),
            "processor ms a frame": 1000.0 * min(busy for _, busy in found) / len(places),
            "peak GB": peak,
        }
        for name, found in seconds.items()
    ]


if __name__ == "__main__":
    app.run(main)
