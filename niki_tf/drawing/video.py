"""Videos in H.264, which browsers, phones and office programs play, written by PyAV."""

import fractions
import itertools
import os
import pathlib
from collections.abc import Iterable

import numpy as np

from niki_tf.files import atomic_write

_QUALITY = {"crf": "20", "preset": "veryfast"}
"""Of libx264: nearly without visible loss."""


def write_video(path: str | os.PathLike, images: Iterable[np.ndarray], *, fps: float) -> pathlib.Path:
    """Writes an .mp4 file, whole or not at all, and gives its path.

    Args:
        path: ends in .mp4.
        images: uint8 (height, width, 3), red, green, blue, all of one size; an odd last row or column is left out.
        fps: frames per second.

    Raises:
        ImportError: PyAV is not installed.
        ValueError: `path` ends in something else, or there are no images.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() != ".mp4":
        raise ValueError(f"`path` must end in .mp4; got {path}.")
    try:
        import av
    except ImportError:
        raise ImportError('videos are written by PyAV, which is not installed: pip install "niki-tf[video]"') from None
    images = iter(images)
    first = next(images, None)
    if first is None:
        raise ValueError("`images` must hold at least one; got none.")
    height, width = (side - side % 2 for side in first.shape[:2])
    with atomic_write(path) as temporary, av.open(str(temporary), "w") as file:
        stream = file.add_stream("libx264", rate=fractions.Fraction(fps).limit_denominator(1001), options=_QUALITY)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for image in itertools.chain([first], images):
            even = np.ascontiguousarray(image[:height, :width])
            file.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        file.mux(stream.encode(None))
    return path
