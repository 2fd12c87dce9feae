"""Rasterization and shading: the visible triangle of each pixel, and how much light it gets.

All constants of light and shadow are set by hand.
"""

from collections.abc import Callable

import cv2
import numpy as np

from niki_tf.drawing.orthographic import Camera

_KEY, _FILL, _RIM = (-0.45, 0.65, 0.62), (0.75, 0.10, 0.45), (0.30, 0.45, -0.85)
"""Directions to the lights: right, up, towards the viewer."""


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Outward unit normals (V, 3) of a mesh: face normals weighted by area, summed at the vertices.

    Args:
        vertices: (V, 3).
        faces: (F, 3) vertex numbers, counter-clockwise from outside.
    """
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    normals = np.stack([np.bincount(faces.ravel(), np.repeat(across[:, k], 3), len(vertices)) for k in range(3)], -1)
    return normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)


def visible(seen: np.ndarray, faces: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The nearest triangle of each covered pixel.

    Args:
        seen: (V, 3) vertices as (column, row, nearness); see `orthographic.Camera.project`.
        faces: (F, 3) vertex numbers.
        size: pixels, height and width.

    Returns:
        numbers (P,) of the covered pixels, row by row, their triangles (P,), barycentric weights (P, 3), nearness (P,).
    """
    corners = _Corners(seen, faces)
    triangle, column, row = corners.boxes(size)
    weights, inside = corners.weights(triangle, column + 0.5, row + 0.5)
    weights, triangle, pixels = weights[inside], triangle[inside], (row * size + column)[inside]
    nearness = np.einsum("nk,nk->n", weights, seen[:, 2][faces[triangle]])
    order = np.lexsort((nearness, pixels))
    front = order[np.append(pixels[order][1:] != pixels[order][:-1], True)] if len(order) else order
    return pixels[front], triangle[front], weights[front], nearness[front]


class _Corners:
    """Corners of the triangles of a mesh in the picture, a column of numbers each: small axes are slow.

    Args:
        seen: (V, 3) vertices as (column, row, nearness).
        faces: (F, 3) vertex numbers.
    """

    def __init__(self, seen: np.ndarray, faces: np.ndarray) -> None:
        x, y = (np.ascontiguousarray(seen[:, k])[faces.T] for k in range(2))
        self._x, self._y = x, y
        self._bx, self._by, self._cx, self._cy = x[1] - x[0], y[1] - y[0], x[2] - x[0], y[2] - y[0]
        self._doubled_area = self._bx * self._cy - self._by * self._cx

    def boxes(self, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Triangles (N,) that face the viewer, and column and row of each pixel whose middle is in their boxes."""
        (low_x, width), (low_y, height) = _span(self._x, size), _span(self._y, size)
        counts = np.where(self._doubled_area < -1e-12, width * height, 0)
        some = np.flatnonzero(counts)
        counts = counts[some]
        step = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        triangle = np.repeat(some, counts)
        down, right = np.divmod(step, width[triangle])
        return triangle, low_x[triangle] + right, low_y[triangle] + down

    def weights(self, triangle: np.ndarray, column: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Barycentric weights (N, 3) of points, one a triangle (N,), and whether they are inside, (N,)."""
        x, y = column - self._x[0, triangle], row - self._y[0, triangle]
        bx, by, cx, cy, area = (
            values[triangle] for values in (self._bx, self._by, self._cx, self._cy, self._doubled_area)
        )
        second, third = (x * cy - y * cx) / area, (bx * y - by * x) / area
        inside = (second >= -1e-9) & (third >= -1e-9) & (second + third <= 1 + 1e-9)
        return np.stack([1 - second - third, second, third], -1), inside


def _span(along: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """First pixel (F,) and their number (F,) whose middles lie between the corners (3, F), along one axis."""
    low, high = (chosen(chosen(along[0], along[1]), along[2]) - 0.5 for chosen in (np.minimum, np.maximum))
    first = np.clip(np.ceil(low), 0, size).astype(int)
    return first, np.maximum(np.clip(np.floor(high) + 1, 0, size).astype(int) - first, 0)


def blend(corners: np.ndarray, weights: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Function that interpolates vertex values (V, n) to the visible pixels, (P, n).

    Args:
        corners: (P, 3) vertex numbers of the triangle of each pixel.
        weights: (P, 3) barycentric weights.
    """
    return lambda values: np.einsum("nk,nkc->nc", weights, values[corners])


def shade(normals: np.ndarray, tint: np.ndarray, openness: np.ndarray) -> np.ndarray:
    """Colours (P, 3) in 0..255 under key, fill and rim light, with a little gloss.

    Args:
        normals: (P, 3) in camera axes.
        tint: (P, 3) colours of the surface, 0..255.
        openness: (P,) share of light that reaches a pixel, from `openness`.
    """
    normals = normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
    key, fill, rim = (normals @ (np.array(light) / np.linalg.norm(light)) for light in (_KEY, _FILL, _RIM))
    half_way = np.array(_KEY) / np.linalg.norm(_KEY) + (0, 0, 1)
    gloss = np.maximum(normals @ (half_way / np.linalg.norm(half_way)), 0) ** 24
    warm = np.maximum((key + 0.15) / 1.15, 0)[:, None] * (0.90, 0.87, 0.83)
    cool = (np.maximum(fill, 0) * 0.16)[:, None] * (0.90, 0.97, 1.10) + (0.22, 0.23, 0.26)
    light = (warm + cool) * openness[:, None] + (0.22 * np.maximum(rim, 0) ** 2)[:, None]
    return tint * np.minimum(light, 1.12) + 26 * gloss[:, None] * openness[:, None]


def openness(depth: np.ndarray, extent: float) -> np.ndarray:
    """Share of light (size, size) that reaches each pixel: ambient occlusion by nearer pixels, at two scales.

    Args:
        depth: (size, size) nearness, metres; -inf where nothing is seen.
        extent: metres that the picture is high.
    """
    full = depth.shape[0]
    depth = depth[::2, ::2]
    openness, covered = np.ones_like(depth), np.isfinite(depth)
    floor = depth[covered].min() if covered.any() else 0.0
    raised = np.where(covered, depth - floor, 0).astype(np.float32)
    for reach, strength in ((0.012, 0.30), (0.045, 0.40)):
        around = _blurred(raised, reach / extent) / np.maximum(_blurred(covered, reach / extent), 1e-3)
        openness -= strength * np.clip((around - raised) / (2.5 * reach), 0, 1)
    return cv2.resize(openness, (full, full), interpolation=cv2.INTER_LINEAR)


def ground_shadow(vertices: np.ndarray, faces: np.ndarray, camera: Camera, size: int) -> np.ndarray:
    """Darkness (size, size) in 0..1 of the ground under the mesh, stronger for what is close to it.

    Args:
        vertices: (V, 3) metres, y up.
        faces: (F, 3) vertex numbers.
        camera: `orthographic.Camera`.
        size: pixels, height and width.
    """
    ground, small = vertices[:, 1].min(), max(size // 4, 1)
    flat = np.stack([vertices[:, 0], np.full(len(vertices), ground), vertices[:, 2]], -1)
    seen = camera.project(flat, image_size=small)[:, :2]
    seen = np.round(np.clip(seen, -1000, 1000 + small) * 16).astype(np.int32)
    dark = np.zeros((small, small), np.float32)
    for below, blur in ((0.12, 0.012), (0.9, 0.05), (9.0, 0.12)):
        near = (vertices[:, 1] - ground < below)[faces].all(1)
        layer = np.zeros((small, small), np.float32)
        for triangle in seen[faces[near]]:
            cv2.fillConvexPoly(layer, triangle, 1.0, shift=4)
        dark += _blurred(layer, blur / camera.extent) / 3
    return cv2.resize(dark, (size, size), interpolation=cv2.INTER_LINEAR)


def _blurred(image: np.ndarray, reach: float) -> np.ndarray:
    """Gaussian blur whose standard deviation is `reach` times the picture's height, at least a pixel."""
    return cv2.GaussianBlur(np.asarray(image, np.float32), (0, 0), max(1.0, reach * image.shape[0]))
