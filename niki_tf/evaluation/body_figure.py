"""Posed bodies over the crops that they were seen in, and from the side: several methods next to each other."""

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from matplotlib.axes import Axes

from niki_tf.drawing import overlay, rendering
from niki_tf.evaluation import figures

_PIXELS = 256
"""Height and width of a panel as it is drawn."""
_DPI = 160
_UP = np.array([1.0, -1.0, -1.0])
"""From the camera's axes, y down and z away, to those of pictures of bodies, y up and z towards the viewer."""
_SIDE = 90.0
"""Degrees that the view from the side is turned by."""
_MARGIN = 1.1


class SeenBodies(NamedTuple):
    """A crop, and the bodies that methods see in it, in the camera's axes: x to the right, y down, z away."""

    image: np.ndarray
    """uint8 (S, S, 3)."""
    focal: float
    """Widths of the crop."""
    center: np.ndarray
    """(2,), of the whole picture, from the centre of the crop, in its widths."""
    root: np.ndarray
    """(3,), where joint 0 is, metres."""
    bodies: Mapping[str, np.ndarray]
    """Method -> vertices (V, 3), metres, relative to joint 0."""
    truth: np.ndarray
    """(V, 3), the same of the true body."""
    errors: Mapping[str, float]
    """Method -> MPJPE, mm."""


def body_figure(crops: Sequence[SeenBodies], path: str | os.PathLike, *, faces: np.ndarray, title: str) -> None:
    """Draws a line for each crop as a PNG (figures 9 and 10): the crop, the true body from the side, and each method's.

    Args:
        crops: all with the same methods.
        path: file to write, whole or not at all.
        faces: (F, 3) of the bodies.
        title: heading of the figure.

    Raises:
        ValueError: there are no crops.
    """
    if not crops:
        raise ValueError("`crops` must hold one or more; got none.")
    names = list(crops[0].bodies)
    columns = 2 + 2 * len(names)
    figure = figures.new_figure(title, height=0.9 + figures.WIDTH / columns * len(crops))
    figure.set_dpi(_DPI)
    figure.set_layout_engine("constrained", w_pad=0.01, h_pad=0.01, wspace=0.0, hspace=0.0)
    grid = figure.subplots(len(crops), columns, squeeze=False)
    for line, seen in zip(grid, crops, strict=True):
        for axes, panel in zip(line, _panels(seen, faces), strict=True):
            axes.imshow(panel)
            axes.axis("off")
        for axes, name in zip(line[2::2], names, strict=True):
            _write(axes, f"{seen.errors[name]:.0f} mm")
    headings = ["crop", "truth, side"]
    for name in names:
        headings += [figures.short_name(name, names), "side"]
    for axes, heading in zip(grid[0], headings, strict=True):
        axes.set_title(heading, loc="left", fontsize=8, pad=3)
    figures.write_figure(figure, path)


def _panels(seen: SeenBodies, faces: np.ndarray) -> list[np.ndarray]:
    """The pictures of a line, each (_PIXELS, _PIXELS, 3); views from the side all show the same piece of space."""
    crop = cv2.resize(seen.image, (_PIXELS, _PIXELS), interpolation=cv2.INTER_CUBIC)
    low, high = seen.truth.min(0), seen.truth.max(0)
    view = {"center": _UP * (low + high) / 2, "extent": _MARGIN * float((high - low).max())}
    view |= {"azimuth": _SIDE, "image_size": _PIXELS}
    panels = [crop, rendering.render_mesh(_UP * seen.truth, faces, color=overlay.COLOURS[1], **view)]
    for vertices in seen.bodies.values():
        over = overlay.draw_over(
            crop,
            _UP * (vertices + seen.root),
            faces,
            focal=_PIXELS * seen.focal,
            center=_PIXELS * (np.asarray(seen.center) + 0.5),
        )
        panels += [over, rendering.render_mesh(_UP * vertices, faces, **view)]
    return panels


def _write(axes: Axes, text: str) -> None:
    """Text in the lower left corner of a panel, dark on light."""
    box = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1.5}
    axes.text(0.03, 0.03, text, transform=axes.transAxes, fontsize=7, color="#333333", bbox=box)
