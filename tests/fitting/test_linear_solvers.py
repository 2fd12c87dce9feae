"""Two ways to solve the same equations."""

import numpy as np
import tensorflow as tf

from niki_tf import for_xla
from niki_tf.fitting import linear_solvers


def test_both_ways_solve_what_numpy_solves(rng):
    factors = rng.normal(size=[4, 72, 90])
    matrix, wanted = factors @ factors.swapaxes(-1, -2) + 5.0 * np.eye(72), rng.normal(size=[4, 72, 3])
    expected = np.linalg.solve(matrix, wanted)
    for solver in (linear_solvers.CHOLESKY, linear_solvers.ELIMINATION):
        np.testing.assert_allclose(solver.solve(tf.constant(matrix), tf.constant(wanted)), expected, rtol=1e-9)


def test_graphs_for_xla_solve_the_same(rng):
    factors = rng.normal(size=[6, 15, 20])
    matrix, sides = factors @ factors.swapaxes(-1, -2) + np.eye(15), rng.normal(size=[6, 15, 4])
    weights = rng.normal(size=[2, 4, 3])
    solved = np.linalg.solve(matrix, sides)
    product = (sides.swapaxes(-1, -2) @ solved).reshape(2, 3, 4, 4).sum(1)

    def found(solver):
        halves = solver.halves(tf.constant(matrix), tf.constant(sides), 3)
        return solver.solve(tf.constant(matrix), tf.constant(sides)), halves.product, halves.back(tf.constant(weights))

    @tf.function(jit_compile=True, autograph=False)
    def compiled():
        with for_xla.for_xla():
            return found(linear_solvers.CHOLESKY)

    for several in (found(linear_solvers.CHOLESKY), found(linear_solvers.ELIMINATION), compiled()):
        for got, wanted in zip(several, (solved, product, solved @ weights.repeat(3, 0)), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-9)
    assert not for_xla.is_wanted()


def test_steps_are_repeated_alike_in_graphs_for_xla():
    def turned(number):
        return for_xla.repeated(lambda one, other: (other, one + other), (number, number), times=5)

    with for_xla.for_xla():
        looped = tf.function(turned, autograph=False)(tf.constant(1))
    assert [int(x) for x in looped] == [int(x) for x in turned(tf.constant(1))] == [8, 13]
