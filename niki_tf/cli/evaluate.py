"""Measures solvers by a protocol; prints tables and writes them, a figure where there is one, and records.

Examples:
    niki-tf evaluate --motion=DIR --solver=analytic --solver=saved_models/one_stage
    niki-tf evaluate --motion=DIR --protocol=xocc --solver=analytic+savgol --solver=saved_models/temporal
    niki-tf evaluate --motion=DIR --protocol=gaps --gaps=1,5,15 --parts=joint,limb --noise_mm=0,30 --stream
    niki-tf evaluate --protocol=images --images=SET --freeze_backbone=DIR --solver=analytic --solver=DIR

Protocols: noise, the error over the noise of the joints; xocc, on occluded motion; on the same motion collisions,
triangles of the body that intersect, and occlusion_levels, what is gained per share of the body that is hidden;
sensitivity, the error when one joint or part is hidden; error_score, how well scores of an answer tell the errors of
the joints; round_trip, from pose to joints and back; embedding, whether z is normal; world, where the body stands;
joint_sets, from the points of other programs' joint sets; bones, the error of a shape that is found, without solvers;
gaps, frames in which nothing or a part is seen; half_body, legs that are never seen; denoising, DPoser's; rates, other
frame rates; calibration, whether joints are as far off as expected; images, behind a network of images, on clips that
prepare_images has drawn. A solver is a shipped one or a folder, with `+finish` for the exact finish and, in most
protocols, the end of a filter of the joints over time; in joint_sets `+renamed` for points that are renamed to joints.
"""

import pathlib
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from absl import flags

from niki_tf import body, contract, data, drawing, evaluation, files, io, skeletons, solvers, vision
from niki_tf.cli import (
    body_flag,
    deterministic_flag,
    frozen_backbone,
    image_methods,
    image_solver_flag,
    memory_flag,
    run_record,
)
from niki_tf.evaluation import figures, records
from niki_tf.evaluation.protocols import gaps, given_shape, joint_sets, lost_joints, rates
from niki_tf.motion import TRANS_CONVENTIONS, Clip
from niki_tf.solvers import zoo

_PROTOCOL = flags.DEFINE_enum(
    "protocol",
    "noise",
    [*evaluation.PROTOCOLS],
    "What is measured; see niki_tf/evaluation/protocols/.",
)
_MOTION = flags.DEFINE_string("motion", None, "Folder, file or pattern of motion in AMASS's layout.")
_STRIDE = flags.DEFINE_integer(
    "stride", 1, "Use every n-th frame of all clips; in protocols of whole motions every n-th clip.", lower_bound=1
)
_SOLVER = flags.DEFINE_multi_string(
    "solver",
    ["analytic"],
    f"NAME or FOLDER[+finish][{'|'.join([*evaluation.FILTERS, joint_sets.RENAMED])}], once a solver.",
)
_NOISE = flags.DEFINE_enum(
    "noise",
    "isotropic",
    ["isotropic", "estimator"],
    "Protocol noise: errors of one size on all joints, or an estimator's.",
)
_SIGMA = flags.DEFINE_bool("sigma", default=False, help="Protocol noise: give the sigma that the estimator reports.")
_ABSENT = flags.DEFINE_float("absent", 0.0, "Protocol noise: probability that a joint of a frame is absent.")
_CLEAN = flags.DEFINE_bool("clean", default=False, help="Protocols of occluded clips: observe every joint as it is.")
_ALIGNMENT = flags.DEFINE_enum(
    "alignment", "14", [*evaluation.ALIGNMENTS], "Protocol xocc: joints that PA-MPJPE is aligned by."
)
_VIDEO = flags.DEFINE_bool("video", default=False, help="Protocol xocc: write a video of the hardest clip.")
_SKELETON = flags.DEFINE_multi_enum(
    "skeleton", None, [*skeletons.POINT_SETS], "Protocol joint_sets: a joint set, once each; all if not given."
)
_GAPS = flags.DEFINE_list("gaps", [*map(str, gaps.GAPS)], "Protocol gaps: frames that are lost.")
_PARTS = flags.DEFINE_list("parts", ["all"], f"Protocol gaps: what is lost, of {', '.join(lost_joints.PARTS)}.")
_NOISE_MM = flags.DEFINE_list(
    "noise_mm", [f"{gaps.NOISE_MM:g}"], "Protocol gaps: noise of the joints, mm on each axis."
)
_STREAM = flags.DEFINE_bool("stream", default=False, help="Protocol gaps: measure live solving, too.")
_RATES = flags.DEFINE_list("rates", [f"{fps:g}" for fps in rates.RATES], "Protocol rates: frames per second.")
_TRANS = flags.DEFINE_enum("trans", "transl", TRANS_CONVENTIONS, "What `trans` is in a file without that key.")
_GROUND = flags.DEFINE_bool(
    "ground", default=False, help="Protocol world: ask niki_tf.solve, without a ground and with one that it finds."
)
_TWIST = flags.DEFINE_bool("twist", default=True, help="Give the twist to the solvers that use one.")
_BETAS = flags.DEFINE_enum(
    "betas",
    "true",
    [*given_shape.BETAS],
    "Shape that solvers are given; found: from the joints. Answers pose the true body.",
)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the random shapes and errors.", lower_bound=0)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 256, "Frames at a time; does not change the result.", lower_bound=1)
_SKIP_BAD = flags.DEFINE_bool("skip_bad", default=False, help="Leave bad motion files out instead of stopping.")
_OUTPUT = flags.DEFINE_string("output", "output/evaluation", "Folder for the .json, .csv and .png files.")
_RECORD = flags.DEFINE_string(
    "record", None, "Write the rows as the record of this name into each solver's results.json, for the documents."
)
flags.adopt_module_key_flags(body_flag)
flags.adopt_module_key_flags(deterministic_flag)
flags.adopt_module_key_flags(frozen_backbone)
flags.adopt_module_key_flags(image_solver_flag)
flags.adopt_module_key_flags(memory_flag)

_OF_IMAGES = (frozen_backbone.IMAGES, frozen_backbone.FREEZE_BACKBONE, image_solver_flag.IMAGE_SOLVER)
_NEED = memory_flag.Need(first=2.5e8, frame=4e3, at_once=2e6)
"""Bytes of measuring: 56 frames at a time took 203 MB, 256 took 567, of which the meshes are most."""
_OCCLUDED = ("xocc", "collisions", "occlusion_levels")
"""Protocols of occluded clips."""
_HIDING = (*_OCCLUDED, "sensitivity")
"""Protocols in which joints are hidden, and the twist with them."""
_OBSERVING = ("noise", *_HIDING, "error_score", "world")
_TRUE_BETAS = ("gaps", "half_body", "denoising", "calibration", "rates")
"""Protocols of whole motions that give the true betas and no twist."""
_OF_CLIPS = (*_HIDING, "world", "joint_sets", "bones", "images", *_TRUE_BETAS)
_PROTOCOLS_OF: tuple[tuple[flags.FlagHolder, tuple[str, ...]], ...] = (
    *((flag, ("noise",)) for flag in (_NOISE, _SIGMA, _ABSENT)),
    (_CLEAN, _OCCLUDED),
    *((flag, ("xocc",)) for flag in (_ALIGNMENT, _VIDEO)),
    (_SKELETON, ("joint_sets",)),
    *((flag, ("gaps",)) for flag in (_GAPS, _PARTS, _NOISE_MM, _STREAM)),
    (_RATES, ("rates",)),
    (_GROUND, ("world",)),
    *((flag, ("images",)) for flag in _OF_IMAGES),
    (_TRANS, _TRUE_BETAS),
    (_TWIST, _OBSERVING),
    (_BETAS, (*_OBSERVING, "joint_sets")),
)
"""The flags that only some protocols have, each with those protocols."""
_FILTERING = ("noise", *_HIDING, *(name for name in _TRUE_BETAS if name != "calibration"))
_ENDS = {**dict.fromkeys(_FILTERING, evaluation.FILTERS), "joint_sets": (joint_sets.RENAMED,)}
"""The ends of solvers' names, besides `+finish`, that protocols know."""
_SHOWN: tuple[flags.FlagHolder, ...] = (
    *(
        _PROTOCOL,
        _MOTION,
        *_OF_IMAGES,
        _TRANS,
        _STRIDE,
        _SKELETON,
        _SOLVER,
        _NOISE,
        _SIGMA,
        _ABSENT,
        _CLEAN,
        _ALIGNMENT,
    ),
    *(_GAPS, _PARTS, _NOISE_MM, _STREAM, _RATES, _GROUND, _TWIST, _BETAS),
    *(body_flag.BODY, _SEED, _BATCH_SIZE, _SKIP_BAD, _RECORD),
)
"""The flags that the command of a record shows."""


def main(argv: list[str]) -> None:
    """Checks everything, measures, prints and writes."""
    if argv[1:]:
        sys.exit(f"evaluate takes flags only; got {' '.join(argv[1:])}.")
    deterministic_flag.apply()
    protocol = evaluation.PROTOCOLS[_PROTOCOL.value]
    try:
        _check_flags()
        options = _options()
        output, measured = _prepared()
        run = _run(measured["clips"])
        rows = protocol.rows(**measured, **options, progress=True)
    except (ValueError, OSError, ModuleNotFoundError, FloatingPointError) as error:
        sys.exit(f"evaluate: {error}")
    written = [output / f"{_PROTOCOL.value}.{ending}" for ending in ("json", "csv")]
    evaluation.write_json(rows, written[0])
    evaluation.write_csv(rows, written[1])
    frames = f"{rows[0]['frames']} frames of {_MOTION.value or ' and '.join(flags.FLAGS.images)}"
    print(f"\n{_caption()}: {frames}{_given()}.\n\n{protocol.tables(rows)}")
    if protocol.figure:
        written.append(output / f"{_PROTOCOL.value}.png")
        protocol.figure(rows, written[-1], title=f"{_caption()}\n{frames}")
    if _PROTOCOL.value == "noise":
        written.append(output / "noise.png")
        evaluation.noise_figure(rows, written[-1], title=f"Error over {_joint_errors_in_words()}\n{frames}")
    if _PROTOCOL.value == "xocc":
        written += _write_hardest_clip(output, measured, options)
    if _RECORD.value:
        try:
            written += records.record(rows, run, name=_RECORD.value, network=_network_folder())
        except (ValueError, OSError) as error:
            sys.exit(f"evaluate: {error}")
    print("\nWritten: " + ", ".join(map(str, written)))


def _check_flags() -> None:
    """Raises ValueError for a flag of another protocol, or a name of a record that is none."""
    for flag, protocols in _PROTOCOLS_OF:
        if _PROTOCOL.value not in protocols and flag.value != flag.default:
            wanted = f"--protocol={', '.join(protocols)}; got --protocol={_PROTOCOL.value}"
            raise ValueError(f"`--{flag.name}` is for {wanted}. Leave it out.")
    if (_MOTION.value is None) != (_PROTOCOL.value == "images"):
        wanted = "left out" if _PROTOCOL.value == "images" else "given, a folder or file in AMASS's layout"
        raise ValueError(f"`motion` must be {wanted}, for --protocol={_PROTOCOL.value}; got {_MOTION.value}.")
    if _PROTOCOL.value == "bones" and _SOLVER.present:
        raise ValueError("`--solver` is for the protocols that solve for poses; got --protocol=bones. Leave it out.")
    if _RECORD.value is not None and not re.fullmatch("[a-z0-9_]+", _RECORD.value):
        raise ValueError(f"`record` must be a name of a-z, 0-9 and _; got {_RECORD.value!r}.")


def _options() -> dict[str, Any]:
    """The arguments of the protocol that the flags describe, besides those of every protocol."""
    if _PROTOCOL.value in ("round_trip", "bones", "images"):
        return {}
    if _PROTOCOL.value == "embedding":
        return {"estimate": data.estimate}
    if _PROTOCOL.value == "calibration":
        return {"occlude": data.occluded_motion}
    if _PROTOCOL.value == "joint_sets":
        renamed = [name for name in _SOLVER.value if name.endswith(joint_sets.RENAMED)]
        return {"betas": _BETAS.value, "renamed": renamed, "point_sets": _SKELETON.value or joint_sets.SETS}
    given: dict[str, Any] = {"twist": _TWIST.value, "betas": _BETAS.value}
    if _PROTOCOL.value == "world":
        return {**given, "ground": _GROUND.value}
    if _PROTOCOL.value == "error_score":
        return given
    named = {name: zoo.parse_name(name, filters=evaluation.FILTERS).filter for name in _SOLVER.value}
    filters = {name: evaluation.FILTERS[end] for name, end in named.items() if end}
    if _PROTOCOL.value in _TRUE_BETAS:
        return {"filters": filters, **_lists()}
    given["filters"] = filters
    if _PROTOCOL.value == "sensitivity":
        return {**given, "hide": data.hidden_motion}
    if _PROTOCOL.value in _OCCLUDED:
        given["occlude"] = None if _CLEAN.value else data.occluded_motion
        return {**given, "alignment": _ALIGNMENT.value} if _PROTOCOL.value == "xocc" else given
    estimate = data.estimate if _NOISE.value == "estimator" else None
    errors = evaluation.JointErrors(estimate=estimate, sigma=_SIGMA.value, absent=_ABSENT.value)
    return {**given, "errors": errors}


def _lists() -> dict[str, Any]:
    """The arguments of the protocols gaps and rates, from flags that are lists."""
    if _PROTOCOL.value == "gaps":
        frames, noise = _numbers(_GAPS, int), _numbers(_NOISE_MM, float)
        return {"gaps": frames, "noise_mm": noise, "parts": _PARTS.value, "stream": _STREAM.value}
    return {"rates": _numbers(_RATES, float)} if _PROTOCOL.value == "rates" else {}


def _numbers(flag: flags.FlagHolder, kind: Callable[[str], float]) -> list[float]:
    """The numbers of a flag that is a list; ValueError if one is none."""
    try:
        return [kind(text) for text in flag.value]
    except ValueError:
        raise ValueError(
            f"`{flag.name}` must be numbers with commas between them; got {','.join(flag.value)}."
        ) from None


def _prepared() -> tuple[pathlib.Path, dict[str, Any]]:
    """Output folder, and the arguments of every protocol; cheap checks first, before any work."""
    ends = _ENDS.get(_PROTOCOL.value, ())
    parsed = {name: zoo.parse_name(name, filters=ends) for name in _SOLVER.value}
    names = {name: parts.base + zoo.FINISH * parts.finish for name, parts in parsed.items()}
    for name in names.values():
        zoo.check_solver(name)
    memory = memory_flag.memory()
    output, body_data = files.output_folder(_OUTPUT.value), body_flag.body_data()
    clips = _image_clips() if _PROTOCOL.value == "images" else _clips()
    body_joints = body_data.body_joints()
    if _PROTOCOL.value == "images":
        compared = image_methods.load_solvers(names, body_joints)
    else:
        compared = {name: zoo.load(base, body_joints=body_joints) for name, base in names.items()}
    needy = [name for name, solver in compared.items() if solver.needs_twist]
    if needy and not _TWIST.value:
        raise ValueError(f"`twist` must be given to {needy[0]}, which cannot guess it; leave --notwist out.")
    frames = sum(len(clip.rotations if isinstance(clip, evaluation.ImageClip) else clip) for clip in clips)
    frames //= _STRIDE.value
    batch_size = memory.at_once(frames, _NEED, usual=_BATCH_SIZE.value, least=1, cure="Or take fewer by --stride.")
    numbers = {"stride": _STRIDE.value, "seed": _SEED.value, "batch_size": batch_size}
    return output, {"clips": clips, "solvers": compared, "body": body_data, **numbers}


def _clips() -> Sequence[Clip]:
    return io.load_clips(flags.FLAGS.motion, skip_bad=_SKIP_BAD.value, trans=_TRANS.value)


def _network_folder() -> pathlib.Path | None:
    """The folder of the network that all solvers stand behind, in the protocol that has one."""
    return (
        vision.find_image_model(flags.FLAGS.freeze_backbone, argument="freeze_backbone")
        if _PROTOCOL.value == "images"
        else None
    )


def _image_clips() -> list[evaluation.ImageClip]:
    """What the network of --freeze_backbone says of each clip of all sets, and what is true."""
    model, found = frozen_backbone.needed(), []
    for folder in flags.FLAGS.images:
        said, name = frozen_backbone.seen(model, folder), pathlib.PurePath(folder).name
        posed = {one: frozen_backbone.posed(one, folder) for one in flags.FLAGS.image_solver}
        for number in np.unique(said.clips):
            some = said.clips == number
            inputs = {key: getattr(said, key)[some] for key in (*contract.INPUTS, *contract.HEAT)}
            answers = {one: (turns[some], betas[some]) for one, (turns, betas) in posed.items()}
            found.append(evaluation.ImageClip(name, inputs, said.true_rotations[some], said.true_betas[some], answers))
    return found


def _caption() -> str:
    """What is measured, from the flags."""
    if _PROTOCOL.value == "noise":
        return f"Noise protocol, {_joint_errors_in_words()}"
    if _PROTOCOL.value in _OCCLUDED:
        names = {"xocc": "Occlusion", "collisions": "Collision", "occlusion_levels": "Occlusion-level"}
        observed = "every joint observed as it is" if _CLEAN.value else "joints hidden"
        return f"{names[_PROTOCOL.value]} protocol, {observed}"
    captions = {
        "sensitivity": "Occlusion-sensitivity protocol, one joint or part hidden",
        "error_score": "Error-score protocol",
        "round_trip": "Round-trip protocol, z = 0, float32",
        "embedding": "Embedding protocol, joint noise and drawn embeddings",
        "world": "World protocol, joint noise",
        "joint_sets": "Joint-set protocol",
        "bones": "Bone protocol, joint noise",
        "gaps": "Gap protocol",
        "half_body": "Half-body protocol, noise of rotations",
        "denoising": "Denoising protocol, joint noise",
        "calibration": "Calibration protocol, seven conditions in equal shares",
        "images": "Image protocol, solvers behind one network of images",
        "rates": f"Frame-rate protocol, {rates.NOISE_MM:g} mm of noise",
    }
    return captions[_PROTOCOL.value]


def _joint_errors_in_words() -> str:
    sigma = "given" if _SIGMA.value else "withheld"
    errors = f"an estimator's errors (sigma {sigma})" if _NOISE.value == "estimator" else "joint noise"
    return f"{errors}, {100 * _ABSENT.value:g} % of joints absent" if _ABSENT.value else errors


def _given() -> str:
    """What solvers are given of twist and betas, from the flags."""
    if _PROTOCOL.value in ("round_trip", "embedding", "images", *_TRUE_BETAS):
        return ""
    betas = {"true": "", "zeros": "; betas are given as zeros", "found": "; betas are found from the joints"}
    if _PROTOCOL.value in ("joint_sets", "bones"):
        return betas[_BETAS.value]
    which = "observed" if _PROTOCOL.value in _HIDING else "true"
    twist = (
        f"solvers that use the twist are given the {which} one"
        if _TWIST.value and not _GROUND.value
        else "no solver is given the twist"
    )
    return f"; {twist}{betas[_BETAS.value]}"


def _write_hardest_clip(output: pathlib.Path, measured: dict[str, Any], options: dict[str, Any]) -> list[pathlib.Path]:
    """Draws the acceleration error over the hardest clip, and its video if wanted; gives their paths."""
    options = {name: value for name, value in options.items() if name != "alignment"}
    clip, written = evaluation.hardest_clip(**measured, **options), [output / "xocc.png"]
    flows = [name for name, s in measured["solvers"].items() if isinstance(s, solvers.InvertibleSolver)]
    evaluation.acceleration_figure(
        {name: clip.accel[name] for name in flows or clip.accel},
        written[0],
        hidden=clip.hidden.mean(1),
        title=f"Acceleration error, {clip.name}",
    )
    if _VIDEO.value:
        written.append(output / "xocc.mp4")
        poses = {figures.short_name(name, clip.answers): answer for name, answer in clip.answers.items()}
        poser, faces = body.BodyPoser(measured["body"]), measured["body"].faces
        poses["truth"] = np.asarray(clip.observed.true_rotations)
        pictures = drawing.SideBySide(clip.observed, poser=poser, faces=faces, poses=poses)
        pictures.write_video(written[1], step=1)
    return written


def _run(clips: Sequence[Clip]) -> records.Run:
    """How the rows were measured, from the flags."""
    deciding = [_STRIDE, _SEED, *(flag for flag, protocols in _PROTOCOLS_OF if _PROTOCOL.value in protocols)]
    options = {flag.name: flag.value for flag in deciding if flag.name != _VIDEO.name}
    used = clips[:: _STRIDE.value] if _PROTOCOL.value in _OF_CLIPS else clips
    return records.Run(
        protocol=_PROTOCOL.value,
        command=_command(),
        options={**options, "body": pathlib.PurePath(body_flag.BODY.value).name},
        clips=len(used),
        git_commit=records.git_commit(),
    )


def _command() -> str:
    """The command that was given, with MOCAP for the place of the motion."""
    given = {flag.name: flag.value for flag in _SHOWN if flag.present}
    given |= {flag.name: ",".join(flag.value) for flag in (_GAPS, _PARTS, _NOISE_MM, _RATES) if flag.present}
    if _MOTION.value:
        motion = pathlib.PurePath(_MOTION.value)
        within = motion.suffix or re.search(r"[*?\[]", motion.name)
        given["motion"] = f"MOCAP/{motion.parent.name}/{motion.name}" if within else f"MOCAP/{motion.name}"
    lines = [shlex.quote(line.strip()) for line in run_record.flag_lines(given)]
    return " ".join(["python tools/evaluate.py", *lines])
