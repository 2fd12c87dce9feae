"""Figures of occlusion sensitivity maps: several methods side by side, all in one scale of colours."""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from niki_tf.evaluation import figures
from niki_tf.evaluation.occlusion_maps import enlarged

_COLOURS, _COVER = "turbo", 0.6
_CHANGE = "change against the whole image (mm)"
_LARGEST = 3.2
"""Inches of a panel, at most."""
_COLUMNS = 8
"""Panels of joints side by side."""


def occlusion_figure(
    images: np.ndarray,
    maps: Mapping[str, np.ndarray],
    path: str | os.PathLike,
    *,
    changes: bool = False,
    title: str = "Occlusion sensitivity",
) -> None:
    """Draws the maps of several methods over each image, means over the joints, as a PNG (figures 7 and 8).

    Args:
        images: uint8 (N, S, S, 3), a line each.
        maps: dict of method -> errors (N, P, P, J) of `occlusion_maps.occlusion_map`, mm.
        path: file to write, whole or not at all.
        changes: whether they tell the change against the answer for the whole image, and no error.
        title: heading of the figure.

    Raises:
        ValueError: there are no maps.
    """
    means = {name: errors.mean(-1) for name, errors in _checked(maps).items()}
    scale = _scale(means.values())
    side = min(0.93 * figures.WIDTH / (len(means) + 1), _LARGEST)
    figure = figures.new_figure(title, height=0.8 + side * len(images))
    grid = figure.subplots(len(images), len(means) + 1, squeeze=False)
    for line, (row, image) in enumerate(zip(grid, images, strict=True)):
        row[0].imshow(image)
        for axes, (name, errors) in zip(row[1:], means.items(), strict=True):
            axes.imshow(_coloured(image, errors[line], scale))
            if line == 0:
                axes.set_title(figures.short_name(name, means), loc="left", fontsize=9)
    _finish(figure, grid.flat, scale, _CHANGE if changes else "MPJPE (mm)")
    figures.write_figure(figure, path)


def joint_map_figure(
    image: np.ndarray,
    maps: Mapping[str, np.ndarray],
    path: str | os.PathLike,
    *,
    names: Sequence[str],
    changes: bool = False,
    title: str = "Occlusion sensitivity of each joint",
) -> None:
    """Draws the maps of each joint but joint 0 over one image, lines of panels for each method, as a PNG.

    Args:
        image: uint8 (S, S, 3).
        maps: dict of method -> errors (P, P, J), mm.
        path: file to write, whole or not at all.
        names: of the J joints.
        changes: see `occlusion_figure`.
        title: heading of the figure.

    Raises:
        ValueError: there are no maps.
    """
    shown = {name: np.moveaxis(errors, -1, 0)[1:] for name, errors in _checked(maps).items()}
    scale = _scale(shown.values())
    lines = -(-len(names) // _COLUMNS)
    figure = figures.new_figure(title, height=0.8 + 1.4 * lines * len(shown))
    grid = figure.subplots(lines * len(shown), _COLUMNS, squeeze=False)
    for block, (name, errors) in zip(np.split(grid, len(shown)), shown.items(), strict=True):
        first, *others = block.flat
        first.imshow(image)
        first.set_title(figures.short_name(name, shown), loc="left", fontsize=8, fontweight="bold", pad=3)
        for axes, joint, error in zip(others, names[1:], errors, strict=False):
            axes.imshow(_coloured(image, error, scale))
            axes.set_title(joint.replace("_", " "), fontsize=7, pad=3)
    _finish(figure, grid.flat, scale, _CHANGE if changes else "error (mm)")
    figures.write_figure(figure, path)


def _checked(maps: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    if not maps:
        raise ValueError("`maps` must hold one method or more; got none.")
    return maps


def _scale(stacks: Collection[np.ndarray]) -> ScalarMappable:
    """The colours of the maps of all methods, from the least of them to the largest."""
    ends = min(float(maps.min()) for maps in stacks), max(float(maps.max()) for maps in stacks)
    return ScalarMappable(Normalize(*ends), matplotlib.colormaps[_COLOURS])


def _coloured(image: np.ndarray, errors: np.ndarray, scale: ScalarMappable) -> np.ndarray:
    """The image in grey under the colours of a map (P, P)."""
    colours = 255.0 * scale.to_rgba(enlarged(errors, len(image)))[..., :3]
    return np.rint(_COVER * colours + (1 - _COVER) * image.mean(-1, keepdims=True)).astype(np.uint8)


def _finish(figure: Figure, panels: Iterable[Axes], scale: ScalarMappable, meaning: str) -> None:
    """No axes, and one bar of colours for all panels."""
    for axes in panels:
        axes.axis("off")
    figure.colorbar(scale, ax=figure.axes, label=meaning, fraction=0.03, pad=0.01)
