"""NIKI's twist-and-swing mapping: joints <-> swing, then (swing, twist) <-> rotations."""

import dataclasses

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from niki_tf.body import swing_twist
from niki_tf.flows import Flow, TwistComposition
from niki_tf.solvers.invertible import JOINTS, POSE, SIGMA, InvertibleSolver, Observation

SWING_EMBEDDING, TWIST = 32, 23 * 2


@keras.saving.register_keras_serializable("niki_tf")
class TwistSwing(InvertibleSolver):
    """Two invertible networks in a row.

    R^176: (joints 87, joint_sigma 29, padding 60) <-> (swing 6D 144, z_swing 32), conditioned on the body's shape;
    R^190: (swing 6D 144, twist 46) <-> (rotation 6D 144, z_twist 46).

    z is (z_swing, z_twist), 78 entries. The twist comes from the image, or from wherever it is known; where it is not
    (no `twist`, or one of length 0) a small network of our own says what twist the joints suggest.

    Ours too: the first network knows the twist. Which swing takes a forearm to where it is depends on the twist of the
    upper arm; without it neither way of the network is a function.

    Args:
        skeleton: the `RestSkeleton` of the body that is posed.
        couplings: steps of the first network (the paper: 16).
        hidden: width of its conditioners (the paper: 512).
        rotation_couplings: steps of the second network (the paper: 16).
        rotation_hidden: width of its conditioners (the paper: 512).
        bounded: where the tanh sits, "scale" or "translation".
        dropout: dropout of the second network in training (the published code: 0.5).
        twist_known: the twist is a condition of the first network; False for the published weights.
        composed: put swing and twist together exactly (`TwistComposition`) before the second network, which then only
            mends; False for the published weights.
        twist_hidden: width of the two hidden layers that guess the twist, 0 for none; then `twist` is needed.
        masks: list with the masks of both flows; see `Flow`.
        **kwargs: see `LearnedSolver`.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body, solvers
        >>> solver = solvers.TwistSwing(body.mannequin_skeleton(), hidden=32, rotation_hidden=32, twist_hidden=32)
        >>> solver.ik(tf.random.normal([5, 29, 3]))["z"].shape.as_list()
        [5, 78]

    Source: Li et al., NIKI, CVPR 2023; supplementary A.2.
    """

    embedding = SWING_EMBEDDING + TWIST
    twists = 23
    uses_twist = True

    def __init__(
        self, skeleton, *, couplings=16, hidden=512, rotation_couplings=16, rotation_hidden=512, bounded="scale",
        dropout=0.0, twist_known=True, composed=True, twist_hidden=0, masks=(None, None), **kwargs,
    ):  # fmt: skip
        super().__init__(skeleton, **kwargs)
        self.twist_known, self.composed, self.twist_hidden = twist_known, composed, twist_hidden
        self.masks = list(masks)
        self.joint_flow = Flow(
            POSE + SWING_EMBEDDING, condition=self.condition_size + TWIST * twist_known, couplings=couplings,
            hidden=hidden, bounded=bounded, mask=masks[0],
        )  # fmt: skip
        self.rotation_flow = Flow(
            POSE + TWIST, couplings=rotation_couplings, hidden=rotation_hidden, bounded=bounded, dropout=dropout,
            mask=masks[1],
        )  # fmt: skip
        self.twist_network = self._twist_network() if twist_hidden else None

    def _twist_network(self):
        widths = [keras.layers.Dense(self.twist_hidden, activation=keras.layers.LeakyReLU(0.01)) for _ in range(2)]
        size = JOINTS + SIGMA + self.condition_size
        return keras.Sequential([keras.Input([size]), *widths, keras.layers.Dense(TWIST)], name="twist_network")

    def _joint_bijector(self, shape, twist, *, training):
        condition = shape.condition
        if self.twist_known:
            condition = tf.concat([condition, tf.reshape(twist, [-1, TWIST])], -1)
        return self.joint_flow.bijector(condition, training=training)

    def _rotation_bijector(self, shape, *, training):
        mend = self.rotation_flow.bijector(training=training)
        if not self.composed:
            return mend
        compose = TwistComposition(swing_twist.twist_axes(shape.rest_joints)[:, 1:])
        return tfp.bijectors.Chain([compose, mend], name="rotation_bijector")

    def guessed_twist(self, seen, shape, *, training=False):
        """The twist (N, 23, 2) that the joints suggest, the shorter the less sure; none without a network for it."""
        count = tf.shape(seen.joints)[0]
        if self.twist_network is None:
            return tf.tile(tf.constant([[[1.0, 0.0]]]), [count, 23, 1])
        x = tf.concat([tf.reshape(seen.joints, [-1, JOINTS]), seen.sigma, shape.condition], -1)
        return tf.reshape(self.twist_network(x, training=training), [-1, 23, 2])

    def with_twist(self, seen, guessed):
        """The observation with `guessed` (N, 23, 2) in the place of every twist that is not known."""
        if seen.twist is None:
            return dataclasses.replace(seen, twist=guessed)
        known = tf.reduce_sum(seen.twist * seen.twist, -1, keepdims=True) > 0.0
        return dataclasses.replace(seen, twist=tf.where(known, seen.twist, guessed))

    def to_pose(self, seen, shape, *, training=False):
        """See `InvertibleSolver.to_pose`; between lie `swing` 6D (N, 144) and the `guess` of the twist (N, 23, 2)."""
        if seen.twist is None and self.needs_twist:
            raise ValueError("`twist` (..., 23, 2) as (cos, sin) is needed by a solver without twist_hidden; got None.")
        guess = self.guessed_twist(seen, shape, training=training)
        twist = self.with_twist(seen, guess).twist
        y = self._joint_bijector(shape, twist, training=training).inverse(seen.vector())
        swing, z_swing = y[:, :POSE], y[:, POSE:]
        both = tf.concat([swing, tf.reshape(twist, [-1, TWIST])], -1)
        found = self._rotation_bijector(shape, training=training).inverse(both)
        between = {"swing": swing, "guess": guess, "twist": twist}
        return found[:, :POSE], tf.concat([z_swing, found[:, POSE:]], -1), between

    def to_observation(self, pose, z, shape, *, training=False):
        """See `InvertibleSolver.to_observation`; between lies `swing` 6D (N, 144)."""
        z_swing, z_twist = tf.split(z, [SWING_EMBEDDING, TWIST], -1)
        both = self._rotation_bijector(shape, training=training).forward(tf.concat([pose, z_twist], -1))
        swing, twist = tf.split(both, [POSE, TWIST], -1)
        x = self._joint_bijector(shape, twist, training=training).forward(tf.concat([swing, z_swing], -1))
        return Observation.of_vector(x, tf.reshape(twist, [-1, 23, 2])), {"swing": swing}

    @property
    def needs_twist(self):
        """Whether nothing stands in for a twist that is not given."""
        return self.twist_network is None

    @property
    def published_weights(self):
        """See `InvertibleSolver.published_weights`; betas are fed in, too, if only to be masked."""
        flows = (self.joint_flow, self.rotation_flow)
        dead = sum(flow.masked_weights - flow.count_params() for flow in flows)
        networks = 2 * self.joint_flow.couplings
        masked_betas = networks * self.skeleton.num_betas * self.joint_flow.hidden if self.condition == "none" else 0
        return self.count_params() + dead + masked_betas

    def get_config(self):
        """Constructor arguments."""
        first = {name: getattr(self.joint_flow, name) for name in ("couplings", "hidden", "bounded")}
        second = {"rotation_" + name: getattr(self.rotation_flow, name) for name in ("couplings", "hidden")}
        own = {name: getattr(self, name) for name in ("twist_known", "composed", "twist_hidden", "masks")}
        return {**super().get_config(), **first, **second, **own, "dropout": self.rotation_flow.dropout}
