"""Pictures of bodies and skeletons, computed with NumPy and OpenCV: no GPU, no window, no OpenGL.

Orthographic camera, depth buffer, normals interpolated per pixel, a key, a fill and a rim light, soft contact shadows.
The world is y up; at azimuth 0 the camera looks along -z, so a body that faces +z faces the viewer.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from niki_tf import skeletons
from niki_tf.drawing import rasterizing
from niki_tf.drawing.orthographic import fit_camera
from niki_tf.shapes import LARGEST, TensorLike, real_array, real_number

Color = Sequence[float] | np.ndarray
"""Red, green, blue in 0..255, (3,)."""

CLAY = (230, 206, 184)
"""Colour of bodies."""
STEEL = (92, 142, 196)
"""Colour of skeletons."""
PAPER = (247, 246, 243)
"""Colour of the background."""

_SUPERSAMPLING = 2
"""Rendered pixels per pixel of the picture, along each axis."""
_SPHERE_RADIUS, _BONE_RADIUS = 0.024, 0.010
"""Radii of a skeleton's joints and bones, metres, set by hand."""


def render_mesh(
    vertices: TensorLike,
    faces: TensorLike,
    *,
    image_size: int = 512,
    azimuth: float = 0.0,
    elevation: float = 0.0,
    color: Color = CLAY,
    background: Color = PAPER,
    center: TensorLike | None = None,
    extent: float | None = None,
) -> np.ndarray:
    """Picture of a mesh, smoothly shaded, with a soft shadow on the ground under its lowest point.

    Args:
        vertices: (V, 3) metres.
        faces: (F, 3) vertex numbers, counter-clockwise from outside.
        image_size: pixels, height and width.
        azimuth: degrees; 0 sees the front, 90 the body's left, 180 the back.
        elevation: degrees of the camera above the horizon.
        color: (3,) red, green, blue in 0..255, or (V, 3) one for each vertex.
        background: (3,) red, green, blue in 0..255.
        center: (3,) metres, the middle of the picture; the middle of the mesh if None.
        extent: metres that the picture is high; enough for the whole mesh if None.

    Returns:
        uint8 (image_size, image_size, 3), red, green, blue.

    Raises:
        ValueError: arrays of the wrong shape, non-finite vertices, faces that name no vertex, a size below 1.
    """
    vertices, faces = real_array("vertices", vertices).astype(np.float64), real_array("faces", faces)
    image_size = int(real_number("image_size", image_size, least=1, whole=True, cure="It is in pixels."))
    azimuth = real_number("azimuth", azimuth, cure="It is in degrees.")
    elevation = real_number("elevation", elevation, cure="It is in degrees.")
    _check_mesh(vertices, faces)
    camera = fit_camera(vertices, azimuth=azimuth, elevation=elevation, center=center, extent=extent)
    size = image_size * _SUPERSAMPLING
    seen = camera.project(vertices, image_size=size)
    image = np.empty((size, size, 3), np.float32)
    image[:] = background
    image *= 1 - 0.35 * rasterizing.ground_shadow(vertices, faces, camera, size)[..., None]
    pixels, triangle, weights, nearness = rasterizing.visible(seen, faces, size)
    blend = rasterizing.blend(faces[triangle], weights)
    normals = blend(rasterizing.vertex_normals(vertices, faces) @ camera.axes.T)
    tint = np.broadcast_to(np.asarray(color, float), (len(vertices), 3))
    depth = np.full(size * size, -np.inf, np.float32)
    depth[pixels] = nearness
    openness = rasterizing.openness(depth.reshape(size, size), camera.extent).ravel()[pixels]
    image.reshape(-1, 3)[pixels] = rasterizing.shade(normals, blend(tint), openness)
    small = cv2.resize(np.clip(image, 0, 255), (image_size, image_size), interpolation=cv2.INTER_AREA)
    return np.rint(small).astype(np.uint8)


def draw_skeleton(
    joints: TensorLike,
    *,
    image_size: int = 512,
    azimuth: float = 0.0,
    elevation: float = 0.0,
    color: Color = STEEL,
    background: Color = PAPER,
    center: TensorLike | None = None,
    extent: float | None = None,
) -> np.ndarray:
    """Stick figure of spheres and bones with the camera and light of `render_mesh`.

    Args:
        joints: (29, 3) metres, in the order of `skeletons.SMPL_29`.
        image_size: pixels, height and width.
        azimuth: degrees; 0 sees the front, 90 the body's left, 180 the back.
        elevation: degrees of the camera above the horizon.
        color: (3,) red, green, blue in 0..255.
        background: (3,) red, green, blue in 0..255.
        center: (3,) metres, the middle of the picture; the middle of the joints if None.
        extent: metres that the picture is high; enough for all joints if None.

    Returns:
        uint8 (image_size, image_size, 3), red, green, blue.

    Raises:
        ValueError: `joints` of another shape or not finite.
    """
    joints = real_array("joints", joints).astype(np.float64)
    if joints.shape != (skeletons.NUM_JOINTS, 3):
        raise ValueError(
            f"`joints` must have shape ({skeletons.NUM_JOINTS}, 3); got {joints.shape}. Draw one skeleton at a time."
        )
    if not np.abs(joints).max() <= LARGEST:
        raise ValueError(
            f"`joints` must be finite, up to {LARGEST:g}; got NaN or more. Leave out or fill the missing joints first."
        )
    vertices, faces = _skeleton_mesh(joints)
    return render_mesh(
        vertices,
        faces,
        image_size=image_size,
        azimuth=azimuth,
        elevation=elevation,
        color=color,
        background=background,
        center=center,
        extent=extent,
    )


def side_by_side(panels: Sequence[np.ndarray], captions: Sequence[str], *, background: Color = PAPER) -> np.ndarray:
    """Pictures of one size next to each other, each with its caption above.

    Args:
        panels: list of uint8 (H, W, 3).
        captions: list of as many strings.
        background: (3,) red, green, blue behind the captions.

    Returns:
        uint8 (H + strip, n W, 3).

    Raises:
        ValueError: no panels, panels of different sizes, or another number of captions.
    """
    shapes = {np.shape(panel) for panel in panels}
    if len(shapes) != 1:
        raise ValueError(f"`panels` must be one or more pictures of one size; got sizes {sorted(shapes)}.")
    if len(panels) != len(captions):
        raise ValueError(f"`captions` must be as many as panels, {len(panels)}; got {len(captions)}.")
    return np.concatenate([_captioned(*pair, background) for pair in zip(panels, captions, strict=True)], 1)


def _captioned(panel: np.ndarray, caption: str, background: Color) -> np.ndarray:
    """One picture with a strip above that holds the caption, in smaller letters if it is too long."""
    width = panel.shape[1]
    strip = np.empty((max(24, width // 11), width, 3), np.uint8)
    strip[:] = background
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, width / 620
    (long, high), _ = cv2.getTextSize(caption, font, scale, 1)
    scale *= min(1.0, 0.94 * width / max(long, 1))
    (long, high), _ = cv2.getTextSize(caption, font, scale, 1)
    place = ((width - long) // 2, (strip.shape[0] + high) // 2)
    cv2.putText(strip, caption, place, font, scale, (60, 60, 66), max(1, round(width / 400)), cv2.LINE_AA)
    return np.concatenate([strip, panel], 0)


def _check_mesh(vertices: np.ndarray, faces: np.ndarray) -> None:
    """Raises ValueError for what `render_mesh` cannot draw."""
    if vertices.ndim != 2 or vertices.shape[1] != 3 or not len(vertices):
        raise ValueError(f"`vertices` must have shape (V, 3); got {vertices.shape}. Render one body at a time.")
    if not np.abs(vertices).max() <= LARGEST:
        raise ValueError(f"`vertices` must be finite, up to {LARGEST:g}; got more or NaN. Leave such poses out.")
    if faces.ndim != 2 or faces.shape[1] != 3 or not np.issubdtype(faces.dtype, np.integer):
        raise ValueError(
            f"`faces` must be whole numbers of shape (F, 3); got {faces.dtype} {faces.shape}. Three a triangle."
        )
    if len(faces) and (faces.min() < 0 or faces.max() >= len(vertices)):
        raise ValueError(
            f"`faces` must name vertices 0 to {len(vertices) - 1}; got {faces.min()} to {faces.max()}. Give these."
        )


def _skeleton_mesh(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spheres at the joints (29, 3) and tapered bones between them as one mesh."""
    sphere = _tube(np.array([[0, -1.0, 0], [0, 1.0, 0]]), lambda t: np.sqrt(np.maximum(1 - t * t, 0)))
    parts = [(joint + _SPHERE_RADIUS * sphere[0], sphere[1]) for joint in joints]
    for joint, parent in enumerate(skeletons.SMPL_29.parents[1:], start=1):
        ends = np.stack([joints[parent], joints[joint]])
        parts.append(_tube(ends, lambda t: _BONE_RADIUS * (1.25 - 0.45 * t)))
    starts = np.cumsum([0] + [len(vertices) for vertices, _ in parts[:-1]])
    faces = [faces + start for (_, faces), start in zip(parts, starts, strict=True)]
    return np.concatenate([vertices for vertices, _ in parts]), np.concatenate(faces)


def _tube(
    ends: np.ndarray, radius: Callable[[np.ndarray], np.ndarray], *, rings: int = 9, around: int = 16
) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) and faces (F, 3) of a surface of revolution about the line between `ends` (2, 3).

    `radius` maps positions along the line, -1 to 1, to metres.
    """
    line = ends[1] - ends[0]
    along = line / max(np.linalg.norm(line), 1e-9)
    side = np.cross(along, np.eye(3)[np.argmin(np.abs(along))])
    side /= max(np.linalg.norm(side), 1e-9)
    angle = np.arange(around) * (2 * np.pi / around)
    circle = np.cos(angle)[:, None] * side + np.sin(angle)[:, None] * np.cross(along, side)
    place = -np.cos(np.linspace(0, np.pi, rings))
    centers = ends[0] + (place[:, None] + 1) / 2 * line
    vertices = (centers[:, None] + radius(place)[:, None, None] * circle).reshape(-1, 3)
    ring, step = np.meshgrid(np.arange(rings - 1), np.arange(around), indexing="ij")
    a, b = (ring * around + step).ravel(), (ring * around + (step + 1) % around).ravel()
    return vertices, np.concatenate([np.stack([a, b, b + around], -1), np.stack([a, b + around, a + around], -1)])
