"""Projections of points to an image, and NIKI's weak-perspective cameras as translations.

Camera axes: x to the right and y down in the image, z away from the camera. Image positions `uv` of weak-perspective
cameras are measured in widths of the square crop around the person, from the crop's centre. A weak-perspective camera
(scale, x, y) stands for the translation (x, y, FOCAL / scale) of the midpoint of the hips, with a focal length of
FOCAL crop widths.

`perspective` and `orthographic` are plain arithmetic: they take a tf.Tensor or an np.ndarray, of any floating point
type, and return the same kind.
"""

from typing import TypeVar

import numpy as np
import tensorflow as tf

from niki_tf import contract, skeletons
from niki_tf.shapes import TensorLike, real_array, real_number, real_tensors, zeros_like_leading

FOCAL = 1000.0 / 256.0
"""Focal length in crop widths: 1,000 pixels for a crop of 256, from the published code."""

_CERTAINTY_SLOPE = 5.0
"""Loss of a joint's weight per metre of its sigma: none is left at 0.2 m. Source: published one-stage model."""
_SHAPES = {
    "joints": contract.INPUTS["joints"],
    "joint_sigma": contract.INPUTS["joint_sigma"],
    "camera": (3,),
    "image_center": (2,),
    "transl": (3,),
}
_HIPS = tuple(skeletons.SMPL_29.index(name) for name in ("left_hip", "right_hip"))

Array = TypeVar("Array", np.ndarray, tf.Tensor)


def perspective(points: Array, *, focal_length: float, distance: float = 0.0) -> Array:
    """Image (..., 2) of a pinhole camera: focal_length * (x, y) / (z + distance).

    Args:
        points: (..., 3) metres, x and y along those of the image, z away from the camera.
        focal_length: in the unit of the image, such as pixels or crop widths.
        distance: metres from the camera to the origin of the points.

    Raises:
        ValueError: the points have another shape, or one of an array lies beside the camera, where it has no image.
    """
    focal_length = real_number("focal_length", focal_length, cure="It is in the unit of the image.")
    distance = real_number("distance", distance, cure="It is in metres.")
    points = _points(points)
    if isinstance(points, np.ndarray) and (points[..., 2] + distance == 0.0).any():
        raise ValueError("`points` must lie in front of the camera; got a depth of 0. Move them, or leave them out.")
    return focal_length * points[..., :2] / (points[..., 2:] + distance)


def orthographic(points: Array, *, scale: float) -> Array:
    """Image (..., 2) of an orthographic camera: scale * (x, y), whatever the depth.

    Args:
        points: (..., 3) metres, x and y along those of the image.
        scale: units of the image per metre.

    Raises:
        ValueError: the points have another shape.
    """
    return real_number("scale", scale, cure="It is units of the image per metre.") * _points(points)[..., :2]


def weak_perspective(joints: TensorLike, camera: TensorLike) -> tf.Tensor:
    """Image positions uv (..., 29, 2), in crop widths, of joints seen by a weak-perspective camera.

    The camera places the midpoint p of the hips at its translation t:
    uv = FOCAL ((x, y) - p_xy + t_xy) / (z - p_z + t_z).

    Args:
        joints: (..., 29, 3) metres in camera axes, relative to any point.
        camera: (..., 3) as (scale, x, y).

    Raises:
        ValueError: a shape does not fit.

    Source: published one-stage model of NIKI.
    """
    joints, transl = _checked("joints", joints), camera_to_transl(camera)
    hips = tf.reduce_mean(tf.gather(joints, _HIPS, axis=-2), -2, keepdims=True)
    return perspective(joints - hips + transl[..., None, :], focal_length=FOCAL)


def camera_to_transl(camera: TensorLike) -> tf.Tensor:
    """Translation (..., 3), metres, of a weak-perspective camera (..., 3) as (scale, x, y): (x, y, FOCAL / scale)."""
    camera = _checked("camera", camera)
    return tf.concat([camera[..., 1:], FOCAL / camera[..., :1]], -1)


def transl_to_camera(transl: TensorLike) -> tf.Tensor:
    """Weak-perspective camera (..., 3) of a translation (..., 3), metres: (FOCAL / z, x, y)."""
    transl = _checked("transl", transl)
    return tf.concat([FOCAL / transl[..., 2:], transl[..., :2]], -1)


def image_transl(
    joints: TensorLike,
    camera: TensorLike,
    *,
    joint_sigma: TensorLike | None = None,
    image_center: TensorLike | None = None,
) -> tf.Tensor:
    """Translation (..., 3), metres, of a body with joint 0 at the origin, for the camera of the whole image.

    The crop's camera looks along the crop's centre, the image's camera along the image's centre. Depth stays. x and y
    are the mean over the 24 joints of the shift that lets the image's camera see a joint where the crop's camera sees
    it. A joint's weight is 1 - 5 joint_sigma, at least 0; all weights are 1 if none is positive.

    Args:
        joints: (..., 29, 3) metres in camera axes, relative to any point.
        camera: (..., 3) weak-perspective camera of the crop.
        joint_sigma: (..., 29) metres; zeros if None.
        image_center: (..., 2) centre of the image in crop widths from the crop's centre; the same point if None.

    Raises:
        ValueError: a shape does not fit.

    Source: published one-stage model of NIKI.
    """
    uv, depth = weak_perspective(joints, camera), camera_to_transl(camera)[..., 2:]
    joints = _checked("joints", joints)
    joints, uv = (joints - joints[..., :1, :])[..., : skeletons.NUM_ROTATIONS, :], uv[..., : skeletons.NUM_ROTATIONS, :]
    if joint_sigma is None:
        sigma = zeros_like_leading(joints, 2, [skeletons.NUM_ROTATIONS])
    else:
        sigma = _checked("joint_sigma", joint_sigma)[..., : skeletons.NUM_ROTATIONS]
    center = tf.zeros([2]) if image_center is None else _checked("image_center", image_center)[..., None, :]
    shifts = (uv - center) * (joints[..., 2:] + depth[..., None, :]) / FOCAL - joints[..., :2]
    weights = tf.clip_by_value(1.0 - _CERTAINTY_SLOPE * sigma, 0.0, 1.0)[..., None]
    weights = tf.where(tf.reduce_sum(weights, -2, keepdims=True) > 0, weights, 1.0)
    shift = tf.reduce_sum(weights * shifts, -2) / tf.reduce_sum(weights, -2)
    return tf.concat([shift, depth], -1)


def _points(points: Array) -> Array:
    """Points (..., 3) as they are, lists as an array; ValueError for another shape or what is no number."""
    real_tensors({"points": points}, {"points": (3,)})
    return points if tf.is_tensor(points) else real_array("points", points)


def _checked(name: str, value: TensorLike) -> tf.Tensor:
    """`value` as a float32 tensor; ValueError unless its shape ends in that of `name`, and for a depth of 0."""
    tensor = real_tensors({name: value}, {name: _SHAPES[name]}, dtype=tf.float32)[name]
    place = {"camera": 0, "transl": 2}.get(name)
    if place is not None and not tf.is_tensor(value) and (tensor[..., place].numpy() == 0.0).any():
        what = {"camera": "a scale", "transl": "a depth z"}[name]
        raise ValueError(f"`{name}` must have {what} other than 0; got 0, which has no image. Leave such cameras out.")
    return tensor
