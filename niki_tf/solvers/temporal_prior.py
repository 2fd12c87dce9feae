"""NIKI over time with a prior of motion behind it: for what was not seen, and for noise that lasts."""

from typing import Any

import keras
import tensorflow as tf

from niki_tf import rotations, skeletons
from niki_tf.body.body_joints import BodyJoints
from niki_tf.fitting import held_rotations, interpolation
from niki_tf.shapes import zeros_like_leading
from niki_tf.solvers import motion_prior
from niki_tf.solvers.joint_completion import JointCompletion
from niki_tf.solvers.motion_prior import MotionPrior
from niki_tf.solvers.temporal import Temporal
from niki_tf.solvers.window_solver import WindowSolver

_SIGMA_A_FRAME, _FARTHEST = 0.006, 30.0
"""Metres, and frames: sigma of an interpolated joint for each frame to the nearest in which it was seen, as far as it
grows. The error of straight lines on training clips."""
_SHARE, _SHORT_GAP = 0.3, 4.0
"""What the first network has of the answer in frames in which nothing was seen, and up to how many of them in a row;
in longer gaps it has less, in inverse proportion (saved_models/experiments.md, 53)."""


@keras.saving.register_keras_serializable("niki_tf")
class TemporalPrior(WindowSolver):
    """`Temporal`, whose answer a `MotionPrior` corrects: any joints and any frames may be absent.

    Inputs are windows, joints (..., T, 29, 3), of up to 64 frames at 30 a second; longer motion goes through
    `inference.windows`. Joints that are absent in some frames are interpolated for the first network, those that are
    absent in all are guessed by a `JointCompletion`; the prior is told which of them were seen.

    A further input, `ground` (..., T, 4), is the plane n x + d = 0 of the ground in the coordinates of the joints,
    n of length 1 and upwards; zeros where it is not known.

    Args:
        body_joints: the `BodyJoints` of the body that is posed.
        first: constructor arguments of the `Temporal`, but for its body.
        completion: constructor arguments of the `JointCompletion`.
        hidden_dim: see `MotionPrior`.
        num_layers: see `MotionPrior`.
        heads: see `MotionPrior`.
        precision: of the prior's large products, a Keras dtype policy; "mixed_bfloat16" trains several times faster on
            processors that know it.
        **kwargs: see `WindowSolver`.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body, solvers
        >>> sizes = {"num_couplings": 2, "hidden_dim": 32, "num_temporal_pairs": 1, "temporal_hidden_dim": 32}
        >>> solver = solvers.TemporalPrior(body.mannequin_joints(), first=sizes, hidden_dim=36, num_layers=1)
        >>> solver.ik(tf.random.normal([5, 20, 29, 3]))["body_pose"].shape.as_list()
        [5, 20, 23, 3, 3]
    """

    frames, step = motion_prior.FRAMES, 32
    takes_absent = True
    largest_sigma, sigma_growth = 0.15, 0.08

    def __init__(
        self,
        body_joints: BodyJoints,
        *,
        first: dict[str, Any] | None = None,
        completion: dict[str, Any] | None = None,
        hidden_dim: int = 192,
        num_layers: int = 4,
        heads: int = 6,
        precision: str = "float32",
        **kwargs: Any,
    ) -> None:
        super().__init__(body_joints, **{**kwargs, "condition": "none"})
        self.first = Temporal(body_joints, **(first or {}))
        self.completion = JointCompletion(**(completion or {}))
        self.first.trainable = self.completion.trainable = False
        self.precision = precision
        self.prior = MotionPrior(hidden_dim=hidden_dim, num_layers=num_layers, heads=heads, dtype=precision)

    @classmethod
    def behind(cls, first: Temporal, completion: JointCompletion, **sizes: Any) -> "TemporalPrior":
        """An untrained prior behind trained networks.

        Args:
            first: the temporal solver.
            completion: the guess of joints that are never seen.
            **sizes: of the prior.
        """
        solver = cls(first.body_joints, first=_own_arguments(first), completion=_own_arguments(completion), **sizes)
        solver.first.set_weights(first.get_weights())
        solver.completion.set_weights(completion.get_weights())
        return solver

    @property
    def extra_inputs(self) -> dict[str, tuple[int, ...]]:
        """See `Solver.extra_inputs`; `frame_mask` and `ground` on top."""
        return {**super().extra_inputs, "ground": (4,)}

    def solve(
        self,
        joints: tf.Tensor,
        joint_sigma: tf.Tensor,
        betas: tf.Tensor,
        rest_joints: tf.Tensor,
        twist: tf.Tensor | None,
        **extra: tf.Tensor,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """See `Solver.solve`; the twist is not used."""
        mask = extra.get("frame_mask")
        mask = tf.ones_like(joints[..., 0, 0]) if mask is None else mask
        ground = extra.get("ground")
        ground = zeros_like_leading(joints, 2, [4]) if ground is None else ground
        first = self.first_answer(joints, joint_sigma, betas, rest_joints, mask)
        if "known_rotations" in extra:
            first = held_rotations.hold_seen(first, extra["known_rotations"], joint_sigma)
        start = motion_prior.start_of(first, joints, joint_sigma, rest_joints, mask, ground)
        local, _, error = self.prior.correct(start, mask)
        return _mixed_in_gaps(local, first, joint_sigma, mask), {"expected_error": error}

    def first_answer(
        self,
        joints: tf.Tensor,
        joint_sigma: tf.Tensor,
        betas: tf.Tensor,
        rest_joints: tf.Tensor,
        frame_mask: tf.Tensor,
    ) -> tf.Tensor:
        """Rotations (N, T, 24, 3, 3) of the first network.

        Args:
            joints: (N, T, 29, 3) metres; absent ones may hold any finite number.
            joint_sigma: (N, T, 29) metres.
            betas: (N, T, B).
            rest_joints: (N, T, 29, 3) metres.
            frame_mask: (N, T), 1 for frames and 0 for padding frames.
        """
        joints, joint_sigma = _interpolated(joints, joint_sigma, frame_mask)
        given = {"joints": joints, "joint_sigma": joint_sigma, "rest_joints": rest_joints}
        guessed = self.completion(given)
        joints, joint_sigma = guessed["joints"], guessed["joint_sigma"]
        extra = {"frame_mask": frame_mask}
        joints, _ = self.first._fill(joints, rest_joints, joint_sigma, extra)
        return self.first.solve(joints, joint_sigma, betas, rest_joints, None, **extra)[0]

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        config = {name: value for name, value in super().get_config().items() if not name.startswith("condition")}
        networks = {"first": _own_arguments(self.first), "completion": _own_arguments(self.completion)}
        sizes = {name: getattr(self.prior, name) for name in ("hidden_dim", "num_layers", "heads")}
        return {**config, **networks, **sizes, "precision": self.precision}


def _mixed_in_gaps(local: tf.Tensor, first: tf.Tensor, joint_sigma: tf.Tensor, frame_mask: tf.Tensor) -> tf.Tensor:
    """Rotations `local` (N, T, 24, 3, 3), partly turned to `first` between two frames in which something was seen."""
    seen = tf.reduce_any(joint_sigma < skeletons.ABSENT, -1, keepdims=True) & (frame_mask[..., None] > 0.0)
    before, after = interpolation.neighbours(seen)
    between = ~seen & (before >= 0) & (after < tf.shape(seen)[1])
    share = _SHARE * tf.minimum(1.0, _SHORT_GAP / tf.cast(tf.maximum(after - before - 1, 1), tf.float32))
    turn = rotations.matrix_to_rotvec(tf.linalg.matmul(local, first, transpose_a=True))
    mixed = tf.linalg.matmul(local, rotations.rotvec_to_matrix(share[..., None] * turn))
    return tf.where(between[..., None, None], mixed, local)


def _own_arguments(model: keras.Model) -> dict[str, Any]:
    """Constructor arguments of a network, but for its name, its body, its finish and what Keras adds."""
    strangers = ("name", "trainable", "dtype", "body_joints", "refine")
    return {name: value for name, value in model.get_config().items() if name not in strangers}


def _interpolated(joints: tf.Tensor, joint_sigma: tf.Tensor, frame_mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Joints (N, T, 29, 3) and sigma (N, T, 29); those absent in some frames lie between the frames that have them.

    They are interpolated relative to the trunk, whose own joints are interpolated first.
    """
    absent = joint_sigma >= skeletons.ABSENT
    seen = ~absent & (frame_mask[..., None] > 0.0)
    filled = interpolation.interpolate(tf.concat([joints, joint_sigma[..., None]], -1), seen)
    filled, sigma = filled[..., :3], filled[..., 3]
    centre = tf.reduce_mean(tf.gather(filled, skeletons.TRUNK, axis=-2), -2, keepdims=True)
    filled = interpolation.interpolate(joints - centre, seen) + centre
    before, after = interpolation.neighbours(seen)
    frames = tf.shape(joints)[1]
    times = tf.range(frames)[None, :, None]
    since = tf.where(before < 0, frames, times - before)
    until = tf.where(after >= frames, frames, after - times)
    sigma += _SIGMA_A_FRAME * tf.minimum(tf.cast(tf.minimum(since, until), tf.float32), _FARTHEST)
    sigma = tf.where(tf.reduce_any(seen, 1, keepdims=True), sigma, skeletons.ABSENT)
    return tf.where(absent[..., None], filled, joints), tf.where(absent, sigma, joint_sigma)
