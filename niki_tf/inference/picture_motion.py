"""From landmarks of a picture or video to joints in the camera's axes, and a solved motion back to where it was seen.

The camera's axes here are those of all solved motions: x to the right in the picture, y up, z towards the viewer, who
is at the origin. Where the camera moves or is tilted, so are they: they are not those of the world.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from niki_tf.fitting import picture_place, point_lifting
from niki_tf.inference.motion import Motion
from niki_tf.motion.pieces import pieces
from niki_tf.skeletons import PointSet

_FLIP = np.array([1.0, -1.0, -1.0])
"""From axes with y down and z away from the camera to those with y up and z towards it, and back."""
_LEAN = 0.75
"""Share of the body's depths in those for which it is solved anew; set by hand."""
_DEPTH_SECONDS, _ACROSS_SECONDS = 0.25, 0.04
"""Standard deviations of the smoothing over time of where a body stands, in depth and across; set by hand: the depth
that landmarks tell has a hundred times the error."""


def camera_points(world: np.ndarray, middle: np.ndarray, *, focal: float, center: np.ndarray) -> np.ndarray:
    """Landmarks (T, J, 3), metres, in the axes of the camera, from those that a network gives for squares of a picture.

    The network takes each square for the middle of a picture. The points are turned by the angle between the camera's
    axis and the ray to the square.

    Args:
        world: (T, J, 3) metres: to the right and down in the square, away from the camera.
        middle: (T, 2) pixels of the squares' middles.
        focal: pixels.
        center: (2,) pixels, where the camera's axis meets the picture.
    """
    rays = np.concatenate([(middle - np.asarray(center)) / focal, np.ones([len(middle), 1])], -1)
    turned = np.einsum("tij,tkj->tki", picture_place.along_ray(rays), world)
    return turned * _FLIP


def on_rays(
    points: np.ndarray,
    seen_at: np.ndarray,
    weights: np.ndarray,
    *,
    focal: float,
    center: np.ndarray,
    depths: np.ndarray | None = None,
) -> np.ndarray:
    """The points (T, J, 3) moved across to where they are seen in the picture, at their own depths.

    Where a point is seen is known to a few pixels, its depth to a tenth of a metre.

    Args:
        points: (T, J, 3) metres, in the axes of the camera, about any place.
        seen_at: (T, J, 2) pixels.
        weights: (T, J), of each point in finding where the body stands.
        focal: pixels.
        center: (2,) pixels.
        depths: (T, J) metres before the camera; of the points where they are seen best if None.

    Returns:
        metres from the camera; NaN where nobody was seen.
    """
    if depths is None:
        moved = picture_place.translations(
            points * _FLIP, seen_at, np.nan_to_num(weights), focal=focal, center=np.asarray(center)
        )
        depths = -points[..., 2] + moved[:, None, 2]
    across = (seen_at - np.asarray(center)) / focal * depths[..., None]
    return np.concatenate([across, depths[..., None]], -1) * _FLIP


def leaning_on(
    motion: Motion, points: np.ndarray, seen_at: np.ndarray, *, point_set: PointSet, focal: float, center: np.ndarray
) -> np.ndarray:
    """Points (T, J, 3) on the rays of the picture at depths that lean on those of a body that was solved and placed.

    To solve anew for these lets the body keep to the picture, and turn where that takes depths that were wrong.

    Args:
        motion: where it was seen; see `placed`.
        points: (T, J, 3) metres from the camera, as `on_rays` gave them.
        seen_at: (T, J, 2) pixels.
        point_set: that the points are of, all of which it uses.
        focal: pixels.
        center: (2,) pixels.
    """
    body = -posed_points(motion, point_set)[..., 2]
    own = -points[..., 2]
    level = np.median(np.nan_to_num(body - own), axis=1, keepdims=True)
    depths = _LEAN * body + (1 - _LEAN) * (own + level)
    return on_rays(points, seen_at, np.ones(depths.shape), focal=focal, center=center, depths=depths)


def placed(
    motion: Motion,
    seen_at: np.ndarray,
    weights: np.ndarray,
    *,
    point_set: PointSet,
    focal: float,
    center: np.ndarray,
) -> tuple[Motion, np.ndarray]:
    """The motion where it was seen, and the distance (T,) in pixels, weighted, of its points from those in the picture.

    `transl` is found by least squares in each frame and smoothed over time. In frames without a person it lies on the
    way from the last with one to the next.

    Args:
        motion: T frames.
        seen_at: (T, J, 2) pixels, NaN where nobody was seen.
        weights: (T, J) of the points, 0 or NaN of those that do not count.
        point_set: that the points are of.
        focal: pixels.
        center: (2,) pixels, where the camera's axis meets the picture.

    Raises:
        ValueError: no frame has two points.
    """
    used = list(point_set.used)
    seen_at, weights = seen_at[:, used], np.nan_to_num(weights[:, used])
    weights = np.where(np.isfinite(seen_at).all(-1), weights, 0.0)
    points = _posed(motion, point_set) * _FLIP
    moved = picture_place.translations(points, seen_at, weights, focal=focal, center=center)
    if not np.isfinite(moved).any():
        raise ValueError("`weights` must be above 0 for two points of a frame, at least; got none.")
    away = picture_place.smoothed(moved[:, 2:], motion.times, seconds=_DEPTH_SECONDS)[:, 0]
    moved = picture_place.with_depth(points, seen_at, weights, away, focal=focal, center=center)
    moved[:, :2] = picture_place.smoothed(moved, motion.times, seconds=_ACROSS_SECONDS)[:, :2]
    there = picture_place.reprojected(points + moved[:, None], focal=focal, center=center)
    apart = np.linalg.norm(there - seen_at, axis=-1)
    distance = np.nansum(apart * weights, 1) / np.maximum(weights.sum(1), 1e-9)
    transl = _between(moved, motion.times) * _FLIP
    distance[np.isnan(moved).any(1)] = np.nan
    return dataclasses.replace(motion, transl=transl.astype(np.float32)), distance


def posed_points(motion: Motion, point_set: PointSet) -> np.ndarray:
    """The points (T, K, 3) of a set that are used, metres, on the posed body."""
    return _posed(motion, point_set) + motion.transl[:, None]


def _posed(motion: Motion, point_set: PointSet) -> np.ndarray:
    """The points (T, K, 3) of the posed body without transl."""
    found = []
    for part in pieces(len(motion)):
        rest = motion.body_joints(tf.constant(motion.betas[part]))
        found.append(point_lifting.pose_points(point_set, tf.constant(motion.rotations[part]), rest)[0].numpy())
    return np.concatenate(found).astype(np.float64)


def _between(path: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The path (T, 3) with straight lines where it is NaN, held at the ends."""
    known = np.isfinite(path).all(-1)
    return np.stack([np.interp(times, times[known], values[known]) for values in path.T], -1)
