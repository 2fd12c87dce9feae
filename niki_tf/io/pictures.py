"""Photographs: reading them upright in colour, and the focal length that their camera noted."""

import os
import pathlib
from typing import Any

import cv2
import numpy as np

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".heif")
"""Of pictures."""
_HEIF = (".heic", ".heif")
_FULL_FRAME = float(np.hypot(36.0, 24.0))
"""Diagonal of 35 mm film, mm, to which a lens's equivalent focal length relates (CIPA DCG-001)."""
_EXIF, _FOCAL_35, _FOCAL, _RESOLUTION, _RESOLUTION_UNIT = 0x8769, 0xA405, 0x920A, 0xA20E, 0xA210
"""Numbers of EXIF's entries."""
_WIDTH = 0xA002
_MM_IN_UNIT = {2: 25.4, 3: 10.0}
"""EXIF's units of resolution."""


def is_picture(path: str | os.PathLike) -> bool:
    """Whether a file is a picture, by its ending."""
    return pathlib.Path(path).suffix.lower() in ENDINGS


def read_picture(path: str | os.PathLike | bytes) -> np.ndarray:
    """A photograph as uint8 (H, W, 3), red, green, blue: grey, with alpha, CMYK, 16 bits or turned by EXIF alike.

    Args:
        path: of a file with one of `ENDINGS`, or the content of one, .heic excepted.

    Raises:
        ImportError: .heic files need pillow-heif, which is not installed.
        ValueError: the file is not there, damaged, or no picture.
    """
    if isinstance(path, bytes):
        content, named = np.frombuffer(path, np.uint8), f"the content of {len(path)} bytes"
    else:
        path = pathlib.Path(path).expanduser()
        if path.suffix.lower() in _HEIF:
            return _read_heif(path)
        content, named = _content(path), repr(str(path))
    image = _decoded(content)
    if image is None:
        raise ValueError(f"`path` must be a picture ({', '.join(ENDINGS)}); {named} is damaged or none.")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _content(path: pathlib.Path) -> np.ndarray:
    """The bytes of a file, whatever letters its path has."""
    try:
        return np.fromfile(path, np.uint8)
    except OSError as error:
        raise ValueError(f"`path` must be a picture; {str(path)!r} cannot be read ({error.strerror}).") from None


def _decoded(content: np.ndarray) -> np.ndarray | None:
    try:
        return cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    except cv2.error:
        return None


def _read_heif(path: pathlib.Path) -> np.ndarray:
    try:
        import pillow_heif
    except ImportError:
        raise ImportError(
            f'{path.name} needs pillow-heif, which is not installed: pip install "niki-tf[image]"'
        ) from None
    try:
        return np.asarray(pillow_heif.open_heif(path, convert_hdr_to_8bit=True).to_pillow().convert("RGB"))
    except (ValueError, OSError) as error:
        raise ValueError(f"`path` must be a picture; {str(path)!r} cannot be read ({error}).") from None


def focal_of(path: str | os.PathLike, *, height: int, width: int) -> float | None:
    """Focal length in pixels that the camera noted (EXIF); None if there is none, or Pillow is not installed.

    Args:
        path: of the picture.
        height: pixels of the picture.
        width: pixels of the picture.
    """
    entries = _exif(pathlib.Path(path).expanduser())
    equivalent = _number(entries.get(_FOCAL_35))
    if equivalent:
        return equivalent / _FULL_FRAME * float(np.hypot(height, width))
    focal, resolution = _number(entries.get(_FOCAL)), _number(entries.get(_RESOLUTION))
    unit, noted = _MM_IN_UNIT.get(entries.get(_RESOLUTION_UNIT, 2)), _number(entries.get(_WIDTH))
    if not focal or not resolution or not unit:
        return None
    resized = max(height, width) / noted if noted and noted > max(height, width) else 1.0
    return focal * resolution / unit * resized


def _exif(path: pathlib.Path) -> dict[int, Any]:
    """EXIF's entries of the camera by number."""
    try:
        from PIL import Image
    except ImportError:
        return {}
    try:
        with Image.open(path) as picture:
            return dict(picture.getexif().get_ifd(_EXIF))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return {}


def _number(value: Any) -> float | None:
    """A positive number, or None."""
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if np.isfinite(number) and number > 0 else None
