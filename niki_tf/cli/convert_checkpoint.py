"""Turns a published PyTorch checkpoint of NIKI or HybrIK into models of this package.

Example:
    python tools/convert_checkpoint.py --checkpoint=niki-ts.pth --output=output/niki-ts

writes model.keras (solvers.load), camera/model.keras (vision.load) if the checkpoint has a camera network,
image/model.keras (vision.load_image_model) if it has an HRNet, and conversion.json, which says what became of every
tensor. HRNet alone, trained on COCO, is a start of training and needs --body. So is MoveNet, which get_assets fetches:
--checkpoint=DIR/lightning.json. Reading a checkpoint of PyTorch needs torch: pip install -e ".[convert]"
"""

import hashlib
import json
import pathlib
import sys

import keras
from absl import flags

from niki_tf import body, convert, files
from niki_tf.solvers import zoo

_CHECKPOINT = flags.DEFINE_string(
    "checkpoint",
    None,
    "File of NIKI's one-stage or twist-and-swing model, HybrIK or HRNet (.pth), or of MoveNet (.json).",
    required=True,
)
_OUTPUT = flags.DEFINE_string("output", None, "Folder for model.keras and conversion.json.", required=True)
_BODY = flags.DEFINE_string(
    "body", None, "Body that is posed: `mannequin` or an SMPL file (.npz, .pkl). Default: the checkpoint's own."
)


def main(argv: list[str]) -> None:
    """Checks everything, converts, writes, prints."""
    if argv[1:]:
        sys.exit(f"convert_checkpoint takes flags only; got {' '.join(argv[1:])}.")
    try:
        conversion, written = _converted()
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"convert_checkpoint: {error}")
    _print_report(conversion.report)
    print("written: " + ", ".join(map(str, written)))


def _converted() -> tuple[convert.Conversion, list[pathlib.Path]]:
    """The conversion and the files that hold it; cheap checks first, so that a slip shows before any work."""
    checkpoint = pathlib.Path(_CHECKPOINT.value)
    conversion = _movenet(checkpoint) if checkpoint.suffix == ".json" else _published(checkpoint)
    source = {"checkpoint": checkpoint.name, "sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest()}
    output = files.output_folder(_OUTPUT.value)
    written = [_write(conversion.solver, output)]
    if conversion.camera is not None:
        written.append(_write(conversion.camera, output / "camera"))
    if conversion.image is not None:
        written.append(_write(conversion.image, output / "image"))
    with files.atomic_write(output / "conversion.json") as beside:
        beside.write_text(json.dumps(source | conversion.report, indent=1) + "\n")
    return conversion, [*written, output / "conversion.json"]


def _published(checkpoint: pathlib.Path) -> convert.Conversion:
    """The conversion of a checkpoint of PyTorch."""
    arrays = convert.load_checkpoint(checkpoint)
    body_joints = _body_joints()
    try:
        return convert.convert(arrays, body_joints=body_joints)
    except ValueError as error:
        raise ValueError(f"{checkpoint}: {error}") from None


def _movenet(layers: pathlib.Path) -> convert.Conversion:
    """The conversion of MoveNet's two files, which have the same name."""
    body_joints = _body_joints()
    if body_joints is None:
        raise ValueError("`body` must be given: MoveNet knows none. --body=mannequin is the package's own.")
    return convert.convert_movenet(layers, layers.with_suffix(".bin"), body_joints=body_joints)


def _body_joints() -> body.BodyJoints | None:
    """The rest skeleton that the flags name; None for the checkpoint's own."""
    if _BODY.value is None:
        return None
    return body.mannequin_joints() if _BODY.value == "mannequin" else body.load_body(_BODY.value).body_joints()


def _write(model: keras.Model, folder: pathlib.Path) -> pathlib.Path:
    zoo.save(model, folder)
    return folder / "model.keras"


def _print_report(report: dict) -> None:
    """Prints the report: flows in short, and every tensor that is not used."""
    print(f"{report['model']}, {len(report['tensors'])} tensors; rest skeleton: {report['rest_skeleton']}")
    for name, flow in report["flows"].items():
        condition = f"{flow['condition']} betas" if flow["condition"] else "no condition"
        print(
            f"{name}: {flow['num_couplings']} couplings, {flow['hidden_dim']} hidden, {condition}, "
            f"mask {flow['mask']}; "
            f"{flow['weights_in_checkpoint']:,} weights in the checkpoint, {flow['weights_stored']:,} alive and stored"
        )
    print(f"camera network: {'yes' if report['camera_network'] else 'none in the checkpoint'}")
    print(f"network of images: {report.get('backbone', 'none in the checkpoint')}")
    if report.get("left_as_made"):
        print(f"weights left as they were made: {', '.join(report['left_as_made'])}")
    print("tensors not used:")
    for tensor in report["tensors"]:
        if not tensor["used"] and not tensor["name"].endswith("num_batches_tracked"):
            print(f"  {tensor['name']} {tuple(tensor['shape'])}: {tensor['use']}")
