"""NIKI over time: the mappings of single frames, with couplings between the frames of a window."""

from typing import Any

import keras
import tensorflow as tf

from niki_tf.body.body_joints import BodyJoints
from niki_tf.fitting import smoothing
from niki_tf.flows import TemporalFlow
from niki_tf.solvers.invertible import JOINTS, POSE, BodyCondition, InvertibleSolver, Observation
from niki_tf.solvers.one_stage import EMBEDDING
from niki_tf.solvers.twist_swing import TwistSwing
from niki_tf.solvers.window_solver import WindowSolver

_OVER_TIME = ("num_temporal_pairs", "temporal_hidden_dim", "split", "neighbour_mean")


class TemporalSolver(WindowSolver, InvertibleSolver):
    """What the invertible solvers of windows share: joints smoothed before the network, temporal couplings in it.

    Args:
        body_joints: the `BodyJoints` of the body that is posed.
        smooth_joints: smooth the joints over time (`fitting.smoothing`) before the network sees them; the paper does
            without.
        **kwargs: see `LearnedSolver`.
    """

    largest_sigma, sigma_growth = 0.1, 0.1

    def __init__(self, body_joints: BodyJoints, *, smooth_joints: bool = True, **kwargs: Any) -> None:
        super().__init__(body_joints, **kwargs)
        self.smooth_joints = smooth_joints

    @property
    def removed_size(self) -> int:  # type: ignore[override]
        """See `InvertibleSolver.removed_size`."""
        return JOINTS if self.smooth_joints else 0

    def preprocess(self, joints: tf.Tensor, joint_sigma: tf.Tensor, frame_mask: tf.Tensor | None = None) -> tf.Tensor:
        """The joints (N, T, 29, 3), smoothed over time if `smooth_joints`."""
        if not self.smooth_joints:
            return joints
        return smoothing.smooth(joints, joint_sigma, frame_mask, linear_solver=self.linear_solver)

    def _run_flow(
        self,
        flow: keras.layers.Layer,
        direction: str,
        vector: tf.Tensor,
        condition: tf.Tensor | None,
        body: BodyCondition,
        *,
        training: bool,
    ) -> tf.Tensor:
        """`vector` (N, T, size) through `flow`; a lone frame gets a filler, as LiteRT knows no empty sets of frames."""
        frames = tf.shape(vector)[-2]
        filler = [[0, 0], [0, tf.maximum(2 - frames, 0)]]
        mask = tf.ones_like(vector[..., 0]) if body.frame_mask is None else body.frame_mask
        vector = tf.pad(vector, [*filler, [0, 0]])
        condition = None if condition is None else tf.pad(condition, [*filler, [0, 0]])
        options = {"frame_mask": tf.pad(mask, filler), "direction": direction, "training": training}
        return flow.transform(vector, condition, **options)[..., :frames, :]

    @property
    def _spatial_weights(self) -> list[keras.Variable]:
        """Weights of all that acts on single frames, in the order of the solver of single frames."""
        raise NotImplementedError

    @property
    def _bone_code(self) -> list[keras.Variable]:
        return self.code.weights if self.condition == "bones" else []

    def start_from(self, solver: InvertibleSolver) -> None:
        """Takes the weights of a solver of single frames of the same size for all that acts on single frames.

        Raises:
            ValueError: it is not a solver of this kind and size.
        """
        theirs, own = solver.get_weights(), self._spatial_weights
        if [w.shape for w in theirs] != [tuple(w.shape) for w in own]:
            raise ValueError(
                f"`initial` must be a solver of single frames of the size of {self.name}; got {solver.name} with "
                f"{sum(w.size for w in theirs):,} weights. Give the sizes and the condition that it was trained with."
            )
        for variable, value in zip(own, theirs, strict=True):
            variable.assign(value)

    def freeze_spatial(self) -> None:
        """Keeps all that acts on single frames as it is: training then moves the temporal couplings alone."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), "smooth_joints": self.smooth_joints}


@keras.saving.register_keras_serializable("niki_tf")
class Temporal(TemporalSolver):
    """Invertible kinematics on (R^176)^T: T frames of (joints, joint_sigma, padding) <-> T of (rotation 6D, z).

    Inputs are windows, joints (..., T, 29, 3), of any length T; training saw 16 frames. Between the blocks of the
    one-stage mapping, which act on each frame, temporal couplings shift and scale a part of the frames by what
    self-attention over the others says. A single frame passes through the one-stage mapping alone. The network is
    given joints smoothed over time, in a frame of the trunk that is. `inference.windows.solve_motion` solves motion of
    any length, `inference.streaming` solves it live.

    Args:
        body_joints: the `BodyJoints` of the body that is posed.
        num_couplings: number of coupling steps on each frame.
        hidden_dim: width of their networks.
        tanh_on: what the tanh bounds, "scale" (the published code) or "translation" (the paper's text).
        num_temporal_pairs: pairs of temporal coupling steps.
        temporal_hidden_dim: width of their attention.
        split: which frames a temporal step moves: "interleaved", every other one, or "halves" of the window (the
            paper).
        neighbour_mean: see `TemporalFlow`.
        **kwargs: see `TemporalSolver`.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body, solvers
        >>> sizes = {"num_couplings": 2, "hidden_dim": 32, "num_temporal_pairs": 1, "temporal_hidden_dim": 32}
        >>> solver = solvers.Temporal(body.mannequin_joints(), **sizes)
        >>> solver.ik(tf.random.normal([5, 16, 29, 3]))["body_pose"].shape.as_list()
        [5, 16, 23, 3, 3]

    Source: Li et al., NIKI, CVPR 2023; supplementary C.1.
    """

    embedding_size = EMBEDDING

    def __init__(
        self,
        body_joints: BodyJoints,
        *,
        num_couplings: int = 16,
        hidden_dim: int = 512,
        tanh_on: str = "scale",
        num_temporal_pairs: int = 4,
        temporal_hidden_dim: int = 128,
        split: str = "interleaved",
        neighbour_mean: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(body_joints, **kwargs)
        self.flow = TemporalFlow(
            POSE + EMBEDDING,
            condition=self.condition_size,
            num_couplings=num_couplings,
            hidden_dim=hidden_dim,
            tanh_on=tanh_on,
            num_temporal_pairs=num_temporal_pairs,
            temporal_hidden_dim=temporal_hidden_dim,
            split=split,
            neighbour_mean=neighbour_mean,
        )

    def to_pose(
        self, seen: Observation, body: BodyCondition, *, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor, dict[str, tf.Tensor]]:
        """See `InvertibleSolver.to_pose`; nothing lies between, the twist is not used."""
        y = self._run_flow(self.flow, "inverse", seen.vector(), body.condition, body, training=training)
        return y[..., :POSE], y[..., POSE:], {}

    def to_observation(
        self, pose: tf.Tensor, z: tf.Tensor, body: BodyCondition, *, training: bool = False
    ) -> tuple[Observation, dict[str, tf.Tensor]]:
        """See `InvertibleSolver.to_observation`."""
        y = tf.concat([pose, z], -1)
        x = self._run_flow(self.flow, "forward", y, body.condition, body, training=training)
        return Observation.of_vector(x), {}

    @property
    def _spatial_weights(self) -> list[keras.Variable]:
        return [*self._bone_code, *self.flow.spatial.weights]

    def freeze_spatial(self) -> None:
        """See `TemporalSolver.freeze_spatial`."""
        self.flow.spatial.trainable = False
        if self.condition == "bones":
            self.code.trainable = False

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        spatial = {name: getattr(self.flow, name) for name in ("num_couplings", "hidden_dim", "tanh_on")}
        return {**super().get_config(), **spatial, **{name: getattr(self.flow, name) for name in _OVER_TIME}}


@keras.saving.register_keras_serializable("niki_tf")
class TemporalTwistSwing(TemporalSolver, TwistSwing):
    """The twist-and-swing mapping of every frame, with couplings between the frames in both of its networks.

    Args:
        body_joints: the `BodyJoints` of the body that is posed.
        num_temporal_pairs: pairs of temporal coupling steps of the first network; the second has as many, or one for
            each of its blocks if it has fewer.
        temporal_hidden_dim: width of their attention.
        split: see `Temporal`.
        neighbour_mean: see `TemporalFlow`.
        **kwargs: see `TemporalSolver` and `TwistSwing`.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body, solvers
        >>> sizes = {"num_couplings": 2, "num_rotation_couplings": 2, "num_temporal_pairs": 1, "twist_hidden_dim": 8}
        >>> widths = {"hidden_dim": 8, "rotation_hidden_dim": 8, "temporal_hidden_dim": 8}
        >>> solver = solvers.TemporalTwistSwing(body.mannequin_joints(), **sizes, **widths)
        >>> solver.ik(tf.random.normal([5, 16, 29, 3]))["z"].shape.as_list()
        [5, 16, 78]

    Source: Li et al., NIKI, CVPR 2023; supplementary C.1, which names both mappings as spatial networks.
    """

    def __init__(
        self,
        body_joints: BodyJoints,
        *,
        num_temporal_pairs: int = 4,
        temporal_hidden_dim: int = 128,
        split: str = "interleaved",
        neighbour_mean: bool | None = None,
        **kwargs: Any,
    ) -> None:
        # The networks are made by the constructor of TwistSwing, which asks for them by `_make_flow`.
        self._over_time = {
            "num_temporal_pairs": num_temporal_pairs,
            "temporal_hidden_dim": temporal_hidden_dim,
            "split": split,
            "neighbour_mean": neighbour_mean,
        }
        super().__init__(body_joints, **kwargs)

    def _make_flow(self, size: int, **sizes: Any) -> keras.layers.Layer:
        pairs = min(self._over_time["num_temporal_pairs"], max(1, sizes["num_couplings"] // 2))
        return TemporalFlow(size, **sizes, **{**self._over_time, "num_temporal_pairs": pairs})

    @property
    def _spatial_weights(self) -> list[keras.Variable]:
        flows = [*self.joint_flow.spatial.weights, *self.rotation_flow.spatial.weights]
        return [*self._bone_code, *flows, *(self.twist_network.weights if self.twist_network else [])]

    def freeze_spatial(self) -> None:
        """See `TemporalSolver.freeze_spatial`."""
        for layer in (self.joint_flow.spatial, self.rotation_flow.spatial, self.twist_network):
            if layer is not None:
                layer.trainable = False
        if self.condition == "bones":
            self.code.trainable = False

    @property
    def published_weights(self) -> int | None:
        """None: nobody has published a temporal solver."""
        return None

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), **{name: getattr(self.joint_flow, name) for name in _OVER_TIME}}
