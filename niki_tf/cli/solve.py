"""Turns joints of any program, motion, photographs or videos into a posed body: motion and pictures out.

Examples:
    niki-tf solve                           a made motion: analytic inverse kinematics against NIKI, and a picture
    niki-tf solve --input=walk.json         joints: MediaPipe, OpenPose, COCO, BVH, C3D, TRC, CSV, NumPy; or motion
    niki-tf solve --input=joints.npy --skeleton=coco_17 --format=bvh --format=mp4
    niki-tf solve --input=photo.jpg         the person in a photograph or video, and the body drawn over it (_overlay)
    niki-tf solve --input=video.mp4 --person=all --start=3 --end=8
    niki-tf solve --input=IN --output=OUT   all files below a folder; run again, it goes on where it was stopped
    niki-tf solve --input='gs://IN/*.npz' --output=gs://OUT --runner=beam --beam_args='--runner=DataflowRunner ...'

A line of JSON on stdout tells what was found of each person: frames, unit, axis that is up, size, distances.
"""

import contextlib
import dataclasses
import logging
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

from absl import flags

from niki_tf import files, motion
from niki_tf.cli import body_flag, memory_flag, solve_files, solve_folders, solve_pictures
from niki_tf.cli.solve_demo import Demo
from niki_tf.inference import on_ground, saving
from niki_tf.inference.solve import STRENGTHS
from niki_tf.log import logger
from niki_tf.skeletons import axes, bone_names
from niki_tf.vision import blazepose

_FORMATS = [ending[1:] for ending in saving.SAVERS]

_INPUT = flags.DEFINE_string("input", None, "File, folder or pattern: joints, motion, pictures, videos; else a demo.")
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
_GROUND = flags.DEFINE_enum("ground", None, [*on_ground.WAYS], "Where feet stand; found if up is certain.")
_MODEL = flags.DEFINE_string("model", None, "A shipped solver or a folder with model.keras; else by the frames.")
_FPS = flags.DEFINE_float("fps", None, "Frames per second of files that do not tell it.", lower_bound=1e-3)
_BETAS = flags.DEFINE_string("betas", None, "Shape: found, zeros, numbers, a file; else the input's, or found.")
_TRANS = flags.DEFINE_enum("trans", "transl", motion.TRANS_CONVENTIONS, "What `trans` is in a file without that key.")
_NOISE_MM = flags.DEFINE_float("noise_mm", None, "Noise on joints of motion, mm; of the demo 30.", lower_bound=0.0)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the noise, and of the demo's motion.", lower_bound=0)
_FRAMES = flags.DEFINE_integer("frames", None, "Use only so many frames (of the demo 120).", lower_bound=1)
_BONE_NAMES = flags.DEFINE_enum("bone_names", "smpl", [*bone_names.BONE_NAMES], "Names in .bvh and .glb files.")
_PERSON = flags.DEFINE_string("person", "largest", "Of pictures: largest, all, or a number, the largest being 0.")
_FOCAL = flags.DEFINE_float("focal", None, "Of pictures: focal length, pixels; else EXIF's, or guessed.")
_LANDMARKS = flags.DEFINE_enum("landmarks", None, [*blazepose.SIZES], "Of pictures: network; else the best fetched.")
_IMAGE_NETWORK = flags.DEFINE_string(
    "image_network", None, "Of pictures: folder or name of a network that tells joints; else BlazePose does."
)
_START = flags.DEFINE_float("start", 0.0, "Of videos: seconds at which to begin.", lower_bound=0.0)
_END = flags.DEFINE_float("end", None, "Of videos: seconds at which to stop.", lower_bound=0.0)
_STRIDE = flags.DEFINE_integer("stride", 1, "Of videos: look at every n-th frame.", lower_bound=1)
_RUNNER = flags.DEFINE_enum("runner", "local", ["local", "beam"], "Who solves files: this process, or Apache Beam.")
_BEAM_ARGS = flags.DEFINE_string("beam_args", "", "Arguments of Beam, such as --runner=FlinkRunner; else it runs here.")
_LOG_JSON = flags.DEFINE_string(
    "log_json", None, "File to which a line of JSON is added for every file: how it ended, why and how long it took."
)
flags.adopt_module_key_flags(body_flag)
flags.adopt_module_key_flags(memory_flag)


def main(argv: list[str]) -> None:
    """Runs the demonstration, or solves what --input leads to."""
    if argv[1:]:
        sys.exit(f"solve takes flags only; got {' '.join(argv[1:])}. A file goes into --input.")
    if _RUNNER.value == "beam":
        sys.exit(_solve_by_beam())
    try:
        memory = memory_flag.memory()
        output, data = files.output_folder(_OUTPUT.value), body_flag.body_data()
        if _INPUT.value is None:
            print(_demo(output).run(data))
            return
        if "mp4" in _FORMAT.value:
            _check_video()
        todo = solve_folders.jobs(_INPUT.value, output)
        solver = _Solver(solve_files.FileSolver(_options(), data, memory), _picture_options())
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"solve: {error}")
    _solve(todo, solver, output)


class _Solver:
    """Solves files of every kind."""

    def __init__(self, solver: solve_files.FileSolver, options: solve_pictures.PictureOptions) -> None:
        self.options = dataclasses.asdict(solver.options) | dataclasses.asdict(options)
        self._of_joints, self._of_pictures = solver, solve_pictures.PictureSolver(solver, options)

    def __call__(self, path: pathlib.Path, target: pathlib.Path) -> list[solve_files.Line]:
        return (self._of_pictures if solve_pictures.is_seen(path) else self._of_joints)(path, target)


def _solve(todo: list[solve_folders.Job], solver: _Solver, output: pathlib.Path) -> None:
    """Solves the files, several of them alone in the folder, and ends the program with 1 if one was bad."""
    with _quiet_log(), contextlib.ExitStack() as held:
        try:
            if len(todo) > 1:
                held.enter_context(files.sole_use(output, name="output"))
            bad = solve_folders.solve_all(
                todo, solver, output=output, options=solver.options, say=_say, log=_LOG_JSON.value
            )
        except (ValueError, OSError) as error:
            sys.exit(f"solve: {error}")
    if bad:
        sys.exit(1)


def _solve_by_beam() -> int:
    """Has Apache Beam solve the files, and gives the exit status."""
    try:
        if _INPUT.value is None:
            raise ValueError("`input` must be given with --runner=beam: files of joints or motion.")
        from niki_tf.cli import solve_beam

        return int(solve_beam.solve(_INPUT.value, _OUTPUT.value, _options(), arguments=_BEAM_ARGS.value) > 0)
    except (ValueError, OSError, ImportError) as error:
        cure = ': pip install "niki-tf[beam]"' if isinstance(error, ImportError) else ""
        sys.exit(f"solve: {error}{cure}")


def _say(line: str) -> None:
    print(f"solve: {line}", file=sys.stderr)


@contextlib.contextmanager
def _quiet_log() -> Iterator[None]:
    """Warnings stand in the lines of JSON, not in the log besides."""
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


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
        ground=_GROUND.value,
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


def _picture_options() -> solve_pictures.PictureOptions:
    return solve_pictures.PictureOptions(
        person=_PERSON.value,
        focal=_FOCAL.value,
        landmarks=_LANDMARKS.value,
        image_network=_IMAGE_NETWORK.value,
        start=_START.value,
        end=_END.value,
        stride=_STRIDE.value,
    )


def _check_video() -> None:
    """ImportError if videos cannot be written."""
    try:
        import av  # noqa: F401
    except ImportError:
        raise ImportError('videos are written by PyAV, which is not installed: pip install "niki-tf[video]"') from None
