"""Linear equations with symmetric positive definite matrices, as Gauss-Newton steps and smoothing need them."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from niki_tf import for_xla


def solve_by_cholesky(matrix: tf.Tensor, rhs: tf.Tensor) -> tf.Tensor:
    """Solution x (N, n, m) of matrix x = rhs by Cholesky factorisation.

    Args:
        matrix: (N, n, n), symmetric and positive definite.
        rhs: (N, n, m), right-hand sides.
    """
    if for_xla.is_wanted():
        return _solve_side_by_side(matrix, rhs)
    return tf.linalg.cholesky_solve(tf.linalg.cholesky(matrix), rhs)


def halves_by_cholesky(matrix: tf.Tensor, sides: tf.Tensor, group: int) -> "Halves":
    """The `Halves` of matrix^-1 with right-hand sides, by one triangular solution instead of the two of `solve`.

    Args:
        matrix: (N, n, n), symmetric and positive definite.
        sides: (N, n, m).
        group: g, matrices that follow each other and belong together.
    """
    if for_xla.is_wanted():
        return _halves(sides, _solve_side_by_side(matrix, sides), group)
    factor = tf.linalg.cholesky(matrix)
    half = tf.linalg.triangular_solve(factor, sides)
    halves = _halves(half, half, group)
    return halves._replace(back=lambda weights: tf.linalg.triangular_solve(factor, halves.back(weights), adjoint=True))


def halves_by_elimination(matrix: tf.Tensor, sides: tf.Tensor, group: int) -> "Halves":
    """As `halves_by_cholesky`, by `solve_by_elimination`."""
    return _halves(sides, solve_by_elimination(matrix, sides), group)


def _halves(left: tf.Tensor, right: tf.Tensor, group: int) -> "Halves":
    """The `Halves` whose product is left^T right, (N, n, m) each, and whose `back` is multiplied by right."""
    size, width = right.shape[-2:]
    left, right = (tf.reshape(x, [-1, group * size, width]) for x in (left, right))
    return Halves(
        tf.linalg.matmul(left, right, transpose_a=True),
        lambda weights: tf.reshape(tf.linalg.matmul(right, weights), [-1, size, weights.shape[-1]]),
    )


class Halves(NamedTuple):
    """What eliminating unknowns takes of their matrices A (N, n, n) and right-hand sides B (N, n, m), in groups of g.

    Attributes:
        product: (N / g, m, m), the sums of B^T A^-1 B.
        back: function of weights W (N / g, m, k) that gives A^-1 B W (N, n, k).
    """

    product: tf.Tensor
    back: Callable[[tf.Tensor], tf.Tensor]


def solve_by_elimination(matrix: tf.Tensor, rhs: tf.Tensor) -> tf.Tensor:
    """As `solve_by_cholesky`, by Gauss-Jordan elimination in plain arithmetic, for LiteRT, which has no factorisation.

    Without pivoting, which positive definite matrices do not need.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf.fitting import linear_solvers
        >>> matrix, rhs = tf.constant([[[2.0, 1.0], [1.0, 2.0]]]), tf.constant([[[4.0], [5.0]]])
        >>> x = linear_solvers.solve_by_elimination(matrix, rhs)
        >>> print(x[..., 0].numpy())
        [[1. 2.]]
    """
    size = tf.shape(matrix)[-1]

    def eliminate(number: tf.Tensor, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        row = tf.gather(rows, number, axis=1)
        column = tf.gather(rows, number, axis=2) / tf.gather(row, [number], axis=1)
        others = tf.where(tf.equal(tf.range(size), number), tf.zeros([], rows.dtype), column)
        return number + 1, rows - tf.expand_dims(others, -1) * tf.expand_dims(row, 1)

    _, rows = tf.while_loop(lambda number, _: number < size, eliminate, (0, tf.concat([matrix, rhs], -1)))
    diagonal = tf.reduce_sum(rows[..., :size] * tf.eye(size, dtype=rows.dtype), -1, keepdims=True)
    return rows[..., size:] / diagonal


def _solve_side_by_side(matrix: tf.Tensor, rhs: tf.Tensor) -> tf.Tensor:
    """As `solve_by_elimination`, with the N along the last axis, so that many are computed in one instruction."""
    size = matrix.shape[-1]
    rows = tf.transpose(tf.concat([matrix, rhs], -1), [1, 2, 0])

    def eliminate(number: tf.Tensor, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        row = tf.gather(rows, number)
        column = tf.gather(rows, number, axis=1) / tf.gather(row, number)
        others = tf.where(tf.expand_dims(tf.equal(tf.range(size), number), -1), tf.zeros([], rows.dtype), column)
        return number + 1, rows - tf.expand_dims(others, 1) * row

    _, rows = tf.while_loop(lambda number, _: number < size, eliminate, (0, rows))
    diagonal = tf.reduce_sum(rows[:, :size] * tf.eye(size, dtype=rows.dtype)[..., None], 1, keepdims=True)
    return tf.transpose(rows[:, size:] / diagonal, [2, 0, 1])


class LinearSolver(NamedTuple):
    """A method for linear equations, and the most precise type that its runtime offers.

    Attributes:
        solve: function (matrix (N, n, n), rhs (N, n, m)) -> solution (N, n, m).
        halves: function (matrix (N, n, n), sides (N, n, m), group) -> `Halves`.
        dtype: the most precise floating-point type.
    """

    solve: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    halves: Callable[[tf.Tensor, tf.Tensor, int], Halves]
    dtype: tf.DType


CHOLESKY = LinearSolver(solve_by_cholesky, halves_by_cholesky, tf.float64)
"""For TensorFlow; within `for_xla.for_xla` by elimination, too."""

ELIMINATION = LinearSolver(solve_by_elimination, halves_by_elimination, tf.float32)
"""For LiteRT, which has neither a factorisation nor float64."""
