"""Two ways to solve the same equations."""

import numpy as np
import tensorflow as tf

from niki_tf.fitting import linear_solvers


def test_both_ways_solve_what_numpy_solves(rng):
    factors = rng.normal(size=[4, 72, 90])
    matrix, wanted = factors @ factors.swapaxes(-1, -2) + 5.0 * np.eye(72), rng.normal(size=[4, 72, 3])
    expected = np.linalg.solve(matrix, wanted)
    for solver in (linear_solvers.CHOLESKY, linear_solvers.ELIMINATION):
        np.testing.assert_allclose(solver.solve(tf.constant(matrix), tf.constant(wanted)), expected, rtol=1e-9)
