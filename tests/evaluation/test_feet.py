"""Feet: which are planted, how fast they are, and what lies under the ground."""

import numpy as np
import pytest

from niki_tf.evaluation import feet

LEFT, RIGHT = feet.FEET


def _still(frames=4):
    return np.zeros([frames, 29, 3])


def test_a_foot_is_planted_that_is_slow_and_low_in_both_frames():
    joints = _still(5)
    joints[1:, LEFT, 2] = 0.09 / 30  # a step at 0.09 m/s, then none
    joints[3:, LEFT, 0] = 0.11 / 30  # one at 0.11
    joints[:, RIGHT, 1] = [0.0, 0.0, 0.0501, 0.0501, 0.0501]
    found = feet.planted(joints, fps=30.0)
    assert found[:, 0].tolist() == [True, True, False, True]
    assert found[:, 1].tolist() == [True, False, False, False]
    assert feet.planted(joints, fps=15.0)[:, 0].all()


@pytest.mark.parametrize("level", [-3.0, 0.0, 2.0])
def test_the_ground_is_where_the_lowest_foot_is(level):
    joints = _still()
    joints[..., 1] = level
    joints[:, RIGHT, 1] += 0.2
    joints[:, 20, 1] -= 1.0  # a hand that hangs lower
    assert feet.planted(joints, fps=30.0).tolist() == [[True, False]] * 3


def test_speeds_are_those_of_planted_feet_alone():
    true, found = _still(), _still()
    true[:, RIGHT, 0] = np.arange(4)
    found[:, LEFT] = np.linspace([0, 0, 0], [0.03, 0.04, 0], 4)  # 50 mm in a tenth of a second
    speeds = feet.planted_speeds(found, true, fps=30.0)
    np.testing.assert_allclose(speeds, [[0.5, 0.0]] * 3, atol=1e-12)
    standing = feet.planted_speeds(_still(2), _still(2), fps=30.0)
    columns = feet.foot_columns([speeds, standing])
    assert columns == pytest.approx({"foot_speed": 0.3, "true_foot_speed": 0.0, "sliding_percent": 60.0})


def test_without_planted_feet_there_is_nothing_to_tell():
    running = _still()
    running[..., 0] = np.arange(4)[:, None]
    speeds = feet.planted_speeds(_still(), running, fps=30.0)
    assert set(feet.foot_columns([speeds]).values()) == {None}


def test_depth_is_below_the_lowest_true_vertex():
    true = np.zeros([2, 3, 3])
    true[:, :, 1] = [[0.1, 0.5, 1.0], [0.2, 0.5, 1.0]]
    found = true - [0, 0.03, 0]
    np.testing.assert_allclose(feet.penetration_mm(found, true), [30.0, 0.0], atol=1e-9)
