"""What solvers are given, read and filled in, the same for the estimate and for what completes it."""

from typing import NamedTuple

import tensorflow as tf


class Given(NamedTuple):
    """What a solver is given of N examples, of solvers that see time of windows (N, T, ...); metres."""

    joints: tf.Tensor
    """(N, 29, 3), what was not seen filled in."""
    joint_sigma: tf.Tensor
    """(N, 29)."""
    told: tf.Tensor
    """(N, 29, 3), the joints with what known rotations tell of them."""
    told_sigma: tf.Tensor
    """(N, 29)."""
    betas: tf.Tensor
    """(N, B)."""
    rest_joints: tf.Tensor
    """(N, 29, 3)."""
    twist: tf.Tensor | None
    """(N, 23, 2)."""
    extra: dict[str, tf.Tensor]
    """Of `Solver.extra_inputs` those that were given, and `trunk` for solvers that take it."""
