"""Occlusion sensitivity maps: the error of a pose while a square hides one place of the image after the other.

Source: NIKI, supplementary material, section F; Zeiler and Fergus, Visualizing and understanding convolutional
networks, ECCV 2014, whose classification score is replaced by MPJPE.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

import cv2
import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from niki_tf.evaluation import figures

SQUARE, STRIDE = 40 / 224, 40 / 224
"""Side of the square, and its step, as a share of the crop: 40 pixels of 224. Source: section F."""

Estimate = Callable[[np.ndarray], np.ndarray]
"""Images (N, S, S, 3) -> joints (N, J, 3), metres, such as `lambda x: model.predict({"image": x})["joints"]`."""

_COLOURS, _COVER = "turbo", 0.55


def corners(size: int) -> list[int]:
    """First pixels of the squares along an axis: six, the last of which may reach beyond the image.

    Example:
        >>> from niki_tf.evaluation import occlusion_maps
        >>> occlusion_maps.corners(224)
        [0, 40, 80, 120, 160, 200]
    """
    count = int(np.ceil(round(1.0 / STRIDE, 9)))
    return [round(place * STRIDE * size) for place in range(count)]


def occluded(image: np.ndarray, *, fill: Any) -> np.ndarray:
    """The image with a square in each place, (P * P, S, S, 3), row by row.

    Args:
        image: (S, S, 3).
        fill: (3,), the value of the square: what the model's normalisation makes 0, its mean times 255.
    """
    side, places = round(SQUARE * len(image)), corners(len(image))
    hidden = np.repeat(np.asarray(image, np.float32)[None], len(places) ** 2, 0)
    for number, (row, column) in enumerate((row, column) for row in places for column in places):
        hidden[number, row : row + side, column : column + side] = fill
    return hidden


def occlusion_map(estimate: Estimate, image: np.ndarray, *, fill: Any, truth: np.ndarray | None = None) -> np.ndarray:
    """Error of each joint for each place of the square, (P, P, J), mm, relative to joint 0.

    Args:
        estimate: see `Estimate`.
        image: (S, S, 3).
        fill: see `occluded`.
        truth: (J, 3) metres; if None, the answer for the whole image, so that the map tells a change, not an error.
    """
    joints = np.asarray(estimate(occluded(image, fill=fill)), np.float64)
    expected = np.asarray(estimate(np.asarray(image, np.float32)[None])[0] if truth is None else truth, np.float64)
    off = (joints - joints[:, :1]) - (expected - expected[:1])
    places = len(corners(len(image)))
    return 1e3 * np.linalg.norm(off, axis=-1).reshape(places, places, -1)


def enlarged(errors: np.ndarray, size: int) -> np.ndarray:
    """Errors (P, P) of each place as a map (size, size), bicubic, none below zero."""
    return np.maximum(cv2.resize(np.float32(errors), (size, size), interpolation=cv2.INTER_CUBIC), 0.0)


def occlusion_figure(
    image: np.ndarray,
    maps: Mapping[str, np.ndarray],
    path: str | os.PathLike,
    *,
    changes: bool = False,
    title: str = "Occlusion sensitivity",
) -> None:
    """Draws the maps of several methods over one image, all in one scale of colours, as a PNG (figures 7 and 8).

    Args:
        image: uint8 (S, S, 3).
        maps: dict of method -> errors (P, P, J) of `occlusion_map`, mm.
        path: file to write, whole or not at all.
        changes: whether they tell the change against the answer for the whole image, and no error.
        title: heading of the figure.

    Raises:
        ValueError: there are no maps.
    """
    if not maps:
        raise ValueError("`maps` must hold one method or more; got none.")
    means = {name: errors.mean(-1) for name, errors in maps.items()}
    largest = max(float(enlarged(errors, len(image)).max()) for errors in means.values())
    scale = ScalarMappable(Normalize(0.0, largest), matplotlib.colormaps[_COLOURS])
    figure = figures.new_figure(title, height=0.9 + 9.0 / (len(means) + 1))
    grid = figure.subplots(1, len(means) + 1)
    grid[0].imshow(image)
    for axes, (name, errors) in zip(grid[1:], means.items(), strict=True):
        colours = 255.0 * scale.to_rgba(enlarged(errors, len(image)))[..., :3]
        axes.imshow(np.rint(_COVER * colours + (1 - _COVER) * image).astype(np.uint8))
        axes.set_title(name, loc="left", fontsize=9)
    for axes in grid:
        axes.axis("off")
    meaning = "change against the whole image (mm)" if changes else "MPJPE (mm)"
    figure.colorbar(scale, ax=grid, label=meaning, fraction=0.03, pad=0.01)
    figures.write_figure(figure, path)
