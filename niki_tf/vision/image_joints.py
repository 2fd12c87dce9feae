"""HybrIK's network: from the image of a person to joints, sigma, twists, betas and a camera."""

from collections.abc import Collection, Mapping
from typing import Any

import keras
import tensorflow as tf

from niki_tf import camera, precision, skeletons
from niki_tf.body import BodyJoints
from niki_tf.shapes import LeadingAxes, TensorLike
from niki_tf.vision import heatmap_moments, image_crop, joint_heads
from niki_tf.vision.backbones import BACKBONES, NORMALIZATIONS, SIZE_STEP, STRIDES
from niki_tf.vision.image_model import ImageModel

_FIRST_SCALE = 0.9
"""Bias of the camera's scale before training, `init_cam` of the published code."""
_TOLD = ("joint_sigma", "twist", "betas", "uvd", "confidence", "heat_moments")
_HEADS = ("heat", "betas", "twist", "scale", "joint_sigma", "features")


@keras.saving.register_keras_serializable("niki_tf")
class ImageJoints(ImageModel):
    """What a solver is told, by an image of a person; see `ImageModel` for the inputs.

    The backbone gives a heat map over a volume for each of 29 joints, whose mean is the joint's place (soft-argmax),
    and features, of which linear layers make sigma, twists, betas and the scale of a camera. Returns a dictionary of

    - `joints` (..., 29, 3) metres relative to joint 0, x to the right, y down, z away from the camera;
    - `joint_sigma` (..., 29), `twist` (..., 23, 2) as (cos, sin) of any length and `betas` (..., B), as solvers take
      them;
    - `camera` (..., 3), that of the image as (scale, x, y) (see `niki_tf.camera`): where joint 0 is;
    - `uvd` (..., 29, 3), positions in the crop in its widths from its centre, and depths in `joint_heads.DEPTH`;
    - `confidence` (..., 29), the largest probability of each heat map, `heat_moments` (..., 78) of thirteen of them
      (`heatmap_moments`), and `scale` (..., 1), the camera's that joints were found with.

    Args:
        body_joints: the `BodyJoints` of the body that is seen, which tells the number of betas and the camera's scale.
        backbone: a key of `backbones.BACKBONES`.
        image_size: height and width of the crop, pixels, a multiple of 32.
        normalization: a key of `backbones.NORMALIZATIONS`.
        flip_test: average the answer with that of the mirrored image, at twice the time. May be set later, too.
        as_published: round as the published code does on a CPU: see `joint_heads.probabilities`, `body.analytic_ik`,
            and, of mirrored images, `joint_heads.shifted_columns`, which costs accuracy. May be set later, too.

    Raises:
        ValueError: an argument is none of these.

    Source: Li et al., HybrIK, CVPR 2021; published code of NIKI.
    """

    @precision.in_float32
    def __init__(
        self,
        body_joints: BodyJoints,
        *,
        backbone: str = "hrnet_w48",
        image_size: int = 256,
        normalization: str = "imagenet",
        flip_test: bool = False,
        as_published: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        _check_choice("backbone", backbone, BACKBONES)
        _check_choice("normalization", normalization, NORMALIZATIONS)
        if image_size < SIZE_STEP or image_size % SIZE_STEP:
            raise ValueError(f"`image_size` must be a multiple of {SIZE_STEP} pixels; got {image_size}.")
        self.body_joints, self.backbone, self._image_size = body_joints, backbone, image_size
        self.normalization, self.flip_test, self.as_published = normalization, flip_test, as_published
        self.network = network(backbone, image_size=image_size, num_betas=body_joints.num_betas)
        self.built = True

    @property
    def image_size(self) -> int:
        """Height and width of a crop, pixels."""
        return self._image_size

    def call(self, inputs: Mapping[str, TensorLike], *, training: bool = False) -> dict[str, tf.Tensor]:
        """See the class; in training the scale is the network's own, and images are not mirrored."""
        given = self._checked(inputs)
        leading = LeadingAxes(given["image"], inner=3)
        found, center = self.seen(given, leading, flip_test=self.flip_test and not training)
        scale = found["scale"]
        if not training:
            scale = joint_heads.fitted_scale(
                found["uvd"],
                found["joint_sigma"],
                scale,
                center,
                rest_joints=self.body_joints(found["betas"]),
                twist=found["twist"],
                as_published=self.as_published,
            )
        joints, root = joint_heads.back_project(found["uvd"], scale, center)
        answer = {name: found[name] for name in _TOLD}
        answer |= {"joints": joints, "camera": camera.transl_to_camera(root), "scale": scale}
        return {name: leading.restore(value) for name, value in answer.items()}

    def seen(
        self, given: Mapping[str, tf.Tensor], leading: LeadingAxes, *, flip_test: bool = False
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """What the network itself says, before any camera, and the centre of the crop.

        Args:
            given: inputs as tensors.
            leading: axes of the examples.
            flip_test: see the class.

        Returns:
            dict of uvd (N, 29, 3), confidence (N, 29), heat_moments (N, 78), joint_sigma (N, 29), twist (N, 23, 2),
            betas (N, B), scale (N, 1) and features (N, F); and the centre (N, 2) of the crop from that of the image, in
            widths of the crop.
        """
        crop, center = self.cropped(given, leading)
        found = self._heads(crop)
        found["heat"] = joint_heads.probabilities(found["heat"], as_published=self.as_published)
        if flip_test:
            other = self._heads(tf.reverse(crop, [2]))
            heat = joint_heads.mirrored(other["heat"], as_published=self.as_published)
            other["heat"] = joint_heads.probabilities(heat, as_published=self.as_published)
            found = _averaged(found, other)
        heat = found.pop("heat")
        uvd, confidence = joint_heads.soft_argmax(heat)
        moments = heatmap_moments.moments(heat)
        return {**found, "uvd": uvd, "confidence": confidence, "heat_moments": moments}, center

    def cropped(self, given: Mapping[str, tf.Tensor], leading: LeadingAxes) -> tuple[tf.Tensor, tf.Tensor]:
        """The normalised crop (N, S, S, 3), and its centre (N, 2) from that of the image, in widths of the crop."""
        size = self.image_size
        image = tf.reshape(given["image"], tf.concat([leading.flat, tf.shape(given["image"])[-3:]], 0))
        image.set_shape([None, None, None, 3] if "box" in given else [None, size, size, 3])
        center = tf.zeros_like(image[:, 0, 0, :2])
        if "box" in given:
            square = image_crop.square_box(leading.flatten(given["box"]))
            middle, width = 0.5 * (square[:, :2] + square[:, 2:]), square[:, 2:] - square[:, :2]
            extent = tf.cast(tf.reverse(tf.shape(image)[1:3], [0]), tf.float32)
            image, center = image_crop.crop(image, square, size=size), (middle - 0.5 * extent) / width
        elif "image_center" in given:
            center = -leading.flatten(given["image_center"])
        mean, deviation = NORMALIZATIONS[self.normalization]
        return (image / 255.0 - tf.constant(mean)) / tf.constant(deviation), center

    def _heads(self, crop: tf.Tensor) -> dict[str, tf.Tensor]:
        """The network's outputs by name, heat maps as volumes (N, H, W, 29, D)."""
        found = dict(zip(_HEADS, self.network(crop, training=False), strict=True))  # batch normalisation stays as it is
        return {**found, "heat": joint_heads.volumes(found["heat"])}

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {
            "name": self.name,
            "body_joints": keras.saving.serialize_keras_object(self.body_joints),
            "backbone": self.backbone,
            "image_size": self.image_size,
            "normalization": self.normalization,
            "flip_test": self.flip_test,
            "as_published": self.as_published,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ImageJoints":
        """A model from what `get_config` gave."""
        return cls(**{**config, "body_joints": keras.saving.deserialize_keras_object(config["body_joints"])})


def network(backbone: str, *, image_size: int, num_betas: int) -> keras.Model:
    """The Keras model of a normalised crop (N, S, S, 3) -> heat maps, betas, twist, scale, sigma and features.

    Args:
        backbone: a key of `backbones.BACKBONES`.
        image_size: S, pixels.
        num_betas: number of shape coefficients.

    Returns:
        model with outputs heat maps (N, H, H, 29 * H), H = S / stride (`backbones.STRIDES`), betas (N, B), twist (N,
        23, 2), scale (N, 1), joint_sigma (N, 29) and features (N, F). Its layers have the names of the published
        code's tensors.
    """
    crop = keras.Input([image_size, image_size, 3], name="crop")
    heat, features = BACKBONES[backbone](crop, skeletons.NUM_JOINTS * (image_size // STRIDES[backbone]))
    twists = (skeletons.NUM_TWISTS, 2)
    dense, first = keras.layers.Dense, keras.initializers.Constant(_FIRST_SCALE)
    betas = dense(num_betas, name="decshape")(features)
    twist = keras.layers.Reshape(twists, name="twist")(dense(twists[0] * twists[1], name="decphi")(features))
    scale = dense(1, name="deccam", bias_initializer=first)(features)
    sigma = dense(skeletons.NUM_JOINTS, activation="sigmoid", name="decsigma")(features)
    return keras.Model(crop, [heat, betas, twist, scale, sigma, features], name="network")


def _averaged(found: dict[str, tf.Tensor], other: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """What was found on an image, averaged with what was found on the mirrored one, whose heat maps are turned."""
    turned = {
        "twist": joint_heads.mirrored_twist(other["twist"]),
        "joint_sigma": joint_heads.mirrored_sigma(other["joint_sigma"]),
        "betas": other["betas"],
        "heat": other["heat"],
    }
    averaged = {name: 0.5 * (found[name] + value) for name, value in turned.items()}
    scale = 2.0 / (1.0 / found["scale"] + 1.0 / other["scale"])  # depths are averaged
    return {**found, **averaged, "scale": scale}


def _check_choice(name: str, value: str, choices: Collection[str]) -> None:
    if value not in choices:
        raise ValueError(f"`{name}` must be one of {', '.join(choices)}; got {value!r}.")
