"""Pictures of a body in motion: a film of it, and a strip of a few moments."""

from collections.abc import Callable, Iterator

import cv2
import numpy as np

from niki_tf.drawing import rasterizing, rendering
from niki_tf.drawing.orthographic import Camera

_AZIMUTH, _ELEVATION = 25.0, 8.0
"""Direction of the camera, degrees, set by hand."""
_MARGIN = 1.12
"""Height of the picture over the largest extent of the body; set by hand."""
_AT_ONCE = 32
"""Frames posed at once."""
_SETTLING = 0.5
"""Seconds over which the camera follows."""
_SHADOW = 0.22
"""Darkness of the shadow; set by hand."""


class MovingBody:
    """A body in motion, drawn from before it, a little from its left.

    Args:
        vertices: function of first and last frame that gives the posed vertices (n, V, 3) in between, metres, y up.
        faces: (F, 3) vertex numbers.
        joints: (T, J, 3) metres, which the camera follows.
        fps: frames per second.

    Example:
        >>> import numpy as np
        >>> from niki_tf import body
        >>> from niki_tf.drawing.moving_body import MovingBody
        >>> mannequin = body.mannequin()
        >>> still = np.repeat(mannequin.v_template[None], 9, 0)
        >>> moving = MovingBody(lambda a, b: still[a:b], mannequin.faces, joints=still, fps=30)
        >>> moving.strip(2, image_size=64).shape
        (64, 128, 3)
    """

    def __init__(
        self, vertices: Callable[[int, int], np.ndarray], faces: np.ndarray, *, joints: np.ndarray, fps: float
    ) -> None:
        self._vertices, self._faces, self._fps = vertices, np.asarray(faces), fps
        self._centers = (joints.min(1) + joints.max(1)) / 2
        self._extent = _MARGIN * max(float((joints.max(1) - joints.min(1)).max()), 1e-3)

    def strip(self, moments: int, *, image_size: int) -> np.ndarray:
        """`moments` frames, evenly spread, side by side: uint8 (image_size, moments image_size, 3)."""
        last = len(self._centers) - 1
        chosen = np.linspace(0, last, min(moments, last + 1)).round().astype(int)
        return np.concatenate([self._picture(frame, image_size) for frame in chosen.tolist()], 1)

    def _picture(self, frame: int, image_size: int) -> np.ndarray:
        return rendering.render_mesh(
            self._vertices(frame, frame + 1)[0],
            self._faces,
            image_size=image_size,
            azimuth=_AZIMUTH,
            elevation=_ELEVATION,
            center=self._centers[frame],
            extent=self._extent,
        )

    def film(self, *, image_size: int) -> Iterator[np.ndarray]:
        """Every frame, uint8 (image_size, image_size, 3); the camera follows without haste."""
        centers = _smooth(self._centers, self._fps * _SETTLING)
        for start in range(0, len(centers), _AT_ONCE):
            for step, vertices in enumerate(self._vertices(start, min(start + _AT_ONCE, len(centers)))):
                camera = Camera(centers[start + step], self._extent, _AZIMUTH, _ELEVATION)
                yield _sketch(vertices, self._faces, camera, image_size)


def _smooth(path: np.ndarray, frames: float) -> np.ndarray:
    """A path (T, 3) with a moving mean over so many frames, its ends repeated."""
    half = int(min(frames, len(path)) // 2)
    padded = np.pad(path, ((half + 1, half), (0, 0)), mode="edge")
    summed = np.cumsum(padded, 0)
    return (summed[2 * half + 1 :] - summed[: -2 * half - 1]) / (2 * half + 1)


def _sketch(vertices: np.ndarray, faces: np.ndarray, camera: Camera, size: int) -> np.ndarray:
    """A picture, uint8 (size, size, 3), as of `rendering.render_mesh`: rougher at the edges, ten times as fast."""
    seen = camera.project(vertices, image_size=size)
    image = np.empty((size, size, 3), np.float32)
    image[:] = rendering.PAPER
    image *= 1 - _SHADOW * _shadow(vertices, camera, size)[..., None]
    pixels, triangle, weights, nearness = rasterizing.visible(seen, faces, size)
    blend = rasterizing.blend(faces[triangle], weights)
    depth = np.full(size * size, -np.inf, np.float32)
    depth[pixels] = nearness
    openness = rasterizing.openness(depth.reshape(size, size), camera.extent).ravel()[pixels]
    normals = blend(rasterizing.vertex_normals(vertices, faces) @ camera.axes.T)
    image.reshape(-1, 3)[pixels] = rasterizing.shade(normals, np.asarray(rendering.CLAY, float), openness)
    return np.clip(image, 0, 255).astype(np.uint8)


def _shadow(vertices: np.ndarray, camera: Camera, size: int) -> np.ndarray:
    """Darkness (size, size) of the ground under the lowest point: the outline of the body from above, blurred."""
    ground = np.stack([vertices[:, 0], np.full(len(vertices), vertices[:, 1].min()), vertices[:, 2]], -1)
    small = max(size // 4, 1)
    seen = np.clip(camera.project(ground, image_size=small)[:, :2], -1000, 1000 + small)
    dark = np.zeros((small, small), np.float32)
    cv2.fillConvexPoly(dark, cv2.convexHull(np.round(seen * 16).astype(np.int32)), 1.0, shift=4)
    return cv2.resize(cv2.GaussianBlur(dark, (0, 0), max(0.03 * small, 0.5)), (size, size))
