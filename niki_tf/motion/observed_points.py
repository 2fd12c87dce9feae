"""One motion as points of another joint set: which were seen, how certain they are, and what is known of the body."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from niki_tf import skeletons
from niki_tf.motion.clip import checked_rate
from niki_tf.skeletons import PointSet


class ObservedPoints(NamedTuple):
    """Points of a motion, T frames."""

    points: np.ndarray
    """(T, K, 3) metres, those that the set uses, relative to `origin`; absent ones are at the mean of the others."""
    sigma: np.ndarray
    """(T, K) metres, `skeletons.ABSENT` for those that were not seen."""
    betas: np.ndarray
    """(T, B)."""
    origin: np.ndarray
    """(3,) metres."""
    fps: float
    """Frames per second."""


def from_points(arrays: Mapping[str, Any], *, point_set: PointSet, num_betas: int, fps: float) -> ObservedPoints:
    """Points of one motion as they are given.

    Args:
        arrays: dict of joints (T, J, 3) metres, J points of the set, NaN in those that were not seen, and perhaps
            joint_sigma (T, J) or (J,) metres and betas (T, num_betas) or (num_betas,).
        point_set: that the points are of.
        num_betas: shape coefficients of the body to solve for; zeros if `betas` is not given.
        fps: frames per second.

    Raises:
        ValueError: an array has another shape or holds infinity, no point was seen at all, or `fps` is not positive.

    Example:
        >>> import numpy as np
        >>> from niki_tf import skeletons
        >>> from niki_tf.motion import observed_points
        >>> joints = np.ones([2, 17, 3])
        >>> joints[0, 3] = np.nan
        >>> coco = skeletons.POINT_SETS["coco_17"]
        >>> observed_points.from_points({"joints": joints}, point_set=coco, num_betas=10, fps=30).sigma[:, 3].tolist()
        [10.0, 0.0]
    """
    joints = _checked(arrays["joints"], "joints", (None, len(point_set), 3), point_set)
    frames = len(joints)
    sigma = np.asarray(arrays.get("joint_sigma", np.zeros(len(point_set))))
    if sigma.shape != (len(point_set),):
        sigma = _checked(sigma, "joint_sigma", (frames, len(point_set)), point_set)
    sigma = np.broadcast_to(sigma.astype(np.float32), [frames, len(point_set)])
    betas = np.asarray(arrays.get("betas", np.zeros(num_betas)), np.float32)
    if betas.shape not in ((num_betas,), (frames, num_betas)):
        raise ValueError(f"`betas` must have shape ({num_betas},) or ({frames}, {num_betas}); got {betas.shape}.")
    used = list(point_set.used)
    joints, sigma = joints[:, used], np.array(sigma[:, used])
    sigma[np.isnan(joints).any(-1)] = skeletons.ABSENT
    absent = sigma >= skeletons.ABSENT
    if absent.all():
        raise ValueError("`joints` must hold at least one joint that was seen; got none.")
    origin = joints[~absent][0]
    joints = np.where(absent[..., None], 0.0, joints - origin)
    seen = np.maximum((~absent).sum(1), 1)[:, None, None]
    joints = np.where(absent[..., None], joints.sum(1, keepdims=True) / seen, joints)
    return ObservedPoints(
        joints.astype(np.float32),
        sigma,
        np.ascontiguousarray(np.broadcast_to(betas, [frames, num_betas])),
        origin.astype(np.float32),
        checked_rate(fps, "`fps`"),
    )


def _checked(array: Any, name: str, shape: tuple[int | None, ...], point_set: PointSet) -> np.ndarray:
    """`array` as float64 of the shape; ValueError if it has another one, or holds infinity or text."""
    array = np.asarray(array)
    fits = array.ndim == len(shape) and all(w in (None, g) for w, g in zip(shape, array.shape, strict=True))
    if not fits or not array.size:
        wanted = str(shape).replace("None", "T")
        count = array.shape[1] if array.ndim > 1 else 0
        others = ", ".join(other for other, points in skeletons.POINT_SETS.items() if len(points) == count)
        cure = f" That many joints have: {others}." if others else ""
        raise ValueError(f"`{name}` must have shape {wanted} for {point_set.name}; got {array.shape}.{cure}")
    if array.dtype.kind not in "fiu" or np.isinf(array).any():
        raise ValueError(f"`{name}` must be numbers, NaN for joints that were not seen; got infinity or text.")
    return array.astype(np.float64)
