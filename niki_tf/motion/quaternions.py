"""Quaternions in NumPy, real part first: for motion that is read or made before TensorFlow sets up a device.

`niki_tf.rotations` holds the same formulas for graphs.
"""

import numpy as np


def rotvec_to_quaternion_wxyz(rotvec: np.ndarray) -> np.ndarray:
    """Unit quaternions (..., 4), real part first, of rotation vectors (..., 3), radians, of any length."""
    angle = np.linalg.norm(rotvec, axis=-1, keepdims=True)
    return np.concatenate([np.cos(0.5 * angle), 0.5 * np.sinc(0.5 * angle / np.pi) * rotvec], -1)


def quaternion_wxyz_to_rotvec(quaternion: np.ndarray) -> np.ndarray:
    """Rotation vectors (..., 3), of length at most pi, of unit quaternions (..., 4), real part first."""
    quaternion = np.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    real, imaginary = quaternion[..., :1], quaternion[..., 1:]
    sine = np.linalg.norm(imaginary, axis=-1, keepdims=True)
    small = sine < 1e-8
    return np.where(small, 2.0, 2.0 * np.arctan2(sine, real) / np.where(small, 1.0, sine)) * imaginary


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
