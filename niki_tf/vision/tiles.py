"""Overlapping square parts of a picture, in which people are large enough for a detector of small pictures."""

import numpy as np

_USEFUL = 224
"""Pixels of a tile below which the detector's picture would show it enlarged."""
_MOST_ALONG = 4
"""The long side of a picture is at most so many tiles."""


def tiles(height: int, width: int, *, fractions: tuple[float, ...] = (1.0, 0.6), overlap: float = 0.5) -> np.ndarray:
    """The whole picture and squares in it, (N, 4) pixels: left, top, right, bottom.

    Args:
        height: of the picture, pixels.
        width: of the picture, pixels.
        fractions: sides of the squares as shares of the short side of the picture.
        overlap: share of its side by which a square overlaps the next, at least.

    Example:
        >>> from niki_tf.vision.tiles import tiles
        >>> tiles(400, 800, fractions=(1.0,)).tolist()
        [[0, 0, 800, 400], [0, 0, 400, 400], [200, 0, 600, 400], [400, 0, 800, 400]]
    """
    found = [(0, 0, width, height)]
    for fraction in fractions:
        side = round(max(fraction * min(height, width), max(height, width) / _MOST_ALONG))
        if side < _USEFUL or side >= max(height, width):
            continue
        for top in _starts(height, side, overlap):
            for left in _starts(width, side, overlap):
                found.append((left, top, min(left + side, width), min(top + side, height)))
    return np.array(list(dict.fromkeys(found)))


def surroundings(height: int, width: int, *, center: np.ndarray, side: float) -> np.ndarray:
    """The part of a picture in a square, (4,) pixels: left, top, right, bottom; at least a pixel."""
    low = np.clip(np.floor(center - side / 2), 0, [width - 1, height - 1])
    high = np.clip(np.ceil(center + side / 2), low + 1, [width, height])
    return np.concatenate([low, high]).astype(int)


def _starts(length: int, side: int, overlap: float) -> list[int]:
    """Where the squares begin along a side of the picture."""
    free = max(length - side, 0)
    count = int(np.ceil(free / max(side * (1.0 - overlap), 1.0))) + 1
    return np.linspace(0, free, count).round().astype(int).tolist()
