"""What the invertible solvers share: the canonical frame both ways, padding, and kinematics through the flow."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from niki_tf import contract, rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.body.body_joints import BodyJoints
from niki_tf.fitting import trunk_frame
from niki_tf.flows import EmbeddingFlow
from niki_tf.shapes import LeadingAxes, TensorLike, describe, real_tensors, reshape_last, zeros_like_leading
from niki_tf.solvers.learned import LearnedSolver

JOINTS, SIGMA = skeletons.NUM_JOINTS * 3, skeletons.NUM_JOINTS
PADDING = 60
"""Entries that make the joints' end of the network as long as that of the pose, 87 + 29 + 60 = 144 + 32."""
POSE, TWIST = skeletons.NUM_ROTATIONS * 6, skeletons.NUM_TWISTS * 2
_FRAME = 3 + 3


@dataclasses.dataclass(frozen=True)
class Observation:
    """What an invertible network maps to a pose: bodies seen from their frames.

    Attributes:
        joints: (..., 29, 3) metres, in the frame.
        sigma: (..., 29) metres.
        padding: (..., 60), the entries that make both sides of the network equally long.
        twist: (..., 23, 2) as (cos, sin), or None.
    """

    joints: tf.Tensor
    sigma: tf.Tensor
    padding: tf.Tensor
    twist: tf.Tensor | None = None

    def vector(self, *, with_twist: bool = False) -> tf.Tensor:
        """Joints, sigma and padding as one vector, (..., 176); if wanted the twist, too, before the padding."""
        parts = [reshape_last(self.joints, 2, [JOINTS]), self.sigma]
        if with_twist:
            parts.append(reshape_last(self.twist, 2, [TWIST]))
        return tf.concat([*parts, self.padding], -1)

    @classmethod
    def of_vector(cls, vector: tf.Tensor, twist: tf.Tensor | None = None, *, with_twist: bool = False) -> "Observation":
        """The observation whose `vector` is given, (..., 176); `twist` (..., 23, 2) if the vector does not hold it."""
        size = TWIST if with_twist else 0
        padding = vector.shape[-1] - JOINTS - SIGMA - size
        joints, sigma, turned, padding = tf.split(vector, [JOINTS, SIGMA, size, padding], -1)
        if with_twist:
            twist = reshape_last(turned, 1, [skeletons.NUM_TWISTS, 2])
        return cls(reshape_last(joints, 1, [skeletons.NUM_JOINTS, 3]), sigma, padding, twist)


@dataclasses.dataclass(frozen=True)
class BodyCondition:
    """Bodies as an invertible network is given them.

    Attributes:
        condition: (..., C).
        rest_joints: (..., 29, 3) metres.
        frame_mask: (..., T), 1 for frames and 0 for filler, of solvers that see time; None if all are frames.
    """

    condition: tf.Tensor
    rest_joints: tf.Tensor
    frame_mask: tf.Tensor | None = None


class InvertibleSolver(LearnedSolver):
    """A solver that runs both ways; subclasses write `to_pose` and `to_observation`, each the other's inverse.

    What joints, sigma and unit twists cannot hold of the network's end travels as `padding`: its padding entries, how
    far the frame that the joints show is shifted (3, metres) and turned (3, rotation vector) from the network's, how
    much longer than 1 each twist is, and, of a solver that smooths joints, what smoothing removes from them. It is
    zero for an observation; handed from `fk` to `ik`, it makes the way there and back exact.

    Args:
        body_joints: the `BodyJoints` of the body that is posed.
        embedding_couplings: steps of the `EmbeddingFlow` that makes z standard normal, whatever the pose; 0 for none.
            The pose does not depend on it, and training leaves it alone: `niki-tf fit_embedding` fits it.
        embedding_hidden_dim: width of its networks.
        **kwargs: see `LearnedSolver`.
    """

    has_residual = takes_trunk = True
    """The residual is what the error-score protocol finds to be the best score of how wrong a joint is. The size of z
    says little once joints are off by more than 1 mm, for the loss `ind` holds it to a normal distribution."""
    embedding_size = 0
    """Entries of the error embedding z."""
    twist_embedding_size = 0
    """Those of them, at the end, that belong to the twists."""
    num_twists = 0
    """Twists that the network sees."""
    padding_size = PADDING
    """Padding entries of the network's end."""
    removed_size = 0
    """Entries of the padding for what preprocessing removes from the joints."""

    def __init__(
        self,
        body_joints: BodyJoints,
        *,
        embedding_couplings: int = 0,
        embedding_hidden_dim: int = 64,
        **kwargs: Any,
    ) -> None:
        super().__init__(body_joints, **kwargs)
        self.embedding_couplings, self.embedding_hidden_dim = embedding_couplings, embedding_hidden_dim
        self.embedding_flow = None
        if embedding_couplings:
            sizes = {"num_couplings": embedding_couplings, "hidden_dim": embedding_hidden_dim}
            self.embedding_flow = EmbeddingFlow(self.embedding_size, condition=POSE, trainable=False, **sizes)

    def to_pose(
        self, seen: Observation, body: BodyCondition, *, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor, dict[str, tf.Tensor]]:
        """Rotations 6D (..., 144), z (..., `embedding_size`) and a dictionary of what lies between."""
        raise NotImplementedError

    def to_observation(
        self, pose: tf.Tensor, z: tf.Tensor, body: BodyCondition, *, training: bool = False
    ) -> tuple[Observation, dict[str, tf.Tensor]]:
        """The way back: the `Observation` of rotations 6D `pose` (..., 144) and `z`, and what lies between."""
        raise NotImplementedError

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
        """`vector` (N, size) through `flow` in one direction, "forward" (kinematics) or "inverse"."""
        return flow.transform(vector, condition, direction=direction, training=training)

    @property
    def extra_inputs(self) -> dict[str, tuple[int, ...]]:
        """See `Solver.extra_inputs`; `padding` on top."""
        size = self.padding_size + _FRAME + self.num_twists + self.removed_size
        return {**super().extra_inputs, "padding": (size,)}

    @property
    def published_weights(self) -> int | None:
        """Weights that the published code stores for this solver, those that masks kill among them; None if unknown."""
        return None

    def body_condition(
        self,
        betas: tf.Tensor,
        rest_joints: tf.Tensor,
        frame_mask: tf.Tensor | None = None,
        heat_moments: tf.Tensor | None = None,
    ) -> BodyCondition:
        """The bodies, and the moments of heat maps, as the network is given them."""
        return BodyCondition(self.network_condition(betas, rest_joints, heat_moments), rest_joints, frame_mask)

    def ik(
        self,
        joints: TensorLike,
        *,
        joint_sigma: TensorLike | None = None,
        betas: TensorLike | None = None,
        twist: TensorLike | None = None,
        known_rotations: TensorLike | None = None,
        padding: TensorLike | None = None,
    ) -> dict[str, tf.Tensor]:
        """See `Solver.ik`; with the `padding`, joint_sigma and twist that `fk` gave, the way back is exact."""
        given = {"joints": joints, "joint_sigma": joint_sigma, "betas": betas, "twist": twist, "padding": padding}
        return self._by_graph({**given, "known_rotations": known_rotations})

    def solve_known_body(
        self,
        joints: tf.Tensor,
        joint_sigma: tf.Tensor,
        betas: tf.Tensor,
        rest_joints: tf.Tensor,
        twist: tf.Tensor | None,
        **extra: tf.Tensor,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """See `LearnedSolver.solve_known_body`; a further output is z."""
        frame_mask = extra.get("frame_mask")
        if "padding" in extra:
            seen, rotation = self._exactly_back(extra["padding"], joints, joint_sigma, rest_joints, twist, frame_mask)
        else:
            view = self.observe(joints, joint_sigma, rest_joints, frame_mask, trunk=extra.get("trunk"))
            rotation, padding = view.rotation, zeros_like_leading(joints, 2, [self.padding_size])
            seen = Observation(view.joints, view.sigma, padding, self._stretched(twist))
        body = self.body_condition(betas, rest_joints, frame_mask, extra.get("heat_moments"))
        pose, z, _ = self.to_pose(seen, body)
        local = rotations.sixd_vector_to_matrices(pose)
        if self.embedding_flow is not None:
            z = self.embedding_flow.transform(z, rotations.matrices_to_6d_vector(local))
        return trunk_frame.turn_root(local, rotation), {"z": z}

    def _exactly_back(
        self,
        padding: tf.Tensor,
        joints: tf.Tensor,
        joint_sigma: tf.Tensor,
        rest_joints: tf.Tensor,
        twist: tf.Tensor | None,
        frame_mask: tf.Tensor | None,
    ) -> tuple[Observation, tf.Tensor]:
        """The observation that the network gave in `fk`, by the `padding` that it left, and the frame's rotation."""
        sizes = [self.padding_size, 3, 3, self.num_twists, self.removed_size]
        padding, shift, turn, stretch, removed = tf.split(padding, sizes, -1)
        removed = tf.reshape(removed, tf.shape(joints)) if self.removed_size else None
        view = self.observe(joints, joint_sigma, rest_joints, frame_mask, removed=removed)
        view = dataclasses.replace(view, rotation=tf.linalg.matmul(view.rotation, rotations.rotvec_to_matrix(-turn)))
        moved = view.joints + tf.expand_dims(shift, -2)
        return Observation(moved, view.sigma, padding, self._stretched(twist, stretch)), view.rotation

    def _stretched(self, twist: tf.Tensor | None, stretch: tf.Tensor | None = None) -> tf.Tensor | None:
        """Unit twists, times what `fk` says of their length; one of length 0 is unknown and stays so."""
        if twist is None or not self.num_twists:
            return None
        known = tf.reduce_sum(twist * twist, -1, keepdims=True) > 0.0
        unit = tf.where(known, rotations.normalize(twist), 0.0)
        return unit if stretch is None else unit * (1.0 + tf.expand_dims(stretch, -1))

    def fk(
        self,
        global_orient: TensorLike,
        body_pose: TensorLike,
        *,
        z: TensorLike | None = None,
        betas: TensorLike | None = None,
    ) -> dict[str, tf.Tensor]:
        """Kinematics through the network, the exact way back from `ik`, and by a graph as that.

        The network's frame is the one that the trunk of the posed rest skeleton shows.

        Args:
            global_orient: (..., 1, 3, 3) rotation matrices.
            body_pose: (..., 23, 3, 3) rotation matrices.
            z: (..., `embedding_size`) error embedding; zeros, hence joints without error, if None.
            betas: (..., B) shape; zeros if None.

        Returns:
            dict: joints (..., 29, 3) relative to joint 0, joint_sigma (..., 29), padding, and twist (..., 23, 2) from
            solvers that see one. `ik` of all four gives the pose and z again.

        Raises:
            ValueError: a shape does not fit.
        """
        local = contract.check_pose(global_orient, body_pose)
        sizes = {"z": self.embedding_size, "betas": self.body_joints.num_betas}
        given = _as_vectors({"z": z, "betas": betas}, sizes, local.shape[:-3])
        shapes = {"local": (skeletons.NUM_ROTATIONS, 3, 3), "z": (self.embedding_size,), "betas": (None,)}
        return self.run_kept("fk", self._fk, {**given, "local": local}, shapes)

    def _fk(self, given: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """`fk` of local rotations (..., 24, 3, 3), and z and betas as far as they are given."""
        leading = LeadingAxes(given["local"], inner=3, events=self.event_axes - 1)
        sizes = {"z": self.embedding_size, "betas": self.body_joints.num_betas}
        others = {
            name: leading.flatten(given[name]) if name in given else tf.zeros(tf.concat([leading.flat, [size]], 0))
            for name, size in sizes.items()
        }
        found = self._observed(leading.flatten(given["local"]), **others)
        return {name: leading.restore(value) for name, value in found.items()}

    def sample_observations(
        self,
        global_orient: TensorLike,
        body_pose: TensorLike,
        *,
        count: int = 1,
        betas: TensorLike | None = None,
        seed: int = 0,
    ) -> dict[str, tf.Tensor]:
        """Joints with errors such as training had: `fk` of a pose with a standard normal z, drawn `count` times.

        `ik` of what is drawn, the padding among it, gives the same pose again.

        Args:
            global_orient: (..., 1, 3, 3) rotation matrices.
            body_pose: (..., 23, 3, 3) rotation matrices.
            count: draws of each pose.
            betas: (..., B) shape; zeros if None.
            seed: of the draws.

        Returns:
            as `fk`, with a leading axis of `count`, and z (count, ..., `embedding_size`).

        Raises:
            ValueError: a shape does not fit, `count` is below 1, or the solver has no `EmbeddingFlow`.
        """
        if self.embedding_flow is None:
            raise ValueError(f"{self.name} has an embedding that is not normal: fit it with `niki-tf fit_embedding`.")
        if count < 1:
            raise ValueError(f"`count` must be 1 or more; got {count}.")
        local = contract.check_pose(global_orient, body_pose)
        local = tf.repeat(local[None], count, 0)
        betas = None if betas is None else tf.repeat(tf.cast(betas, tf.float32)[None], count, 0)
        shape = tf.concat([tf.shape(local)[:-3], [self.embedding_size]], 0)
        z = tf.random.stateless_normal(shape, [seed, count])
        return {**self.fk(local[..., :1, :, :], local[..., 1:, :, :], z=z, betas=betas), "z": z}

    def with_embedding_flow(self, embedding_couplings: int, embedding_hidden_dim: int = 64) -> "InvertibleSolver":
        """The same solver, same weights, with an untrained `EmbeddingFlow`; with none for 0 couplings."""
        sizes = {"embedding_couplings": embedding_couplings, "embedding_hidden_dim": embedding_hidden_dim}
        other = type(self).from_config({**self.get_config(), **sizes})
        for variable, value in zip(_solving(other), _solving(self), strict=True):
            variable.assign(value)
        other.linear_solver = self.linear_solver
        return other

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        names = ("embedding_couplings", "embedding_hidden_dim")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def _observed(self, local: tf.Tensor, z: tf.Tensor, betas: tf.Tensor) -> dict[str, tf.Tensor]:
        rest_joints = self.body_joints(betas)
        posed, _ = kinematics.forward_kinematics(local, rest_joints)
        rotation, _ = self.coordinate_frame(posed, rest_joints, zeros_like_leading(posed, 1, []))
        back = rotations.transpose(rotation)
        pose = rotations.matrices_to_6d_vector(trunk_frame.turn_root(local, back))
        if self.embedding_flow is not None:
            z = self.embedding_flow.transform(z, pose, direction="forward")
        given, _ = self.to_observation(pose, z, self.body_condition(betas, rest_joints))
        joints = trunk_frame.to_world(given.joints, rotation)
        shown, centre = self.coordinate_frame(joints, rest_joints, given.sigma)
        shift = given.joints[..., 0, :] + rotations.apply(back, centre)
        outputs = {"joints": joints, "joint_sigma": given.sigma}
        padding = [given.padding, shift, rotations.matrix_to_rotvec(tf.linalg.matmul(back, shown))]
        if self.num_twists:
            outputs["twist"] = rotations.normalize(given.twist)
            padding.append(tf.norm(given.twist, axis=-1) - 1.0)
        if self.removed_size:
            removed = joints - self.preprocess(joints, given.sigma)
            padding.append(reshape_last(removed, 2, [JOINTS]))
        return outputs | {"padding": tf.concat(padding, -1)}


def _solving(solver: InvertibleSolver) -> list[keras.Variable]:
    """The weights of a solver but for those of its `EmbeddingFlow`."""
    others = [] if solver.embedding_flow is None else solver.embedding_flow.weights
    return [variable for variable in solver.weights if not any(variable is other for other in others)]


def _as_vectors(
    given: dict[str, TensorLike | None], sizes: dict[str, int], leading: tf.TensorShape
) -> dict[str, tf.Tensor]:
    """Those that are not None as float32 tensors (*leading, size); ValueError if they are something else."""
    given = {name: value for name, value in given.items() if value is not None}
    tensors = real_tensors(given, {name: (sizes[name],) for name in given}, dtype=tf.float32)
    for name, tensor in tensors.items():
        if not tensor.shape[:-1].is_compatible_with(leading):
            raise ValueError(
                f"`{name}` must have the leading axes of the pose, {describe(leading)}; got {describe(tensor.shape)}. "
                "Give one for each example."
            )
    if tf.executing_eagerly():
        contract.check_values(tensors)
    return tensors
