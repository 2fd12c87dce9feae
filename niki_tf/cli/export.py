"""Writes a solver as a SavedModel, as LiteRT files, as a Keras file of half the size, or as a web page.

Examples:
    python tools/export.py --model=saved_models/one_stage --output=saved_models/one_stage
    python tools/export.py --model=saved_models/one_stage+finish --output=output/served --format=saved_model
    python tools/export.py --model=saved_models/mlp --output=output/phone --format=litert --quantize=int8
    python tools/export.py --model=temporal --output=output/web --format=web     camera to pose, in a browser alone
"""

import pathlib
import sys

from absl import flags
from tqdm import tqdm

from niki_tf import body, export, files, solvers, vision, web
from niki_tf.cli.quiet_start import quiet_start
from niki_tf.solvers import zoo

_MODEL = flags.DEFINE_string(
    "model",
    None,
    "A shipped solver, or a folder that holds model.keras, with `+finish` after it for the exact finish; or a model of "
    "images, image_backbone or a folder.",
    required=True,
)
_OUTPUT = flags.DEFINE_string("output", None, "Folder for 1/ (SavedModel) and model*.tflite.", required=True)
_FORMAT = flags.DEFINE_multi_enum(
    "format", ["saved_model", "litert"], ["saved_model", "litert", "keras", "web"], "What is written; once a format."
)
_QUANTIZE = flags.DEFINE_multi_enum(
    "quantize",
    ["none"],
    list(export.QUANTIZE),
    "How LiteRT files store weights, once a file; of Keras files float16 or none.",
)
_BODY = flags.DEFINE_string(
    "body",
    "none",
    "`none`: the body that the model knows, as a skeleton. `mannequin`: with the signature `mesh`, too. An SMPL file "
    "(.npz, .pkl): the model is written for that body.",
)
_MESH = flags.DEFINE_bool("mesh", default=False, help="Add the signature `mesh` of the SMPL file, its arrays included.")


def main(argv: list[str]) -> None:
    """Checks everything, writes and says what."""
    if argv[1:]:
        sys.exit(f"export takes flags only; got {' '.join(argv[1:])}.")
    try:
        if _MODEL.value not in vision.shipped_image_models():
            zoo.check_solver(_MODEL.value)
        output = files.output_folder(_OUTPUT.value)
        jobs = _jobs()
        solver, surface = _solver_and_body()
        written = [_write(output, form, how, solver, surface) for form, how in tqdm(jobs, unit="file")]
    except (ValueError, OSError, ModuleNotFoundError) as error:
        sys.exit(f"export: {error}")
    print("Written:")
    for path in written:
        size = sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())
        print(f"  {path}  {size / 1e6:.1f} MB")
        for part, bytes_of_part in web.sizes(path).items():
            print(f"    {part:20} {bytes_of_part / 1e6:.1f} MB")


def _jobs() -> list[tuple[str, str]]:
    """Format and quantisation of each thing to write."""
    if "keras" in _FORMAT.value and "int8" in _QUANTIZE.value:
        raise ValueError("`quantize` int8 is for LiteRT files; got --format=keras, which stores float16 or none.")
    saved_model = [("saved_model", "none")] if "saved_model" in _FORMAT.value else []
    keras_files = [("keras", how) for how in _QUANTIZE.value if "keras" in _FORMAT.value]
    if "web" in _FORMAT.value:
        web.check(_QUANTIZE.value[0], body=_BODY.value)
    pages = [("web", _QUANTIZE.value[0])] if "web" in _FORMAT.value else []
    return (
        saved_model
        + keras_files
        + pages
        + [("litert", how) for how in dict.fromkeys(_QUANTIZE.value) if "litert" in _FORMAT.value]
    )


def _solver_and_body() -> tuple[solvers.Solver | vision.ImageModel, body.Body | None]:
    """The solver or model of images, and the `Body` of the signature `mesh` or None."""
    if _MODEL.value in vision.shipped_image_models() or vision.is_image_model(_MODEL.value):
        if _BODY.value != "none" or _MESH.value or "web" in _FORMAT.value:
            raise ValueError("`model` must be a solver for --body, --mesh and --format=web; got a model of images.")
        return vision.load_image_model(_MODEL.value, argument="model"), None
    if _BODY.value in ("none", "mannequin"):
        if _MESH.value:
            raise ValueError(f"`mesh` is for the body of a file; got --body={_BODY.value}. Leave it out.")
        data = body.mannequin() if _BODY.value == "mannequin" else None
        solver = zoo.load(_MODEL.value, body_joints=data.body_joints() if data else None)
        return solver, body.Body(data) if data else None
    data = body.load_body(_BODY.value)
    if _MESH.value:
        print(f"The files will carry the arrays of {_BODY.value}: who may have that file may have them, nobody else.")
    return zoo.load(_MODEL.value, body_joints=data.body_joints()), body.Body(data) if _MESH.value else None


def _write(
    output: pathlib.Path,
    form: str,
    quantize: str,
    solver: solvers.Solver | vision.ImageModel,
    surface: body.Body | None,
) -> pathlib.Path:
    with quiet_start():
        if form == "saved_model":
            return export.write_saved_model(solver, output, body=surface)
        if form == "web" and isinstance(solver, solvers.Solver):
            return web.write_folder(solver, output, quantize=quantize)
        if form == "keras":
            solvers.save(solver, output, half=quantize == "float16")
            return output / "model.keras"
        path = output / ("model.tflite" if quantize == "none" else f"model_{quantize}.tflite")
        with files.atomic_write(path) as beside:
            beside.write_bytes(export.litert(solver, quantize=quantize, body=surface))
        return path
