"""Pictures of bodies and skeletons with NumPy and OpenCV alone: no GPU, no window, no OpenGL.

Orthographic camera, depth buffer, normals interpolated per pixel, a key, a fill and a rim light, soft contact shadows.
The world is y up; at azimuth 0 the camera looks along -z, so a body that faces +z faces the viewer.
"""

import dataclasses

import cv2
import numpy as np

from niki_tf import skeletons

CLAY = (226, 203, 182)
STEEL = (92, 142, 196)
PAPER = (247, 246, 243)

_SUPERSAMPLING = 2
_KEY, _FILL, _RIM = (-0.45, 0.65, 0.62), (0.75, 0.10, 0.45), (0.30, 0.45, -0.85)
_SPHERE_RADIUS, _BONE_RADIUS = 0.024, 0.010


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
    def axes(self):
        """Rows (3, 3): picture right, picture up, towards the viewer, in world coordinates."""
        a, e = np.radians([self.azimuth, self.elevation])
        right = (np.cos(a), 0.0, -np.sin(a))
        towards = (np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e))
        return np.stack([right, np.cross(towards, right), towards])

    def project(self, points, *, image_size):
        """World points (..., 3), metres, to (column, row, nearness): pixels, pixels, metres towards the viewer."""
        seen = (points - self.center) @ self.axes.T
        scale = image_size / self.extent
        columns, rows = image_size / 2 + seen[..., 0] * scale, image_size / 2 - seen[..., 1] * scale
        return np.stack([columns, rows, seen[..., 2]], -1)


def fit_camera(points, *, azimuth=0.0, elevation=0.0, center=None, extent=None):
    """Camera that shows all of `points` (n, 3), metres, unless `center` (3,) or `extent` (metres) are given."""
    middle = (points.min(0) + points.max(0)) / 2 if center is None else np.asarray(center, float)
    camera = Camera(middle, 1.0, azimuth, elevation)
    if extent is None:
        extent = 2.2 * max(np.abs((points - middle) @ camera.axes[:2].T).max(), 1e-3)
    return dataclasses.replace(camera, extent=float(extent))


def vertex_normals(vertices, faces):
    """Outward unit normals (V, 3) of a mesh: face normals weighted by area, summed at the vertices."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    normals = np.stack([np.bincount(faces.ravel(), np.repeat(across[:, k], 3), len(vertices)) for k in range(3)], -1)
    return normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)


def render_mesh(vertices, faces, *, image_size=512, azimuth=0.0, elevation=0.0, color=CLAY, background=PAPER,
                center=None, extent=None):  # fmt: skip
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
    vertices, faces = np.asarray(vertices, float), np.asarray(faces)
    _check_mesh(vertices, faces, image_size)
    camera = fit_camera(vertices, azimuth=azimuth, elevation=elevation, center=center, extent=extent)
    size = image_size * _SUPERSAMPLING
    seen = camera.project(vertices, image_size=size)
    image = np.empty((size, size, 3), np.float32)
    image[:] = background
    image *= 1 - 0.35 * _ground_shadow(vertices, faces, camera, size)[..., None]
    pixels, triangle, weights, nearness = _visible(seen, faces, size)
    blend = _blend(faces[triangle], weights)
    normals = blend(vertex_normals(vertices, faces) @ camera.axes.T)
    tint = np.broadcast_to(np.asarray(color, float), (len(vertices), 3))
    depth = np.full(size * size, -np.inf, np.float32)
    depth[pixels] = nearness
    shade = _shade(normals, blend(tint), _openness(depth.reshape(size, size), camera.extent).ravel()[pixels])
    image.reshape(-1, 3)[pixels] = shade
    return cv2.resize(np.clip(image, 0, 255), (image_size, image_size), interpolation=cv2.INTER_AREA).astype(np.uint8)


def draw_skeleton(joints, *, image_size=512, azimuth=0.0, elevation=0.0, color=STEEL, background=PAPER,
                  center=None, extent=None):  # fmt: skip
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
    joints = np.asarray(joints, float)
    if joints.shape != (29, 3):
        raise ValueError(f"`joints` must have shape (29, 3); got {joints.shape}. Draw one skeleton at a time.")
    if not np.isfinite(joints).all():
        raise ValueError("`joints` must be finite; got NaN or infinity. Leave out or fill the missing joints first.")
    vertices, faces = _skeleton_mesh(joints)
    return render_mesh(vertices, faces, image_size=image_size, azimuth=azimuth, elevation=elevation, color=color,
                       background=background, center=center, extent=extent)  # fmt: skip


def side_by_side(panels, captions, *, background=PAPER):
    """Puts pictures of one size next to each other, each with its caption above.

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


def _captioned(panel, caption, background):
    """One picture with a strip above that holds the caption, made smaller where it is too long."""
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


def _check_mesh(vertices, faces, image_size):
    if vertices.ndim != 2 or vertices.shape[1] != 3 or not len(vertices):
        raise ValueError(f"`vertices` must have shape (V, 3); got {vertices.shape}. Render one body at a time.")
    if not np.isfinite(vertices).all():
        raise ValueError("`vertices` must be finite; got NaN or infinity.")
    if faces.ndim != 2 or faces.shape[1] != 3 or not np.issubdtype(faces.dtype, np.integer):
        raise ValueError(f"`faces` must be whole numbers of shape (F, 3); got {faces.dtype} {faces.shape}.")
    if len(faces) and (faces.min() < 0 or faces.max() >= len(vertices)):
        raise ValueError(f"`faces` must name vertices 0 to {len(vertices) - 1}; got {faces.min()} to {faces.max()}.")
    if image_size < 1:
        raise ValueError(f"`image_size` must be at least 1 pixel; got {image_size}.")


def _visible(seen, faces, size):
    """Frontmost triangle of each covered pixel: (pixel numbers, triangles, barycentric weights, nearness)."""
    corners = seen[faces]
    edges = corners[:, 1:, :2] - corners[:, :1, :2]
    doubled_area = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
    low = np.clip(np.ceil(corners[:, :, :2].min(1) - 0.5), 0, size).astype(int)
    high = np.clip(np.floor(corners[:, :, :2].max(1) - 0.5) + 1, 0, size).astype(int)
    span = np.maximum(high - low, 0) * (doubled_area < -1e-12)[:, None]
    triangle = np.repeat(np.arange(len(faces)), span.prod(1))
    step = np.arange(len(triangle)) - np.repeat(np.cumsum(span.prod(1)) - span.prod(1), span.prod(1))
    column, row = low[triangle, 0] + step % span[triangle, 0], low[triangle, 1] + step // span[triangle, 0]
    x, y = column + 0.5 - corners[triangle, 0, 0], row + 0.5 - corners[triangle, 0, 1]
    (bx, by), (cx, cy) = (edges[triangle, k].T for k in range(2))
    second, third = (x * cy - y * cx) / doubled_area[triangle], (bx * y - by * x) / doubled_area[triangle]
    inside = (second >= -1e-9) & (third >= -1e-9) & (second + third <= 1 + 1e-9)
    weights = np.stack([1 - second - third, second, third], -1)[inside]
    triangle, pixels = triangle[inside], (row * size + column)[inside]
    nearness = np.einsum("nk,nk->n", weights, corners[triangle, :, 2])
    order = np.lexsort((nearness, pixels))
    front = order[np.append(pixels[order][1:] != pixels[order][:-1], True)] if len(order) else order
    return pixels[front], triangle[front], weights[front], nearness[front]


def _blend(corners, weights):
    """Function that interpolates vertex values (V, n) over the visible pixels."""
    return lambda values: np.einsum("nk,nkc->nc", weights, values[corners])


def _shade(normals, tint, openness):
    """Colours (n, 3) from camera-space normals: wrapped key light, fill, rim, a little gloss, times openness."""
    normals = normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
    key, fill, rim = (normals @ (np.array(light) / np.linalg.norm(light)) for light in (_KEY, _FILL, _RIM))
    half_way = np.array(_KEY) / np.linalg.norm(_KEY) + (0, 0, 1)
    gloss = np.maximum(normals @ (half_way / np.linalg.norm(half_way)), 0) ** 24
    warm = np.maximum((key + 0.15) / 1.15, 0)[:, None] * (0.80, 0.78, 0.75)
    cool = (np.maximum(fill, 0) * 0.16)[:, None] * (0.90, 0.97, 1.10) + (0.25, 0.26, 0.29)
    light = (warm + cool) * openness[:, None] + (0.22 * np.maximum(rim, 0) ** 2)[:, None]
    return tint * np.minimum(light, 1.12) + 26 * gloss[:, None] * openness[:, None]


def _openness(depth, extent):
    """Share of light (size, size) that reaches each pixel past its nearer surroundings, at two scales."""
    full = depth.shape[0]
    depth = depth[::2, ::2]
    size, openness = depth.shape[0], np.ones_like(depth)
    covered = np.isfinite(depth)
    floor = depth[covered].min() if covered.any() else 0.0
    raised = np.where(covered, depth - floor, 0).astype(np.float32)
    for reach, strength in ((0.012, 0.30), (0.045, 0.40)):
        around = _blurred(raised, reach / extent) / np.maximum(_blurred(covered, reach / extent), 1e-3)
        openness -= strength * np.clip((around - raised) / (2.5 * reach), 0, 1)
    return cv2.resize(openness, (full, full), interpolation=cv2.INTER_LINEAR)


def _ground_shadow(vertices, faces, camera, size):
    """Darkness (size, size) in 0..1 of the ground under the mesh, stronger for what is close to it."""
    ground, small = vertices[:, 1].min(), max(size // 4, 1)
    flat = np.stack([vertices[:, 0], np.full(len(vertices), ground), vertices[:, 2]], -1)
    seen = camera.project(flat, image_size=small)[:, :2]
    seen = np.round(np.clip(seen, -1000, 1000 + small) * 16).astype(np.int32)
    dark = np.zeros((small, small), np.float32)
    for below, blur in ((0.12, 0.012), (0.9, 0.05), (9.0, 0.12)):
        near = (vertices[:, 1] - ground < below)[faces].all(1)
        layer = np.zeros((small, small), np.float32)
        for triangle in seen[faces[near]]:
            cv2.fillConvexPoly(layer, triangle, 1.0, shift=4)
        dark += _blurred(layer, blur / camera.extent) / 3
    return cv2.resize(dark, (size, size), interpolation=cv2.INTER_LINEAR)


def _blurred(image, reach):
    """Gaussian blur whose standard deviation is `reach` times the picture's height, at least a pixel."""
    return cv2.GaussianBlur(np.asarray(image, np.float32), (0, 0), max(1.0, reach * image.shape[0]))


def _skeleton_mesh(joints):
    """Spheres at the joints (29, 3) and tapered bones between them as one mesh."""
    sphere = _tube(np.array([[0, -1.0, 0], [0, 1.0, 0]]), lambda t: np.sqrt(np.maximum(1 - t * t, 0)))
    parts = [(joint + _SPHERE_RADIUS * sphere[0], sphere[1]) for joint in joints]
    for joint, parent in enumerate(skeletons.SMPL_29.parents[1:], start=1):
        ends = np.stack([joints[parent], joints[joint]])
        parts.append(_tube(ends, lambda t: _BONE_RADIUS * (1.25 - 0.45 * t)))
    starts = np.cumsum([0] + [len(vertices) for vertices, _ in parts[:-1]])
    faces = [faces + start for (_, faces), start in zip(parts, starts, strict=True)]
    return np.concatenate([vertices for vertices, _ in parts]), np.concatenate(faces)


def _tube(ends, radius, *, rings=9, around=16):
    """Surface of revolution about the line between `ends` (2, 3): `radius` maps -1..1 along it to metres."""
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
