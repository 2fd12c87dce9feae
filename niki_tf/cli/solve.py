"""Turns joints of any program, or motion, into a posed body: files or whole folders in; motion and pictures out.

Examples:
    niki-tf solve                           a made motion: analytic inverse kinematics against NIKI, and a picture
    niki-tf solve --input=walk.json         joints: MediaPipe, OpenPose, COCO, BVH, C3D, TRC, CSV, NumPy; or motion
    niki-tf solve --input=joints.npy --skeleton=coco_17 --format=bvh --format=mp4
    niki-tf solve --input=IN --output=OUT   all files below a folder; run again, it goes on where it was stopped

A line of JSON on stdout tells what was found of each person: frames, unit, axis that is up, size, distances.
"""

import contextlib
import dataclasses
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

from absl import flags, logging

from niki_tf import files, motion
from niki_tf.cli import body_flag, solve_files, solve_folders
from niki_tf.cli.solve_demo import Demo
from niki_tf.inference import saving
from niki_tf.inference.solve import STRENGTHS
from niki_tf.skeletons import axes, bone_names

_FORMATS = [ending[1:] for ending in saving.SAVERS]

_INPUT = flags.DEFINE_string("input", None, "File, folder or pattern, of joints or of motion; else a demo is run.")
_SKELETON = flags.DEFINE_string(
    "skeleton", None, "Joint set of files that do not tell it: a name such as coco_17, a .json or regressor .npy file."
)
_OUTPUT = flags.DEFINE_string("output", "output", "Folder for what is written.")
_FORMAT = flags.DEFINE_multi_enum("format", ["npz", "png"], _FORMATS, "What is written; may be given several times.")
_UNIT = flags.DEFINE_string("unit", None, f"Unit of joints, {', '.join(axes.UNITS)} or metres; else recognised.")
_UP = flags.DEFINE_enum("up", None, [*axes.AXES], "Axis that is up; recognised if not given.")
_SWAP_SIDES = flags.DEFINE_bool("swap_sides", default=False, help="Joints called left are right ones.")
_MIRROR = flags.DEFINE_bool("mirror", default=False, help="The joints' axes are left-handed.")
_FINISH = flags.DEFINE_enum("finish", "full", [*STRENGTHS], "Strength of the exact finish.")
_SMOOTHING = flags.DEFINE_enum("smoothing", "full", [*STRENGTHS], "Strength of smoothing over time.")
_MODEL = flags.DEFINE_string("model", None, "A shipped solver or a folder with model.keras; else by the frames.")
_FPS = flags.DEFINE_float("fps", None, "Frames per second of files that do not tell it.", lower_bound=1e-3)
_BETAS = flags.DEFINE_string("betas", None, "Shape: found, zeros, numbers, a file; else the input's, or found.")
_TRANS = flags.DEFINE_enum("trans", "transl", motion.TRANS_CONVENTIONS, "What `trans` is in a file without that key.")
_NOISE_MM = flags.DEFINE_float("noise_mm", None, "Noise on joints of motion, mm; of the demo 30.", lower_bound=0.0)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the noise, and of the demo's motion.", lower_bound=0)
_FRAMES = flags.DEFINE_integer("frames", None, "Use only so many frames (of the demo 120).", lower_bound=1)
_BONE_NAMES = flags.DEFINE_enum("bone_names", "smpl", [*bone_names.BONE_NAMES], "Names in .bvh and .glb files.")
flags.adopt_module_key_flags(body_flag)


def main(argv: list[str]) -> None:
    """Runs the demonstration, or solves what --input leads to."""
    if argv[1:]:
        sys.exit(f"solve takes flags only; got {' '.join(argv[1:])}. A file goes into --input.")
    try:
        output, data = files.output_folder(_OUTPUT.value), body_flag.body_data()
        if _INPUT.value is None:
            print(_demo(output).run(data))
            return
        if "mp4" in _FORMAT.value:
            _check_video()
        options = _options()
        todo = solve_folders.jobs(_INPUT.value, output)
        solver = solve_files.FileSolver(options, data)
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"solve: {error}")
    _solve(todo, solver, output)


def _solve(todo: list[solve_folders.Job], solver: solve_files.FileSolver, output: pathlib.Path) -> None:
    """Solves the files and ends the program: 1 if one was bad, 130 if it was stopped."""
    options = dataclasses.asdict(solver.options)
    try:
        with _quiet_log():
            bad = solve_folders.solve_all(todo, solver, output=output, options=options, say=_say)
    except KeyboardInterrupt:
        sys.exit(130)
    if bad:
        sys.exit(1)


def _say(line: str) -> None:
    print(f"solve: {line}", file=sys.stderr)


@contextlib.contextmanager
def _quiet_log() -> Iterator[None]:
    """Warnings stand in the lines of JSON, not in the log besides."""
    before = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _demo(output: pathlib.Path) -> Demo:
    demo = Demo(output=output, finish=_FINISH.value, seed=_SEED.value, video="mp4" in _FORMAT.value)
    given: dict[str, Any] = {"model": _MODEL.value, "frames": _FRAMES.value, "noise_mm": _NOISE_MM.value}
    return dataclasses.replace(demo, **{name: value for name, value in given.items() if value is not None})


def _options() -> solve_files.Options:
    return solve_files.Options(
        formats=tuple(dict.fromkeys(_FORMAT.value)),
        skeleton=_SKELETON.value,
        unit=_UNIT.value,
        up=_UP.value,
        swap_sides=_SWAP_SIDES.value,
        mirror=_MIRROR.value,
        finish=_FINISH.value,
        smoothing=_SMOOTHING.value,
        model=_MODEL.value,
        fps=_FPS.value,
        betas=_BETAS.value,
        trans=_TRANS.value,
        noise_mm=_NOISE_MM.value or 0.0,
        seed=_SEED.value,
        frames=_FRAMES.value,
        body=body_flag.BODY.value,
        bone_names=_BONE_NAMES.value,
    )


def _check_video() -> None:
    """ImportError if videos cannot be written."""
    try:
        import av  # noqa: F401
    except ImportError:
        raise ImportError('videos are written by PyAV, which is not installed: pip install "niki-tf[video]"') from None
