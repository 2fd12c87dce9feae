"""Training of `solvers.TemporalPrior`: examples with the first network's answer, and the loss of the prior."""

from collections.abc import Callable, Mapping

import tensorflow as tf

from niki_tf import rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.shapes import reshape_last
from niki_tf.solvers import motion_prior
from niki_tf.solvers.temporal_prior import TemporalPrior

Batch = Mapping[str, tf.Tensor]

_VELOCITY, _ROTATION, _PATH, _ERROR = 2.0, 0.05, 0.3, 0.002
"""Weights of the differences between frames, of rotations, of the pelvis' path and of the expected error, relative to
the distance of joints. Set by hand."""
_GAP = 4.0
"""How many frames a frame counts for in which no joint is seen. Set by hand."""
_SMOOTH = 1e-6
"""Metres^2; below its root a distance counts by its square."""


def example(solver: TemporalPrior, windows: Batch) -> dict[str, tf.Tensor]:
    """What one batch of examples holds, half as large in float16 where that is exact enough.

    Args:
        solver: whose first network answers.
        windows: dict of joints (n, T, 29, 3), joint_sigma (n, T, 29), betas (n, T, B), rest_joints (n, T, 29, 3),
            frame_mask (n, T), ground (n, T, 4), and the true local (n, T, 24, 3, 3), path (n, T, 3), has_path (n,).
    """
    inputs = [windows[name] for name in ("joints", "joint_sigma", "betas", "rest_joints", "frame_mask")]
    first = solver.first_answer(*inputs)
    kept = {name: windows[name] for name in ("joints", "frame_mask", "ground", "path", "has_path")}
    turns = {"first": first, "true": windows["local"]}
    narrow = {name: tf.cast(rotations.matrices_to_6d_vector(value), tf.float16) for name, value in turns.items()}
    narrow["joint_sigma"] = tf.cast(windows["joint_sigma"], tf.float16)
    return {**kept, **narrow, "rest_joints": windows["rest_joints"][:, 0]}


def loss(
    solver: TemporalPrior, batch: Batch, *, gather: Callable[[tf.Tensor], tf.Tensor] | None = None
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """The loss of a batch of examples, and its terms.

    Distances of joints relative to joint 0, their differences between frames, of rotations, of the path of the pelvis;
    and how well the distances were expected: log m + d / m is least where m is the mean of d. Frames in which no joint
    is seen count several times in the distances and rotations, not in `joint_error_mm`.

    Args:
        solver: whose prior is trained.
        batch: see `example`.
        gather: unused; all terms are means over examples.
    """
    wide = {name: tf.cast(value, tf.float32) for name, value in batch.items()}
    mask, true = wide["frame_mask"], rotations.sixd_vector_to_matrices(wide["true"])
    rest = tf.repeat(wide["rest_joints"][:, None], mask.shape[1], 1)
    first = rotations.sixd_vector_to_matrices(wide["first"])
    start = motion_prior.start_of(first, wide["joints"], wide["joint_sigma"], rest, mask, wide["ground"])
    local, path, expected = solver.prior.correct(start, mask)
    error, of_path = _posed(local, rest) - _posed(true, rest), path - wide["path"]
    in_gap = tf.reduce_all(wide["joint_sigma"] >= skeletons.ABSENT, -1)
    counted = tf.where(in_gap, _GAP * mask, mask)
    in_path = mask * wide["has_path"][:, None]
    distance = _length(error)
    turned = reshape_last(local - true, 2, [9])
    surprise = tf.math.log(expected) + tf.stop_gradient(distance[..., : expected.shape[-1]]) / expected
    terms = {
        "joints": _mean(distance, counted),
        "velocity": _mean(_length(error[:, 1:] - error[:, :-1]), mask[:, 1:] * mask[:, :-1]),
        "rotations": _mean(_length(turned), counted),
        "path": _mean(_length(of_path), in_path),
        "path_velocity": _mean(_length(of_path[:, 1:] - of_path[:, :-1]), in_path[:, 1:] * mask[:, :-1]),
        "expected": _mean(surprise, mask),
    }
    total = terms["joints"] + _VELOCITY * terms["velocity"] + _ROTATION * terms["rotations"]
    total += _PATH * (terms["path"] + _VELOCITY * terms["path_velocity"]) + _ERROR * terms["expected"]
    return total, {**terms, "joint_error_mm": 1000.0 * _mean(distance, mask)}


def _posed(local: tf.Tensor, rest_joints: tf.Tensor) -> tf.Tensor:
    """Joints (n, T, 29, 3) relative to joint 0."""
    joints, _ = kinematics.forward_kinematics(local, rest_joints)
    return joints - joints[:, :, :1]


def _length(vectors: tf.Tensor) -> tf.Tensor:
    return tf.sqrt(tf.reduce_sum(vectors**2, -1) + _SMOOTH)


def _mean(values: tf.Tensor, frame_mask: tf.Tensor) -> tf.Tensor:
    """Mean over frames, and over the values (n, T, ...) of each."""
    if values.shape.rank > 2:
        values = tf.reduce_mean(values, -1)
    return tf.math.divide_no_nan(tf.reduce_sum(values * frame_mask), tf.reduce_sum(frame_mask))
