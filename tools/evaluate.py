"""Measures solvers by a protocol of the paper and writes a table and a figure.

Example:
    python tools/evaluate.py --protocol=noise --motion=DIR --solver=analytic --solver=saved_models/one_stage
"""

import sys

from absl import app, flags
from quiet_start import quiet_start

with quiet_start():
    from niki_tf import body, data, evaluation

_PROTOCOL = flags.DEFINE_enum("protocol", "noise", ["noise"], "What is measured: error over noise of the joints.")
_MOTION = flags.DEFINE_string("motion", None, "Folder, file or pattern of motion in AMASS's layout.", required=True)
_STRIDE = flags.DEFINE_integer("stride", 1, "Use every n-th frame of all clips.", lower_bound=1)
_SOLVER = flags.DEFINE_multi_string(
    "solver", ["analytic"], "`analytic` or a folder that holds model.keras; give the flag once for each solver."
)
_OUTPUT = flags.DEFINE_string("output", "output/evaluation", "Folder for the .json, .csv and .png files.")
_BODY = flags.DEFINE_string("body", "mannequin", "Body that is posed: `mannequin` or an SMPL file (.npz, .pkl).")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the random shapes and the noise.", lower_bound=0)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 256, "Frames at a time; does not change the result.", lower_bound=1)
_SKIP_BAD = flags.DEFINE_bool("skip_bad", default=False, help="Leave bad motion files out instead of stopping.")

_HEADINGS = {"mpjpe": "MPJPE, mm", "pa_mpjpe": "PA-MPJPE, mm", "pve": "PVE, mm", "rotation_deg": "Rotation error, deg"}


def main(argv):
    """Checks everything, measures, prints and writes."""
    if argv[1:]:
        sys.exit(f"evaluate.py takes flags only; got {' '.join(argv[1:])}.")
    try:
        output, clips, body_data, solvers = _prepared()
    except (ValueError, OSError) as error:
        sys.exit(f"evaluate.py: {error}")
    rows = evaluation.noise_rows(
        clips, solvers=solvers, body=body_data, stride=_STRIDE.value, seed=_SEED.value,
        batch_size=_BATCH_SIZE.value, progress=True,
    )  # fmt: skip
    frames = rows[0]["frames"]
    written = [output / f"{_PROTOCOL.value}.{ending}" for ending in ("json", "csv", "png")]
    evaluation.write_json(rows, written[0])
    evaluation.write_csv(rows, written[1])
    evaluation.noise_figure(rows, written[2], title=f"Error over joint noise, {frames} frames of {_MOTION.value}")
    print(f"\nNoise protocol: {frames} frames of {_MOTION.value}; columns are mm of noise on each axis.")
    for metric, heading in _HEADINGS.items():
        print(f"\n{heading}")
        print(evaluation.text_table(evaluation.pivot(rows, index="solver", column="noise_mm", value=metric)))
    print("\nWritten: " + ", ".join(map(str, written)))


def _prepared():
    """Output folder, clips, body and solvers; cheap checks first, so that a slip shows before any work."""
    names = list(dict.fromkeys(_SOLVER.value))
    for name in names:
        evaluation.check_solver(name)
    output = evaluation.output_folder(_OUTPUT.value)
    body_data = body.mannequin() if _BODY.value == "mannequin" else body.load_body(_BODY.value)
    clips = data.load_clips(_MOTION.value, skip_bad=_SKIP_BAD.value)
    solvers = {name: evaluation.load_solver(name, skeleton=body_data.rest_skeleton()) for name in names}
    return output, clips, body_data, solvers


if __name__ == "__main__":
    app.run(main)
