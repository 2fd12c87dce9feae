"""Which pairs of triangles meet: all pairs at once in float64, and in whole numbers where rounding could decide.

Two triangles whose planes differ meet if and only if an edge of one crosses the other. An edge crosses a triangle if
its ends lie on different sides of the plane and it passes the three sides of the triangle on the same hand. All that is
told by the signs of fifteen determinants: the corners of each triangle above the plane of the other (six), and each
edge of one beside each edge of the other (nine). Source: Guigue and Devillers, Fast and robust triangle-triangle
overlap test using orientation predicates, JGT 2003.
"""

import numpy as np

from niki_tf.body import exact_triangles
from niki_tf.shapes import TensorLike

_ROUNDING = 1e-14
"""Bound on the error of a 3 x 3 determinant of differences, over the cube of the largest difference: 45 times float64's
epsilon, where six products of three factors, each rounded a few times, can lose at most 25."""
_NEXT = (1, 2, 0)


def triangles_intersect(first: TensorLike, second: TensorLike) -> np.ndarray:
    """Whether pairs of triangles, their borders included, have a point in common; exact for float32 corners.

    Args:
        first: (n, 3, 3) corners of triangles, any unit; taken as float32.
        second: (n, 3, 3) corners of the other triangle of each pair.

    Returns:
        (n,) bool.

    Raises:
        ValueError: the shapes do not fit, or a number is not finite.

    Example:
        >>> import numpy as np
        >>> from niki_tf.body.triangle_intersection import triangles_intersect
        >>> flat = np.array([[0, 0, 0], [3, 0, 0], [0, 3, 0]])
        >>> upright = np.array([[1, 1, -1], [1, 1, 1], [2, 2, 0]])
        >>> triangles_intersect([flat, flat], [upright, upright + (0, 0, 5)]).tolist()
        [True, False]
    """
    first, second = np.asarray(first, np.float32), np.asarray(second, np.float32)
    if first.shape != second.shape or first.ndim != 3 or first.shape[1:] != (3, 3):
        raise ValueError(f"`first` and `second` must have one shape (n, 3, 3); got {first.shape} and {second.shape}.")
    for name, corners in (("first", first), ("second", second)):
        if not np.isfinite(corners).all():
            raise ValueError(f"`{name}` must be finite; got NaN or infinity.")
    sure, open_cases = _decided(*(corners.transpose(2, 1, 0).astype(np.float64) for corners in (first, second)))
    for place in np.flatnonzero(open_cases):
        pair = (exact_triangles.whole_points(corners[place]) for corners in (first, second))
        sure[place] = exact_triangles.triangles_meet(*pair)
    return sure


def _decided(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (n,) that surely meet, and those that rounding could decide, of corners (xyz, 3 corners, n)."""
    reach = np.abs(np.concatenate([first - first[:, :1], second - first[:, :1]], 1)).max((0, 1))
    bound = _ROUNDING * (2.0 * reach) ** 3
    above = _signs(_above(first - second[:, :1], second), bound), _signs(_above(second - first[:, :1], first), bound)
    apart = (np.abs(above[0].sum(0)) == 3) | (np.abs(above[1].sum(0)) == 3)
    sure, open_cases = np.zeros(len(bound), bool), np.zeros(len(bound), bool)
    left = np.flatnonzero(~apart)
    beside = _signs(_beside(first[..., left], second[..., left]), bound[left])
    by_first, by_second = _crossed(above[0][:, left], beside), _crossed(above[1][:, left], beside.swapaxes(0, 1))
    sure[left] = by_first[0] | by_second[0]
    open_cases[left] = (by_first[1] | by_second[1]) & ~sure[left]
    return sure, open_cases


def _crossed(above: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """Whether an edge surely crosses the other triangle, and whether it may, (2, n).

    Args:
        above: (3, n) signs of the corners above the other plane, 0 where rounding could decide.
        beside: (3 edges, 3 edges of the other triangle, n) signs.
    """
    product, turns = above * above[_NEXT, :], beside.sum(1)
    surely = (product < 0) & (np.abs(turns) == 3)
    possible = (product <= 0) & ~((beside.min(1) < 0) & (beside.max(1) > 0))
    return np.stack([surely.any(0), possible.any(0)])


def _above(offsets: np.ndarray, triangle: np.ndarray) -> np.ndarray:
    """Determinants (3, n) of offsets (xyz, 3, n) from the first corner of the triangle with its two edges."""
    edges = triangle[:, 1:] - triangle[:, :1]
    return _dot(_cross(edges[:, 0], edges[:, 1])[:, None], offsets)


def _beside(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Determinants (3, 3, n) of each edge of the first triangle with each edge of the second."""
    edges = first[:, _NEXT, :] - first
    offsets = second[:, None] - first[:, :, None]
    return _dot(edges[:, :, None], _cross(offsets, offsets[:, :, _NEXT, :]))


def _signs(values: np.ndarray, bound: np.ndarray) -> np.ndarray:
    """-1, 0 or 1, int8; 0 where the value is within its bound."""
    return (values > bound).astype(np.int8) - (values < -bound).astype(np.int8)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Vector products along the first axis."""
    return np.stack([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Scalar products along the first axis."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
