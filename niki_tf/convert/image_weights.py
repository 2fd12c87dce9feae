"""HRNet with HybrIK's heads, as HybrIK's and NIKI's checkpoints hold it, and HRNet alone, trained on COCO."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from niki_tf.body import BodyJoints
from niki_tf.convert import checkpoint_body, layout
from niki_tf.convert.layout import Part
from niki_tf.vision import ImageJoints
from niki_tf.vision.hrnet import WIDTHS

_Arrays = Mapping[str, np.ndarray]

_NETWORK, _BODY, _HEADS = "preact.", "smpl.", ("decshape", "decphi", "deccam", "decsigma")
_FIRST = {"decshape": "init_shape", "deccam": "init_cam"}
"""Layer -> what the published code adds to its output, which goes into the bias."""
_OWN = (_NETWORK, _BODY, *_HEADS, *_FIRST.values())
_WIDTH = "transition1.0.0.weight"
_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
_COUNTER = "num_batches_tracked"
_NOT_IN_START = (
    "incre_modules.", "downsamp_modules.", "final_feat_layer.", "final_layer.",
    *(f"stage4.2.fuse_layers.{branch}." for branch in (1, 2, 3)), *(f"{head}." for head in _HEADS),
)  # fmt: skip
"""What networks for other tasks lack or have otherwise."""


@dataclasses.dataclass(frozen=True)
class ImagePart:
    """The tensors of a checkpoint that are an image's network.

    Attributes:
        arrays: name, without what is before it in the checkpoint -> NumPy array.
        prefix: what is before the names.
        start: whether it is HRNet alone, as a start of training.
    """

    arrays: dict[str, np.ndarray]
    prefix: str
    start: bool = False


def split(arrays: _Arrays) -> tuple[ImagePart | None, dict[str, np.ndarray]]:
    """The image's part of a checkpoint, or None, and all other tensors."""
    first = next((name for name in arrays if name.startswith(_NETWORK) or f".{_NETWORK}" in name), None)
    if first is not None:
        prefix = first[: first.index(_NETWORK)]
        tops = tuple(prefix + own for own in _OWN)
        inside = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(tops)}
        return ImagePart(inside, prefix), {n: array for n, array in arrays.items() if not n.startswith(tops)}
    if {_WIDTH, "conv1.weight"} <= arrays.keys():
        return ImagePart(dict(arrays), "", start=True), {}
    return None, dict(arrays)


def convert(part: ImagePart, *, body_joints: BodyJoints | None) -> tuple[ImageJoints, dict[str, Any]]:
    """`ImageJoints` with the weights of a checkpoint, and the report: its backbone, and the use of every tensor.

    Args:
        part: of `split`.
        body_joints: `BodyJoints` of the body that is seen; the checkpoint's own if None.

    Raises:
        ValueError: a tensor is missing, misshapen, not finite or not known (all are named), or there is no body.
    """
    own_body = body_joints is None
    network = "" if part.start else _NETWORK
    backbone = _backbone(part.arrays, network)
    if body_joints is None:
        body_parts = checkpoint_body.parts(part.arrays, make_body=True, prefix=_BODY)
        layout.check({name: part.arrays[name] for name in body_parts if name in part.arrays}, body_parts)
        body_joints = checkpoint_body.body_joints(part.arrays, prefix=_BODY)
    checkpoint_body.check_tree(part.arrays, prefix=_BODY)
    kind = {} if part.start else {"normalization": "hybrik", "as_published": True}
    model = ImageJoints(body_joints, backbone=backbone, **kind)
    weights = _weights(model, network)
    found = _parts(part, weights, make_body=own_body)
    layout.check(part.arrays, found)
    used = [name for name in weights if name in part.arrays and found[name].used]
    for name in used:
        weights[name].assign(_array(part.arrays, name))
    rows = layout.report(part.arrays, found)
    tensors = [{**row, "name": part.prefix + row["name"]} for row in rows]
    initial = sorted(name for name in weights if name not in used)
    return model, {"backbone": backbone, "tensors": tensors, "left_as_made": initial}


def _backbone(arrays: _Arrays, network: str) -> str:
    """Name of the HRNet whose width the tensors have; ValueError if there is none."""
    array = arrays.get(network + _WIDTH)
    if array is None or array.ndim != 4 or array.shape[0] not in WIDTHS:
        got = "none" if array is None else array.shape
        raise ValueError(
            f"the checkpoint must hold an HRNet of width {', '.join(map(str, WIDTHS))}, told by {network + _WIDTH}; "
            f"got {got}."
        )
    return f"hrnet_w{array.shape[0]}"


def _weights(model: ImageJoints, network: str) -> dict[str, keras.Variable]:
    """Variables of the model by the names of the checkpoint's tensors."""
    found: dict[str, keras.Variable] = {}
    for layer in model.network.layers:
        name = layer.name if layer.name in _HEADS else network + layer.name
        if isinstance(layer, keras.layers.BatchNormalization):
            found |= {f"{name}.{theirs}": getattr(layer, ours) for theirs, ours in _NORM.items()}
        elif isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
            found[f"{name}.weight"] = layer.kernel
            if layer.use_bias:
                found[f"{name}.bias"] = layer.bias
    return found


def _parts(part: ImagePart, weights: Mapping[str, keras.Variable], *, make_body: bool) -> dict[str, Part]:
    """Every tensor that the checkpoint should hold, name -> `Part`."""
    found = {name: _part(name, variable, start=part.start) for name, variable in weights.items()}
    if part.start:
        for name, array in part.arrays.items():
            if name not in found or not (found[name].needed or found[name].fits(array.shape)):
                found[name] = Part(array.shape, "of another task; the layer stays as it was made", used=False)
        return found
    for layer, first in _FIRST.items():
        found[first] = Part(tuple(weights[f"{layer}.bias"].shape), f"added to the bias of {layer}")
    counters = [name for name in part.arrays if name.endswith(f".{_COUNTER}") and name.startswith(_NETWORK)]
    found |= {name: Part((), "counts batches of the training", used=False) for name in counters}
    return found | checkpoint_body.parts(part.arrays, make_body=make_body, prefix=_BODY)


def _part(name: str, variable: keras.Variable, *, start: bool) -> Part:
    """What a tensor of the network must be, and becomes."""
    shape = tuple(variable.shape)
    if name.endswith(".weight") and len(shape) > 1:
        shape = shape[::-1] if len(shape) == 2 else (shape[3], shape[2], shape[0], shape[1])
    use = "batch normalisation, in inference form" if len(shape) == 1 and not name.endswith(".bias") else "whole"
    return Part(shape, use, needed=not (start and name.startswith(_NOT_IN_START)))


def _array(arrays: _Arrays, name: str) -> np.ndarray:
    """A tensor in Keras's order of axes, with what is added to it."""
    array = arrays[name]
    layer, _, what = name.rpartition(".")
    if what == "bias" and layer in _FIRST and _FIRST[layer] in arrays:
        return array + arrays[_FIRST[layer]]
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T
