"""Linear equations with symmetric positive definite matrices, for the steps of the exact finish."""

import tensorflow as tf


def by_cholesky(matrix, vector):
    """Solution x (N, n) of `matrix` (N, n, n) x = `vector` (N, n), by Cholesky's factorisation, fast in TensorFlow."""
    return tf.linalg.cholesky_solve(tf.linalg.cholesky(matrix), vector[..., None])[..., 0]


def by_elimination(matrix, vector):
    """The same by Gauss's elimination, row by row in plain arithmetic: for LiteRT, which cannot factorise matrices.

    Without a search for pivots, which matrices of this kind do not need.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf.solvers import equations
        >>> print(equations.by_elimination(tf.constant([[[2.0, 1.0], [1.0, 2.0]]]), tf.constant([[4.0, 5.0]])).numpy())
        [[1. 2.]]
    """
    size = matrix.shape[-1]

    def eliminate(number, rows):
        row = tf.gather(rows, number, axis=1)
        below = tf.where(tf.range(size) > number, tf.gather(rows, number, axis=2), 0.0)
        return number + 1, rows - (below / tf.gather(row, number, axis=1)[:, None])[..., None] * row[:, None]

    def substitute(number, x):
        row = tf.gather(upper, number, axis=1)
        rest = row[:, size] - tf.reduce_sum(row[:, :size] * x, -1)
        found = rest / tf.gather(row, number, axis=1)
        return number - 1, x + found[:, None] * tf.one_hot(number, size, dtype=x.dtype)

    rows = tf.concat([matrix, vector[..., None]], -1)
    upper = tf.while_loop(lambda number, _: number < size, eliminate, (0, rows))[1]
    return tf.while_loop(lambda number, _: number >= 0, substitute, (size - 1, tf.zeros_like(vector)))[1]
