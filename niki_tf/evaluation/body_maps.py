"""Figures that tell a number of each joint by colours on a body."""

import os
from collections.abc import Mapping

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.ticker import LogLocator, NullFormatter

from niki_tf import drawing
from niki_tf.body import BodyData
from niki_tf.evaluation import figures

_COLOURS = "turbo"
_LEAST_SHARE = 0.02
"""Of the largest number; the least end of the scale."""
_SIZE = 420
"""Pixels of each picture, height and width."""


def body_map_figure(
    panels: Mapping[str, np.ndarray],
    path: str | os.PathLike,
    *,
    data: BodyData,
    columns: int,
    meaning: str,
    title: str,
) -> None:
    """Draws a body at rest once for each heading, in one scale of colours, the warmer the larger, as a PNG.

    The scale is one of logarithms, so that panels of small numbers, too, tell one joint from another.

    Args:
        panels: dict of heading -> numbers (24,), one a joint.
        path: file to write, whole or not at all.
        data: the body; a vertex has the numbers of its joints, weighted as they move it.
        columns: panels side by side.
        meaning: label of the scale.
        title: heading of the figure.
    """
    lines = -(-len(panels) // columns)
    figure = figures.new_figure(title, height=0.6 + (0.5 + 9.0 / columns) * lines)
    grid = figure.subplots(lines, columns, squeeze=False)
    every = np.concatenate([*panels.values()])
    largest = max(float(every.max()), np.finfo(np.float32).tiny)
    ends = max(float(every.min()), _LEAST_SHARE * largest), largest
    scale = ScalarMappable(LogNorm(*ends, clip=True), matplotlib.colormaps[_COLOURS])
    for axes, (heading, numbers) in zip(grid.flat, panels.items(), strict=False):
        colours = 255.0 * scale.to_rgba(data.lbs_weights @ numbers)[:, :3]
        picture = drawing.render_mesh(
            data.v_template, data.faces, color=colours, image_size=_SIZE, background=(255, 255, 255)
        )
        axes.imshow(picture)
        axes.set_title(heading, fontsize=9)
    for axes in grid.flat:
        axes.axis("off")
    bar = figure.colorbar(scale, ax=grid, label=meaning, fraction=0.03, pad=0.01, ticks=LogLocator(subs=(1, 2, 5)))
    bar.ax.yaxis.set_major_formatter("{x:g}")
    bar.ax.yaxis.set_minor_formatter(NullFormatter())
    figures.write_figure(figure, path)
