"""What a network of images tells of people whom another estimator has found in a picture."""

import os

import numpy as np
import tensorflow as tf

from niki_tf.vision import image_crop, image_model
from niki_tf.vision.image_joints import ImageJoints
from niki_tf.vision.landmark_crop import Crop, Landmarks

VISIBLE = 0.5
"""Least visibility of the landmarks that make a box; set by hand."""
_CERTAIN = 0.03
"""Metres of sigma up to which a joint is seen as well as can be; set by hand."""


class NetworkLandmarks:
    """The 29 joints of SMPL, and twists, of a person whose landmarks say where to look; for `tracking.Tracker`.

    The network sees the square around the landmarks that are visible, and is told where in the picture that lies.

    Args:
        network: an `ImageJoints`, the name of one that ships, or a folder that holds one.
        argument: what an error calls it.

    Raises:
        ValueError: it is none.
    """

    def __init__(self, network: str | os.PathLike | ImageJoints, *, argument: str = "network") -> None:
        is_model = isinstance(network, ImageJoints)
        model = network if is_model else image_model.load(network, argument=argument)
        if not isinstance(model, ImageJoints):
            raise ValueError(
                f"`{argument}` must be an ImageJoints, which tells joints; got {type(model).__name__}. "
                "Choose the solver apart."
            )
        self.network = model
        self._seen = tf.function(self._look, reduce_retracing=True)

    def __call__(self, picture: np.ndarray, landmarks: Landmarks) -> Landmarks:
        """The person's joints.

        Args:
            picture: uint8 (H, W, 3), red, green, blue.
            landmarks: of the person.
        """
        square = image_crop.square_box(tf.constant(seen_box(landmarks)[None], tf.float32))
        low, high = np.split(square.numpy()[0].astype(np.float64), 2)
        middle, side = 0.5 * (low + high), float((high - low)[0])
        of_picture = 0.5 * np.array(picture.shape[1::-1])
        aside = tf.constant(((of_picture - middle) / side)[None], tf.float32)
        answer = self._seen(tf.constant(picture[None]), square, aside)
        found = {name: value.numpy()[0] for name, value in answer.items()}
        return Landmarks(
            picture=middle + side * found["uvd"][:, :2],
            world=found["joints"].astype(np.float64),
            visibility=_CERTAIN / np.maximum(found["joint_sigma"], _CERTAIN),  # whose square weighs a point
            presence=np.ones(len(found["joints"])),
            score=landmarks.score,
            next_crop=Crop(of_picture, side, 0.0),  # whose axis depths are along
            sigma=found["joint_sigma"].astype(np.float64),
            twist=found["twist"].astype(np.float64),
        )

    def _look(self, picture: tf.Tensor, square: tf.Tensor, aside: tf.Tensor) -> dict[str, tf.Tensor]:
        crop = image_crop.crop(tf.cast(picture, tf.float32), square, size=self.network.image_size)
        found = self.network({"image": crop, "image_center": aside})
        return {name: found[name] for name in ("uvd", "joints", "joint_sigma", "twist")}


def seen_box(landmarks: Landmarks) -> np.ndarray:
    """Left, top, right, bottom (4,), pixels, around the visible landmarks; around all if fewer than two are visible."""
    seen = landmarks.visibility >= VISIBLE
    points = landmarks.picture[seen] if seen.sum() > 1 else landmarks.picture
    return np.concatenate([points.min(0), points.max(0)])
