"""Euler angles against SciPy's; no jumps; gimbal lock."""

import itertools

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from niki_tf.motion import euler_angles

ORDERS = ["".join(order) for order in itertools.permutations("xyz")]


@pytest.mark.parametrize("axes", [*ORDERS, "x", "zy", ""])
def test_matrices_are_scipys(rng, axes):
    angles = rng.uniform(-4, 4, [2, 5, len(axes)])
    wanted = np.eye(3) + np.zeros([10, 1, 1])
    if axes:
        wanted = Rotation.from_euler(axes.upper(), angles.reshape(10, -1)).as_matrix()
    np.testing.assert_allclose(euler_angles.euler_to_matrix(angles, axes).reshape(10, 3, 3), wanted, atol=1e-14)


@pytest.mark.parametrize("axes", ORDERS)
def test_angles_that_go_round_come_back_as_they_were(axes):
    time = np.linspace(0, 1, 200)[:, None]
    angles = np.array([9.0, 5.0, -14.0]) * time + [2.0, 4.0, -5.0]
    matrices = Rotation.from_euler(axes.upper(), angles).as_matrix()
    back = euler_angles.matrix_to_euler(matrices, axes, before=angles[0])
    np.testing.assert_allclose(back, angles, atol=1e-6)
    assert np.abs(np.diff(angles[:, 1])).sum() > np.pi  # the middle angle passes a right angle


@pytest.mark.parametrize("axes", ORDERS)
def test_without_a_frame_before_they_begin_within_half_a_turn(axes):
    random = Rotation.random(50, random_state=1)
    for matrix, wanted in zip(random.as_matrix(), random.as_euler(axes.upper()), strict=True):
        np.testing.assert_allclose(euler_angles.matrix_to_euler(matrix[None], axes)[0], wanted, atol=1e-6)


@pytest.mark.parametrize("axes", ORDERS)
@pytest.mark.parametrize("middle", [np.pi / 2, -np.pi / 2])
def test_in_gimbal_lock_the_rotation_is_right_and_the_last_angle_stays(axes, middle):
    angles = np.array([[0.3, middle - 0.2, 0.7], [0.3, middle, 0.7], [0.5, middle, 0.6], [0.3, middle + 0.2, 0.7]])
    matrices = Rotation.from_euler(axes.upper(), angles).as_matrix()
    back = euler_angles.matrix_to_euler(matrices, axes)
    np.testing.assert_allclose(Rotation.from_euler(axes.upper(), back).as_matrix(), matrices, atol=1e-7)
    np.testing.assert_allclose(back[:3, 2], back[0, 2], atol=1e-6)
    locked = euler_angles.matrix_to_euler(matrices[1:2], axes, before=np.array([0.0, 0.0, 0.4]))
    assert locked[0, 2] == 0.4


@pytest.mark.parametrize("axes", ["xyx", "xy", "abc"])
def test_axes_are_all_three(axes):
    with pytest.raises(ValueError, match="`axes` must be x, y and z in some order; got '" + axes):
        euler_angles.matrix_to_euler(np.eye(3)[None], axes)
