"""Bodies drawn off screen by a pinhole camera, for images to train on: by OpenGL, or by the package's own rasteriser.

Both light each pixel by one formula, tint * (ambient + diffuse * max(0, normal . light)), so that their pictures are
alike up to the edges of triangles.
"""

import contextlib
import dataclasses
import subprocess
import sys
import threading
import weakref

import cv2
import numpy as np

from niki_tf.drawing import opengl_child, rasterizing

NEAR, FAR = 0.1, 100.0
"""Metres from the camera between which something is drawn."""

_RUN = """
import runpy, sys
sys.path = [place for place in sys.path if place]  # what is called as a module in this folder is none
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
_SECONDS = 10


@dataclasses.dataclass(frozen=True)
class Light:
    """One light far away, and light from everywhere.

    Attributes:
        direction: (3,) of unit length, towards the light, in the camera's axes.
        diffuse: (3,) red, green, blue, of the light.
        ambient: (3,) red, green, blue, from everywhere.
    """

    direction: np.ndarray
    diffuse: np.ndarray
    ambient: np.ndarray


class Renderer:
    """Draws one mesh again and again, posed anew, uint8 (size, size, 3) over a background.

    Args:
        faces: (F, 3) vertex numbers, counter-clockwise from outside.
        size: pixels, height and width.
        opengl: whether to draw by OpenGL (moderngl with EGL); None for where it is there.

    Raises:
        ImportError: OpenGL was asked for, and moderngl is not installed or finds none.
    """

    def __init__(self, faces: np.ndarray, *, size: int, opengl: bool | None = None) -> None:
        self.size, self._faces = size, np.ascontiguousarray(faces, np.int32)
        self._gpu: _OpenGL | None = None
        if opengl or opengl is None:
            try:
                self._gpu = _OpenGL(self._faces, size)
            except OSError as error:
                if opengl:
                    cure = 'pip install "niki-tf[render]" and EGL'
                    raise ImportError(f"OpenGL off screen needs {cure}; {error}.") from None

    @property
    def opengl(self) -> bool:
        """Whether OpenGL draws."""
        return self._gpu is not None

    def draw(
        self,
        vertices: np.ndarray,
        tint: np.ndarray,
        *,
        focal: float,
        center: np.ndarray,
        light: Light,
        background: np.ndarray,
    ) -> np.ndarray:
        """A picture, uint8 (size, size, 3).

        Args:
            vertices: (V, 3) metres, x to the right, y down, z away from the camera.
            tint: (V, 3) red, green, blue of the surface, 0..1.
            focal: pixels.
            center: (2,) pixels, where the camera's axis meets the picture.
            light: on the body.
            background: uint8 (size, size, 3).
        """
        vertices = np.asarray(vertices, np.float64)
        normals = rasterizing.vertex_normals(vertices, self._faces)
        surface = np.concatenate([vertices, normals, tint], -1)
        drawer = self._gpu.draw if self._gpu else self._drawn
        colour, covered = drawer(surface, focal, np.asarray(center, float), light)
        drawn = np.where(covered[..., None], 255.0 * colour, background)
        return np.clip(np.rint(drawn), 0, 255).astype(np.uint8)

    def _drawn(
        self, surface: np.ndarray, focal: float, center: np.ndarray, light: Light
    ) -> tuple[np.ndarray, np.ndarray]:
        """Colours (size, size, 3) in 0..1 and what is covered (size, size), by the package's own rasteriser.

        Args:
            surface: (V, 9) places, normals and tints of the vertices.
            focal: see `draw`.
            center: see `draw`.
            light: see `draw`.
        """
        vertices, normals, tint = np.split(surface, 3, -1)
        depth = np.maximum(vertices[:, 2:], NEAR)
        seen = np.concatenate([focal * vertices[:, :2] / depth + center, -depth], -1)
        faces = self._faces[(vertices[self._faces, 2] > NEAR).all(1)]
        pixels, triangle, weights, _ = rasterizing.visible(seen, faces, self.size)
        corners = faces[triangle]
        weights = weights / depth[corners, 0]  # interpolated on the surface, not in the picture
        blend = rasterizing.blend(corners, weights / weights.sum(-1, keepdims=True))
        across = blend(normals)
        across /= np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-9)
        lit = light.ambient + light.diffuse * np.maximum(across @ light.direction, 0.0)[:, None]
        colour, covered = np.zeros([self.size**2, 3]), np.zeros(self.size**2, bool)
        colour[pixels], covered[pixels] = blend(tint) * lit, True
        return colour.reshape(self.size, self.size, 3), covered.reshape(self.size, self.size)


def blurred(image: np.ndarray, deviation: float) -> np.ndarray:
    """The image, uint8 (H, W, 3), after a Gaussian blur of so many pixels; as it is if that is next to nothing."""
    return cv2.GaussianBlur(image, (0, 0), deviation) if deviation > 0.1 else image


class _OpenGL:
    """The same by OpenGL, in a process of its own: Mesa's LLVM and TensorFlow's do not bear each other."""

    def __init__(self, faces: np.ndarray, size: int) -> None:
        self._size, self._turn = size, threading.Lock()
        vertices = int(faces.max()) + 1
        command = [
            sys.executable,
            "-c",
            _RUN,
            opengl_child.__file__,
            *map(str, (size, vertices, len(faces), NEAR, FAR)),
        ]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
        weakref.finalize(self, _end, self._process)
        answer = self._ask(np.ascontiguousarray(faces, np.int32).tobytes(), len(opengl_child.READY))
        if answer != opengl_child.READY:
            raise OSError("its process ended before it drew")

    def draw(
        self, surface: np.ndarray, focal: float, center: np.ndarray, light: Light
    ) -> tuple[np.ndarray, np.ndarray]:
        """Colours (size, size, 3) in 0..1 and what is covered (size, size); see `Renderer`."""
        settings = np.concatenate([[focal], center, light.direction, light.diffuse, light.ambient]).astype("f4")
        sent = settings.tobytes() + surface.astype("f4").tobytes()
        answer = self._ask(sent, 8 * self._size**2)
        if len(answer) < 8 * self._size**2:
            raise OSError("the process that draws by OpenGL has ended; make another Renderer, or opengl=False.")
        image = np.frombuffer(answer, np.float16).reshape(self._size, self._size, 4).astype(np.float64)
        return image[..., :3], image[..., 3] > 0.5

    def _ask(self, sent: bytes, wanted: int) -> bytes:
        """What the process answers, fewer bytes than `wanted` if it has ended."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise OSError("the process that draws by OpenGL has no pipes")
        with self._turn:
            try:
                stdin.write(sent)
                stdin.flush()
            except BrokenPipeError:
                return b""
            return stdout.read(wanted)


def _end(process: subprocess.Popen) -> None:
    """Closes the pipes of a process, which then ends."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    process.wait(timeout=_SECONDS)
