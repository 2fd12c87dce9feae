"""A plain network from joints to rotations: the "MLP-based IK" that the paper compares with."""

from typing import Any

import keras
import tensorflow as tf

from niki_tf import rotations
from niki_tf.body.body_joints import BodyJoints
from niki_tf.fitting import trunk_frame
from niki_tf.solvers.invertible import JOINTS, POSE, SIGMA
from niki_tf.solvers.learned import LearnedSolver


@keras.saving.register_keras_serializable("niki_tf")
class MLP(LearnedSolver):
    """(joints 87, joint_sigma 29, shape condition) -> rotation 6D 144, by `num_layers` hidden layers with LeakyReLU.

    Args:
        body_joints: the `BodyJoints` of the body that is posed.
        hidden_dim: width of the hidden layers.
        num_layers: number of hidden layers.
        **kwargs: see `LearnedSolver`.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body, solvers
        >>> solver = solvers.MLP(body.mannequin_joints(), hidden_dim=32)
        >>> solver.ik(tf.random.normal([29, 3]))["global_orient"].shape.as_list()
        [1, 3, 3]

    Source: supplementary D.
    """

    takes_trunk = True

    def __init__(self, body_joints: BodyJoints, *, hidden_dim: int = 1024, num_layers: int = 3, **kwargs: Any) -> None:
        super().__init__(body_joints, **kwargs)
        self.hidden_dim, self.num_layers = hidden_dim, num_layers
        dense, relu = keras.layers.Dense, keras.layers.LeakyReLU
        hidden = [dense(hidden_dim, activation=relu(0.01), name=f"hidden_{k}") for k in range(num_layers)]
        size = JOINTS + SIGMA + self.condition_size
        self.network = keras.Sequential([keras.Input([size]), *hidden, dense(POSE, name="pose")], name="network")

    def to_pose(
        self, joints: tf.Tensor, joint_sigma: tf.Tensor, condition: tf.Tensor, *, training: bool = False
    ) -> tf.Tensor:
        """Joints of the frame (N, 29, 3) and sigma (N, 29) to rotations 6D (N, 144)."""
        x = tf.concat([tf.reshape(joints, [-1, JOINTS]), joint_sigma, condition], -1)
        return self.network(x, training=training)

    def solve_known_body(
        self,
        joints: tf.Tensor,
        joint_sigma: tf.Tensor,
        betas: tf.Tensor,
        rest_joints: tf.Tensor,
        twist: tf.Tensor | None,
        **extra: tf.Tensor,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """See `LearnedSolver.solve_known_body`; the twist is not needed and not used."""
        view = self.observe(joints, joint_sigma, rest_joints, trunk=extra.get("trunk"))
        pose = self.to_pose(view.joints, view.sigma, self.shape_condition(betas, rest_joints))
        return trunk_frame.turn_root(rotations.sixd_vector_to_matrices(pose), view.rotation), {}

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), "hidden_dim": self.hidden_dim, "num_layers": self.num_layers}
