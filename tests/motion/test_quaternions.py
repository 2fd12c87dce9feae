"""Quaternions in NumPy against the formulas for graphs, and the arc between two of them."""

import numpy as np
import pytest

from niki_tf import rotations
from niki_tf.motion import quaternions


@pytest.fixture
def turns(rng):
    """Rotation vectors from none to nearly half a turn."""
    axes = rng.normal(size=[40, 3])
    return axes / np.linalg.norm(axes, axis=-1, keepdims=True) * np.linspace(0.0, 3.1, 40)[:, None]


def test_rotation_vectors_there_and_back(turns):
    found = quaternions.rotvec_to_quaternion_wxyz(turns)
    np.testing.assert_allclose(found, rotations.rotvec_to_quaternion_wxyz(turns), atol=1e-12)
    for sign in (1.0, -1.0):
        np.testing.assert_allclose(quaternions.quaternion_wxyz_to_rotvec(sign * found), turns, atol=1e-12)


def test_products_turn_by_the_second_first(turns, rng):
    first, second = (quaternions.rotvec_to_quaternion_wxyz(rng.permutation(turns)) for _ in range(2))
    vectors = rng.normal(size=[40, 3])
    one_by_one = quaternions.rotate(first, quaternions.rotate(second, vectors))
    np.testing.assert_allclose(quaternions.rotate(quaternions.multiply(first, second), vectors), one_by_one, atol=1e-12)
    matrices = np.asarray(rotations.quaternion_wxyz_to_matrix(second))
    np.testing.assert_allclose(
        quaternions.rotate(second, vectors), np.einsum("nij,nj->ni", matrices, vectors), atol=1e-12
    )


@pytest.mark.parametrize("size", [0.0, 1e-6, 0.3, 2.0, 3.0])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_slerp_turns_at_constant_rate_along_the_shorter_arc(size, sign, turns, rng):
    axis = rng.normal(size=[40, 3])
    axis *= size / np.linalg.norm(axis, axis=-1, keepdims=True)
    start = quaternions.rotvec_to_quaternion_wxyz(turns)
    end = sign * quaternions.multiply(start, quaternions.rotvec_to_quaternion_wxyz(axis))
    for fraction in (0.0, 0.25, 0.5, 1.0):
        found = quaternions.slerp(start, end, np.full([40, 1], fraction))
        wanted = quaternions.multiply(start, quaternions.rotvec_to_quaternion_wxyz(fraction * axis))
        np.testing.assert_allclose(np.abs(np.sum(found * wanted, -1)), 1.0, atol=1e-12)


def test_quaternions_of_matrices_near_every_half_turn(turns):
    half = np.pi * np.concatenate([np.eye(3), np.ones([1, 3]) / np.sqrt(3), [[0.6, 0, -0.8]]])
    vectors = np.concatenate([turns, half, half * (1 - 1e-7), np.zeros([1, 3])])
    wanted = quaternions.rotvec_to_quaternion_wxyz(vectors)
    matrices = np.asarray(rotations.quaternion_wxyz_to_matrix(wanted))
    found = quaternions.matrix_to_quaternion_wxyz(matrices.reshape(3, -1, 3, 3)).reshape(-1, 4)
    np.testing.assert_allclose(np.abs(np.sum(found * wanted, -1)), 1.0, atol=1e-12)
    np.testing.assert_allclose(np.asarray(rotations.quaternion_wxyz_to_matrix(found)), matrices, atol=1e-9)


def test_signs_follow_the_frame_before(rng):
    angles = np.linspace(0.0, 4.0 * np.pi, 60)
    smooth = np.stack([np.cos(angles / 2), np.sin(angles / 2), 0 * angles, 0 * angles], -1)[:, None]
    flipped = smooth * rng.choice([-1.0, 1.0], [60, 1, 1])
    found = quaternions.continuous(flipped)
    np.testing.assert_allclose(found, smooth * np.sign(flipped[0, 0, 0]), atol=1e-12)


def test_matrices_of_quaternions(turns):
    found = quaternions.rotvec_to_quaternion_wxyz(turns).reshape(8, 5, 4)
    wanted = np.asarray(rotations.quaternion_wxyz_to_matrix(found))
    np.testing.assert_allclose(quaternions.quaternion_wxyz_to_matrix(found), wanted, atol=1e-12)


def test_vectors_of_half_precision_have_quaternions_of_single_precision():
    half = np.array([[0.0, 0.0, 0.0], [0.3, -0.2, 0.1]], np.float16)
    found = quaternions.rotvec_to_quaternion_wxyz(half)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, quaternions.rotvec_to_quaternion_wxyz(half.astype(np.float64)), atol=1e-6)
