"""NIKI's one-stage mapping: one flow between (joints, sigma, padding) and (rotations, error embedding)."""

import keras
import tensorflow as tf

from niki_tf.flows import Flow
from niki_tf.solvers.invertible import POSE, InvertibleSolver, Observation

EMBEDDING = 32


@keras.saving.register_keras_serializable("niki_tf")
class OneStage(InvertibleSolver):
    """Invertible kinematics on R^176: (joints 87, joint_sigma 29, padding 60) <-> (rotation 6D 144, z 32).

    `ik` finds the pose and the error embedding z of noisy joints; `fk` is the same network backwards, and z = 0 gives
    the joints without error.

    Args:
        skeleton: the `RestSkeleton` of the body that is posed.
        couplings: number of coupling steps (the paper: 16).
        hidden: width of their networks (the paper: 512).
        bounded: where the tanh sits, "scale" or "translation".
        masks: list with the mask of the flow; see `Flow`.
        **kwargs: see `LearnedSolver`.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body, solvers
        >>> solver = solvers.OneStage(body.mannequin_skeleton(), hidden=32)
        >>> solver.ik(tf.random.normal([5, 29, 3]))["body_pose"].shape.as_list()
        [5, 23, 3, 3]

    Source: Li et al., NIKI, CVPR 2023; supplementary A.1.
    """

    embedding = EMBEDDING

    def __init__(self, skeleton, *, couplings=16, hidden=512, bounded="scale", masks=(None,), **kwargs):
        super().__init__(skeleton, **kwargs)
        self.masks = list(masks)
        self.flow = Flow(
            POSE + EMBEDDING, condition=self.condition_size, couplings=couplings, hidden=hidden, bounded=bounded,
            mask=masks[0],
        )  # fmt: skip

    def to_pose(self, seen, shape, *, training=False):
        """See `InvertibleSolver.to_pose`; nothing lies between, the twist is not used."""
        y = self.flow.bijector(shape.condition, training=training).inverse(seen.vector())
        return y[..., :POSE], y[..., POSE:], {}

    def to_observation(self, pose, z, shape, *, training=False):
        """See `InvertibleSolver.to_observation`."""
        x = self.flow.bijector(shape.condition, training=training).forward(tf.concat([pose, z], -1))
        return Observation.of_vector(x), {}

    @property
    def published_weights(self):
        """See `InvertibleSolver.published_weights`."""
        return self.count_params() - self.flow.count_params() + self.flow.masked_weights

    def get_config(self):
        """Constructor arguments."""
        flow = {name: getattr(self.flow, name) for name in ("couplings", "hidden", "bounded")}
        return {**super().get_config(), **flow, "masks": self.masks}
