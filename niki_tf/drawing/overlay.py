"""Bodies drawn over the picture that they were seen in, by its own pinhole camera."""

import cv2
import numpy as np

from niki_tf.drawing import rasterizing

COLOURS = ((230, 206, 184), (150, 190, 230), (190, 220, 160), (235, 180, 190), (205, 185, 235), (240, 215, 130))
"""Of persons, in turns: red, green, blue in 0..255."""
_NEAREST = 0.05
"""Metres before the camera of what is drawn, at least."""
_MOST_PIXELS = 900
"""Pixels, height and width, at which a body is drawn; larger ones are enlarged."""
_SAMPLES = 2
"""Drawn pixels per pixel of the picture, along each axis, where that is not too many."""
_COVER = 0.75
"""Share of the body in the colour of what it covers; set by hand."""


def draw_over(
    picture: np.ndarray,
    vertices: np.ndarray,
    faces: np.ndarray,
    *,
    focal: float,
    center: np.ndarray,
    color: tuple[float, float, float] = COLOURS[0],
) -> np.ndarray:
    """The picture with a body over it, uint8 (H, W, 3); what is behind the camera or beyond the edge is not drawn.

    Args:
        picture: uint8 (H, W, 3).
        vertices: (V, 3) metres: to the right, up, towards the viewer, who is at the origin.
        faces: (F, 3) vertex numbers, counter-clockwise from outside.
        focal: pixels.
        center: (2,) pixels, where the camera's axis meets the picture.
        color: red, green, blue in 0..255.

    Example:
        >>> import numpy as np
        >>> from niki_tf.drawing import overlay
        >>> triangle = np.float64([[-1, -1, -5], [1, -1, -5], [0, 1, -5]])
        >>> grey = np.full([60, 80, 3], 128, np.uint8)
        >>> drawn = overlay.draw_over(grey, triangle, np.array([[0, 1, 2]]), focal=60.0, center=[40, 30])
        >>> bool((drawn[0] == 128).all()), bool((drawn[30, 40] != 128).any())
        (True, True)
    """
    height, width = picture.shape[:2]
    depth = -vertices[:, 2]
    seen = focal * vertices[:, :2] * (1, -1) / np.maximum(depth, _NEAREST)[:, None] + np.asarray(center, np.float64)
    faces = faces[(depth[faces] > _NEAREST).all(1)]
    if not len(faces):
        return picture.copy()
    used = seen[np.unique(faces)]
    low = np.clip(np.floor(used.min(0)) - 1, 0, (width, height)).astype(int)
    high = np.clip(np.ceil(used.max(0)) + 1, 0, (width, height)).astype(int)
    if (high - low < 1).any():
        return picture.copy()
    side = int((high - low).max())
    size = min(_SAMPLES * side, max(_MOST_PIXELS, 1))
    drawn, cover = _drawn(vertices, faces, np.column_stack([(seen - low) * size / side, -depth]), size, color)
    method = cv2.INTER_AREA if size > side else cv2.INTER_LINEAR
    drawn, cover = (cv2.resize(image, (side, side), interpolation=method) for image in (drawn, cover))
    part = slice(low[1], high[1]), slice(low[0], high[0])
    shape = high - low
    share = _COVER * cover[: shape[1], : shape[0], None]
    result = picture.copy()
    # `drawn` is black where nothing is: what is at the edge of the body is already weighted by its cover.
    result[part] = np.clip(picture[part] * (1 - share) + _COVER * drawn[: shape[1], : shape[0]], 0, 255).round()
    return result


def _drawn(
    vertices: np.ndarray, faces: np.ndarray, seen: np.ndarray, size: int, color: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """The body in a square, float32 (size, size, 3) on black, and its cover (size, size), 0 or 1."""
    pixels, triangle, weights, nearness = rasterizing.visible(seen, faces, size)
    image, cover = np.zeros((size * size, 3), np.float32), np.zeros(size * size, np.float32)
    depth = np.full(size * size, -np.inf, np.float32)
    depth[pixels] = nearness
    extent = np.ptp(vertices[np.unique(faces)], axis=0)[:2].max()
    openness = rasterizing.openness(depth.reshape(size, size), max(float(extent), 1e-3)).ravel()[pixels]
    normals = rasterizing.blend(faces[triangle], weights)(rasterizing.vertex_normals(vertices, faces))
    image[pixels] = np.clip(rasterizing.shade(normals, np.asarray(color, np.float64), openness), 0, 255)
    cover[pixels] = 1.0
    return image.reshape(size, size, 3), cover.reshape(size, size)
