"""Linear equations with symmetric positive definite matrices, for the steps of the exact finish."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf


def solve_by_cholesky(matrix, wanted):
    """Solution x (N, n, m) of `matrix` (N, n, n) x = `wanted` (N, n, m), by Cholesky's factorisation."""
    return tf.linalg.cholesky_solve(tf.linalg.cholesky(matrix), wanted)


def solve_by_elimination(matrix, wanted):
    """The same by Gauss's elimination, row by row in plain arithmetic: for LiteRT, which cannot factorise matrices.

    Without a search for pivots, which matrices of this kind do not need.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf.fitting import linear_solvers
        >>> matrix, wanted = tf.constant([[[2.0, 1.0], [1.0, 2.0]]]), tf.constant([[[4.0], [5.0]]])
        >>> x = linear_solvers.solve_by_elimination(matrix, wanted)
        >>> print(x[..., 0].numpy())
        [[1. 2.]]
    """
    size = tf.shape(matrix)[-1]

    def eliminate(number, rows, wanted):
        row = tf.gather(rows, number, axis=1)
        pivot = tf.gather(row, number, axis=1)
        below = tf.where(tf.range(size) > number, tf.gather(rows, number, axis=2), 0.0)
        factor, row = tf.expand_dims(below / tf.expand_dims(pivot, -1), -1), tf.expand_dims(row, 1)
        return number + 1, rows - factor * row, wanted - factor * tf.expand_dims(tf.gather(wanted, number, axis=1), 1)

    def substitute(number, x):
        row = tf.gather(upper, number, axis=1)
        rest = tf.gather(right, number, axis=1) - tf.reduce_sum(tf.expand_dims(row, -1) * x, 1)
        found = rest / tf.expand_dims(tf.gather(row, number, axis=1), -1)
        here = tf.expand_dims(tf.one_hot(number, size, dtype=x.dtype), -1)
        return number - 1, x + here * tf.expand_dims(found, 1)

    _, upper, right = tf.while_loop(lambda number, *_: number < size, eliminate, (0, matrix, wanted))
    return tf.while_loop(lambda number, _: number >= 0, substitute, (size - 1, tf.zeros_like(wanted)))[1]


class LinearSolver(NamedTuple):
    """A way of solving linear equations, and the precision that what runs it offers.

    Attributes:
        solve: function (matrix (N, n, n), wanted (N, n, m)) -> solution (N, n, m).
        dtype: the most precise floating-point type.
    """

    solve: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    dtype: tf.DType


CHOLESKY = LinearSolver(solve_by_cholesky, tf.float64)
"""For TensorFlow."""

ELIMINATION = LinearSolver(solve_by_elimination, tf.float32)
"""For LiteRT, which can factorise no matrix and knows float32 alone."""
