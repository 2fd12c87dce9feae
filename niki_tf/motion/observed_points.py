"""One motion as points of another joint set: which were seen, how certain they are, and what is known of the body."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from niki_tf import contract, skeletons
from niki_tf.motion.clip import LARGEST_BETA, checked_rate
from niki_tf.skeletons import PointSet


class ObservedPoints(NamedTuple):
    """Points of a motion, T frames."""

    points: np.ndarray
    """(T, K, 3) metres, those that the set uses, relative to `origin`; absent ones are at the mean of the others."""
    sigma: np.ndarray
    """(T, K) metres, `skeletons.ABSENT` for those that were not seen."""
    betas: np.ndarray | None
    """(T, B), or None if the shape is not known."""
    origin: np.ndarray
    """(3,) metres."""
    times: np.ndarray
    """(T,) seconds, increasing."""
    fps: float
    """Frames per second, the mean rate if they are not evenly spaced."""
    known_rotations: np.ndarray | None = None
    """(T, 24, 3, 3) rotation matrices relative to the world, zeros where not known; None if none is."""
    ground: np.ndarray | None = None
    """(4,), the plane n x + d = 0 of the ground relative to `origin`, n of length 1 and upwards; None if not known."""

    def when_seen(self) -> slice:
        """The frames from the first to the last in which any point was seen or any rotation is known."""
        seen = (self.sigma < skeletons.ABSENT).any(1)
        if self.known_rotations is not None:
            seen |= self.known_rotations.any((1, 2, 3))
        frames = np.flatnonzero(seen)
        return slice(int(frames[0]), int(frames[-1]) + 1)

    def part(self, frames: slice) -> "ObservedPoints":
        """The same of some frames."""
        return self.at(np.arange(len(self.points))[frames])

    def at(self, frames: np.ndarray) -> "ObservedPoints":
        """The same of the frames of those numbers."""
        perhaps = {name: getattr(self, name) for name in ("betas", "known_rotations")}
        return self._replace(
            points=self.points[frames],
            sigma=self.sigma[frames],
            times=self.times[frames],
            **{name: array[frames] for name, array in perhaps.items() if array is not None},
        )


def from_points(arrays: Mapping[str, Any], *, point_set: PointSet, num_betas: int, fps: float = 30.0) -> ObservedPoints:
    """Points of one motion as they are given.

    Args:
        arrays: dict of joints (T, J, 3) metres, J points of the set, NaN in those that were not seen, or (T, J, 4)
            with the confidence of each, see `sigma_of_confidence`; and perhaps joint_sigma (T, J) or (J,) metres,
            betas (T, num_betas) or (num_betas,), fewer if the others are zero, times (T,) seconds, and known_rotations
            (T, 24, 3, 3), zeros or NaN where not known.
        point_set: that the points are of.
        num_betas: shape coefficients of the body to solve for.
        fps: frames per second, unless there are times.

    Raises:
        ValueError: an array has another shape or holds infinity, no point was seen at all, `fps` is not positive,
            times do not increase, or a known rotation is none.

    Example:
        >>> import numpy as np
        >>> from niki_tf import skeletons
        >>> from niki_tf.motion import observed_points
        >>> joints = np.ones([2, 17, 3])
        >>> joints[0, 3] = np.nan
        >>> coco = skeletons.POINT_SETS["coco_17"]
        >>> observed_points.from_points({"joints": joints}, point_set=coco, num_betas=10).sigma[:, 3].tolist()
        [10.0, 0.0]
    """
    joints = _checked_joints(arrays["joints"], point_set)
    frames = len(joints)
    sigma = _checked_sigma(arrays.get("joint_sigma"), frames, point_set)
    if joints.shape[-1] == _WITH_CONFIDENCE:
        joints, confidence = joints[..., :3], joints[..., 3]
        sigma = np.maximum(sigma, sigma_of_confidence(confidence))
    used = list(point_set.used)
    joints, sigma = joints[:, used], np.array(sigma[:, used])
    sigma[np.isnan(joints).any(-1)] = skeletons.ABSENT
    absent = sigma >= skeletons.ABSENT
    if absent.all():
        cure = "" if arrays.get("joint_sigma") is None else " Is `joint_sigma` in metres? 10 or more means not seen."
        raise ValueError(f"`joints` must hold at least one joint that was seen; got none.{cure}")
    origin = joints[~absent][0]
    joints = np.where(absent[..., None], 0.0, joints - origin)
    seen = np.maximum((~absent).sum(1), 1)[:, None, None]
    joints = np.where(absent[..., None], joints.sum(1, keepdims=True) / seen, joints)
    times = _checked_times(arrays.get("times"), frames, checked_rate(fps, "`fps`"))
    mean_rate = float((frames - 1) / (times[-1] - times[0])) if frames > 1 else float(fps)
    betas = _checked_betas(arrays.get("betas"), frames, num_betas)
    known = _checked_rotations(arrays.get("known_rotations"), frames)
    return ObservedPoints(joints.astype(np.float32), sigma, betas, origin.astype(np.float32), times, mean_rate, known)


def sigma_of_confidence(confidence: np.ndarray) -> np.ndarray:
    """Sigma, metres, of points by the confidence of a detector: 50 mm (1 / confidence - 1), absent below 0.1.

    Args:
        confidence: from 0, not seen, to 1, certain, of any shape.

    Raises:
        ValueError: a confidence is below 0 or above 1.
    """
    confidence = np.asarray(confidence, np.float64)
    outside = ~((confidence >= 0.0) & (confidence <= 1.0) | np.isnan(confidence))
    if outside.any():
        raise ValueError(
            f"`joints` (T, J, 4) must have a confidence from 0 to 1; got {confidence[outside][0]:g}. Divide it by "
            "its largest value, or leave it out."
        )
    sigma = _SIGMA_AT_HALF * (1.0 / np.maximum(confidence, 1e-3) - 1.0)
    return np.where(confidence >= _LEAST_CONFIDENCE, sigma, skeletons.ABSENT)


_SIGMA_AT_HALF, _LEAST_CONFIDENCE = 0.05, 0.1
"""Metres, at a confidence of one half, and the confidence below which a point counts as absent. Set by hand."""
_WITH_CONFIDENCE = 4
"""Numbers of a point that comes with its confidence."""


def _checked_joints(array: Any, point_set: PointSet) -> np.ndarray:
    """Joints (T, J, 3 or 4), float64."""
    array = np.asarray(array)
    columns = _WITH_CONFIDENCE if array.shape[-1:] == (_WITH_CONFIDENCE,) else 3
    return _checked(array, "joints", (None, len(point_set), columns), point_set)


def _checked_sigma(array: Any, frames: int, point_set: PointSet) -> np.ndarray:
    """Sigma (T, J), zeros if it is None."""
    sigma = np.asarray(np.zeros(len(point_set)) if array is None else array)
    if sigma.shape != (len(point_set),):
        sigma = _checked(sigma, "joint_sigma", (frames, len(point_set)), point_set)
    contract.check_sigma(sigma)
    return np.broadcast_to(sigma.astype(np.float32), [frames, len(point_set)])


def _checked_betas(array: Any, frames: int, num_betas: int) -> np.ndarray | None:
    """Betas (T, B) or None; those of one person are repeated, and padded with zeros if they are fewer."""
    if array is None:
        return None
    betas = np.asarray(array)
    if betas.dtype.kind not in "fiu" or not (np.abs(betas) <= LARGEST_BETA).all():
        raise ValueError(f"`betas` must be finite, up to {LARGEST_BETA:g}; got others. Leave them out to find them.")
    if betas.ndim == 1 and 0 < betas.size < num_betas:
        betas = np.pad(betas, (0, num_betas - betas.size))
    if betas.shape not in ((num_betas,), (1, num_betas), (frames, num_betas)):
        raise ValueError(
            f"`betas` must have shape ({num_betas},) or ({frames}, {num_betas}); got {betas.shape}. The body has "
            f"{num_betas} of them: leave out those that it has not."
        )
    return np.ascontiguousarray(np.broadcast_to(betas.astype(np.float32), [frames, num_betas]))


def _checked_rotations(array: Any, frames: int) -> np.ndarray | None:
    """Rotations (T, 24, 3, 3), zeros where not known, or None."""
    if array is None:
        return None
    matrices, wanted = np.asarray(array), (frames, *contract.KNOWN["known_rotations"])
    if matrices.shape != wanted or matrices.dtype.kind not in "fiu":
        raise ValueError(
            f"`known_rotations` must have shape {wanted}, relative to the world, zeros where not known; got "
            f"{matrices.shape}. body.world_rotations gives them from those relative to the parents."
        )
    contract.check_rotations("known_rotations", matrices)
    return np.where(np.isnan(matrices).any((2, 3), keepdims=True), 0.0, matrices).astype(np.float32)


def _checked_times(array: Any, frames: int, fps: float) -> np.ndarray:
    """Times (T,) in seconds; those of the frame rate if None."""
    if array is None:
        return np.arange(frames) / fps
    times = np.asarray(array, np.float64)
    if times.shape != (frames,) or not np.isfinite(times).all() or (np.diff(times) <= 0.0).any():
        raise ValueError(
            f"`times` must be {frames} seconds that increase, one a frame; got shape {times.shape}. Sort the frames."
        )
    return times


def _checked(array: Any, name: str, shape: tuple[int | None, ...], point_set: PointSet) -> np.ndarray:
    """`array` as float64 of the shape; ValueError if it has another one, or holds infinity or text."""
    array = np.asarray(array)
    fits = array.ndim == len(shape) and all(w in (None, g) for w, g in zip(shape, array.shape, strict=True))
    if not fits or not array.size:
        wanted = str(shape).replace("None", "T")
        count = array.shape[1] if array.ndim > 1 else 0
        others = ", ".join(other for other, points in skeletons.POINT_SETS.items() if len(points) == count)
        cure = f"That many joints have: {others}." if others else "Name the set that they are of."
        raise ValueError(f"`{name}` must have shape {wanted} for {point_set.name}; got {array.shape}. {cure}")
    if array.dtype.kind not in "fiu" or np.isinf(array).any():
        raise ValueError(
            f"`{name}` must be numbers, NaN for joints that were not seen; got infinity or text. Repair these frames."
        )
    return array.astype(np.float64)
