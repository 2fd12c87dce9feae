"""Gradients of answers with respect to the joints, the exact finish included: finite, and those of differences."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import contract, motion, rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.solvers import zoo

STEP = 1e-5
"""Metres: networks with leaky ReLUs are straight between kinks only, a fraction of a millimetre apart."""


@pytest.fixture(scope="module", params=["one_stage+finish", pytest.param("temporal+finish", marks=pytest.mark.slow)])
def solver(request):
    found = zoo.load(request.param)
    assert found.refine == 4
    return found


@functools.cache
def _clean():
    """Joints (8, 29, 3) of a body that moves."""
    local = rotations.rotvec_to_matrix(tf.constant(motion.made_motion(0, frames=8).poses))
    return kinematics.forward_kinematics(local, zoo.load("analytic").body_joints(tf.zeros([8, 10])))[0].numpy()


@functools.cache
def _noisy():
    return (_clean() + 0.02 * np.random.default_rng(0).standard_normal(_clean().shape)).astype(np.float32)


def _weighted(solver, joints, **others):
    """Sums (N,) of the answers to N motions, with random weights."""
    answer, random = solver.ik(joints, **others), np.random.default_rng(1)
    return tf.add_n(
        [
            tf.reduce_sum(random.standard_normal(shape) * tf.cast(answer[name], tf.float64), range(1, len(shape) + 2))
            for name, shape in {**contract.POSE, "transl": contract.ANSWER["transl"]}.items()
        ]
    )


def _gradient(solver, joints, **others):
    joints = tf.constant(joints)
    with tf.GradientTape() as tape:
        tape.watch(joints)
        total = _weighted(solver, joints, **others)
    return tape.gradient(total, joints).numpy()


@pytest.mark.slow
def test_the_gradient_is_that_of_differences(solver):
    directions = STEP * np.random.default_rng(2).standard_normal([8, *_noisy().shape])
    moved = np.float32(_noisy() + np.stack([directions, -directions]))
    ahead, behind = _weighted(solver, moved.reshape(-1, *_noisy().shape)).numpy().reshape(2, 8)
    told = np.sum(_gradient(solver, _noisy()[None]) * (moved[0] - moved[1]), axis=(1, 2, 3))
    size = np.sqrt(np.mean((ahead - behind) ** 2))
    assert size > 10 * STEP
    assert np.sqrt(np.mean((told - (ahead - behind)) ** 2)) < 0.05 * size


def test_it_is_finite_where_something_vanishes(solver):
    """Of a still body, of one at rest, of joints that were not seen, of frames without any, of nothing at all."""
    still, at_rest = np.repeat(_clean()[:1], 8, 0), np.tile(zoo.load("analytic").body_joints.joints, [8, 1, 1])
    absent = np.zeros([4, 8, 29], bool)
    absent[2, :, [0, 5, 20]] = absent[2, 3] = absent[3] = True
    joints = np.stack([still, at_rest, _noisy(), _noisy()]).astype(np.float32)
    joints[absent] = np.nan
    gradient = _gradient(solver, joints, joint_sigma=np.where(absent, skeletons.ABSENT, 0.0))
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(gradient[absent], 0.0)
    assert np.abs(gradient[:3]).max((1, 2, 3)).min() > 0.1


def test_it_is_finite_for_a_single_frame(solver):
    gradient = _gradient(solver, _noisy()[None, :1])
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0.1
