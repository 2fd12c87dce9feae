"""Quaternions in NumPy, real part first: for motion that is read or made before TensorFlow sets up a device.

`niki_tf.rotations` holds the same formulas for graphs.
"""

import numpy as np


def rotvec_to_quaternion_wxyz(rotvec: np.ndarray) -> np.ndarray:
    """Unit quaternions (..., 4), real part first, of rotation vectors (..., 3), radians, of any length.

    Vectors of half precision have quaternions of single precision.
    """
    rotvec = np.asarray(rotvec, np.result_type(rotvec, np.float32))  # numpy 2.2's sinc of a zero in float16 is NaN
    angle = np.linalg.norm(rotvec, axis=-1, keepdims=True)
    return np.concatenate([np.cos(0.5 * angle), 0.5 * np.sinc(0.5 * angle / np.pi) * rotvec], -1)


def quaternion_wxyz_to_rotvec(quaternion: np.ndarray) -> np.ndarray:
    """Rotation vectors (..., 3), of length at most pi, of unit quaternions (..., 4), real part first."""
    quaternion = np.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    real, imaginary = quaternion[..., :1], quaternion[..., 1:]
    sine = np.linalg.norm(imaginary, axis=-1, keepdims=True)
    small = sine < 1e-8
    return np.where(small, 2.0, 2.0 * np.arctan2(sine, real) / np.where(small, 1.0, sine)) * imaginary


def matrix_to_quaternion_wxyz(matrix: np.ndarray) -> np.ndarray:
    """Unit quaternions (..., 4), real part first and of either sign, of rotation matrices (..., 3, 3).

    Each row of `products` is the quaternion times four times one of its parts; the one of the largest part is exact.
    """
    m = [[matrix[..., row, column] for column in range(3)] for row in range(3)]
    x, y, z = m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1]
    xy, xz, yz = m[0][1] + m[1][0], m[0][2] + m[2][0], m[1][2] + m[2][1]
    squares = [
        1.0 + m[0][0] + m[1][1] + m[2][2],
        1.0 + m[0][0] - m[1][1] - m[2][2],
        1.0 - m[0][0] + m[1][1] - m[2][2],
        1.0 - m[0][0] - m[1][1] + m[2][2],
    ]
    rows = [[squares[0], x, y, z], [x, squares[1], xy, xz], [y, xy, squares[2], yz], [z, xz, yz, squares[3]]]
    products = np.stack([np.stack(row, -1) for row in rows], -2)
    largest = np.argmax(np.stack(squares, -1), -1)[..., None, None]
    quaternion = np.take_along_axis(products, largest, -2)[..., 0, :]
    return quaternion / np.linalg.norm(quaternion, axis=-1, keepdims=True)


def quaternion_wxyz_to_matrix(quaternion: np.ndarray) -> np.ndarray:
    """Rotation matrices (..., 3, 3) of unit quaternions (..., 4), real part first."""
    w, x, y, z = np.moveaxis(np.asarray(quaternion), -1, 0)
    rows = [
        [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)],
        [2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)],
        [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def continuous(quaternions: np.ndarray) -> np.ndarray:
    """The same rotations (T, ..., 4) with signs such that each frame is on the side of the frame before."""
    dot = np.einsum("...i,...i", quaternions[1:], quaternions[:-1])
    found = quaternions.copy()
    found[1:] *= np.where(np.logical_xor.accumulate(dot < 0.0), -1, 1)[..., None].astype(np.int8)
    return found


def multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Product (..., 4) of the quaternions `a` and `b`: rotates by `b` first, then by `a`."""
    real = a[..., :1] * b[..., :1] - np.sum(a[..., 1:] * b[..., 1:], -1, keepdims=True)
    imaginary = a[..., :1] * b[..., 1:] + b[..., :1] * a[..., 1:] + np.cross(a[..., 1:], b[..., 1:])
    return np.concatenate([real, imaginary], -1)


def rotate(quaternion: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """`vector` (..., 3) rotated by the unit `quaternion` (..., 4)."""
    doubled = 2.0 * np.cross(quaternion[..., 1:], vector)
    return vector + quaternion[..., :1] * doubled + np.cross(quaternion[..., 1:], doubled)


def slerp(a: np.ndarray, b: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """Unit quaternions (..., 4) on the shorter arc from `a` (fraction 0) to `b` (fraction 1), at constant rate.

    Args:
        a: (..., 4) unit quaternions of either sign.
        b: (..., 4) unit quaternions of either sign.
        fraction: broadcasts against (..., 1), from 0 to 1.
    """
    dot = np.sum(a * b, -1, keepdims=True)
    b, dot = np.where(dot < 0, -b, b), np.minimum(np.abs(dot), 1.0)
    angle = np.arccos(dot)
    close = angle < 1e-4
    sine = np.where(close, 1.0, np.sin(angle))
    first = np.where(close, 1.0 - fraction, np.sin((1.0 - fraction) * angle) / sine)
    second = np.where(close, fraction, np.sin(fraction * angle) / sine)
    mixed = first * a + second * b
    return mixed / np.linalg.norm(mixed, axis=-1, keepdims=True)
