"""What all models of images share: their inputs, and how they are read and stored."""

import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from niki_tf import archives, model_files, provenance
from niki_tf.shapes import TensorLike, check_shape, real_array

INPUTS: dict[str, tuple[int | None, ...]] = {"image": (None, None, 3), "box": (4,), "image_center": (2,)}
"""Names of the inputs and their shapes after the leading axes. `image` is needed."""

_FILE = "model.keras"
_NAMES = ("niki_tf>ImageJoints", "niki_tf>ImageSolver", "niki_tf>PartAttention")
_LARGEST_CONFIG = 16 * 2**20
"""Bytes of a configuration; that of a body of ten betas has 30 kB."""


class ImageModel(keras.Model):
    """A Keras model called with a dictionary of images and, optionally, boxes.

    - `image` (..., H, W, 3), red, green, blue in 0..255: the square crop of a person, of the model's size, or with a
      box a whole picture;
    - `box` (..., 4), left, top, right, bottom of the person in the picture, pixels: the crop is taken in the graph;
    - `image_center` (..., 2), of a crop without a box: where the picture's centre is, in widths of the crop from the
      crop's centre; the same point if it is left out.
    """

    @property
    def image_size(self) -> int:
        """Height and width of a crop, pixels."""
        raise NotImplementedError

    def __call__(self, inputs: Mapping[str, TensorLike], **kwargs: Any) -> dict[str, tf.Tensor]:
        """The model's answer; see the class.

        Raises:
            ValueError: a name is unknown or missing, or a shape does not fit.
        """
        if not _is_symbolic(inputs):
            inputs = self._checked(inputs)  # before Keras has the call, which would wrap the message
        return super().__call__(inputs, **kwargs)

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> dict[str, np.ndarray]:
        """See `keras.Model.predict`; arrays are checked before any work starts.

        Raises:
            ValueError: see `__call__`.
        """
        if isinstance(x, Mapping):
            x = {name: value.numpy() for name, value in self._checked(x).items()}
            if x["image"].ndim < len(INPUTS["image"]) + 1:
                raise ValueError(f"`image` must be several images, (N, H, W, 3); got {x['image'].shape}.")
        return super().predict(x, *args, **kwargs)

    def build(self, input_shape: Any = None) -> None:
        """Nothing to do: weights are made in the constructor, so that loading needs no call."""

    def _checked(self, inputs: Mapping[str, TensorLike]) -> dict[str, tf.Tensor]:
        """The inputs as float32 tensors of equal leading axes, those that are None left out."""
        if not isinstance(inputs, Mapping):
            raise ValueError(f"`inputs` must be a dictionary of arrays by name; got {type(inputs).__name__}.")
        unknown = sorted(set(inputs) - set(INPUTS))
        if unknown:
            raise ValueError(f"`{unknown[0]}` is no input of a model of images; the inputs are {', '.join(INPUTS)}.")
        given = {name: _tensor(name, value) for name, value in inputs.items() if value is not None}
        if "image" not in given:
            raise ValueError("`image` (..., H, W, 3) is missing. Give red, green and blue in 0..255.")
        if "box" in given and "image_center" in given:
            raise ValueError("`image_center` is for a crop without a `box`; got both. Leave out one of them.")
        self._check_shapes(given)
        return given

    def _check_shapes(self, given: Mapping[str, tf.Tensor]) -> None:
        """ValueError if a shape does not end as it must, or has other leading axes than `image`."""
        cure = " Give a crop of that size, or with `box` a whole picture."
        crop = (self.image_size, self.image_size, 3)
        check_shape("image", given["image"], INPUTS["image"] if "box" in given else crop, cure)
        leading = given["image"].shape[:-3]
        for name, value in given.items():
            check_shape(name, value, INPUTS[name])
            own = value.shape[: value.shape.rank - len(INPUTS[name])]
            if not own.is_compatible_with(leading):
                raise ValueError(f"`{name}` must have the leading axes of `image`, {tuple(leading)}; got {tuple(own)}.")


def find(name: str | os.PathLike, *, argument: str = "name") -> pathlib.Path:
    """The folder that `name` means: one that holds model.keras, or else that of a shipped model of images.

    Args:
        name: a folder, or the name of a model that ships.
        argument: what an error calls it.

    Raises:
        ValueError: it is neither.
    """
    folder = pathlib.Path(name)
    if (folder / _FILE).is_file():
        return folder
    known = shipped()
    if os.fspath(name) in known:
        return known[os.fspath(name)]
    names = "".join(f", or {one}" for one in known)
    raise ValueError(
        f"`{argument}` must be a folder that holds {_FILE}{names}; got {os.fspath(name)!r}. Is its training finished? "
        "tools/convert_checkpoint.py writes one, too."
    )


def shipped() -> dict[str, pathlib.Path]:
    """Folders of the models of images that come with the package, by name."""
    return {name: folder for name, folder in provenance.shipped().items() if is_image_model(folder)}


def load(name: str | os.PathLike, *, argument: str = "name") -> ImageModel:
    """The model of images called `name`: one that ships, `image_backbone`, or a folder that `solvers.save` wrote.

    Args:
        name: a folder, or the name of a model that ships.
        argument: what an error calls it.

    Raises:
        ValueError: there is no such model, the file is no model of images or of a later format, or it ships and its
            SHA-256 is not the one that was released.
    """
    path = find(name, argument=argument) / _FILE
    provenance.check_weights(path)
    return model_files.load(path, name=path, kind=ImageModel, what=f"`{argument}` must be a model of images")


def is_image_model(folder: str | os.PathLike) -> bool:
    """Whether `folder`/model.keras is a model of images, as its configuration says; reads no weights."""
    path = pathlib.Path(folder) / _FILE
    if not path.is_file():
        return False
    try:
        with archives.opened(path, wanted="a whole .keras file") as archive:
            member = archive.getinfo(model_files.CONFIG)
            archives.check_sizes([member], largest=_LARGEST_CONFIG)
            config = json.loads(archive.read(member))
    except (ValueError, KeyError, RecursionError):  # who loads it says what is wrong
        return False
    return isinstance(config, dict) and config.get("registered_name") in _NAMES


def _tensor(name: str, value: TensorLike) -> tf.Tensor:
    """`value` as a float32 tensor; ValueError if it is made of something else than real numbers."""
    if tf.is_tensor(value):
        return tf.cast(value, tf.float32)
    return tf.constant(real_array(name, value), tf.float32)


def _is_symbolic(inputs: Any) -> bool:
    """Whether the inputs are those of a Keras functional model, whose shapes Keras itself checks."""
    return isinstance(inputs, Mapping) and any(isinstance(value, keras.KerasTensor) for value in inputs.values())
