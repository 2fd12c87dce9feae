"""Implicit solids: functions of points (n, 3), metres, close to the distance from the surface, negative inside."""

import numpy as np
from scipy.interpolate import CubicSpline

AXES = {"x": (0, 1, 2), "y": (1, 0, 2), "z": (2, 0, 1)}


def loft(axis, rows, *, caps, squareness=2.2):
    """Solid drawn by its two silhouettes along an axis.

    Args:
        axis: "x", "y" or "z", the direction the sections are stacked in.
        rows: list of (place, u high, u low, v high, v low), metres, rising in place; u and v are the other two axes in
            alphabetical order.
        caps: two lengths, metres, of the rounded ends before the first and after the last row.
        squareness: exponent of the superellipse sections; 2 is an ellipse.

    Returns:
        Field.
    """
    t_axis, u_axis, v_axis = AXES[axis]
    table = np.array(rows, float)
    curve = CubicSpline(table[:, 0], table[:, 1:], bc_type="natural")
    first, last = table[0, 0], table[-1, 0]

    def field(points):
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


def ellipsoid(center, radii, *, tilt=(0.0, 0.0, 0.0), squareness=2.0):
    """Ellipsoid of `radii` (3,) metres about `center` (3,), turned by `tilt`, degrees about x, then y, then z."""
    turn = _rotation(tilt)

    def field(points):
        parts = (points - np.asarray(center)) @ turn / np.asarray(radii)
        return _radial_distance(parts, np.broadcast_to(np.asarray(radii, float), parts.shape), squareness)

    return field


def capsule(start, end, *, radii):
    """Rounded cone from `start` to `end`, both (3,) metres, with a radius at each, metres."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    line = end - start

    def field(points):
        share = np.clip((points - start) @ line / (line @ line), 0, 1)
        return np.linalg.norm(points - start - share[:, None] * line, axis=1) - radii[0] - share * (radii[1] - radii[0])

    return field


def mirrored(field, *, blend):
    """The solid and its mirror image in x = 0, melted together over `blend` metres where they meet."""
    return lambda points: union(field(points), field(points * (-1.0, 1.0, 1.0)), blend)


def union(first, second, blend):
    """Smooth minimum of two distances: twice differentiable, rounds the seam over `blend` metres."""
    overlap = np.maximum(blend - np.abs(first - second), 0) / blend
    return np.minimum(first, second) - overlap**3 * blend / 6


def carved(first, second, blend):
    """The first solid without the second, the rim rounded over `blend` metres."""
    return -union(-first, second, blend)


def gradient(field, points, *, step=2e-4):
    """Central differences (n, 3) of a field at `points` (n, 3)."""
    shifts = step * np.eye(3)
    return np.stack([field(points + shift) - field(points - shift) for shift in shifts], -1) / (2 * step)


def project(field, points, *, rounds=3):
    """Moves `points` (n, 3) onto the surface of a field by Newton steps along its gradient."""
    for _ in range(rounds):
        slope = gradient(field, points)
        step = field(points) / np.maximum((slope**2).sum(-1), 1e-3)
        points = points - np.clip(step, -0.02, 0.02)[:, None] * slope
    return points


def _radial_distance(parts, sizes, power):
    """First-order distance to the superellipsoid sum |parts|^power = 1, where parts = offset / sizes."""
    magnitude = np.abs(parts) + 1e-9
    radius = (magnitude**power).sum(-1) ** (1 / power)
    slope = np.sqrt(((magnitude ** (power - 1) / sizes) ** 2).sum(-1)) * radius ** (1 - power)
    return (radius - 1) / slope


def _rotation(tilt):
    turns = []
    for k, angle in enumerate(np.radians(tilt)):
        i, j, turn = (k + 1) % 3, (k + 2) % 3, np.eye(3)
        turn[[i, j], [i, j]], turn[j, i], turn[i, j] = np.cos(angle), np.sin(angle), -np.sin(angle)
        turns.append(turn)
    return turns[2] @ turns[1] @ turns[0]
