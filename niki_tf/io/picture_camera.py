"""The pinhole camera of a picture: the focal length that is told, noted in the file, or guessed."""

import os
from typing import NamedTuple

import numpy as np

from niki_tf.io import pictures


class PictureCamera(NamedTuple):
    """A pinhole camera whose axis meets the middle of the picture, without distortion."""

    focal: float
    """Pixels."""
    width: int
    """Pixels of the picture."""
    height: int
    """Pixels of the picture."""
    source: str
    """Where the focal length comes from: told, EXIF or guessed."""

    @property
    def center(self) -> np.ndarray:
        """(2,) pixels, the middle of the picture."""
        return np.array([self.width, self.height]) / 2


def picture_camera(
    path: str | os.PathLike | None, *, height: int, width: int, focal: float | None = None
) -> PictureCamera:
    """The camera of a picture or video.

    Where nothing tells the focal length, it is taken to be the diagonal of the picture, which is that of a lens of
    43 mm on 35 mm film. Telephones have about 0.6 of it.

    Args:
        path: of the picture or video; None of one that is no file.
        height: pixels.
        width: pixels.
        focal: pixels, if it is known.

    Raises:
        ValueError: `focal` is not positive.

    Example:
        >>> from niki_tf.io import picture_camera
        >>> picture_camera.picture_camera(None, height=300, width=400)
        PictureCamera(focal=500.0, width=400, height=300, source='guessed')
    """
    if focal is not None and not 0 < focal < np.inf:
        raise ValueError(f"`focal` must be above 0, in pixels; got {focal}.")
    if focal is not None:
        return PictureCamera(float(focal), width, height, "told")
    noted = None
    if path is not None and pictures.is_picture(path):
        noted = pictures.focal_of(path, height=height, width=width)
    if noted:
        return PictureCamera(noted, width, height, "EXIF")
    return PictureCamera(float(np.hypot(height, width)), width, height, "guessed")
