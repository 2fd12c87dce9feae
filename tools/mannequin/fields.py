"""Implicit solids: functions from points (n, 3), metres, to approximate signed distances (n,), negative inside."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.interpolate import CubicSpline

Field = Callable[[np.ndarray], np.ndarray]
"""Signed distances (n,) of points (n, 3), metres."""

AXES: dict[str, tuple[int, int, int]] = {"x": (0, 1, 2), "y": (1, 0, 2), "z": (2, 0, 1)}
"""Number of each axis, followed by those of the other two."""


def loft(axis: str, rows: Sequence[Sequence[float]], *, caps: Sequence[float], squareness: float = 2.2) -> Field:
    """Solid interpolated between cross sections along an axis.

    Args:
        axis: "x", "y" or "z", the direction the sections are stacked in.
        rows: sections (position, u high, u low, v high, v low), metres, in order of position; u and v are the other two
            axes in alphabetical order.
        caps: lengths (2,), metres, of the rounded ends before the first and after the last section.
        squareness: exponent of the superellipse sections; 2 is an ellipse.
    """
    t_axis, u_axis, v_axis = AXES[axis]
    table = np.array(rows, float)
    curve = CubicSpline(table[:, 0], table[:, 1:], bc_type="natural")
    first, last = table[0, 0], table[-1, 0]

    def field(points: np.ndarray) -> np.ndarray:
        t = points[:, t_axis]
        u_high, u_low, v_high, v_low = curve(np.clip(t, first, last)).T
        beyond = np.where(t < first, (first - t) / caps[0], np.maximum(t - last, 0) / caps[1])
        lengths = np.where(t < first, caps[0], caps[1])
        parts = np.stack(
            [
                (points[:, u_axis] - (u_high + u_low) / 2) / ((u_high - u_low) / 2),
                (points[:, v_axis] - (v_high + v_low) / 2) / ((v_high - v_low) / 2),
                beyond,
            ],
            -1,
        )
        sizes = np.stack([(u_high - u_low) / 2, (v_high - v_low) / 2, lengths], -1)
        return _radial_distance(parts, sizes, squareness)

    return field


def ellipsoid(
    center: Sequence[float],
    radii: Sequence[float],
    *,
    tilt: Sequence[float] = (0.0, 0.0, 0.0),
    squareness: float = 2.0,
) -> Field:
    """Ellipsoid, or superellipsoid.

    Args:
        center: (3,) metres.
        radii: (3,) metres.
        tilt: rotation by these angles (3,), degrees, about x, then y, then z.
        squareness: exponent of the superellipsoid; 2 is an ellipsoid.
    """
    rotation = _rotation(tilt)

    def field(points: np.ndarray) -> np.ndarray:
        parts = (points - np.asarray(center)) @ rotation / np.asarray(radii)
        return _radial_distance(parts, np.broadcast_to(np.asarray(radii, float), parts.shape), squareness)

    return field


def capsule(start: Sequence[float], end: Sequence[float], *, radii: Sequence[float]) -> Field:
    """Rounded cone from `start` to `end`, both (3,) metres, with the radii (2,) there, metres."""
    first = np.asarray(start, float)
    line = np.asarray(end, float) - first

    def field(points: np.ndarray) -> np.ndarray:
        share = np.clip((points - first) @ line / (line @ line), 0, 1)
        return np.linalg.norm(points - first - share[:, None] * line, axis=1) - radii[0] - share * (radii[1] - radii[0])

    return field


def mirrored(field: Field, *, blend: float) -> Field:
    """Smooth union of a solid and its mirror image in x = 0, rounded over `blend` metres."""
    return lambda points: union(field(points), field(points * (-1.0, 1.0, 1.0)), blend)


def union(first: np.ndarray, second: np.ndarray, blend: float) -> np.ndarray:
    """Smooth union: a twice differentiable minimum of two distances, which rounds the edge over `blend` metres."""
    overlap = np.maximum(blend - np.abs(first - second), 0) / blend
    return np.minimum(first, second) - overlap**3 * blend / 6


def carved(first: np.ndarray, second: np.ndarray, blend: float) -> np.ndarray:
    """Smooth difference: the first solid without the second, the edge rounded over `blend` metres."""
    return -union(-first, second, blend)


def gradient(field: Field, points: np.ndarray, *, step: float = 2e-4) -> np.ndarray:
    """Gradient (n, 3) of a field at `points` (n, 3), by central differences of `step` metres to each side."""
    shifts = step * np.eye(3)
    return np.stack([field(points + shift) - field(points - shift) for shift in shifts], -1) / (2 * step)


def project(field: Field, points: np.ndarray, *, rounds: int = 3) -> np.ndarray:
    """The `points` (n, 3) moved onto the surface of a field by Newton steps along its gradient."""
    for _ in range(rounds):
        slope = gradient(field, points)
        step = field(points) / np.maximum((slope**2).sum(-1), 1e-3)
        points = points - np.clip(step, -0.02, 0.02)[:, None] * slope
    return points


def _radial_distance(parts: np.ndarray, sizes: np.ndarray, power: float) -> np.ndarray:
    """First-order distance to the superellipsoid sum |parts|^power = 1, where parts = offset / sizes."""
    magnitude = np.abs(parts) + 1e-9
    radius = (magnitude**power).sum(-1) ** (1 / power)
    slope = np.sqrt(((magnitude ** (power - 1) / sizes) ** 2).sum(-1)) * radius ** (1 - power)
    return (radius - 1) / slope


def _rotation(tilt: Sequence[float]) -> np.ndarray:
    """Rotation matrix (3, 3) of the angles `tilt` (3,), degrees, about x, then y, then z."""
    matrices = []
    for k, angle in enumerate(np.radians(tilt)):
        i, j, matrix = (k + 1) % 3, (k + 2) % 3, np.eye(3)
        matrix[[i, j], [i, j]], matrix[j, i], matrix[i, j] = np.cos(angle), np.sin(angle), -np.sin(angle)
        matrices.append(matrix)
    return matrices[2] @ matrices[1] @ matrices[0]
