"""Where the camera stands: weak-perspective cameras as translations, and projection.

Image positions `uv` are measured in widths of the square crop around the person, from the crop's centre; joints are
in the camera's axes (x right, y down, z away from it). A camera (scale, x, y) stands for the translation
(x, y, FOCAL / scale) of the middle of the hips, with a focal length of FOCAL crop widths.
"""

import tensorflow as tf

from niki_tf import skeletons

FOCAL = 1000.0 / 256.0
"""Focal length in crop widths: the published 1,000 pixels for a crop of 256."""

_ENDINGS = {"joints": (29, 3), "camera": (3,), "joint_sigma": (29,), "image_center": (2,), "transl": (3,)}
_HIPS = tuple(skeletons.SMPL_29.index(name) for name in ("left_hip", "right_hip"))


def camera_to_transl(camera):
    """Weak-perspective camera (..., 3) as (scale, x, y) to translation (..., 3) in metres: (x, y, FOCAL / scale)."""
    camera = _checked("camera", camera)
    return tf.concat([camera[..., 1:], FOCAL / camera[..., :1]], -1)


def transl_to_camera(transl):
    """Translation (..., 3) in metres to weak-perspective camera (..., 3): (FOCAL / z, x, y)."""
    transl = _checked("transl", transl)
    return tf.concat([FOCAL / transl[..., 2:], transl[..., :2]], -1)


def project(joints, camera):
    """Where joints (..., 29, 3) in metres, anywhere, are seen by `camera` (..., 3): uv (..., 29, 2).

    The middle of the hips p is put where the camera says: uv = FOCAL ((xy - p_xy) + t_xy) / ((z - p_z) + t_z).

    Raises:
        ValueError: a shape does not fit.
    """
    joints, transl = _checked("joints", joints), camera_to_transl(camera)
    hips = tf.reduce_mean(tf.gather(joints, _HIPS, axis=-2), -2, keepdims=True)
    seen = joints - hips + transl[..., None, :]
    return FOCAL * seen[..., :2] / seen[..., 2:]


def image_transl(joints, camera, *, joint_sigma=None, image_center=None):
    """Translation (..., 3) in metres that puts a body, whose joint 0 is the origin, before the whole image's camera.

    The crop's camera looks along the crop's centre, the image's along the image's. The depth stays; x and y are what
    the 24 joints, as the crop's camera sees them, ask for on average, each weighted by 1 - 5 joint_sigma, at least 0
    (all the same if none is left).

    Args:
        joints: (..., 29, 3) metres, anywhere: only differences count.
        camera: (..., 3) weak-perspective camera of the crop.
        joint_sigma: (..., 29) metres; zeros if None.
        image_center: (..., 2) centre of the image in crop widths from the crop's centre; the same point if None.

    Raises:
        ValueError: a shape does not fit.

    Source: published one-stage model of NIKI.
    """
    uv, depth = project(joints, camera), camera_to_transl(camera)[..., 2:]
    joints = _checked("joints", joints)
    joints = (joints - joints[..., :1, :])[..., :24, :]
    sigma = tf.zeros(tf.shape(joints)[:-1]) if joint_sigma is None else _checked("joint_sigma", joint_sigma)[..., :24]
    center = tf.zeros([2]) if image_center is None else _checked("image_center", image_center)[..., None, :]
    asked = (uv[..., :24, :] - center) * (joints[..., 2:] + depth[..., None, :]) / FOCAL - joints[..., :2]
    weights = tf.clip_by_value(1.0 - 5.0 * sigma, 0.0, 1.0)[..., None]
    weights = tf.where(tf.reduce_sum(weights, -2, keepdims=True) > 0, weights, 1.0)
    place = tf.reduce_sum(weights * asked, -2) / tf.reduce_sum(weights, -2)
    return tf.concat([place, depth], -1)


def _checked(name, value):
    """`value` as a float32 tensor that ends in the shape of `name`."""
    value, ending = tf.cast(value, tf.float32), _ENDINGS[name]
    if value.shape.rank is None or not value.shape[-len(ending) :].is_compatible_with(ending):
        cure = " Use the joint set skeletons.SMPL_29." if ending[0] == 29 else ""
        raise ValueError(f"`{name}` must end in shape {ending}; got {tuple(value.shape)}.{cure}")
    return value
