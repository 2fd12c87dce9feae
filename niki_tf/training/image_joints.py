"""The loss by which `vision.ImageJoints` learns from images, as HybrIK does.

Source: Li et al., HybrIK, CVPR 2021; NIKI, supplementary material, section B.
"""

import dataclasses
from collections.abc import Callable, Mapping

import tensorflow as tf

from niki_tf import skeletons
from niki_tf.camera import FOCAL
from niki_tf.settings import check_sizes, described
from niki_tf.vision import ImageJoints
from niki_tf.vision.joint_heads import DEPTH

_FLOOR = 0.005
"""Metres that are added to errors for which sigma is learned: nothing is more certain. Set by hand."""
_SMALLEST = 1e-4
"""Metres; sigma counts as no less, which a network that is not trained may say."""


@dataclasses.dataclass(frozen=True)
class ImageLossWeights:
    """Weights of the loss terms, set by hand so that each moves what it is for.

    Raises:
        ValueError: a weight is no finite number from 0 on.
    """

    uv: float = described(1.0, "L1 of the joints' places in the image, widths of the crop.")
    depth: float = described(1.0, "L1 of the joints' depths from joint 0, in the depth of the heat maps, 2.2 metres.")
    scale: float = described(0.5, "L1 of the camera's scale.")
    twist: float = described(0.05, "Squared error of the twists as (cos, sin).")
    betas: float = described(0.01, "Squared error of betas.")
    sigma: float = described(
        0.01, "Negative logarithm of the Laplace density of the joints' errors; moves sigma alone."
    )

    def __post_init__(self) -> None:
        check_sizes(self)


def model_inputs(batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The inputs of a model of images for a batch of them.

    The model's camera has a focal length of its own; its centre is placed so that the crop is seen in the direction in
    which the image's camera saw it.

    Args:
        batch: image (n, S, S, 3), image_center (n, 2) and focal (n,).
    """
    return {"image": batch["image"], "image_center": batch["image_center"] * (FOCAL / batch["focal"])[..., None]}


def loss(
    model: ImageJoints,
    batch: Mapping[str, tf.Tensor],
    *,
    weights: ImageLossWeights,
    gather: Callable[[tf.Tensor], tf.Tensor] | None = None,
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """The loss of a batch of images, and its terms; what is NaN in the batch is not known, and does not count.

    Args:
        model: that is trained.
        batch: of `data.image_batches.batches`.
        weights: of the terms.
        gather: unused; all terms are means over examples.
    """
    found = model(model_inputs(batch), training=True)
    of_joints = _difference(found["joints"], batch["joints"])
    scale = batch["focal"] / batch["root"][:, 2]
    spread = tf.maximum(found["joint_sigma"][..., None], _SMALLEST)
    error = tf.abs(tf.stop_gradient(of_joints)) + _FLOOR
    surprise = tf.math.log(spread) + tf.sqrt(2.0) * error / spread
    terms = {
        "uv": tf.reduce_mean(tf.abs(_difference(found["uvd"][..., :2], batch["uv"]))),
        "depth": tf.reduce_mean(tf.abs(_difference(found["uvd"][..., 2], batch["joints"][..., 2] / DEPTH))),
        "scale": tf.reduce_mean(tf.abs(_difference(found["scale"], scale[:, None]))),
        "twist": tf.reduce_mean(_difference(found["twist"], batch["twist"]) ** 2),
        "betas": tf.reduce_mean(_difference(found["betas"], batch["betas"]) ** 2),
        "sigma": tf.reduce_mean(tf.where(tf.math.is_finite(batch["joints"]), surprise, 0.0)),
    }
    total = tf.add_n([getattr(weights, name) * term for name, term in terms.items()])
    distance = tf.norm(of_joints[:, : skeletons.NUM_ROTATIONS] + 1e-9, axis=-1)
    return total, {**terms, "joint_error_mm": 1000.0 * tf.reduce_mean(distance)}


def _difference(found: tf.Tensor, true: tf.Tensor) -> tf.Tensor:
    """Found minus true, 0 where the truth is not known."""
    known = tf.math.is_finite(true)
    return tf.where(known, found - tf.where(known, true, 0.0), 0.0)
