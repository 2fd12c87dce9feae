"""The orthographic camera of the pictures."""

import dataclasses

import numpy as np

from niki_tf.camera import orthographic
from niki_tf.shapes import TensorLike

_FRAMING = 2.2
"""Height of the picture over the largest distance of a point from its middle: a margin of a tenth, set by hand."""


@dataclasses.dataclass(frozen=True)
class Camera:
    """Orthographic camera on a sphere about `center`.

    Attributes:
        center: (3,) metres, the point in the middle of the picture.
        extent: metres that the picture is high and wide.
        azimuth: degrees about the vertical; 90 sees the body's left side (+x).
        elevation: degrees above the horizon.
    """

    center: np.ndarray
    extent: float
    azimuth: float
    elevation: float

    @property
    def axes(self) -> np.ndarray:
        """Rows (3, 3): picture right, picture up, towards the viewer, in world coordinates."""
        a, e = np.radians([self.azimuth, self.elevation])
        right = (np.cos(a), 0.0, -np.sin(a))
        towards = (np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e))
        return np.stack([right, np.cross(towards, right), towards])

    def project(self, points: np.ndarray, *, image_size: int) -> np.ndarray:
        """World points (..., 3), metres, as (column, row, nearness) (..., 3): pixels, pixels, metres to the viewer."""
        seen = (points - self.center) @ self.axes.T
        image = orthographic(seen, scale=image_size / self.extent)
        return np.stack([image_size / 2 + image[..., 0], image_size / 2 - image[..., 1], seen[..., 2]], -1)


def fit_camera(
    points: np.ndarray,
    *,
    azimuth: float = 0.0,
    elevation: float = 0.0,
    center: TensorLike | None = None,
    extent: float | None = None,
) -> Camera:
    """Camera that shows all of `points` (n, 3), metres, unless `center` (3,) or `extent` (metres) are given."""
    middle = (points.min(0) + points.max(0)) / 2 if center is None else np.asarray(center, float)
    camera = Camera(middle, 1.0, azimuth, elevation)
    if extent is None:
        extent = _FRAMING * max(np.abs((points - middle) @ camera.axes[:2].T).max(), 1e-3)
    return dataclasses.replace(camera, extent=float(extent))
