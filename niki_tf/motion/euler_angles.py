"""Euler angles in NumPy, about any axes in any order, from and to rotation matrices."""

import numpy as np

_LOCKED = 1e-6
"""Cosine of the middle angle below which the outer two turn about the same axis, and only their sum is known."""


def euler_to_matrix(angles: np.ndarray, axes: str) -> np.ndarray:
    """The product (..., 3, 3) of rotations about `axes`, in their order: R = R_1 R_2 ... R_n.

    Args:
        angles: (..., n) radians.
        axes: n letters of x, y and z.

    Example:
        >>> import numpy as np
        >>> from niki_tf.motion import euler_angles
        >>> turned = euler_angles.euler_to_matrix(np.radians([90.0, 0.0, 90.0]), "zxy")
        >>> np.round(turned @ [1.0, 0.0, 0.0]).tolist()  # about y first, then about z
        [0.0, 0.0, -1.0]
    """
    product = np.broadcast_to(np.eye(3), (*angles.shape[:-1], 3, 3))
    for angle, axis in zip(np.moveaxis(angles, -1, 0), axes, strict=True):
        product = product @ _about(angle, "xyz".index(axis))
    return product


def matrix_to_euler(matrices: np.ndarray, axes: str, *, before: np.ndarray | None = None) -> np.ndarray:
    """Angles (T, 3), radians, of rotations (T, 3, 3) that follow each other in time, without jumps of a turn.

    Of the two triples of angles that give the same rotation, and of the turns that can be added to each angle, a frame
    takes what is nearest to the frame before. Where the middle angle is a right angle and only the sum of the others
    is known (gimbal lock), the last angle stays as it was.

    Args:
        matrices: (T, 3, 3).
        axes: x, y and z in any order; R = R_1 R_2 R_3.
        before: (3,) radians, the angles of a frame before the first, to begin near; None begins within half a turn.

    Raises:
        ValueError: `axes` are not all three.
    """
    if sorted(axes) != ["x", "y", "z"]:
        raise ValueError(f"`axes` must be x, y and z in some order; got {axes!r}.")
    i, j, k = ("xyz".index(axis) for axis in axes)
    sign = 1.0 if (j - i) % 3 == 1 else -1.0
    cosine = np.hypot(matrices[:, i, i], matrices[:, i, j])
    last = np.arctan2(-sign * matrices[:, i, j], matrices[:, i, i])
    last = _held(last, cosine < _LOCKED, 0.0 if before is None else before[2])
    # What is left without the last rotation gives the others, in harmony with it near a lock, too.
    rest = matrices @ _about(-last, k)
    first = np.arctan2(sign * rest[:, k, j], rest[:, j, j])
    middle = np.arctan2(sign * rest[:, i, k], rest[:, i, i])
    return _continuous(np.stack([first, middle, last], -1), before)


def _about(angle: np.ndarray, axis: int) -> np.ndarray:
    """Rotations (..., 3, 3) by angles (...), radians, about the axis of that number."""
    a, b = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.zeros((*np.shape(angle), 3, 3))
    matrix[..., axis, axis] = 1.0
    matrix[..., a, a] = matrix[..., b, b] = np.cos(angle)
    matrix[..., b, a] = np.sin(angle)
    matrix[..., a, b] = -matrix[..., b, a]
    return matrix


def _held(values: np.ndarray, unknown: np.ndarray, before: float) -> np.ndarray:
    """`values` (T,) with the last known one, at first `before`, where they are `unknown` (T,)."""
    known = np.maximum.accumulate(np.where(unknown, 0, np.arange(1, len(values) + 1)))
    return np.concatenate([[before], values])[known]


def _continuous(angles: np.ndarray, before: np.ndarray | None) -> np.ndarray:
    """The angles (T, 3) of the same rotations that are near the frame before.

    (a, b, c) and (a + pi, pi - b, c + pi) are the same rotation. Whether a change of triple brings two frames nearer
    does not depend on which triple the first of them has, so all frames are told at once.
    """
    start = np.zeros(3) if before is None else np.asarray(before, float)
    path = np.concatenate([start[None], angles])
    other = np.stack([path[:, 0] + np.pi, np.pi - path[:, 1], path[:, 2] + np.pi], -1)
    change = _distance(other[1:], path[:-1]) < _distance(path[1:], path[:-1])
    if before is None:
        change[0] = False
    changed = np.logical_xor.accumulate(change)[:, None]
    path = np.concatenate([start[None], np.where(changed, other[1:], path[1:])])
    return np.unwrap(path, axis=0)[1:]


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Sum (T,) of the absolute differences of angles (T, 3), each at most half a turn."""
    return np.abs((a - b + np.pi) % (2.0 * np.pi) - np.pi).sum(-1)
