"""What the learned solvers share: the shape condition, the canonical frame, bodies that training has not seen."""

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.body import kinematics, swing_twist
from niki_tf.body.body_joints import BodyJoints
from niki_tf.fitting import joint_weights, trunk_frame
from niki_tf.shapes import reshape_last
from niki_tf.solvers.solver import Solver

_NUM_BONES = skeletons.NUM_JOINTS - 1
_BONE_UNITS = 30.0
"""Factor that brings differences of bone vectors, a few centimetres, to about 1 for the network."""
_SAME_BODY_WITHIN = 1e-4
"""Bodies whose rest joints differ by less, metres, are the same: float32 files of one body differ by 1e-7."""
_RETARGETING_PASSES = 2
"""Passes after which a body that training has not seen is solved as well as the others, by trial."""


@dataclasses.dataclass(frozen=True)
class View:
    """Joints as a network sees them: preprocessed, from the coordinate frame that they show.

    Attributes:
        world: (..., 29, 3) metres, the preprocessed joints in the world.
        sigma: (..., 29) metres, `joint_weights.clip_sigma`.
        rotation: (..., 3, 3) of the frame.
        centre: (..., 3) metres, of the frame.
    """

    world: tf.Tensor
    sigma: tf.Tensor
    rotation: tf.Tensor
    centre: tf.Tensor

    @property
    def joints(self) -> tf.Tensor:
        """Joints (..., 29, 3) seen from the frame, metres."""
        return trunk_frame.to_local(self.world, self.rotation, self.centre)


class LearnedSolver(Solver):
    """A solver with weights: knows the body by its bones (or betas) and solves in the canonical frame.

    A network that knows bodies by their bones knows those that training drew, and no others. For the joints of another
    body it solves for the body of its `reference` instead: posed by the answer, the two bodies differ by so much at
    each joint; with that difference added to the joints that were observed, the network solves again.

    Args:
        body_joints: the `BodyJoints` of the body that is posed.
        condition: "bones", a learned linear code of the bone vectors of the body at rest, which every SMPL-type body
            has; "betas", the shape coefficients as they are (the paper); or "none" (the published weights, whose shape
            mask is zero).
        condition_size: entries of the code of the bones; unused otherwise.
        canonical: solve in the frame of the trunk; False for the published weights.
        reference: rest joints (29, 3) that the bones are compared with; those of `body_joints` unless given.

    Raises:
        ValueError: `condition` is unknown.
    """

    def __init__(
        self,
        body_joints: BodyJoints,
        *,
        condition: str = "bones",
        condition_size: int = 16,
        canonical: bool = True,
        reference: list[list[float]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(body_joints, **kwargs)
        if condition not in ("bones", "betas", "none"):
            raise ValueError(f'`condition` must be "bones", "betas" or "none"; got {condition!r}.')
        if reference is not None and np.shape(reference) != (skeletons.NUM_JOINTS, 3):
            raise ValueError(f"`reference` must have shape {(skeletons.NUM_JOINTS, 3)}; got {np.shape(reference)}.")
        self.condition, self.canonical = condition, canonical
        self.reference = body_joints.joints.tolist() if reference is None else reference
        self.condition_size = {"bones": condition_size, "betas": body_joints.num_betas, "none": 0}[condition]
        if condition == "bones":
            self.code = keras.layers.Dense(condition_size, name="bone_code")
            self.code.build([None, _NUM_BONES * 3])

    @property
    def needs_retargeting(self) -> bool:
        """Whether `body_joints` are those of another body than the one that the weights know."""
        apart = np.abs(np.asarray(self.body_joints.joints) - np.asarray(self.reference)).max()
        return self.condition == "bones" and bool(apart > _SAME_BODY_WITHIN)

    def solve_known_body(
        self,
        joints: tf.Tensor,
        joint_sigma: tf.Tensor,
        betas: tf.Tensor,
        rest_joints: tf.Tensor,
        twist: tf.Tensor | None,
        **extra: tf.Tensor,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """As `Solver.solve`, for bodies that the network knows."""
        raise NotImplementedError

    def solve(
        self,
        joints: tf.Tensor,
        joint_sigma: tf.Tensor,
        betas: tf.Tensor,
        rest_joints: tf.Tensor,
        twist: tf.Tensor | None,
        **extra: tf.Tensor,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """See `Solver.solve`. With what `fk` gave besides joints, its exact way back is taken, whatever the body."""
        if "padding" in extra or not self.needs_retargeting:
            return self.solve_known_body(joints, joint_sigma, betas, rest_joints, twist, **extra)
        extra.pop("trunk", None)  # of another body
        reference = tf.zeros_like(rest_joints) + tf.constant(self.reference, tf.float32)
        mean_shape = tf.zeros_like(betas)
        local, others = self.solve_known_body(joints, joint_sigma, mean_shape, reference, twist, **extra)
        for _ in range(_RETARGETING_PASSES):
            of_reference, of_body = (kinematics.forward_kinematics(local, rest)[0] for rest in (reference, rest_joints))
            moved, turned = joints + of_reference - of_body, _retargeted_twist(twist, local, rest_joints, reference)
            local, others = self.solve_known_body(moved, joint_sigma, mean_shape, reference, turned, **extra)
        return local, others

    def shape_condition(self, betas: tf.Tensor, rest_joints: tf.Tensor) -> tf.Tensor:
        """The body's shape as the network is given it, (..., condition_size); (..., 0) for "none"."""
        if self.condition != "bones":
            return betas[..., : self.condition_size]
        reference = kinematics.bones(tf.constant(self.reference, tf.float32))[1:]
        difference = kinematics.bones(rest_joints)[..., 1:, :] - reference
        return self.code(_BONE_UNITS * reshape_last(difference, 2, [_NUM_BONES * 3]))

    def network_condition(
        self, betas: tf.Tensor, rest_joints: tf.Tensor, heat_moments: tf.Tensor | None = None
    ) -> tf.Tensor:
        """All that the network is conditioned on: `shape_condition`, unless a subclass takes `contract.HEAT`, too."""
        return self.shape_condition(betas, rest_joints)

    def preprocess(self, joints: tf.Tensor, joint_sigma: tf.Tensor, frame_mask: tf.Tensor | None = None) -> tf.Tensor:
        """The joints (..., 29, 3) as the network is given them, in any place: as they are."""
        return joints

    def coordinate_frame(
        self,
        joints: tf.Tensor,
        rest_joints: tf.Tensor,
        joint_sigma: tf.Tensor,
        frame_mask: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Rotation (..., 3, 3) and centre (..., 3) of the frame to solve in; the root's own if not canonical.

        `frame_mask` (..., T) says which frames are there, of solvers that see time.
        """
        if not self.canonical:
            return tf.eye(3, batch_shape=tf.shape(joints)[:-2]), joints[..., 0, :]
        return self._trunk_frame(joints, rest_joints, joint_sigma, frame_mask)

    def _trunk_frame(
        self, joints: tf.Tensor, rest_joints: tf.Tensor, joint_sigma: tf.Tensor, frame_mask: tf.Tensor | None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        return trunk_frame.trunk_frame(joints, rest_joints, joint_sigma)

    def observe(
        self,
        joints: tf.Tensor,
        joint_sigma: tf.Tensor,
        rest_joints: tf.Tensor,
        frame_mask: tf.Tensor | None = None,
        *,
        removed: tf.Tensor | None = None,
        trunk: trunk_frame.Frame | None = None,
    ) -> View:
        """The `View` of observed joints that the network is given, in training and in use alike.

        Args:
            joints: (..., 29, 3) metres, absent ones filled in.
            joint_sigma: (..., 29) metres.
            rest_joints: (..., 29, 3) metres, the body at rest.
            frame_mask: (..., T), of solvers that see time.
            removed: (..., 29, 3) metres that preprocessing takes away and that is known; None for an observation.
            trunk: `trunk_frame.trunk_frame` of the joints before those that are absent were filled in, which is the
                same with them; found here if None.
        """
        world = self.preprocess(joints, joint_sigma, frame_mask)
        if removed is not None:
            world += removed
        frame = trunk if self.canonical else None
        rotation, centre = frame or self.coordinate_frame(world, rest_joints, joint_sigma, frame_mask)
        return View(world, joint_weights.clip_sigma(joint_sigma), rotation, centre)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        names = ("condition", "condition_size", "canonical", "reference")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _retargeted_twist(
    twist: tf.Tensor | None, local: tf.Tensor, rest_joints: tf.Tensor, others: tf.Tensor
) -> tf.Tensor | None:
    """The `twist` (..., 23, 2) about the bones of `rest_joints`, as it is about those of `others`; unknown stays so.

    The swing, without which the two cannot be told apart, is that of `local` (..., 24, 3, 3).
    """
    if twist is None:
        return None
    unknown = tf.reduce_all(twist == 0.0, -1, keepdims=True)
    swing, guessed = swing_twist.rotations_to_swing_twist(local, rest_joints)
    whole = swing_twist.swing_twist_to_rotations(swing, tf.where(unknown, guessed, twist), rest_joints)
    return tf.where(unknown, 0.0, swing_twist.rotations_to_swing_twist(whole, others)[1])
