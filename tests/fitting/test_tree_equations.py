"""Turns that minimise a sum of squares: found by the tree of the body, either way, as by the Jacobian of all of it."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.fitting import held_equations, linear_solvers, point_lifting, tree_equations, tree_sweeps

COUNT = 3
WAYS = {
    "cholesky": tree_equations.solve_turns,
    "elimination": functools.partial(tree_equations.solve_turns, linear_solver=linear_solvers.ELIMINATION),
    "sweeps": tree_sweeps.solve_turns,
    "sweeps by XLA": tf.function(tree_sweeps.solve_turns, autograph=False, jit_compile=True),
}


@pytest.fixture(params=WAYS)
def solve_turns(request):
    return WAYS[request.param]


@pytest.fixture(params=["smpl_29", "mediapipe_33"])
def posed(request, rng):
    """Joints or points (3, n, 3) of random poses, float32, and the skeleton that they hang on."""
    rest = body.mannequin_joints()(tf.constant(rng.normal(size=[COUNT, 10]), tf.float32))
    skeleton = skeletons.SMPL_29
    if request.param != "smpl_29":
        point_set = skeletons.POINT_SETS[request.param]
        points = point_lifting.rest_points(point_set, rest)
        sigma = tf.zeros([COUNT, len(point_set)])
        skeleton = point_set.skeleton
        _, rest, _ = point_lifting.on_skeleton(point_set, points, sigma, points, rest)
    turns = rotations.rotvec_to_matrix(tf.constant(0.4 * rng.normal(size=[COUNT, 24, 3]), tf.float32))
    return kinematics.forward_kinematics(turns, rest, skeleton)[0].numpy(), skeleton


def _least_squares(posed, error, weights, stiffness, turned, skeleton):
    """The naive twin, one body at a time in float64, the translation among the unknowns."""
    found = []
    for p, e, v, s, u in zip(posed.astype(float), error, weights, stiffness[:, 0], turned, strict=True):
        rows = np.zeros([len(p), 3, 25, 3])
        for point in range(len(p)):
            rows[point, :, 24] = np.eye(3)
            for joint in range(24):
                if point in skeleton.descendants[joint]:
                    rows[point, :, joint] = np.cross(np.eye(3), p[point] - p[joint]).T
        rows = np.sqrt(v)[:, None, None] * rows.reshape(len(p), 3, 75)
        prior = np.sqrt(s) * np.eye(72, 75)
        right = np.concatenate([(np.sqrt(v)[:, None] * e).ravel(), -np.sqrt(s) * u.ravel()])
        found.append(np.linalg.lstsq(np.concatenate([rows.reshape(-1, 75), prior]), right, rcond=None)[0][:72])
    return np.reshape(found, [-1, 24, 3])


def test_they_are_those_of_least_squares(posed, rng, solve_turns):
    points, skeleton = posed
    error = 0.05 * rng.normal(size=points.shape) + [3.0, -1.0, 2.0]
    weights = rng.uniform(size=points.shape[:2]) * (rng.uniform(size=points.shape[:2]) < 0.7)
    stiffness, turned = rng.uniform(0.01, 0.1, size=[COUNT, 1]), 0.1 * rng.normal(size=[COUNT, 24, 3])
    found = solve_turns(
        *(tf.constant(x, tf.float32) for x in (points, error, weights, stiffness, turned)), skeleton=skeleton
    )
    expected = _least_squares(points, error, weights, stiffness, turned, skeleton)
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_sweeps_keep_digits_where_joints_are_clean(posed, rng):
    points, skeleton = posed
    error, turned = 0.002 * rng.normal(size=points.shape), 0.02 * rng.normal(size=[COUNT, 24, 3])
    weights, stiffness = rng.uniform(2e5, 1e6, size=points.shape[:2]), np.full([COUNT, 1], 500.0)
    found = tree_sweeps.solve_turns(
        *(tf.constant(x, tf.float32) for x in (points, error, weights, stiffness, turned)), skeleton=skeleton
    )
    expected = _least_squares(points, error, weights, stiffness, turned, skeleton)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_where_nothing_is_seen_all_turns_are_undone(posed, rng, solve_turns):
    points, skeleton = posed
    turned = tf.constant(rng.normal(size=[COUNT, 24, 3]), tf.float32)
    found = solve_turns(
        tf.constant(points),
        tf.ones(points.shape),
        tf.zeros(points.shape[:2]),
        tf.ones([COUNT, 1]),
        turned,
        skeleton=skeleton,
    )
    np.testing.assert_allclose(found, -turned, atol=1e-5)


def test_the_jacobian_gives_the_same_where_nothing_is_held(posed, rng):
    points, skeleton = posed
    given = [
        tf.constant(x, tf.float32)
        for x in (
            points,
            0.05 * rng.normal(size=points.shape),
            1e4 * rng.uniform(size=points.shape[:2]),
            np.full([COUNT, 1], 100.0),
            0.1 * rng.normal(size=[COUNT, 24, 3]),
        )
    ]
    found = held_equations.solve_turns(*given, known=tf.zeros([COUNT, 24, 3, 3]), skeleton=skeleton)
    np.testing.assert_allclose(found, tree_equations.solve_turns(*given, skeleton=skeleton), atol=2e-4)
