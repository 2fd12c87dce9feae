"""What was not seen, from the frames around: straight lines and slerp, held at the ends."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.spatial.transform import Rotation, Slerp

from niki_tf.fitting import interpolation
from niki_tf.motion import gap_filling


@pytest.fixture
def seen(rng):
    """(2, 12, 5), bool: patterns with gaps in the middle and at both ends, and one of nothing but one frame."""
    seen = rng.random([2, 12, 5]) < 0.4
    seen[:, [2, 9]] = True
    seen[0, :, 4] = np.arange(12) == 5
    return seen


def test_numbers_are_those_of_straight_lines(rng, seen):
    values = rng.normal(size=[2, 12, 5, 3]).astype(np.float32)
    found = interpolation.interpolate(tf.constant(np.where(seen[..., None], values, 1e6)), tf.constant(seen)).numpy()
    for one in np.ndindex(2, 5, 3):
        person, item, axis = one
        known = np.flatnonzero(seen[person, :, item])
        wanted = np.interp(np.arange(12), known, values[person, known, item, axis])
        np.testing.assert_allclose(found[person, :, item, axis], wanted, atol=1e-5)


def test_rotations_are_those_of_slerp(rng, seen):
    turns = Rotation.random(2 * 12 * 5, random_state=1).as_matrix().reshape(2, 12, 5, 3, 3)
    found = interpolation.slerp(tf.constant(turns, tf.float32), tf.constant(seen)).numpy()
    for person, item in np.ndindex(2, 5):
        known = np.flatnonzero(seen[person, :, item])
        times = np.clip(np.arange(12), known[0], known[-1])
        wanted = turns[person, known[0], item]
        if len(known) > 1:
            wanted = Slerp(known, Rotation.from_matrix(turns[person, known, item]))(times).as_matrix()
        np.testing.assert_allclose(found[person, :, item], np.broadcast_to(wanted, [12, 3, 3]), atol=1e-5)


def test_slerp_is_that_of_the_simple_way_on_arrays(seen):
    turns = Rotation.random(12 * 24, random_state=2).as_matrix().reshape(12, 24, 3, 3).astype(np.float32)
    known = np.repeat(seen[0], 5, 1)[:, :24]
    wanted = gap_filling.slerp_rotations(turns, known)
    found = interpolation.slerp(tf.constant(turns[None]), tf.constant(known[None]))[0]
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_neighbours_say_where_there_is_none():
    seen = tf.constant([[[False], [True], [False], [False]]])
    before, after = (numbers[0, :, 0].numpy().tolist() for numbers in interpolation.neighbours(seen))
    assert before == [-1, 1, 1, 1]
    assert after == [1, 1, 4, 4]


def test_what_was_never_seen_is_finite():
    values = tf.random.stateless_normal([1, 4, 2, 3], [1, 2])
    nothing = tf.zeros([1, 4, 2], tf.bool)
    found = interpolation.interpolate(values, nothing).numpy()
    np.testing.assert_allclose(found, np.broadcast_to(values[:, :1], found.shape))
