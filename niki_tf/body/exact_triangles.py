"""Whether two triangles meet, decided in whole numbers: slow, exact, and at home with every degenerate case."""

from collections.abc import Sequence

import numpy as np

Point = tuple[int, int, int]
"""Coordinates in units of 2^-149, of which every float32 is a multiple."""
Triangle = Sequence[Point]
"""Three corners."""

_UNITS = 2**149
_ORIGIN: Point = (0, 0, 0)
_EDGES = ((0, 1), (1, 2), (2, 0))


def whole_points(points: np.ndarray) -> list[Point]:
    """The points (n, 3), float32 and finite, in whole units."""
    return [(_whole(x), _whole(y), _whole(z)) for x, y, z in np.asarray(points, np.float32).tolist()]


def triangles_meet(first: Triangle, second: Triangle) -> bool:
    """Whether two triangles, their borders included, have a point in common; one without area is a line or a point.

    Args:
        first: three `whole_points`.
        second: three `whole_points`.

    Example:
        >>> from niki_tf.body import exact_triangles
        >>> first, above = ([(0, 0, z), (1, 0, z), (0, 1, z)] for z in (0, 1))
        >>> exact_triangles.triangles_meet(first, above), exact_triangles.triangles_meet(first, first)
        (False, True)
    """
    return any(_edge_meets(a[i], a[j], b) for a, b in ((first, second), (second, first)) for i, j in _EDGES)


def _whole(number: float) -> int:
    numerator, denominator = number.as_integer_ratio()
    return numerator * (_UNITS // denominator)


def _edge_meets(p: Point, q: Point, triangle: Triangle) -> bool:
    """Whether the line from p to q meets the triangle."""
    sides = [(triangle[i], triangle[j]) for i, j in _EDGES]
    normal = _cross(_minus(triangle[1], triangle[0]), _minus(triangle[2], triangle[0]))
    if normal == _ORIGIN:
        return any(_edges_meet(p, q, *side) for side in sides)
    above_p, above_q = (_dot(normal, _minus(point, triangle[0])) for point in (p, q))
    if above_p * above_q > 0:
        return False
    if above_p == above_q == 0:
        inside = all(_dot(normal, _cross(_minus(s, r), _minus(p, r))) >= 0 for r, s in sides)
        return inside or any(_edges_meet(p, q, *side) for side in sides)
    turns = [_dot(_minus(q, p), _cross(_minus(r, p), _minus(s, p))) for r, s in sides]
    return min(turns) >= 0 or max(turns) <= 0


def _edges_meet(p: Point, q: Point, r: Point, s: Point) -> bool:
    """Whether the line from p to q and that from r to s have a point in common."""
    along, other, between = _minus(q, p), _minus(s, r), _minus(r, p)
    normal = _cross(along, other)
    if normal != _ORIGIN:
        places = [_dot(_cross(between, direction), normal) for direction in (other, along)]
        return _dot(normal, between) == 0 and all(0 <= place <= _dot(normal, normal) for place in places)
    along = along if along != _ORIGIN else other
    if along == _ORIGIN:
        return p == r
    (low, high), (start, end) = (sorted(_dot(along, point) for point in pair) for pair in ((p, q), (r, s)))
    return _cross(along, between) == _ORIGIN and low <= end and start <= high


def _minus(a: Point, b: Point) -> Point:
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


def _cross(a: Point, b: Point) -> Point:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _dot(a: Point, b: Point) -> int:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
