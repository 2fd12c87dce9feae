"""The camera network of NIKI's one-stage model."""

import pathlib

import keras
import tensorflow as tf

from niki_tf.camera import image_transl, project
from niki_tf.shapes import check_shape

_INPUTS = {"uv": (29, 2), "joints": (29, 3), "camera": (3,), "joint_sigma": (29,), "image_center": (2,)}
_NEEDED = ("uv", "joints", "camera")
_USUAL_CAMERA = (0.8, 0.0, 0.0)


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
        hidden_dim: width of the hidden layers.
        dropout: share of hidden units dropped in training.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf.camera import CameraNetwork
        >>> network = CameraNetwork(hidden_dim=32)
        >>> seen = {"uv": tf.zeros([5, 29, 2]), "joints": tf.random.normal([5, 29, 3]), "camera": tf.ones([5, 3])}
        >>> network(seen)["transl"].shape.as_list()
        [5, 3]

    Source: published one-stage model of NIKI.
    """

    def __init__(self, *, hidden_dim=1024, dropout=0.5, **kwargs):
        super().__init__(**kwargs)
        if hidden_dim < 1 or not 0 <= dropout < 1:
            raise ValueError(f"`hidden_dim` must be 1 or more and `dropout` in [0, 1); got {hidden_dim} and {dropout}.")
        self.hidden_dim, self.dropout = hidden_dim, dropout
        usual = keras.initializers.Constant(_USUAL_CAMERA)
        layers = [keras.Input([29 * 2 + 29 * 3 + 29 + 3])]
        for _ in range(3):
            layers += [keras.layers.Dense(hidden_dim, activation="relu"), keras.layers.Dropout(dropout)]
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
        return {"name": self.name, "hidden_dim": self.hidden_dim, "dropout": self.dropout}


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


def _checked_inputs(inputs):
    """The inputs of the network as float32 tensors of equal leading axes, absent ones left out."""
    unknown = sorted(set(inputs) - set(_INPUTS))
    if unknown:
        raise ValueError(f"`{unknown[0]}` is no input of the camera network; the inputs are {', '.join(_INPUTS)}.")
    given = {name: tf.cast(value, tf.float32) for name, value in inputs.items() if value is not None}
    for name, value in given.items():
        cure = " Use the joint set skeletons.SMPL_29." if _INPUTS[name][0] == 29 else ""
        check_shape(name, value, _INPUTS[name], cure)
    missing = [name for name in _NEEDED if name not in given]
    if missing:
        raise ValueError(f"`{missing[0]}` is missing; the camera network needs {', '.join(_NEEDED)}.")
    leading = given["camera"].shape[:-1]
    for name, value in given.items():
        own = value.shape[: value.shape.rank - len(_INPUTS[name])]
        if not own.is_compatible_with(leading):
            raise ValueError(f"`{name}` must have the leading axes of `camera`, {tuple(leading)}; got {tuple(own)}.")
    return given
