"""NIKI's one-stage mapping: one flow between (joints, sigma, padding) and (rotations, error embedding)."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from niki_tf import contract, skeletons
from niki_tf.body.body_joints import BodyJoints
from niki_tf.flows import Flow
from niki_tf.flows.masks import check_masks
from niki_tf.shapes import zeros_like_leading
from niki_tf.solvers.heatmap_condition import CONDITION, HeatmapCondition
from niki_tf.solvers.invertible import PADDING, POSE, TWIST, BodyCondition, InvertibleSolver, Observation

EMBEDDING = 32


@keras.saving.register_keras_serializable("niki_tf")
class OneStage(InvertibleSolver):
    """Invertible kinematics on R^176: (joints 87, joint_sigma 29, padding 60) <-> (rotation 6D 144, z 32).

    `ik` finds the pose and the error embedding z of noisy joints; `fk` is the same network backwards, and z = 0 gives
    the joints without error.

    Args:
        body_joints: the `BodyJoints` of the body that is posed.
        num_couplings: number of coupling steps (the published code: 16).
        hidden_dim: width of their networks (supplementary A.1: 512).
        tanh_on: what the tanh bounds, "scale" (the published code) or "translation" (the paper's text).
        takes_twist: give the network the twist beside the joints, in 46 of the 60 padding entries; supplementary A.2
            says of the twist-and-swing mapping that its first network's "input is only the joint positions", hence that
            the one-stage mapping sees the twists, too. The published weights do without.
        heatmap_condition: give every coupling what heat maps tell beside the joints (`contract.HEAT`), too. Source:
            section G.
        masks: list with the mask of the flow; see `Flow`.
        **kwargs: see `LearnedSolver`.

    Raises:
        ValueError: `masks` is not a list of one mask.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body, solvers
        >>> solver = solvers.OneStage(body.mannequin_joints(), num_couplings=2, hidden_dim=32)
        >>> solver.ik(tf.random.normal([5, 29, 3]))["body_pose"].shape.as_list()
        [5, 23, 3, 3]

    Source: Li et al., NIKI, CVPR 2023; supplementary A.1.
    """

    embedding_size = EMBEDDING

    def __init__(
        self,
        body_joints: BodyJoints,
        *,
        num_couplings: int = 16,
        hidden_dim: int = 512,
        tanh_on: str = "scale",
        takes_twist: bool = False,
        heatmap_condition: bool = False,
        masks: Sequence[Sequence[bool] | None] = (None,),
        **kwargs: Any,
    ) -> None:
        super().__init__(body_joints, **kwargs)
        self.masks, self.takes_twist = check_masks(masks, 1), takes_twist
        self.uses_twist = self.needs_twist = takes_twist
        if takes_twist:
            self.num_twists, self.padding_size = skeletons.NUM_TWISTS, PADDING - TWIST
        self.heatmap_condition = HeatmapCondition() if heatmap_condition else None
        self.flow = Flow(
            POSE + EMBEDDING,
            condition=self.condition_size + CONDITION * heatmap_condition,
            num_couplings=num_couplings,
            hidden_dim=hidden_dim,
            tanh_on=tanh_on,
            mask=self.masks[0],
        )

    @property
    def extra_inputs(self) -> dict[str, tuple[int, ...]]:
        """See `Solver.extra_inputs`; `contract.HEAT` on top, if the network takes it."""
        return {**super().extra_inputs, **({} if self.heatmap_condition is None else contract.HEAT)}

    def network_condition(
        self, betas: tf.Tensor, rest_joints: tf.Tensor, heat_moments: tf.Tensor | None = None
    ) -> tf.Tensor:
        """See `LearnedSolver.network_condition`."""
        shape = self.shape_condition(betas, rest_joints)
        if self.heatmap_condition is None:
            return shape
        unknown = zeros_like_leading(rest_joints, 2, contract.HEAT["heat_moments"])
        return tf.concat([shape, self.heatmap_condition(unknown if heat_moments is None else heat_moments)], -1)

    def start_from(self, solver: InvertibleSolver) -> None:
        """Takes the weights of a solver without the heatmap condition, which changes nothing at first.

        Raises:
            ValueError: this solver has no heatmap condition, or the other is not of its kind and size.
        """
        others = [] if self.heatmap_condition is None else self.heatmap_condition.weights
        own = [variable for variable in self.weights if not any(variable is other for other in others)]
        wanted, theirs = [tuple(variable.shape) for variable in own], solver.get_weights()
        grown = [_with_rows(value, shape[0]) for value, shape in zip(theirs, wanted, strict=False)]
        if not others or len(theirs) != len(own) or [value.shape for value in grown] != wanted:
            raise ValueError(
                f"`initial` must be a one-stage solver of the size of {self.name}, but for the heatmap condition; got "
                f"{solver.name} with {sum(w.size for w in theirs):,} weights. Give the sizes that it was trained with."
            )
        for variable, value in zip(own, grown, strict=True):
            variable.assign(value)

    def to_pose(
        self, seen: Observation, body: BodyCondition, *, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor, dict[str, tf.Tensor]]:
        """See `InvertibleSolver.to_pose`; between lies the `twist`, if the network takes it."""
        vector = seen.vector(with_twist=self.takes_twist)
        y = self._run_flow(self.flow, "inverse", vector, body.condition, body, training=training)
        return y[..., :POSE], y[..., POSE:], {"twist": seen.twist} if self.takes_twist else {}

    def to_observation(
        self, pose: tf.Tensor, z: tf.Tensor, body: BodyCondition, *, training: bool = False
    ) -> tuple[Observation, dict[str, tf.Tensor]]:
        """See `InvertibleSolver.to_observation`."""
        y = tf.concat([pose, z], -1)
        x = self._run_flow(self.flow, "forward", y, body.condition, body, training=training)
        return Observation.of_vector(x, with_twist=self.takes_twist), {}

    @property
    def published_weights(self) -> int | None:
        """See `InvertibleSolver.published_weights`."""
        return self.count_params() - self.flow.count_params() + self.flow.masked_weights

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        flow = {name: getattr(self.flow, name) for name in ("num_couplings", "hidden_dim", "tanh_on")}
        others = {"takes_twist": self.takes_twist, "heatmap_condition": self.heatmap_condition is not None}
        return {**super().get_config(), **flow, **others, "masks": self.masks}


def _with_rows(kernel: np.ndarray, rows: int) -> np.ndarray:
    """The weights with zeros at the end of their first axis, as many as it lacks of `rows`."""
    return np.pad(kernel, [(0, max(rows - len(kernel), 0)), *[(0, 0)] * (kernel.ndim - 1)])
