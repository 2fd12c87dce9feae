"""Measures solvers by a protocol and writes tables and, where there is one, a figure.

Examples:
    python tools/evaluate.py --protocol=noise --motion=DIR --solver=analytic --solver=saved_models/one_stage
    python tools/evaluate.py --motion=DIR --noise=estimator --sigma --absent=0.2 --solver=saved_models/one_stage+finish
    python tools/evaluate.py --protocol=xocc --motion=DIR --solver=analytic+savgol --solver=saved_models/temporal
    python tools/evaluate.py --protocol=error_score --motion=DIR --solver=saved_models/one_stage
"""

import re
import sys

from absl import flags

from niki_tf import body, data, drawing, evaluation, files, io, solvers
from niki_tf.evaluation import figures
from niki_tf.solvers import zoo

_PROTOCOL = flags.DEFINE_enum(
    "protocol",
    "noise",
    ["noise", "xocc", "error_score", "round_trip"],
    "What is measured: error over noise of the joints, error on motion that is partly out of sight, what the scores of "
    "the joints' error are worth, or how exactly an invertible solver leads from pose to joints and back.",
)
_MOTION = flags.DEFINE_string("motion", None, "Folder, file or pattern of motion in AMASS's layout.", required=True)
_STRIDE = flags.DEFINE_integer("stride", 1, "Use every n-th frame of all clips; of protocol xocc, clip.", lower_bound=1)
_SOLVER = flags.DEFINE_multi_string(
    "solver",
    ["analytic"],
    "`analytic` or a folder that holds model.keras, with `+finish` after it for the exact finish; of noise and xocc "
    f"also a filter in front, {' or '.join(f'`{end}`' for end in evaluation.FILTERS)}. Give the flag once a solver.",
)
_NOISE = flags.DEFINE_enum(
    "noise",
    "isotropic",
    ["isotropic", "estimator"],
    "Protocol noise: errors of the same size on every joint and axis, or an estimator's.",
)
_SIGMA = flags.DEFINE_bool("sigma", default=False, help="Protocol noise: tell the sigma that the estimator reports.")
_ABSENT = flags.DEFINE_float("absent", 0.0, "Protocol noise: probability that a joint of a frame is absent.")
_CLEAN = flags.DEFINE_bool("clean", default=False, help="Protocol xocc: observe every joint as it is.")
_ALIGNMENT = flags.DEFINE_enum(
    "alignment", "14", [*evaluation.ALIGNMENTS], "Protocol xocc: joints that PA-MPJPE is aligned by."
)
_VIDEO = flags.DEFINE_bool("video", default=False, help="Protocol xocc: write a video of the hardest clip.")
_OUTPUT = flags.DEFINE_string("output", "output/evaluation", "Folder for the .json, .csv and .png files.")
_TWIST = flags.DEFINE_bool("twist", default=True, help="Tell the twist to the solvers that use one.")
_BODY = flags.DEFINE_string("body", "mannequin", "Body that is posed: `mannequin` or an SMPL file (.npz, .pkl).")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the random shapes and errors.", lower_bound=0)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 256, "Frames at a time; does not change the result.", lower_bound=1)
_SKIP_BAD = flags.DEFINE_bool("skip_bad", default=False, help="Leave bad motion files out instead of stopping.")

_FILTER = re.compile("|".join(f"{re.escape(end)}$" for end in evaluation.FILTERS))
_HEADINGS = {"mpjpe": "MPJPE, mm", "pa_mpjpe": "PA-MPJPE, mm", "pve": "PVE, mm", "rotation_deg": "Rotation error, deg"}
_FRAME_COLUMNS, _JOINT_COLUMNS = ("rank_error", "rank_mpjpe"), ("rank_joint", "rank_in_frame")


def main(argv):
    """Checks everything, measures, prints and writes."""
    if argv[1:]:
        sys.exit(f"evaluate takes flags only; got {' '.join(argv[1:])}.")
    try:
        _check_protocol()
        measure, show, options = {
            "noise": (evaluation.noise_rows, _show_noise, {"errors": _joint_errors(), **_as_told()}),
            "xocc": (evaluation.xocc_rows, _show_xocc, {**_observation(), **_as_told()}),
            "error_score": (evaluation.error_score_rows, _show_error_score, {"twist": _TWIST.value}),
            "round_trip": (evaluation.round_trip_rows, _show_round_trip, {}),
        }[_PROTOCOL.value]
        output, contest = _prepared()
        rows = measure(**contest, progress=True, **options)
    except (ValueError, OSError, ModuleNotFoundError) as error:
        sys.exit(f"evaluate: {error}")
    written = [output / f"{_PROTOCOL.value}.{ending}" for ending in ("json", "csv")]
    evaluation.write_json(rows, written[0])
    evaluation.write_csv(rows, written[1])
    written += show(rows, output, f"{rows[0]['frames']} frames of {_MOTION.value}", contest)
    print("\nWritten: " + ", ".join(map(str, written)))


def _show_noise(rows, output, frames, contest):
    """Prints a table for each metric and draws the figure; gives its path."""
    figure = output / "noise.png"
    column = "noise_mm" if "noise_mm" in rows[0] else "factor"
    meaning = {"noise_mm": "mm of noise on each axis", "factor": "factors of an estimator's errors"}[column]
    evaluation.noise_figure(rows, figure, title=f"Error over {_done()}\n{frames}")
    print(f"\nNoise protocol, {_done()}: {frames}; {_told()}; columns are {meaning}.")
    for metric, heading in _HEADINGS.items():
        print(f"\n{heading}")
        print(evaluation.text_table(evaluation.pivot(rows, index="solver", column=column, value=metric)))
    return [figure]


def _show_xocc(rows, output, frames, contest):
    """Prints the table; draws the acceleration error over the hardest clip, and its video if wanted."""
    print(f"\nOcclusion protocol, {'every joint observed as it is' if _CLEAN.value else 'joints hidden'}: {frames}")
    print("MPJPE, PA-MPJPE, PVE in mm, ACCEL in mm/frame^2")
    print(evaluation.text_table([{k: v for k, v in row.items() if k != "frames"} for row in rows]))
    clip = evaluation.hardest_clip(**contest, occlude=_observation()["occlude"], **_as_told())
    written, flows = (
        [output / "xocc.png"],
        [n for n, solver in contest["solvers"].items() if isinstance(solver, solvers.InvertibleSolver)],
    )
    curves = {name: clip.accel[name] for name in flows or clip.accel}
    evaluation.acceleration_figure(
        curves, written[0], hidden=clip.hidden.mean(1), title=f"Acceleration error, {clip.name}"
    )
    if _VIDEO.value:
        written.append(output / "xocc.mp4")
        poses = {figures.short_name(name, clip.answers): answer for name, answer in clip.answers.items()}
        pictures = drawing.SideBySide(
            clip.scene,
            poser=body.BodyPoser(contest["body"]),
            faces=contest["body"].faces,
            poses={**poses, "truth": clip.scene.true_rotations},
        )
        pictures.write_video(written[1], step=1)
    return written


def _observation():
    """How the xocc protocol observes, from the flags."""
    return {"occlude": None if _CLEAN.value else data.occluded_motion, "alignment": _ALIGNMENT.value}


def _as_told():
    """What solvers are told of the twist, and the filters that their names ask for, from the flags."""
    ends = {name: _FILTER.search(name) for name in _SOLVER.value}
    smoothing = {name: evaluation.FILTERS[end.group()] for name, end in ends.items() if end}
    return {"twist": _TWIST.value, "smoothing": smoothing}


def _show_error_score(rows, output, frames, contest):
    """Prints a table for the scores of frames and one for those of joints; draws nothing."""
    print(f"\nError-score protocol: {frames}; {_told()}.")
    print("\nFrames: rank correlation with the joints' true error and with MPJPE, noise of 0 to 100 mm;")
    print("AUROC of frames with one joint displaced by 200 mm, by mm of noise on all joints")
    _print_columns(rows, (*_FRAME_COLUMNS, *(column for column in rows[0] if column.startswith("auroc"))))
    print("\nJoints: rank correlation with their true error, over all frames and within a frame;")
    print("share of the frames in which the displaced joint has the highest score (chance 0.034)")
    with_joints = [row for row in rows if row["rank_joint"] is not None]
    _print_columns(with_joints, (*_JOINT_COLUMNS, *(column for column in rows[0] if column.startswith("found"))))
    return []


def _show_round_trip(rows, output, frames, contest):
    """Prints the table; draws nothing."""
    print(f"\nRound-trip protocol: {frames}, z = 0, float32; joints in mm, local rotations in degrees")
    print(evaluation.text_table([{k: v for k, v in row.items() if k != "frames"} for row in rows], decimals=4))
    return []


def _print_columns(rows, columns):
    columns = ("solver", "score", *columns)
    print(evaluation.text_table([{name: row[name] for name in columns} for row in rows], decimals=3))


def _check_protocol():
    """Raises ValueError for a flag of another protocol."""
    asked = {
        "noise": {"--noise": _NOISE.value != "isotropic", "--sigma": _SIGMA.value, "--absent": _ABSENT.value != 0.0},
        "xocc": {"--clean": _CLEAN.value, "--video": _VIDEO.value, "--alignment": _ALIGNMENT.value != "14"},
    }
    for protocol, used in asked.items():
        strangers = [flag for flag, given in used.items() if given]
        if strangers and _PROTOCOL.value != protocol:
            wanted = f"--protocol={protocol}; got --protocol={_PROTOCOL.value}"
            raise ValueError(f"`{strangers[0]}` is for {wanted}. Leave it out.")


def _joint_errors():
    """What the flags of the protocol noise say is done to the joints."""
    estimate = data.estimate if _NOISE.value == "estimator" else None
    return evaluation.JointErrors(estimate=estimate, sigma=_SIGMA.value, absent=_ABSENT.value)


def _done():
    """What is done to the joints, for titles."""
    sigma = "told" if _SIGMA.value else "withheld"
    noise = f"an estimator's errors (sigma {sigma})" if _NOISE.value == "estimator" else "joint noise"
    return f"{noise}, {100 * _ABSENT.value:g} % of joints absent" if _ABSENT.value else noise


def _told():
    return "solvers that use the twist are told the true one" if _TWIST.value else "no solver is told the twist"


def _prepared():
    """Output folder, and clips, body, solvers and numbers for a protocol; cheap checks first, before any work."""
    names = {name: _without_filter(name) for name in _SOLVER.value}
    for name in names.values():
        zoo.check_solver(name)
    output = files.output_folder(_OUTPUT.value)
    body_data = body.mannequin() if _BODY.value == "mannequin" else body.load_body(_BODY.value)
    clips = io.load_clips(_MOTION.value, skip_bad=_SKIP_BAD.value)
    body_joints = body_data.body_joints()
    solvers = {name: zoo.load_solver(base, body_joints=body_joints) for name, base in names.items()}
    needy = [name for name, solver in solvers.items() if solver.needs_twist]
    if needy and not _TWIST.value:
        raise ValueError(f"`twist` must be told to {needy[0]}, which cannot guess it; leave --notwist out.")
    numbers = {"stride": _STRIDE.value, "seed": _SEED.value, "batch_size": _BATCH_SIZE.value}
    return output, {"clips": clips, "solvers": solvers, "body": body_data, **numbers}


def _without_filter(name):
    """A solver's name without the filter, which only the protocols noise and xocc know."""
    return _FILTER.sub("", name) if _PROTOCOL.value in ("noise", "xocc") else name
