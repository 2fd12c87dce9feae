"""Joints that no point tells, guessed from those that are told, with their sigma: what a network sees of sparse sets.

Solvers were trained with up to half of the joints absent, here and there. A joint set of another program misses the
same joints in every frame, often more than half of them. So a small network first says where those are, relative to the
trunk, and how certain that is.
"""

from typing import Any

import keras
import tensorflow as tf

from niki_tf import precision, skeletons
from niki_tf.body import kinematics
from niki_tf.fitting import absent_joints, trunk_frame
from niki_tf.shapes import LeadingAxes, reshape_last

_JOINTS = skeletons.NUM_JOINTS
_COMMON_SIGMA = 0.022
"""Metres; error that every joint that is told has besides its sigma."""
_FIRST_SIGMA = 0.05
"""Metres; what the sigma starts from in training."""
_STEP = 0.1
"""Metres in one unit of the network's output."""
_LEAST_SIGMA, _LARGEST_SIGMA = 0.01, 1.0
"""Metres; limits of the sigma of a guessed joint."""


@keras.saving.register_keras_serializable("niki_tf")
class JointCompletion(keras.Model):
    """Fills absent joints in with a guess and its sigma; joints that are told stay as they are.

    Called with a dictionary of joints (..., 29, 3), joint_sigma (..., 29) and rest_joints (..., 29, 3), metres; gives
    one of joints and joint_sigma. Where nothing is told, everything stays absent.

    Args:
        hidden_dim: width of the hidden layers.
        num_layers: number of hidden layers.
        **kwargs: of `keras.Model`.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body, skeletons
        >>> from niki_tf.solvers.joint_completion import JointCompletion
        >>> rest = body.mannequin_joints()(tf.zeros([1, 10]))
        >>> lost = tf.one_hot([20], 29, on_value=skeletons.ABSENT)
        >>> found = JointCompletion(hidden_dim=8)({"joints": rest, "joint_sigma": lost, "rest_joints": rest})
        >>> bool(found["joint_sigma"][0, 20] < 1.1), float(found["joint_sigma"][0, 19])
        (True, 0.0)
    """

    @precision.in_float32
    def __init__(self, *, hidden_dim: int = 256, num_layers: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden_dim, self.num_layers = hidden_dim, num_layers
        dense, small = keras.layers.Dense, keras.initializers.RandomNormal(stddev=0.01, seed=0)
        self._hidden = [dense(hidden_dim, activation="gelu", name=f"hidden_{k}") for k in range(num_layers)]
        self._out = dense(4 * _JOINTS, kernel_initializer=small, name="out")
        width = 6 * _JOINTS - 1
        for layer in self._hidden:
            layer.build([None, width])
            width = hidden_dim
        self._out.build([None, width])
        self.built = True

    def call(self, inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """See the class."""
        leading = LeadingAxes(inputs["joints"], inner=2)
        joints, sigma, rest = (leading.flatten(inputs[name]) for name in ("joints", "joint_sigma", "rest_joints"))
        guess, guess_sigma = self.guess(joints, sigma, rest)
        absent = sigma >= skeletons.ABSENT
        guessed = absent & ~tf.reduce_all(absent, -1, keepdims=True)
        outputs = {
            "joints": tf.where(guessed[..., None], guess, joints),
            "joint_sigma": tf.where(guessed, tf.clip_by_value(guess_sigma, _LEAST_SIGMA, _LARGEST_SIGMA), sigma),
        }
        return {name: leading.restore(value) for name, value in outputs.items()}

    def guess(self, joints: tf.Tensor, joint_sigma: tf.Tensor, rest_joints: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """A guess of every joint (N, 29, 3) and its sigma (N, 29), standard deviation along each axis, metres.

        Args:
            joints: (N, 29, 3) metres; absent ones may hold anything.
            joint_sigma: (N, 29) metres.
            rest_joints: (N, 29, 3) metres.
        """
        told = joint_sigma < skeletons.ABSENT
        sigma = tf.where(told, tf.sqrt(joint_sigma**2 + _COMMON_SIGMA**2), skeletons.ABSENT)
        filled = absent_joints.fill_absent(joints, rest_joints, sigma)
        rotation, centre = trunk_frame.trunk_frame(filled, rest_joints, sigma)
        local = trunk_frame.to_local(filled, rotation, centre)
        out = self._features(local, told, sigma, rest_joints)
        for layer in [*self._hidden, self._out]:
            out = layer(out)
        steps, logarithms = tf.split(out, [3 * _JOINTS, _JOINTS], -1)
        local += _STEP * reshape_last(steps, 1, [_JOINTS, 3])
        world = tf.linalg.matmul(local, rotation, transpose_b=True) + centre[:, None]
        return world, _FIRST_SIGMA * tf.exp(logarithms)

    def _features(self, local: tf.Tensor, told: tf.Tensor, sigma: tf.Tensor, rest_joints: tf.Tensor) -> tf.Tensor:
        """What the network is given, (N, 173), all of the order of one."""
        present = tf.cast(told, local.dtype)
        lengths = tf.norm(kinematics.bones(rest_joints)[:, 1:], axis=-1)
        parts = [
            3.0 * reshape_last(local, 2, [3 * _JOINTS]),
            present,
            5.0 * present * tf.minimum(sigma, 0.5),
            5.0 * (lengths - 0.15),
        ]
        return tf.concat(parts, -1)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), "hidden_dim": self.hidden_dim, "num_layers": self.num_layers}
