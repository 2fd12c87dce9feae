"""Where a body stands before a pinhole camera, from where its points are seen in the picture."""

import numpy as np

_STEPS = 6
"""Of Gauss-Newton, by which they change less than rounding does."""
_LEAST_DEPTH = 0.1
"""Metres before the camera of the nearest point, at least."""


def translations(
    points: np.ndarray, seen_at: np.ndarray, weights: np.ndarray, *, focal: float, center: np.ndarray
) -> np.ndarray:
    """Translations (T, 3), metres, that bring points to where they are seen: least squares of pixels.

    Args:
        points: (T, K, 3) metres: to the right and down in the picture, away from the camera.
        seen_at: (T, K, 2) pixels.
        weights: (T, K), of each point; at least two points of a frame have one.
        focal: pixels.
        center: (2,) pixels, where the camera's axis meets the picture.

    Returns:
        NaN in frames with fewer points.

    Example:
        >>> import numpy as np
        >>> from niki_tf.fitting import picture_place
        >>> points = np.float64([[[0, 0, 0], [0.5, 0, 0], [0, 1, 0.5]]])
        >>> moved = points + [1, 2, 10]
        >>> seen_at = 500 * moved[..., :2] / moved[..., 2:] + [320, 240]
        >>> place = picture_place.translations(points, seen_at, np.ones([1, 3]), focal=500, center=[320, 240])
        >>> place.round(6).tolist()
        [[1.0, 2.0, 10.0]]
    """
    rays = (seen_at - np.asarray(center, np.float64)) / focal
    enough = ((weights > 0).sum(-1) >= 2) & np.isfinite(points).all((-2, -1))
    rays, weights = np.where(weights[..., None] > 0, rays, 0.0)[enough], weights[enough].astype(np.float64)
    bodies = points[enough].astype(np.float64)
    moved = _roughly(bodies, rays, weights)
    for _ in range(_STEPS):
        moved = _nearer(moved, bodies, rays, weights)
    found = np.full([len(points), 3], np.nan)
    found[enough] = moved
    return found


def _roughly(bodies: np.ndarray, rays: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(n, 3) that minimize the sum of (weight (x + t_x - ray_x (z + t_z)))^2 and the same of y: linear."""
    ones, zeros = np.ones_like(weights), np.zeros_like(weights)
    rows = [np.stack([ones, zeros, -rays[..., 0]], -1), np.stack([zeros, ones, -rays[..., 1]], -1)]
    return _solved(np.stack(rows, -2), rays * bodies[..., 2:] - bodies[..., :2], weights, bodies)


def _nearer(moved: np.ndarray, bodies: np.ndarray, rays: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Translations (n, 3) after a step of Gauss-Newton towards the least squares of pixels."""
    there = bodies + moved[:, None]
    depth = np.maximum(there[..., 2], _LEAST_DEPTH)
    slant, zeros = there[..., :2] / depth[..., None], np.zeros_like(depth)
    rows = [np.stack([1 / depth, zeros, -slant[..., 0] / depth], -1)]
    rows += [np.stack([zeros, 1 / depth, -slant[..., 1] / depth], -1)]
    rows_of_all = np.stack(rows, -2)
    wanted = rays - slant + np.einsum("nkij,nj->nki", rows_of_all, moved)
    return _solved(rows_of_all, wanted, weights, bodies)


def _solved(rows: np.ndarray, wanted: np.ndarray, weights: np.ndarray, bodies: np.ndarray) -> np.ndarray:
    """(n, 3) of least squares with rows (n, K, 2, 3) and right sides (n, K, 2); before the camera."""
    squares = (weights**2)[..., None, None]
    left = (squares * np.swapaxes(rows, -1, -2) @ rows).sum(1)
    right = (squares[..., 0] * np.einsum("nkij,nki->nkj", rows, wanted)).sum(1)
    scale = np.trace(left, axis1=-2, axis2=-1)[:, None, None]
    moved = np.linalg.solve(left + 1e-12 * scale * np.eye(3), right[..., None])[..., 0]
    moved[:, 2] = np.maximum(moved[:, 2], _LEAST_DEPTH - bodies[..., 2].min(1))
    return moved


def _across(bodies: np.ndarray, rays: np.ndarray, weights: np.ndarray, away: np.ndarray) -> np.ndarray:
    """Translations (n, 2) across the picture, given those away from the camera (n,)."""
    depth = np.maximum(bodies[..., 2] + away[:, None], _LEAST_DEPTH)
    squares = (weights / depth)[..., None] ** 2
    return (squares * (rays * depth[..., None] - bodies[..., :2])).sum(1) / squares.sum(1)


def with_depth(
    points: np.ndarray, seen_at: np.ndarray, weights: np.ndarray, away: np.ndarray, *, focal: float, center: np.ndarray
) -> np.ndarray:
    """The same with the translations `away` (T,) from the camera, metres, given; (T, 3)."""
    rays = np.where(weights[..., None] > 0, (seen_at - np.asarray(center, np.float64)) / focal, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        across = _across(points.astype(np.float64), rays, weights.astype(np.float64), away)
    return np.concatenate([across, away[:, None]], -1)


def smoothed(path: np.ndarray, times: np.ndarray, *, seconds: float) -> np.ndarray:
    """A path (T, n) smoothed over time by lines, weighted by a Gaussian; NaN where it was not known stays.

    Args:
        path: (T, n).
        times: (T,) seconds, increasing.
        seconds: standard deviation of the Gaussian.
    """
    known = np.isfinite(path).all(-1)
    first = np.searchsorted(times, times - 3 * seconds)
    last = np.searchsorted(times, times + 3 * seconds, side="right")
    found = np.full(path.shape, np.nan)
    for frame in np.flatnonzero(known):
        near = slice(first[frame], last[frame])
        away = times[near] - times[frame]
        weights = np.exp(-0.5 * (away / seconds) ** 2) * known[near]
        weights, values = weights / weights.sum(), np.nan_to_num(path[near])
        middle, spread = weights @ away, weights @ (away - weights @ away) ** 2
        slope = (weights * (away - middle)) @ values / max(spread, 1e-12)
        found[frame] = weights @ values - slope * middle
    return found


def reprojected(points: np.ndarray, *, focal: float, center: np.ndarray) -> np.ndarray:
    """Pixels (..., 2) at which points (..., 3), metres before the camera, are seen."""
    return focal * points[..., :2] / np.maximum(points[..., 2:], _LEAST_DEPTH) + np.asarray(center)


def along_ray(ray: np.ndarray) -> np.ndarray:
    """The smallest rotations (..., 3, 3) that take the camera's axis (0, 0, 1) to a direction (..., 3).

    What a crop shows is seen along the ray to its middle, as if it were the middle of a picture.
    """
    unit = ray / np.linalg.norm(ray, axis=-1, keepdims=True)
    x, y, z = np.moveaxis(unit, -1, 0)
    share = 1.0 / (1.0 + z)
    rows = [[1 - x * x * share, -x * y * share, x], [-x * y * share, 1 - y * y * share, y], [-x, -y, z]]
    return np.stack([np.stack(row, -1) for row in rows], -2)
