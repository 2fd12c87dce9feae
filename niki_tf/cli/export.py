"""Writes a solver as a SavedModel for TensorFlow Serving and as LiteRT files.

Examples:
    python tools/export.py --model=saved_models/one_stage --output=saved_models/one_stage
    python tools/export.py --model=saved_models/one_stage+finish --output=output/served --format=saved_model
    python tools/export.py --model=saved_models/mlp --output=output/phone --format=litert --quantize=int8
"""

import pathlib
import sys

from absl import flags
from tqdm import tqdm

from niki_tf import body, export, files, solvers
from niki_tf.cli.quiet_start import quiet_start
from niki_tf.solvers import zoo

_MODEL = flags.DEFINE_string(
    "model",
    None,
    "`analytic` or a folder that holds model.keras, with `+finish` after it for the exact finish.",
    required=True,
)
_OUTPUT = flags.DEFINE_string("output", None, "Folder for 1/ (SavedModel) and model*.tflite.", required=True)
_FORMAT = flags.DEFINE_multi_enum("format", ["saved_model", "litert"], ["saved_model", "litert"], "What is written.")
_QUANTIZE = flags.DEFINE_multi_enum(
    "quantize", ["none"], list(export.QUANTIZE), "How LiteRT files store weights; give the flag once for each file."
)
_BODY = flags.DEFINE_string(
    "body",
    "none",
    "`none`: the body that the model knows, as a skeleton. `mannequin`: with the signature `mesh`, too. An SMPL file "
    "(.npz, .pkl): the model is written for that body.",
)
_MESH = flags.DEFINE_bool("mesh", default=False, help="Add the signature `mesh` of the SMPL file, its arrays included.")


def main(argv):
    """Checks everything, writes and says what."""
    if argv[1:]:
        sys.exit(f"export takes flags only; got {' '.join(argv[1:])}.")
    try:
        zoo.check_solver(_MODEL.value)
        output = files.output_folder(_OUTPUT.value)
        solver, surface = _solver_and_body()
        written = [_write(output, *job, solver, surface) for job in tqdm(_jobs(), unit="file")]
    except (ValueError, OSError, ModuleNotFoundError) as error:
        sys.exit(f"export: {error}")
    print("Written:")
    for path in written:
        size = sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())
        print(f"  {path}  {size / 1e6:.1f} MB")


def _jobs():
    """Format and quantisation of each thing to write."""
    saved_model = [("saved_model", None)] if "saved_model" in _FORMAT.value else []
    return saved_model + [("litert", how) for how in dict.fromkeys(_QUANTIZE.value) if "litert" in _FORMAT.value]


def _solver_and_body():
    """The solver, and the `Body` of the signature `mesh` or None."""
    if _BODY.value in ("none", "mannequin"):
        if _MESH.value:
            raise ValueError(f"`mesh` is for the body of a file; got --body={_BODY.value}. Leave it out.")
        data = body.mannequin() if _BODY.value == "mannequin" else None
        return _solver(data.body_joints() if data else None), body.Body(data) if data else None
    data = body.load_body(_BODY.value)
    if _MESH.value:
        print(f"The files will carry the arrays of {_BODY.value}: who may have that file may have them, nobody else.")
    return _solver(data.body_joints()), body.Body(data) if _MESH.value else None


def _solver(body_joints):
    """The solver for the body of `body_joints`; None is the body that the model knows."""
    folder = pathlib.Path(_MODEL.value.removesuffix(zoo.FINISH))
    if body_joints is None and (folder / "model.keras").is_file():
        body_joints = solvers.load(folder).body_joints
    return zoo.load_solver(_MODEL.value, body_joints=body_joints or body.mannequin_joints())


def _write(output, form, quantize, solver, surface):
    with quiet_start():
        if form == "saved_model":
            return export.write_saved_model(solver, output, body=surface)
        path = output / ("model.tflite" if quantize == "none" else f"model_{quantize}.tflite")
        with files.atomic_write(path) as beside:
            beside.write_bytes(export.litert(solver, quantize=quantize, body=surface))
        return path
