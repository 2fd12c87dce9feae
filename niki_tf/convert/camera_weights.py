"""The camera network of the published one-stage model as a `CameraNetwork`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from niki_tf import skeletons
from niki_tf.convert.layout import Part

if TYPE_CHECKING:
    from niki_tf.vision.camera_network import CameraNetwork

_PREFIX = "regressor.camnet."
_LAYERS = (0, 3, 6, 9)
"""Numbers of the linear layers in the published nn.Sequential."""
_INPUTS = skeletons.NUM_JOINTS * (2 + 3 + 1) + 3
"""Image position, position and sigma of each joint, and the camera."""


def holds_camera(arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether `arrays` have any tensor of the camera network."""
    return any(name.startswith(_PREFIX) for name in arrays)


def parts(arrays: Mapping[str, np.ndarray]) -> dict[str, Part]:
    """Every tensor of the camera network, name -> `Part`; empty if the checkpoint has none of them."""
    if not holds_camera(arrays):
        return {}
    hidden_dim = _hidden(arrays)
    sizes = (_INPUTS, hidden_dim, hidden_dim, hidden_dim, 3)
    found = {"init_cam": Part((3,), "added to the bias of the camera network's last layer")}
    for layer, before, after in zip(_LAYERS, sizes, sizes[1:], strict=False):
        found[f"camera_net.{layer}.weight"] = Part((after, before), "camera network: whole")
        found[f"camera_net.{layer}.bias"] = Part((after,), "camera network: whole")
    return {_PREFIX + name: part for name, part in found.items()}


def _hidden(arrays: Mapping[str, np.ndarray]) -> int | str:
    """Width of the hidden layers, the most frequent size of their biases; a letter, for any, if there is no bias."""
    names = [f"{_PREFIX}camera_net.{layer}.bias" for layer in _LAYERS[:-1]]
    sizes = [len(arrays[name]) for name in names if name in arrays and arrays[name].ndim]
    return max(sizes, key=sizes.count, default="H")


def build(arrays: Mapping[str, np.ndarray]) -> CameraNetwork:
    """The `CameraNetwork` with the checkpoint's weights."""
    from niki_tf.vision.camera_network import CameraNetwork

    network = CameraNetwork(hidden_dim=len(arrays[f"{_PREFIX}camera_net.{_LAYERS[0]}.bias"]))
    weights = []
    for layer in _LAYERS:
        weights += [arrays[f"{_PREFIX}camera_net.{layer}.{what}"] for what in ("weight", "bias")]
    weights = [array.T for array in weights]
    weights[-1] = weights[-1] + arrays[f"{_PREFIX}init_cam"]
    network.set_weights(weights)
    return network
