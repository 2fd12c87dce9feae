"""Two triangles by hand and against separating axes in whole numbers."""

import itertools

import numpy as np
import pytest

from niki_tf.body import exact_triangles
from niki_tf.body.triangle_intersection import triangles_intersect

FLAT = np.array([[0, 0, 0], [4, 0, 0], [0, 4, 0]])
FAR = (0, 0, 9)
CASES = {
    "the same": (FLAT, True),
    "above": (FLAT + FAR, False),
    "coplanar, apart": (FLAT + (5, 0, 0), False),
    "coplanar, overlapping": (FLAT + (1, 1, 0), True),
    "coplanar, nested": ([[1, 1, 0], [2, 1, 0], [1, 2, 0]], True),
    "coplanar, around": ([[-9, -9, 0], [20, -9, 0], [-9, 20, 0]], True),
    "coplanar, a corner on an edge": ([[2, 2, 0], [5, 5, 0], [5, 3, 0]], True),
    "coplanar, a common corner": ([[4, 0, 0], [5, 0, 0], [5, 1, 0]], True),
    "through the middle": ([[1, 1, -1], [1, 1, 1], [1, 9, 0]], True),
    "past the border": ([[3, 3, -1], [3, 3, 1], [9, 9, 0]], False),
    "around it, no corner inside": ([[-9, 1, -1], [9, 1, -1], [0, 1, 9]], True),
    "a corner touches the middle": ([[1, 1, 0], [1, 2, 3], [2, 1, 3]], True),
    "a corner touches a corner": ([[0, 0, 0], [0, -2, 3], [-2, 0, 3]], True),
    "an edge touches an edge": ([[2, 0, -1], [2, 0, 1], [2, -3, 0]], True),
    "an edge lies in the plane": ([[-1, 1, 0], [9, 1, 0], [3, 1, 5]], True),
    "an edge lies in the plane, outside": ([[5, 1, 0], [9, 1, 0], [6, 1, 5]], False),
    "an edge lies on an edge": ([[1, 0, 0], [2, 0, 0], [1, 0, 5]], True),
    "a line through it": ([[1, 1, -1], [1, 1, 1], [1, 1, 2]], True),
    "a line beside it": ([[3, 3, -1], [3, 3, 1], [3, 3, 2]], False),
    "a line in it": ([[1, 1, 0], [2, 1, 0], [3, 1, 0]], True),
    "a point on it": ([[1, 1, 0]] * 3, True),
    "a point on its edge": ([[2, 2, 0]] * 3, True),
    "a point beside it": ([[3, 3, 0]] * 3, False),
    "a point above it": ([[1, 1, 1]] * 3, False),
}
LINES = {
    "cross": ([[0, 0, 0], [4, 4, 0]], [[0, 4, 0], [4, 0, 0]], True),
    "pass": ([[0, 0, 0], [4, 4, 0]], [[0, 4, 1], [4, 0, 1]], False),
    "stop short": ([[0, 0, 0], [1, 1, 0]], [[0, 4, 0], [4, 0, 0]], False),
    "parallel": ([[0, 0, 0], [4, 0, 0]], [[0, 1, 0], [4, 1, 0]], False),
    "overlap": ([[0, 0, 0], [4, 0, 0]], [[3, 0, 0], [9, 0, 0]], True),
    "one behind the other": ([[0, 0, 0], [4, 0, 0]], [[5, 0, 0], [9, 0, 0]], False),
    "point on a line": ([[0, 0, 0], [4, 0, 0]], [[3, 0, 0], [3, 0, 0]], True),
    "point past its end": ([[0, 0, 0], [4, 0, 0]], [[5, 0, 0], [5, 0, 0]], False),
    "the same point": ([[1, 2, 3]] * 2, [[1, 2, 3]] * 2, True),
    "two points": ([[1, 2, 3]] * 2, [[1, 2, 4]] * 2, False),
}


def _exactly(first, second):
    return exact_triangles.triangles_meet(*map(exact_triangles.whole_points, (first, second)))


def _both(first, second):
    """What both implementations say of two triangles in every order of corners; they must agree."""
    told = set()
    for order, other in itertools.product(itertools.permutations(range(3)), repeat=2):
        a, b = np.array(first)[list(order)], np.array(second)[list(other)]
        told |= {_exactly(a, b), _exactly(b, a), *triangles_intersect([a, b], [b, a]).tolist()}
    assert len(told) == 1
    return told.pop()


@pytest.mark.parametrize("case", CASES)
def test_by_hand(case):
    other, meet = CASES[case]
    assert _both(FLAT, other) is meet


@pytest.mark.parametrize("case", LINES)
def test_triangles_without_area_are_lines_and_points(case):
    first, second, meet = LINES[case]
    assert _both([*first, first[1]], [*second, second[0]]) is meet


def _separated(first, second):
    """Whether an axis separates two triangles with an area: normals, products of edges, normals of edges in a plane."""
    edges = [np.roll(corners, -1, 0) - corners for corners in (first, second)]
    normals = [np.cross(*of_one[:2]) for of_one in edges]
    axes = [*normals, *(np.cross(a, b) for a in edges[0] for b in edges[1])]
    axes += [np.cross(normal, edge) for normal, of_one in zip(normals, edges, strict=True) for edge in of_one]
    shadows = ((first @ axis, second @ axis) for axis in axes)
    return any(a.max() < b.min() or b.max() < a.min() for a, b in shadows)


def _random_pairs(count, reach, seed):
    """Pairs of triangles with whole coordinates within `reach`, none without an area."""
    pairs = np.random.default_rng(seed).integers(-reach, reach + 1, [count, 2, 3, 3])
    return pairs[np.cross(pairs[:, :, 1] - pairs[:, :, 0], pairs[:, :, 2] - pairs[:, :, 0]).any(-1).all(-1)]


@pytest.mark.parametrize("reach", [1, 2, 3, 1000])
def test_separating_axes_agree(reach):
    pairs = _random_pairs(1500, reach, seed=reach)
    wanted = np.array([not _separated(*pair) for pair in pairs])
    assert 0.02 < wanted.mean() < 0.98
    np.testing.assert_array_equal(triangles_intersect(pairs[:, 0], pairs[:, 1]), wanted)
    np.testing.assert_array_equal([_exactly(*pair) for pair in pairs[:300]], wanted[:300])


def test_the_last_bit_decides():
    corner = np.float32([0.1, 0.3, 0.7])
    flat = np.float32([[0, 0, 0.7], [1, 0, 0.7], [0, 1, 0.7]])
    peak = np.stack([corner, corner + np.float32([0, 0.1, 1]), corner + np.float32([0.1, 0, 1])])
    above = np.array(peak)
    above[0, 2] = np.nextafter(corner[2], np.float32(1))
    assert triangles_intersect([flat] * 2, [peak, above]).tolist() == [True, False]


@pytest.mark.parametrize("scale", [2.0**-60, 2.0**60])
def test_any_unit(scale):
    pairs = _random_pairs(300, 2, seed=9)
    wanted = triangles_intersect(pairs[:, 0], pairs[:, 1])
    np.testing.assert_array_equal(triangles_intersect(scale * pairs[:, 0], scale * pairs[:, 1]), wanted)


def test_no_pairs():
    assert triangles_intersect(np.zeros([0, 3, 3]), np.zeros([0, 3, 3])).shape == (0,)


def test_bad_arguments():
    flat = FLAT[None].astype(float)
    with pytest.raises(ValueError, match=r"`first` and `second` must have one shape \(n, 3, 3\); got \(3, 3\)"):
        triangles_intersect(FLAT, FLAT)
    with pytest.raises(ValueError, match=r"`first` and `second` must have one shape"):
        triangles_intersect(flat, np.concatenate([flat, flat]))
    with pytest.raises(ValueError, match=r"`second` must be finite"):
        triangles_intersect(flat, flat * np.nan)
