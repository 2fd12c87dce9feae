"""NIKI's twist-and-swing mapping: joints <-> swing, then (swing, twist) <-> rotations."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.body import swing_twist
from niki_tf.body.body_joints import BodyJoints
from niki_tf.flows import Flow, TwistComposition
from niki_tf.flows.masks import check_masks
from niki_tf.shapes import reshape_last
from niki_tf.solvers.invertible import JOINTS, POSE, SIGMA, TWIST, BodyCondition, InvertibleSolver, Observation

SWING_EMBEDDING = 32
_NO_TWIST = (1.0, 0.0)


@keras.saving.register_keras_serializable("niki_tf")
class TwistSwing(InvertibleSolver):
    """Two invertible networks in a row.

    R^176: (joints 87, joint_sigma 29, padding 60) <-> (swing 6D 144, z_swing 32), conditioned on the body's shape;
    R^190: (swing 6D 144, twist 46) <-> (rotation 6D 144, z_twist 46).

    z is (z_swing, z_twist), 78 entries. The twist comes from the image, or from wherever it is known; where it is not
    (no `twist`, or one of length 0) a small network of our own guesses it from the joints.

    Ours too: the first network knows the twist. Which swing takes a forearm to where it is depends on the twist of the
    upper arm; without it neither way of the network is a function.

    Args:
        body_joints: the `BodyJoints` of the body that is posed.
        num_couplings: steps of the first network (the published code: 16).
        hidden_dim: width of its conditioners (supplementary A.1: 512).
        num_rotation_couplings: steps of the second network (the published code: 16).
        rotation_hidden_dim: width of its conditioners (the published code: 512).
        tanh_on: what the tanh bounds, "scale" (the published code) or "translation" (the paper's text).
        dropout: dropout of the second network in training (the published code: 0.5).
        twist_known: the twist is a condition of the first network; False for the published weights.
        compose_twist: put swing and twist together exactly (`TwistComposition`) before the second network, which then
            only corrects; False for the published weights.
        twist_hidden_dim: width of the two hidden layers that guess the twist, 0 for none; then `twist` is needed.
        masks: list with the masks of both flows; see `Flow`.
        **kwargs: see `LearnedSolver`.

    Raises:
        ValueError: `masks` is not a list of two masks.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body, solvers
        >>> sizes = {"num_couplings": 2, "num_rotation_couplings": 2}
        >>> widths = {"hidden_dim": 32, "rotation_hidden_dim": 32, "twist_hidden_dim": 32}
        >>> solver = solvers.TwistSwing(body.mannequin_joints(), **sizes, **widths)
        >>> solver.ik(tf.random.normal([5, 29, 3]))["z"].shape.as_list()
        [5, 78]

    Source: Li et al., NIKI, CVPR 2023; supplementary A.2.
    """

    embedding_size = SWING_EMBEDDING + TWIST
    twist_embedding_size = TWIST
    num_twists = skeletons.NUM_TWISTS
    uses_twist = True

    def __init__(
        self,
        body_joints: BodyJoints,
        *,
        num_couplings: int = 16,
        hidden_dim: int = 512,
        num_rotation_couplings: int = 16,
        rotation_hidden_dim: int = 512,
        tanh_on: str = "scale",
        dropout: float = 0.0,
        twist_known: bool = True,
        compose_twist: bool = True,
        twist_hidden_dim: int = 0,
        masks: Sequence[Sequence[bool] | None] = (None, None),
        **kwargs: Any,
    ) -> None:
        super().__init__(body_joints, **kwargs)
        self.masks = check_masks(masks, 2)
        self.twist_known, self.compose_twist, self.twist_hidden_dim = twist_known, compose_twist, twist_hidden_dim
        self.joint_flow = self._make_flow(
            POSE + SWING_EMBEDDING,
            condition=self.condition_size + TWIST * twist_known,
            num_couplings=num_couplings,
            hidden_dim=hidden_dim,
            tanh_on=tanh_on,
            mask=self.masks[0],
        )
        self.rotation_flow = self._make_flow(
            POSE + TWIST,
            num_couplings=num_rotation_couplings,
            hidden_dim=rotation_hidden_dim,
            tanh_on=tanh_on,
            dropout=dropout,
            mask=self.masks[1],
        )
        self.twist_network = self._make_twist_network() if twist_hidden_dim else None

    def _make_flow(self, size: int, **sizes: Any) -> keras.layers.Layer:
        """One of the two invertible networks."""
        return Flow(size, **sizes)

    def _make_twist_network(self) -> keras.Sequential:
        dense, relu = keras.layers.Dense, keras.layers.LeakyReLU
        hidden = [dense(self.twist_hidden_dim, activation=relu(0.01), name=f"hidden_{k}") for k in range(2)]
        size = JOINTS + SIGMA + self.condition_size
        return keras.Sequential([keras.Input([size]), *hidden, dense(TWIST, name="twist")], name="twist_network")

    def _run_joint_flow(
        self, direction: str, vector: tf.Tensor, twist: tf.Tensor, body: BodyCondition, *, training: bool
    ) -> tf.Tensor:
        condition = body.condition
        if self.twist_known:
            condition = tf.concat([condition, reshape_last(twist, 2, [TWIST])], -1)
        return self._run_flow(self.joint_flow, direction, vector, condition, body, training=training)

    def _run_rotation_flow(
        self, direction: str, vector: tf.Tensor, body: BodyCondition, *, training: bool
    ) -> tf.Tensor:
        if self.compose_twist and direction == "inverse":
            vector = self._composition(body).transform(vector, direction=direction)
        vector = self._run_flow(self.rotation_flow, direction, vector, None, body, training=training)
        if self.compose_twist and direction == "forward":
            vector = self._composition(body).transform(vector, direction=direction)
        return vector

    def _composition(self, body: BodyCondition) -> TwistComposition:
        return TwistComposition(swing_twist.twist_axes(body.rest_joints)[..., 1:, :])

    def guess_twist(self, seen: Observation, body: BodyCondition, *, training: bool = False) -> tf.Tensor:
        """The twist (..., 23, 2) that the joints suggest, the shorter the less sure; none without a network for it."""
        if self.twist_network is None:
            none = tf.constant([_NO_TWIST] * self.num_twists)
            return tf.zeros_like(seen.joints[..., : self.num_twists, :2]) + none
        x = tf.concat([reshape_last(seen.joints, 2, [JOINTS]), seen.sigma, body.condition], -1)
        guess = self.twist_network(tf.reshape(x, [-1, x.shape[-1]]), training=training)
        return tf.reshape(guess, tf.concat([tf.shape(x)[:-1], [self.num_twists, 2]], 0))

    def with_twist(self, seen: Observation, guessed: tf.Tensor) -> Observation:
        """The observation with `guessed` (..., 23, 2) in the place of every twist that is not known."""
        if seen.twist is None:
            return dataclasses.replace(seen, twist=guessed)
        known = tf.reduce_sum(seen.twist * seen.twist, -1, keepdims=True) > 0.0
        return dataclasses.replace(seen, twist=tf.where(known, seen.twist, guessed))

    def to_pose(
        self, seen: Observation, body: BodyCondition, *, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor, dict[str, tf.Tensor]]:
        """See `InvertibleSolver.to_pose`; between lie `swing` 6D (..., 144) and the `guess` of the twist."""
        guess = self.guess_twist(seen, body, training=training)
        twist = self.with_twist(seen, guess).twist
        y = self._run_joint_flow("inverse", seen.vector(), twist, body, training=training)
        swing, z_swing = y[..., :POSE], y[..., POSE:]
        both = tf.concat([swing, reshape_last(twist, 2, [TWIST])], -1)
        found = self._run_rotation_flow("inverse", both, body, training=training)
        between = {"swing": swing, "guess": guess, "twist": twist}
        return found[..., :POSE], tf.concat([z_swing, found[..., POSE:]], -1), between

    def to_observation(
        self, pose: tf.Tensor, z: tf.Tensor, body: BodyCondition, *, training: bool = False
    ) -> tuple[Observation, dict[str, tf.Tensor]]:
        """See `InvertibleSolver.to_observation`; between lies `swing` 6D (..., 144)."""
        z_swing, z_twist = tf.split(z, [SWING_EMBEDDING, TWIST], -1)
        both = self._run_rotation_flow("forward", tf.concat([pose, z_twist], -1), body, training=training)
        swing, twist = tf.split(both, [POSE, TWIST], -1)
        twist = reshape_last(twist, 1, [self.num_twists, 2])
        x = self._run_joint_flow("forward", tf.concat([swing, z_swing], -1), twist, body, training=training)
        return Observation.of_vector(x, twist), {"swing": swing}

    @property
    def needs_twist(self) -> bool:  # type: ignore[override]
        """Whether nothing stands in for a twist that is not given."""
        return self.twist_network is None

    @property
    def published_weights(self) -> int | None:
        """See `InvertibleSolver.published_weights`; betas are fed in, too, if only to be masked."""
        flows = (self.joint_flow, self.rotation_flow)
        dead = sum(flow.masked_weights - flow.count_params() for flow in flows)
        networks = 2 * self.joint_flow.num_couplings
        masked_betas = networks * self.body_joints.num_betas * self.joint_flow.hidden_dim
        return self.count_params() + dead + (masked_betas if self.condition == "none" else 0)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        own = ("twist_known", "compose_twist", "twist_hidden_dim", "masks")
        return {
            **super().get_config(),
            **{name: getattr(self.joint_flow, name) for name in ("num_couplings", "hidden_dim", "tanh_on")},
            "num_rotation_couplings": self.rotation_flow.num_couplings,
            "rotation_hidden_dim": self.rotation_flow.hidden_dim,
            "dropout": self.rotation_flow.dropout,
            **{name: getattr(self, name) for name in own},
        }
