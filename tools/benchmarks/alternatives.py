"""Accuracy and time beside smplfitter and keypoints2body: python tools/benchmarks/alternatives.py --reference=PYTHON.

    python -m venv other && other/bin/pip install "smplfitter[pytorch]==0.6.0" keypoints2body==0.1.0
    python tools/benchmarks/alternatives.py --motion=MOCAP/val --reference=other/bin/python

PYTHON is one that has the two; without it, the rows of this package are measured alone. All fit the same body, the
mannequin, which the others read from files in SMPL's format (alternatives_files.py), to the same 24 joints of SMPL with
the same Gaussian noise, on one thread. Answers pose the true body, whether its betas were given (`true`) or found.

The others do not look for where the body faces, so they are given joints turned into the frame of the trunk, and their
answers are turned back. smplfitter is made for vertices: with joints alone, its vertices weigh almost nothing; the row
`vertices` has all 6,890 with the same noise, besides. keypoints2body wants a prior of poses and a mean pose, files that
are licensed: it is given the mixture of `map_fit`.

`frames` are single ones, each of a body of its own; `motions`, some of one body each, are for what sees time.
Optimisers are slow, so both are few. A frame has failed if the program raised an error or gave numbers that are not
finite.
"""

import functools
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = "1"  # before TensorFlow is imported

import numpy as np
from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    import alternatives_child
    import alternatives_files
    from alternatives_motion import Arrays, errors, motions, observe, single_frames
    from tqdm import tqdm

    import niki_tf
    from niki_tf import body, contract, evaluation, export, io, motion, skeletons
    from niki_tf.inference import graphs
    from niki_tf.motion import Clip
    from niki_tf.solvers import zoo

_MOTION = flags.DEFINE_string("motion", None, "Folder or pattern of .npz files; made motion if not given.")
_METHOD = flags.DEFINE_multi_string("method", [], "Names of the rows that are measured; all if not given.")
_FRAMES = flags.DEFINE_integer("frames", 24, "Single frames, spread over the clips.", lower_bound=1)
_MOTIONS = flags.DEFINE_integer("motions", 5, "Motions, spread over the clips.", lower_bound=1)
_LENGTH = flags.DEFINE_integer("length", 8, "Frames of a motion, from the middle of its clip.", lower_bound=2)
_NOISE_MM = flags.DEFINE_multi_integer("noise_mm", [0, 10, 30, 100], "Noise of the joints, once each.", lower_bound=0)
_REFERENCE = flags.DEFINE_string("reference", None, "A Python that has smplfitter and keypoints2body.")
_ACCURACY = flags.DEFINE_bool("accuracy", True, "Measure the errors.")
_TIMES = flags.DEFINE_bool("times", True, "Measure the times, on joints of the first noise; the machine must be idle.")
_OUTPUT = flags.DEFINE_string("output", None, "Folder for alternatives and alternatives_times, .json and .csv.")
_MADE_CLIPS, _MADE_FRAMES = 16, 120
_HERE = pathlib.Path(__file__).resolve().parent


class Method(NamedTuple):
    """A row of the tables."""

    name: str
    joints: int
    betas: str
    motion: bool
    bulk: bool


OTHERS = (
    Method("smplfitter", 24, "true", motion=False, bulk=True),
    Method("smplfitter", 24, "found", motion=False, bulk=True),
    Method("smplfitter, vertices", 24, "found", motion=False, bulk=True),
    Method("keypoints2body, world", 24, "true", motion=False, bulk=False),
    Method("keypoints2body, camera", 24, "found", motion=False, bulk=False),
    Method("smplfitter, one shape", 24, "found", motion=True, bulk=True),
    Method("keypoints2body, sequence", 24, "true", motion=True, bulk=False),
    Method("keypoints2body, sequence", 24, "found", motion=True, bulk=False),
)
OURS = (
    Method("analytic", 24, "true", motion=False, bulk=True),
    Method("one_stage+finish", 24, "true", motion=False, bulk=True),
    Method("one_stage+finish", 24, "found", motion=False, bulk=False),
    Method("map_fit", 24, "true", motion=False, bulk=True),
    Method("one_stage+finish, graph", 29, "true", motion=False, bulk=True),
    Method("one_stage+finish, LiteRT", 29, "true", motion=False, bulk=True),
    Method("temporal_prior+finish", 24, "true", motion=True, bulk=True),
    Method("temporal_prior+finish", 24, "found", motion=True, bulk=True),
)


def main(argv: Sequence[str]) -> None:
    """Measures what the flags ask for and prints the tables."""
    try:
        if argv[1:]:
            raise ValueError(f"flags only; got {' '.join(argv[1:])}")
        clips = _clips()
        with tempfile.TemporaryDirectory() as folder:
            _measure(clips, pathlib.Path(folder))
    except (ValueError, OSError) as error:
        sys.exit(f"alternatives.py: {error}")


def _measure(clips: Sequence[Clip], folder: pathlib.Path) -> None:
    """Writes the files, asks everyone, and prints and stores the tables."""
    wanted = _wanted()
    data = body.mannequin()
    alternatives_files.write_files(folder, body=data, prior=zoo.load("map_fit"))
    truths = {False: single_frames(clips, _FRAMES.value), True: motions(clips, _MOTIONS.value, _LENGTH.value)}
    levels = _NOISE_MM.value
    observed = {(over_time, level): observe(truth, level) for over_time, truth in truths.items() for level in levels}
    calls = {method: _call(method) for method in wanted if method in OURS}
    others = [method for method in wanted if method in OTHERS and _REFERENCE.value]
    if _ACCURACY.value:
        answers = _answers(calls, observed) | _others("solve", others, folder, observed, truths)
        rows = [_given(method) | errors(found, truths[method.motion]) for method, found in answers.items()]
        _show(rows, "alternatives")
    if _TIMES.value:
        timed = {
            method: alternatives_child.times(call, observed[method.motion, levels[0]], method._asdict())
            for method, call in tqdm(calls.items(), unit="method", disable=not calls)
        }
        timed |= _others("time", others, folder, observed, truths)
        columns = ("one", "bulk")
        rows = [
            _given(method) | {f"ms a frame, {column}": found[column] for column in columns}
            for method, found in timed.items()
        ]
        _show(rows, "alternatives_times")
        print(f"Load average {os.getloadavg()[0]:.1f}.")


def _given(method: Method) -> dict[str, Any]:
    """The first columns of a row."""
    return {"method": method.name, "joints": method.joints, "betas": method.betas}


def _show(rows: list[dict[str, Any]], name: str) -> None:
    print(evaluation.markdown_table(rows, decimals=2 if "times" in name else 1))
    if _OUTPUT.value:
        evaluation.write_json(rows, pathlib.Path(_OUTPUT.value, f"{name}.json"))
        evaluation.write_csv(rows, pathlib.Path(_OUTPUT.value, f"{name}.csv"))


def _wanted() -> list[Method]:
    """The rows that are asked for; ValueError if there is none of such a name."""
    known = {method.name for method in (*OURS, *OTHERS)}
    if strange := set(_METHOD.value) - known:
        raise ValueError(f"`method` must be one of {', '.join(sorted(known))}; got {', '.join(sorted(strange))}.")
    return [method for method in (*OURS, *OTHERS) if not _METHOD.value or method.name in _METHOD.value]


def _clips() -> list[Clip]:
    if _MOTION.value:
        return list(io.load_clips(_MOTION.value))
    return [motion.made_motion(seed, frames=_MADE_FRAMES) for seed in range(_MADE_CLIPS)]


def _call(method: Method) -> Callable[..., np.ndarray]:
    """The method as a function from what `observe` gives to local rotations (S, T, 24, 3, 3)."""
    solver, _, way = method.name.partition(", ")
    if way:
        return functools.partial(_by_itself, _WAYS[way](zoo.load(solver)))
    name, _, finish = solver.partition("+")
    how = {"solver": name, "finish": "full" if finish else "off", "skeleton": "smpl_24", "unit": "m", "up": "y"}
    if not method.motion:
        how |= {"smoothing": "off", "ground": "off"}
    return functools.partial(_solve, how=how, at_once=method.bulk and not method.motion)


def _solve(observed: Arrays, *, betas: str, how: dict[str, Any], at_once: bool) -> np.ndarray:
    """By `niki_tf.solve`, motion by motion, or single frames all `at_once`."""
    joints, shapes = observed["joints"][:, :, : skeletons.NUM_ROTATIONS], observed["betas"]
    if at_once:
        return niki_tf.solve(joints[:, 0], betas=shapes, **how).rotations[:, None]
    given = shapes if betas == "true" else [None] * len(joints)
    return np.stack([niki_tf.solve(some, betas=own, **how).rotations for some, own in zip(joints, given, strict=True)])


def _graph(solver: Any) -> graphs.ArrayFunction:
    inputs = {"joints": np.zeros([1, skeletons.NUM_JOINTS, 3]), "betas": np.zeros([1, solver.body_joints.num_betas])}
    return graphs.compile_solver(solver, inputs=inputs)


def _litert(solver: Any) -> graphs.ArrayFunction:
    from ai_edge_litert.interpreter import Interpreter

    with quiet_start():
        interpreter = Interpreter(model_content=export.litert(solver), num_threads=1)
    runner = interpreter.get_signature_runner("ik_full")

    def run(given: Arrays) -> Arrays:
        frames = len(given["joints"])
        not_known = {name: np.zeros([frames, *contract.INPUTS[name]]) for name in ("joint_sigma", "twist")}
        return runner(**{name: array.astype(np.float32) for name, array in {**given, **not_known}.items()})

    return run


_WAYS = {"graph": _graph, "LiteRT": _litert}
"""End of a name -> what makes a function of arrays of a solver of single frames, which is given the 29 joints."""


def _by_itself(run: graphs.ArrayFunction, observed: Arrays, *, betas: str) -> np.ndarray:
    """By a solver of single frames itself, of true betas."""
    joints = observed["joints"][:, 0]
    answer = run({"joints": joints - joints[:, :1], "betas": observed["betas"]})
    return contract.local_rotations(answer)[:, None]


def _answers(calls: dict[Method, Callable[..., np.ndarray]], observed: dict[Any, Arrays]) -> dict[Any, Any]:
    """Rotations of this package's methods by method and noise."""
    return {
        method: {level: call(observed[method.motion, level], betas=method.betas) for level in _NOISE_MM.value}
        for method, call in tqdm(calls.items(), unit="method", disable=not calls)
    }


def _others(
    task: str,
    methods: Sequence[Method],
    folder: pathlib.Path,
    observed: dict[Any, Arrays],
    truths: dict[bool, Arrays],
) -> dict[Any, Any]:
    """Of methods of the other programs: rotations by method and noise, or times by method."""
    if not methods:
        return {}
    for (over_time, level), seen in observed.items():
        given = {"joints": seen["joints"][:, :, : skeletons.NUM_ROTATIONS] @ seen["turns"], "betas": seen["betas"]}
        if not over_time:
            given["vertices"] = _vertices(truths[over_time], level) @ seen["turns"]
        np.savez(folder / f"{'motions' if over_time else 'frames'}_{level}.npz", **given)
    found = _run(folder, {"task": task, "methods": [way._asdict() for way in methods], "levels": _NOISE_MM.value})
    print(", ".join(f"{name} {version}" for name, version in found["versions"].items()))
    if task == "time":
        return dict(zip(methods, found["times"], strict=True))
    answers: dict[Any, Any] = {method: {} for method in methods}
    with np.load(folder / "answers.npz") as file:
        for method, level in itertools.product(methods, _NOISE_MM.value):
            local = file[f"{method.name}|{method.betas}|{level}"]
            local[:, :, 0] = observed[method.motion, level]["turns"] @ local[:, :, 0]
            answers[method][level] = local
    return answers


def _vertices(truth: Arrays, level: int) -> np.ndarray:
    """The vertices (S, T, 6890, 3) with noise of `level` mm on each axis, in the order of the file."""
    vertices = truth["vertices"][:, :, alternatives_files.vertex_order(body.mannequin())]
    return (vertices + level / 1000 * np.random.default_rng(1).standard_normal(vertices.shape)).astype(np.float32)


def _run(folder: pathlib.Path, request: dict[str, Any]) -> dict[str, Any]:
    """The answer of the other Python, in the folder of the files; ValueError if it fails."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "SMPLFITTER_BODY_MODELS": str(folder)}
    environment.pop("PYTHONPATH", None)
    command = [os.path.abspath(_REFERENCE.value), str(_HERE / "alternatives_child.py"), json.dumps(request)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder)
    if done.returncode:
        raise ValueError(f"`reference` must be a Python with smplfitter and keypoints2body; {command[0]} failed.")
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    app.run(main)
