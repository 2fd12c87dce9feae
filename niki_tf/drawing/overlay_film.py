"""Bodies over the frames of a video, and over a picture; written as files."""

import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from niki_tf.drawing import overlay, video
from niki_tf.files import atomic_write

_AT_ONCE = 16
"""Frames posed at once."""


class SeenBody(NamedTuple):
    """A body over the frames."""

    vertices: Callable[[int, int], np.ndarray]
    """Function of first and last frame that gives the vertices (n, V, 3) in between, metres: to the right, up, towards
    the viewer, who is at the origin."""
    seen: np.ndarray
    """(T,) bool: frames in which it is drawn."""


def film(
    images: Iterable[np.ndarray], bodies: Sequence[SeenBody], faces: np.ndarray, *, focal: float, center: np.ndarray
) -> Iterator[np.ndarray]:
    """Each picture with the bodies over it, the farthest first.

    Args:
        images: T of uint8 (H, W, 3).
        bodies: that are drawn.
        faces: (F, 3) vertex numbers.
        focal: pixels.
        center: (2,) pixels.
    """
    posed: list[np.ndarray] = []
    for number, image in enumerate(images):
        if number >= min((len(body.seen) for body in bodies), default=0):
            return
        if number % _AT_ONCE == 0:
            posed = [body.vertices(number, min(number + _AT_ONCE, len(body.seen))) for body in bodies]
        shown = [
            (vertices[number % _AT_ONCE], overlay.COLOURS[k % len(overlay.COLOURS)])
            for k, (vertices, body) in enumerate(zip(posed, bodies, strict=True))
            if body.seen[number]
        ]
        drawn = image
        for vertices, color in sorted(shown, key=lambda pair: float(pair[0][:, 2].mean())):
            drawn = overlay.draw_over(drawn, vertices, faces, focal=focal, center=center, color=color)
        yield drawn


def write_film(path: str | os.PathLike, images: Iterable[np.ndarray], *, fps: float) -> pathlib.Path:
    """Writes a video, whole or not at all: H.264 as .mp4 by PyAV where it is installed, else VP9 as .webm by OpenCV.

    Args:
        path: without ending.
        images: uint8 (H, W, 3), red, green, blue, all of one size.
        fps: frames per second.

    Returns:
        the path with its ending.

    Raises:
        ValueError: there are no images.
        OSError: OpenCV cannot write such videos here.
    """
    path = pathlib.Path(path)
    try:
        import av  # noqa: F401
    except ImportError:
        return _write_vp9(path.with_name(f"{path.name}.webm"), images, fps)
    return video.write_video(path.with_name(f"{path.name}.mp4"), images, fps=fps)


def _write_vp9(path: pathlib.Path, images: Iterable[np.ndarray], fps: float) -> pathlib.Path:
    images = iter(images)
    first = next(images, None)
    if first is None:
        raise ValueError("`images` must hold at least one; got none.")
    with atomic_write(path) as temporary:
        code = cv2.VideoWriter.fourcc(*"VP90")
        writer = cv2.VideoWriter(str(temporary), code, fps, (first.shape[1], first.shape[0]))
        if not writer.isOpened():
            raise OSError('OpenCV cannot write VP9 here; PyAV writes H.264: pip install "niki-tf[video]"')
        writer.write(cv2.cvtColor(first, cv2.COLOR_RGB2BGR))
        for image in images:
            writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        writer.release()
    return path
