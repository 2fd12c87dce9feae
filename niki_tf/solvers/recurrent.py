"""A recurrent network over the frames: what one does about time without invertible networks."""

from typing import Any

import keras
import tensorflow as tf

from niki_tf import rotations
from niki_tf.body.body_joints import BodyJoints
from niki_tf.fitting import trunk_frame
from niki_tf.shapes import reshape_last
from niki_tf.solvers.invertible import JOINTS, POSE, SIGMA
from niki_tf.solvers.window_solver import WindowSolver


@keras.saving.register_keras_serializable("niki_tf")
class Recurrent(WindowSolver):
    """(joints, joint_sigma, shape condition) of T frames -> T rotations 6D, by gated recurrent units over the frames.

    Two layers of units run over the window in both directions; what they say is added to a layer's reading of the frame
    alone. Inputs are windows, joints (..., T, 29, 3), as of `Temporal`, in the same preprocess frame of the trunk.

    Args:
        body_joints: the `BodyJoints` of the body that is posed.
        hidden_dim: units of each layer and direction.
        **kwargs: see `WindowSolver`.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body, solvers
        >>> solver = solvers.Recurrent(body.mannequin_joints(), hidden_dim=16)
        >>> solver.ik(tf.random.normal([5, 8, 29, 3]))["body_pose"].shape.as_list()
        [5, 8, 23, 3, 3]

    Source: in the spirit of the encoder of Kocabas et al., VIBE, CVPR 2020 (there in one direction), the baseline of
    NIKI's supplementary C.2.
    """

    def __init__(self, body_joints: BodyJoints, *, hidden_dim: int = 256, **kwargs: Any) -> None:
        super().__init__(body_joints, **kwargs)
        self.hidden_dim = hidden_dim
        activation = keras.layers.LeakyReLU(0.01)
        self.input_layer = keras.layers.Dense(2 * hidden_dim, activation=activation, name="input_layer")
        self.units = [
            keras.layers.Bidirectional(
                keras.layers.GRU(hidden_dim, return_sequences=True, name="gru"), name=f"units_{number}"
            )
            for number in range(2)
        ]
        self.hidden_layer = keras.layers.Dense(2 * hidden_dim, activation=activation, name="hidden_layer")
        self.output_layer = keras.layers.Dense(POSE, name="output_layer")
        self.input_layer.build([None, None, JOINTS + SIGMA + self.condition_size])
        for layer in (*self.units, self.hidden_layer, self.output_layer):
            layer.build([None, None, 2 * hidden_dim])

    def to_pose(
        self,
        joints: tf.Tensor,
        joint_sigma: tf.Tensor,
        condition: tf.Tensor,
        *,
        frame_mask: tf.Tensor | None = None,
        training: bool = False,
    ) -> tf.Tensor:
        """Joints of the frame (N, T, 29, 3) and sigma (N, T, 29) to rotations 6D (N, T, 144)."""
        flat = reshape_last(joints, 2, [JOINTS])
        alone = known = self.input_layer(tf.concat([flat, joint_sigma, condition], -1))
        mask = None if frame_mask is None else frame_mask > 0.0
        for units in self.units:
            known = units(known, mask=mask, training=training)
        return self.output_layer(self.hidden_layer(alone + known))

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
        frame_mask = extra.get("frame_mask")
        view = self.observe(joints, joint_sigma, rest_joints, frame_mask)
        condition = self.shape_condition(betas, rest_joints)
        pose = self.to_pose(view.joints, view.sigma, condition, frame_mask=frame_mask)
        return trunk_frame.turn_root(rotations.sixd_vector_to_matrices(pose), view.rotation), {}

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), "hidden_dim": self.hidden_dim}
