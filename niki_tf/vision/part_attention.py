"""Rotations straight from an image by attention to parts of the body: what one does without inverse kinematics."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from niki_tf import precision, rotations, skeletons
from niki_tf.shapes import LeadingAxes, TensorLike
from niki_tf.vision.image_joints import ImageJoints
from niki_tf.vision.image_model import ImageModel

_SIXD = 6
_REST = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
"""The 6D form of no rotation."""


@keras.saving.register_keras_serializable("niki_tf")
class PartAttention(ImageModel):
    """Pose of the person in an image, each joint's rotation by what its own map of attention picks; see `ImageModel`.

    The maps of an `ImageJoints`, from which its heat maps are made, give for each of 24 joints a map of attention,
    whose sum over the image is 1, and features; those that a joint attends to, and those of the whole image, give its
    rotation by a linear layer of its own. Returns `global_orient` (..., 1, 3, 3) and `body_pose` (..., 23, 3, 3) in the
    camera's axes (x to the right, y down, z away), and `betas` (..., B) of the `ImageJoints`, which stays as it is.

    Args:
        image_joints: the trained `ImageJoints`.
        hidden_dim: number of features.

    Example:
        >>> import numpy as np
        >>> from niki_tf import body, vision
        >>> seen = vision.ImageJoints(body.mannequin_joints(), backbone="mobilenet_v2", image_size=64)
        >>> vision.PartAttention(seen)({"image": np.zeros([1, 64, 64, 3])})["body_pose"].shape.as_list()
        [1, 23, 3, 3]

    Source: in the spirit of Kocabas et al., PARE, ICCV 2021, the baseline of NIKI; without its labels of parts.
    """

    @precision.in_float32
    def __init__(self, image_joints: ImageJoints, *, hidden_dim: int = 64, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.image_joints, self.hidden_dim = image_joints, hidden_dim
        image_joints.trainable = False
        network = image_joints.network
        self.maps = keras.Model(network.input, [network.get_layer("final_layer").input, *network.outputs[1:]])
        local_map, whole = (keras.Input(part.shape[1:]) for part in (self.maps.outputs[0], self.maps.outputs[-1]))
        self.head = keras.Model([local_map, whole], _head(local_map, whole, hidden_dim), name="head")
        self.built = True

    @property
    def image_size(self) -> int:
        """Height and width of a crop, pixels."""
        return self.image_joints.image_size

    def call(self, inputs: Mapping[str, TensorLike], *, training: bool = False) -> dict[str, tf.Tensor]:
        """See the class."""
        given = self._checked(inputs)
        leading = LeadingAxes(given["image"], inner=3)
        crop, _ = self.image_joints.cropped(given, leading)
        local_map, betas, *_, features = self.maps(crop, training=False)
        sixd = self.head([local_map, features])
        local = rotations.sixd_vector_to_matrices(tf.reshape(sixd, [-1, _SIXD * skeletons.NUM_ROTATIONS]))
        found = {"global_orient": local[:, :1], "body_pose": local[:, 1:], "betas": betas}
        return {name: leading.restore(value) for name, value in found.items()}

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        part = keras.saving.serialize_keras_object(self.image_joints)
        return {"name": self.name, "image_joints": part, "hidden_dim": self.hidden_dim}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "PartAttention":
        """A model from what `get_config` gave."""
        return cls(**{**config, "image_joints": keras.saving.deserialize_keras_object(config["image_joints"])})


def _head(local_map: Any, whole: Any, hidden_dim: int) -> Any:
    """Rotations 6D (N, 24, 6) of a map (N, H, W, C) and features of the whole image (N, F), all symbolic."""
    joints = skeletons.NUM_ROTATIONS
    pixels = local_map.shape[1] * local_map.shape[2]
    attention = keras.layers.Conv2D(joints, 1, name="attention")(local_map)
    attention = keras.layers.Softmax(axis=1, name="shares")(keras.layers.Reshape([pixels, joints])(attention))
    features = keras.layers.Conv2D(hidden_dim, 1, activation="relu", name="features")(local_map)
    features = keras.layers.Reshape([pixels, hidden_dim])(features)
    picked = keras.layers.Dot(1, name="picked")([attention, features])
    context = keras.layers.Dense(hidden_dim, activation="relu", name="context")(whole)
    both = keras.layers.Concatenate(name="both")([picked, keras.layers.RepeatVector(joints)(context)])
    rest = keras.initializers.Constant([_REST] * joints)
    return keras.layers.EinsumDense(
        "njf,jfo->njo", [joints, _SIXD], bias_axes="jo", bias_initializer=rest, name="turns"
    )(both)
