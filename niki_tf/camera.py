"""Where the camera stands: the camera network of NIKI's one-stage model, and weak-perspective cameras as translations.

Image positions `uv` are measured in widths of the square crop around the person, from the crop's centre; joints are
in the camera's axes (x right, y down, z away from it). A camera (scale, x, y) stands for the translation
(x, y, FOCAL / scale) of the middle of the hips, with a focal length of FOCAL crop widths.
"""

import pathlib

import keras
import tensorflow as tf

from niki_tf import skeletons

FOCAL = 1000.0 / 256.0
"""Focal length in crop widths: the published 1,000 pixels for a crop of 256."""

_INPUTS = {"uv": (29, 2), "joints": (29, 3), "camera": (3,), "joint_sigma": (29,), "image_center": (2,)}
_NEEDED = ("uv", "joints", "camera")
_HIPS = tuple(skeletons.SMPL_29.index(name) for name in ("left_hip", "right_hip"))
_USUAL_CAMERA = (0.8, 0.0, 0.0)


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


@keras.saving.register_keras_serializable("niki_tf")
class CameraNetwork(keras.Model):
    """Mends a first guess of the camera: (uv 58, joints 87, joint_sigma 29, camera 3) -> camera 3.

    An MLP of three hidden layers with ReLU. Called with a dictionary of `uv` (..., 29, 2), the joints as they were
    observed in the image; `joints` (..., 29, 3) metres, those of the solved body with its pelvis where it rests
    (`Body` without transl); `camera` (..., 3), the first guess (`transl_to_camera`); and, as far as known,
    `joint_sigma` (..., 29) metres and `image_center` (..., 2), see `image_transl`. Returns a dictionary with the
    mended `camera` (..., 3), the `uv` (..., 29, 2) at which it sees the joints, and `transl` (..., 3), metres, of a
    body whose joint 0 is the origin.

    Args:
        hidden: width of the hidden layers.
        dropout: share of hidden units dropped in training.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf.camera import CameraNetwork
        >>> network = CameraNetwork(hidden=32)
        >>> seen = {"uv": tf.zeros([5, 29, 2]), "joints": tf.random.normal([5, 29, 3]), "camera": tf.ones([5, 3])}
        >>> network(seen)["transl"].shape.as_list()
        [5, 3]

    Source: published one-stage model of NIKI.
    """

    def __init__(self, *, hidden=1024, dropout=0.5, **kwargs):
        super().__init__(**kwargs)
        if hidden < 1 or not 0 <= dropout < 1:
            raise ValueError(f"`hidden` must be 1 or more and `dropout` in [0, 1); got {hidden} and {dropout}.")
        self.hidden, self.dropout = hidden, dropout
        usual = keras.initializers.Constant(_USUAL_CAMERA)
        layers = [keras.Input([29 * 2 + 29 * 3 + 29 + 3])]
        for _ in range(3):
            layers += [keras.layers.Dense(hidden, activation="relu"), keras.layers.Dropout(dropout)]
        self.network = keras.Sequential([*layers, keras.layers.Dense(3, bias_initializer=usual)], name="network")
        self.built = True

    def build(self, input_shape=None):
        """Nothing to do: weights are made in the constructor, so that loading needs no call."""

    def call(self, inputs, *, training=False):
        """The mended camera; see the class.

        Raises:
            ValueError: a name is unknown or missing, or a shape does not fit.
        """
        given = _checked_inputs(inputs)
        leading = tf.shape(given["camera"])[:-1]
        sigma = given.get("joint_sigma", tf.zeros(tf.concat([leading, [29]], 0)))
        parts = {"uv": given["uv"], "joints": given["joints"], "joint_sigma": sigma, "camera": given["camera"]}
        flat = [tf.reshape(value, [-1, tf.TensorShape(_INPUTS[name]).num_elements()]) for name, value in parts.items()]
        camera = self.network(tf.concat(flat, -1), training=training)
        camera = tf.ensure_shape(tf.reshape(camera, tf.concat([leading, [3]], 0)), given["camera"].shape)
        transl = image_transl(given["joints"], camera, joint_sigma=sigma, image_center=given.get("image_center"))
        return {"camera": camera, "uv": project(given["joints"], camera), "transl": transl}

    def get_config(self):
        """Constructor arguments."""
        return {"name": self.name, "hidden": self.hidden, "dropout": self.dropout}


def load(folder):
    """The camera network stored in `folder`/model.keras.

    Raises:
        ValueError: the folder holds no model.keras, or the file is no camera network.
    """
    path = pathlib.Path(folder) / "model.keras"
    if not path.is_file():
        raise ValueError(
            f"`folder` must hold a model.keras; {path} is not there. tools/convert_checkpoint.py writes one."
        )
    network = keras.saving.load_model(path)
    if not isinstance(network, CameraNetwork):
        raise ValueError(f"`folder` must hold a camera network; {path} is a {type(network).__name__}.")
    return network


def _checked(name, value):
    """`value` as a float32 tensor that ends in the shape of `name`."""
    value, ending = tf.cast(value, tf.float32), {**_INPUTS, "transl": (3,)}[name]
    if value.shape.rank is None or not value.shape[-len(ending) :].is_compatible_with(ending):
        cure = " Use the joint set skeletons.SMPL_29." if ending[0] == 29 else ""
        raise ValueError(f"`{name}` must end in shape {ending}; got {tuple(value.shape)}.{cure}")
    return value


def _checked_inputs(inputs):
    """The inputs of the network as float32 tensors of equal leading axes, absent ones left out."""
    unknown = sorted(set(inputs) - set(_INPUTS))
    if unknown:
        raise ValueError(f"`{unknown[0]}` is no input of the camera network; the inputs are {', '.join(_INPUTS)}.")
    given = {name: _checked(name, value) for name, value in inputs.items() if value is not None}
    missing = [name for name in _NEEDED if name not in given]
    if missing:
        raise ValueError(f"`{missing[0]}` is missing; the camera network needs {', '.join(_NEEDED)}.")
    leading = given["camera"].shape[:-1]
    for name, value in given.items():
        own = value.shape[: value.shape.rank - len(_INPUTS[name])]
        if not own.is_compatible_with(leading):
            raise ValueError(f"`{name}` must have the leading axes of `camera`, {tuple(leading)}; got {tuple(own)}.")
    return given
