"""MoveNet's weights, trained on COCO, as a MobileNetV2 of keras.applications: a start of training.

MoveNet Lightning (TensorFlow.js, a graph in JSON and float16 weights) has MobileNetV2 1.0 as its backbone, with batch
normalisation folded into its convolutions, as `vision.backbones.folded_mobilenet_v2` has it.
"""

import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from niki_tf.body import BodyJoints
from niki_tf.vision import ImageJoints

_DTYPES = {"float16": "<f2", "float32": "<f4", "int32": "<i4"}
_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2dNative", "_FusedConv2D", "FusedDepthwiseConv2dNative")
_BACKBONE = "/model/"
"""What stands in the names of the nodes of the backbone, before the names that Keras gives its layers."""
_LARGEST = 64 * 2**20
"""Bytes of either file; those that are fetched have 160 kB and 5 MB."""
_CURE = "Fetch it by python tools/get_assets.py movenet."

_NAME = "mobilenet_v2"
_USE, _OTHER = "whole", "no convolution of MobileNetV2"

Weights = dict[str, tuple[np.ndarray, np.ndarray | None]]
"""Layer -> kernel and bias, or None."""


def read_movenet(layers: str | os.PathLike, weights: str | os.PathLike) -> Weights:
    """Kernels and biases of the backbone's convolutions, by the names that Keras gives the layers.

    Args:
        layers: the .json file of a TensorFlow.js graph model.
        weights: the .bin file beside it.

    Raises:
        ValueError: a file is not there, damaged, or of another model.
    """
    paths = pathlib.Path(layers), pathlib.Path(weights)
    for path in paths:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            raise ValueError(f"{path}: a file of at most {_LARGEST:,} bytes is wanted. {_CURE}")
    try:
        description = json.loads(paths[0].read_text())
        arrays = _arrays(description["weightsManifest"], paths[1].read_bytes())
        found = _backbone(description["modelTopology"]["node"], arrays)
    except (KeyError, TypeError, ValueError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{paths[0]}: no whole graph model of TensorFlow.js ({error}). {_CURE}") from None
    if not found:
        raise ValueError(f"{paths[0]}: no convolution of a MobileNetV2. {_CURE}")
    return found


def fill(model: keras.Model, weights: Mapping[str, tuple[np.ndarray, np.ndarray | None]]) -> list[str]:
    """Gives the convolutions of a MobileNetV2 the weights of the same names; returns the names of all it has.

    Args:
        model: of `vision.backbones.folded_mobilenet_v2`.
        weights: of `read_movenet`.

    Raises:
        ValueError: a convolution is missing, or has another shape; nothing has been changed then.
    """
    kinds = keras.layers.Conv2D | keras.layers.DepthwiseConv2D
    layers = {layer.name: layer for layer in model.layers if isinstance(layer, kinds)}
    problems = [_problem(name, layer, weights.get(name)) for name, layer in layers.items()]
    problems = [problem for problem in problems if problem]
    if problems or not layers:
        raise ValueError(f"`weights` must be those of a MobileNetV2; {'; '.join(problems[:4]) or 'the model is none'}.")
    for name, layer in layers.items():
        kernel, bias = weights[name]
        layer.kernel.assign(kernel)
        layer.bias.assign(tf.zeros_like(layer.bias) if bias is None else bias)
    return list(layers)


def start(
    layers: str | os.PathLike, weights: str | os.PathLike, *, body_joints: BodyJoints, image_size: int = 192
) -> tuple[ImageJoints, dict[str, Any]]:
    """`ImageJoints` whose MobileNetV2 has MoveNet's weights and whose other layers are as made, and a report.

    Args:
        layers: see `read_movenet`.
        weights: see `read_movenet`.
        body_joints: `BodyJoints` of the body that is seen.
        image_size: of the crops, pixels; MoveNet was trained on 192.

    Raises:
        ValueError: a file is not there, damaged, or of another model.
    """
    found = read_movenet(layers, weights)
    model = ImageJoints(body_joints, backbone=_NAME, image_size=image_size, normalization="symmetric")
    filled = fill(model.network.get_layer(_NAME), found)
    rows = [
        {"name": name, "shape": list(kernel.shape), "used": name in filled, "use": _USE if name in filled else _OTHER}
        for name, (kernel, _) in found.items()
    ]
    kinds = keras.layers.Conv2D | keras.layers.DepthwiseConv2D | keras.layers.Dense
    left = [layer.name for layer in model.network.layers if isinstance(layer, kinds)]
    return model, {"backbone": _NAME, "tensors": rows, "left_as_made": left}


def _problem(name: str, layer: keras.layers.Layer, given: tuple[np.ndarray, np.ndarray | None] | None) -> str:
    """What is wrong with the weights of a layer; nothing if they fit."""
    if given is None:
        return f"{name} is missing"
    kernel, bias = given
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    outputs = layer.kernel.shape[2 if depthwise else 3]
    if kernel.shape != tuple(layer.kernel.shape):
        return f"{name} has the shape {kernel.shape}, not {tuple(layer.kernel.shape)}"
    if bias is not None and bias.shape != (outputs,):
        return f"the bias of {name} has the shape {bias.shape}, not {(outputs,)}"
    finite = np.isfinite(kernel).all() and (bias is None or np.isfinite(bias).all())
    return "" if finite else f"{name} is not finite"


def _arrays(manifest: Any, content: bytes) -> dict[str, np.ndarray]:
    """All weights by name, float32; ValueError if they are not those bytes."""
    found, place = {}, 0
    for entry in (entry for group in manifest for entry in group["weights"]):
        dtype = np.dtype(_DTYPES[entry.get("quantization", {}).get("dtype", entry["dtype"])])
        shape = tuple(int(size) for size in entry["shape"])
        if min(shape, default=1) < 0 or place + dtype.itemsize * (count := int(np.prod(shape))) > len(content):
            raise ValueError("fewer bytes of weights than its list tells")
        found[entry["name"]] = np.frombuffer(content, dtype, count, place).astype(np.float32).reshape(shape)
        place += dtype.itemsize * count
    if place != len(content):
        raise ValueError(f"{len(content) - place:,} bytes more of weights than its list tells")
    return found


def _backbone(nodes: Any, arrays: Mapping[str, np.ndarray]) -> Weights:
    """Kernel and bias of each convolution of the backbone, by the layer that Keras names so."""
    found: Weights = {}
    for node in nodes:
        if node["op"] not in _CONVOLUTIONS or _BACKBONE not in node["name"]:
            continue
        inputs = [name for name in node["input"] if name in arrays]
        layer = node["name"].split(_BACKBONE)[1].split("/")[0]
        found[_layer(layer)] = (arrays[inputs[0]], arrays[inputs[1]] if len(inputs) > 1 else None)
    return found


def _layer(name: str) -> str:
    """The convolution of Keras's MobileNetV2 that a node is named after: it, what follows it, or both folded."""
    if name == "out_relu":
        return "Conv_1"
    for ending in ("_relu", "_BN", "_bn"):
        name = name.removesuffix(ending)
    return name.removeprefix("bn_")
