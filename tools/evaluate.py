"""Measures solvers by a protocol and writes tables and, where there is one, a figure.

Examples:
    python tools/evaluate.py --protocol=noise --motion=DIR --solver=analytic --solver=saved_models/one_stage
    python tools/evaluate.py --motion=DIR --noise=estimator --sigma --absent=0.2 --solver=saved_models/one_stage+finish
    python tools/evaluate.py --protocol=error_score --motion=DIR --solver=saved_models/one_stage
"""

import sys

from absl import app, flags
from quiet_start import quiet_start

with quiet_start():
    from niki_tf import body, data, evaluation

_PROTOCOL = flags.DEFINE_enum(
    "protocol", "noise", ["noise", "error_score", "round_trip"],
    "What is measured: error over noise of the joints, what the scores of the joints' error are worth, or how "
    "exactly an invertible solver leads from pose to joints and back.",
)  # fmt: skip
_MOTION = flags.DEFINE_string("motion", None, "Folder, file or pattern of motion in AMASS's layout.", required=True)
_STRIDE = flags.DEFINE_integer("stride", 1, "Use every n-th frame of all clips.", lower_bound=1)
_SOLVER = flags.DEFINE_multi_string(
    "solver", ["analytic"],
    "`analytic` or a folder that holds model.keras, with `+finish` after it for the exact finish; give the flag once "
    "for each solver.",
)  # fmt: skip
_NOISE = flags.DEFINE_enum(
    "noise", "isotropic", ["isotropic", "estimator"],
    "Protocol noise: errors of the same size on every joint and axis, or an estimator's.",
)  # fmt: skip
_SIGMA = flags.DEFINE_bool("sigma", default=False, help="Protocol noise: tell the sigma that the estimator reports.")
_ABSENT = flags.DEFINE_float("absent", 0.0, "Protocol noise: probability that a joint of a frame is absent.")
_OUTPUT = flags.DEFINE_string("output", "output/evaluation", "Folder for the .json, .csv and .png files.")
_TWIST = flags.DEFINE_bool("twist", default=True, help="Tell the true twist to the solvers that use one.")
_BODY = flags.DEFINE_string("body", "mannequin", "Body that is posed: `mannequin` or an SMPL file (.npz, .pkl).")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the random shapes and errors.", lower_bound=0)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 256, "Frames at a time; does not change the result.", lower_bound=1)
_SKIP_BAD = flags.DEFINE_bool("skip_bad", default=False, help="Leave bad motion files out instead of stopping.")

_HEADINGS = {"mpjpe": "MPJPE, mm", "pa_mpjpe": "PA-MPJPE, mm", "pve": "PVE, mm", "rotation_deg": "Rotation error, deg"}
_FRAME_COLUMNS, _JOINT_COLUMNS = ("rank_error", "rank_mpjpe"), ("rank_joint", "rank_in_frame")


def main(argv):
    """Checks everything, measures, prints and writes."""
    if argv[1:]:
        sys.exit(f"evaluate.py takes flags only; got {' '.join(argv[1:])}.")
    try:
        measure, show, options = {
            "noise": (evaluation.noise_rows, _show_noise, {"twist": _TWIST.value, "errors": _joint_errors()}),
            "error_score": (evaluation.error_score_rows, _show_error_score, {"twist": _TWIST.value}),
            "round_trip": (evaluation.round_trip_rows, _show_round_trip, {}),
        }[_PROTOCOL.value]
        output, clips, body_data, solvers = _prepared()
        rows = measure(
            clips, solvers=solvers, body=body_data, stride=_STRIDE.value, seed=_SEED.value,
            batch_size=_BATCH_SIZE.value, progress=True, **options,
        )  # fmt: skip
    except (ValueError, OSError) as error:
        sys.exit(f"evaluate.py: {error}")
    written = [output / f"{_PROTOCOL.value}.{ending}" for ending in ("json", "csv")]
    evaluation.write_json(rows, written[0])
    evaluation.write_csv(rows, written[1])
    written += show(rows, output, f"{rows[0]['frames']} frames of {_MOTION.value}")
    print("\nWritten: " + ", ".join(map(str, written)))


def _show_noise(rows, output, frames):
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


def _show_error_score(rows, output, frames):
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


def _show_round_trip(rows, output, frames):
    """Prints the table; draws nothing."""
    print(f"\nRound-trip protocol: {frames}, z = 0, float32; joints in mm, local rotations in degrees")
    print(evaluation.text_table([{k: v for k, v in row.items() if k != "frames"} for row in rows], decimals=4))
    return []


def _print_columns(rows, columns):
    columns = ("solver", "score", *columns)
    print(evaluation.text_table([{name: row[name] for name in columns} for row in rows], decimals=3))


def _joint_errors():
    """What the flags say is done to the joints."""
    asked = {"--noise": _NOISE.value != "isotropic", "--sigma": _SIGMA.value, "--absent": _ABSENT.value != 0.0}
    strangers = [flag for flag, used in asked.items() if used]
    if strangers and _PROTOCOL.value != "noise":
        raise ValueError(f"`{strangers[0]}` is for --protocol=noise; got --protocol={_PROTOCOL.value}. Leave it out.")
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
    """Output folder, clips, body and solvers; cheap checks first, so that a slip shows before any work."""
    names = list(dict.fromkeys(_SOLVER.value))
    for name in names:
        evaluation.check_solver(name)
    output = evaluation.output_folder(_OUTPUT.value)
    body_data = body.mannequin() if _BODY.value == "mannequin" else body.load_body(_BODY.value)
    clips = data.load_clips(_MOTION.value, skip_bad=_SKIP_BAD.value)
    solvers = {name: evaluation.load_solver(name, skeleton=body_data.rest_skeleton()) for name in names}
    needy = [name for name, solver in solvers.items() if solver.needs_twist]
    if needy and not _TWIST.value:
        raise ValueError(f"`twist` must be told to {needy[0]}, which cannot guess it; leave --notwist out.")
    return output, clips, body_data, solvers


if __name__ == "__main__":
    app.run(main)
