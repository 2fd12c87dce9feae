"""The camera network of NIKI's one-stage model."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from niki_tf import contract, model_files, skeletons
from niki_tf.camera import image_transl, weak_perspective
from niki_tf.shapes import LeadingAxes, TensorLike, check_shape, zeros_like_leading

_INPUTS = {
    "uv": (skeletons.NUM_JOINTS, 2),
    "joints": contract.INPUTS["joints"],
    "camera": (3,),
    "joint_sigma": contract.INPUTS["joint_sigma"],
    "image_center": (2,),
}
_NEEDED = ("uv", "joints", "camera")
_NETWORK_INPUTS = ("uv", "joints", "joint_sigma", "camera")
"""What the network is given, in this order: that of the published weights."""
_INITIAL_CAMERA = (0.8, 0.0, 0.0)
"""Bias of the last layer before training, `init_cam` of the published code."""


@keras.saving.register_keras_serializable("niki_tf")
class CameraNetwork(keras.Model):
    """Refines an initial weak-perspective camera: (uv 58, joints 87, joint_sigma 29, camera 3) -> camera 3.

    An MLP of three hidden layers with ReLU. Called with a dictionary of

    - `uv` (..., 29, 2), the joints as observed in the image, in crop widths from the crop's centre;
    - `joints` (..., 29, 3) metres, those of the solved body posed by `Body` without transl;
    - `camera` (..., 3), the initial camera as (scale, x, y), see `niki_tf.camera.transl_to_camera`;
    - optionally `joint_sigma` (..., 29) metres and `image_center` (..., 2), see `niki_tf.camera.image_transl`.

    Returns a dictionary of the refined `camera` (..., 3), the projection `uv` (..., 29, 2) of the joints by it, and
    the translation `transl` (..., 3), metres, of a body with joint 0 at the origin.

    Args:
        hidden_dim: width of the hidden layers.
        dropout: share of hidden units dropped in training.

    Raises:
        ValueError: `hidden_dim` or `dropout` is out of range.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf.vision import CameraNetwork
        >>> network = CameraNetwork(hidden_dim=32)
        >>> seen = {"uv": tf.zeros([5, 29, 2]), "joints": tf.random.normal([5, 29, 3]), "camera": tf.ones([5, 3])}
        >>> network(seen)["transl"].shape.as_list()
        [5, 3]

    Source: published one-stage model of NIKI.
    """

    def __init__(self, *, hidden_dim: int = 1024, dropout: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if hidden_dim < 1 or not 0 <= dropout < 1:
            raise ValueError(f"`hidden_dim` must be 1 or more and `dropout` in [0, 1); got {hidden_dim} and {dropout}.")
        self.hidden_dim, self.dropout = hidden_dim, dropout
        initial = keras.initializers.Constant(_INITIAL_CAMERA)
        layers = [keras.Input([sum(_size(name) for name in _NETWORK_INPUTS)])]
        for k in range(3):
            layers.append(keras.layers.Dense(hidden_dim, activation="relu", name=f"hidden_{k}"))
            layers.append(keras.layers.Dropout(dropout))
        last = keras.layers.Dense(3, bias_initializer=initial, name="camera")
        self.network = keras.Sequential([*layers, last], name="network")
        self.built = True

    def build(self, input_shape: Any = None) -> None:
        """Nothing to do: weights are made in the constructor, so that loading needs no call."""

    def __call__(self, inputs: Mapping[str, TensorLike], **kwargs: Any) -> dict[str, tf.Tensor]:
        """The refined camera; see the class.

        Raises:
            ValueError: a name is unknown or missing, or a shape does not fit.
        """
        if not isinstance(inputs, Mapping):
            raise ValueError(f"`inputs` must be a dictionary of arrays by name; got {type(inputs).__name__}.")
        if not any(isinstance(value, keras.KerasTensor) for value in inputs.values()):
            inputs = _checked_inputs(inputs)  # before Keras has the call, which would wrap the message
        return super().__call__(inputs, **kwargs)

    def call(self, inputs: Mapping[str, TensorLike], *, training: bool = False) -> dict[str, tf.Tensor]:
        """The refined camera; see the class."""
        given = _checked_inputs(inputs)
        leading = LeadingAxes(given["camera"], inner=1)
        sigma = given.get("joint_sigma", zeros_like_leading(given["camera"], 1, [skeletons.NUM_JOINTS]))
        parts = {**given, "joint_sigma": sigma}
        flat = [tf.reshape(parts[name], [-1, _size(name)]) for name in _NETWORK_INPUTS]
        camera = leading.restore(self.network(tf.concat(flat, -1), training=training))
        transl = image_transl(given["joints"], camera, joint_sigma=sigma, image_center=given.get("image_center"))
        return {"camera": camera, "uv": weak_perspective(given["joints"], camera), "transl": transl}

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"name": self.name, "hidden_dim": self.hidden_dim, "dropout": self.dropout}


def load(folder: str | os.PathLike) -> CameraNetwork:
    """The camera network stored in `folder`/model.keras.

    Raises:
        ValueError: the folder holds no model.keras, or the file is no camera network.
    """
    path = pathlib.Path(folder) / "model.keras"
    if not path.is_file():
        raise ValueError(
            f"`folder` must hold a model.keras; {path} is not there. tools/convert_checkpoint.py writes one."
        )
    return model_files.load(path, name=path, kind=CameraNetwork, what="`folder` must hold a camera network")


def _size(name: str) -> int:
    """Entries of one example of the input `name`."""
    return tf.TensorShape(_INPUTS[name]).num_elements()


def _checked_inputs(inputs: Mapping[str, TensorLike]) -> dict[str, tf.Tensor]:
    """The inputs of the network as float32 tensors of equal leading axes, those that are None left out."""
    unknown = sorted(set(inputs) - set(_INPUTS))
    if unknown:
        raise ValueError(f"`{unknown[0]}` is no input of the camera network; the inputs are {', '.join(_INPUTS)}.")
    given = {name: tf.cast(value, tf.float32) for name, value in inputs.items() if value is not None}
    for name, value in given.items():
        cure = " Use the joint set skeletons.SMPL_29." if _INPUTS[name][0] == skeletons.NUM_JOINTS else ""
        check_shape(name, value, _INPUTS[name], cure)
    missing = [name for name in _NEEDED if name not in given]
    if missing:
        raise ValueError(f"`{missing[0]}` is missing; the camera network needs {', '.join(_NEEDED)}.")
    leading = given["camera"].shape[:-1]
    for name, value in given.items():
        axes = value.shape[: value.shape.rank - len(_INPUTS[name])]
        if not axes.is_compatible_with(leading):
            raise ValueError(f"`{name}` must have the leading axes of `camera`, {tuple(leading)}; got {tuple(axes)}.")
    return given
