"""Triangle mesh of a field: marching cubes on the left half, remeshing to target edge lengths, mirroring.

Remeshing is the loop of Botsch and Kobbelt (SGP 2004): split long edges, collapse short ones, flip towards regular
valences, smooth tangentially, project onto the surface. Vertices on the mirror plane x = 0 stay on it.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.interpolate import RegularGridInterpolator
from skimage.measure import marching_cubes

from mannequin import fields
from mannequin.fields import Field
from mannequin.patch import Patch

_LOW, _HIGH = (0.0, -1.23, -0.17), (0.93, 0.62, 0.25)
"""Corners of the box that contains the left half, metres."""
_ON_PLANE = 1e-7
"""Vertices with a smaller x, metres, are put on the mirror plane."""


def symmetric_surface(
    field: Field, size: Callable[[np.ndarray], np.ndarray], *, cell: float = 0.005, rounds: int = 8
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Closed mesh of a field that is symmetric in x = 0.

    Args:
        field: signed distances (n,) of points (n, 3), metres.
        size: function of points (n, 3) that gives the target edge lengths (n,), metres.
        cell: metres, grid spacing of marching cubes.
        rounds: passes of remeshing.

    Returns:
        vertices (V, 3), faces (F, 3) counter-clockwise from outside, and the mirror partner (V,) of each vertex.
    """
    patch = Patch(*_half_surface(field, cell))
    for _ in range(rounds):
        patch.split(size, 4 / 3)
        patch.collapse(size, 4 / 5, 4 / 3)
        patch.flip()
        for _ in range(2):
            _relax(patch, field)
    return _mirror(*patch.compact())


def _half_surface(field: Field, cell: float) -> tuple[np.ndarray, np.ndarray]:
    """Marching cubes for x >= 0: vertices and faces.

    The field is interpolated from a coarse grid, and evaluated only at the points near the surface.
    """
    coarse = [np.arange(low, high + 6 * cell, 4 * cell) for low, high in zip(_LOW, _HIGH, strict=True)]
    fine = [np.arange(low, high + cell, cell) for low, high in zip(_LOW, _HIGH, strict=True)]
    rough = RegularGridInterpolator(coarse, field(_points(coarse)).reshape([len(ticks) for ticks in coarse]))
    points = _points(fine)
    values = rough(points)
    near = np.abs(values) < 5 * cell
    values[near] = field(points[near])
    volume = values.reshape([len(ticks) for ticks in fine])
    vertices, faces, _, _ = marching_cubes(volume, 0.0, spacing=(cell,) * 3, gradient_direction="descent")
    vertices = vertices.astype(float) + _LOW
    vertices[vertices[:, 0] < _ON_PLANE, 0] = 0.0
    return vertices, faces


def _points(ticks: Sequence[np.ndarray]) -> np.ndarray:
    """Points (n, 3) of the grid with the coordinates `ticks` along each axis."""
    return np.stack(np.meshgrid(*ticks, indexing="ij"), -1).reshape(-1, 3)


def _relax(patch: Patch, field: Field) -> None:
    """Tangential smoothing: moves each vertex along the surface towards the mean of its neighbours.

    For vertices on the mirror plane it is the mean of the neighbours on the plane.
    """
    alive = patch.alive()
    rows, columns = patch.directed_edges()
    on_plane = patch.vertices[:, 0] == 0
    use = ~on_plane[rows] | on_plane[columns]
    rows, columns = rows[use], columns[use]
    count = np.bincount(rows, minlength=len(patch.vertices))
    middle = patch.vertices.copy()
    for axis in range(3):
        total = np.bincount(rows, patch.vertices[columns, axis], len(patch.vertices))
        middle[alive, axis] = total[alive] / np.maximum(count[alive], 1)
    slope = fields.gradient(field, patch.vertices[alive])
    normal = slope / np.linalg.norm(slope, axis=1, keepdims=True)
    step = 0.5 * (middle - patch.vertices)[alive]
    step -= (step * normal).sum(1, keepdims=True) * normal
    moved = fields.project(field, patch.vertices[alive] + step, rounds=1)
    moved[on_plane[alive], 0] = 0.0
    moved[~on_plane[alive], 0] = np.maximum(moved[~on_plane[alive], 0], 1e-4)
    patch.vertices[alive] = moved


def _mirror(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joins the half surface and its mirror image along x = 0; returns vertices, faces and mirror partners."""
    on_plane = vertices[:, 0] == 0
    partner = np.where(on_plane, np.arange(len(vertices)), len(vertices) + np.cumsum(~on_plane) - 1)
    whole = np.concatenate([vertices, vertices[~on_plane] * (-1.0, 1.0, 1.0)])
    back = np.arange(len(whole))
    back[partner] = np.arange(len(vertices))
    back[: len(vertices)] = partner
    return whole, np.concatenate([faces, partner[faces][:, ::-1]]), back
