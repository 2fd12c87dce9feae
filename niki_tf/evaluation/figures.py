"""Figures of the protocols, drawn without a display."""

import dataclasses
import os
import pathlib
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from niki_tf.evaluation.tables import Row
from niki_tf.files import atomic_write
from niki_tf.shapes import TensorLike
from niki_tf.solvers import zoo

_COLOURS = ("#d1495b", "#2e6f95", "#e8a33d", "#3f8f5f", "#7d5ba6", "#8b5e3c", "#6c757d", "#111111")
_STYLES = ("-", "--", ":", "-.", (0, (1, 4)))
_INK, _FAINT = "#333333", "#c4c4c4"
_LEVELS = {
    "noise_mm": "noise on each axis, standard deviation (mm)",
    "factor": "an estimator's errors, times their usual size",
}
"""Column of a row's level, and the label of its axis."""
_LEAST_MM = 1e-2
"""Millimetres; the least length of an axis of logarithms."""
_MANY_BARS = 24
"""Bars of a panel beyond which their numbers do not fit side by side."""
_FEW_DECADES = 200.0
"""Ratio of its ends up to which such an axis has marks at 2 and 5, too."""
WIDTH = 10.5
"""Inches of a figure."""
_LEVEL_HEIGHT = 4.75
"""Inches of a row of panels; exact in binary, so that every release of Matplotlib makes as many pixels of it."""


def noise_figure(rows: Sequence[Row], path: str | os.PathLike, *, title: str = "Noise sensitivity") -> None:
    """Draws error over noise, one line a solver, MPJPE beside PA-MPJPE, as a PNG (the paper's figure 5).

    Args:
        rows: what `noise_rows` gave.
        path: file to write, whole or not at all.
        title: heading of the figure.
    """
    lines: dict[str, list[Row]] = {}
    for row in rows:
        lines.setdefault(row["solver"], []).append(row)
    (column,) = _LEVELS.keys() & rows[0].keys()
    figure = new_figure(title, height=4.6)
    panels = zip(figure.subplots(1, 2), ("mpjpe", "pa_mpjpe"), ("MPJPE (mm)", "PA-MPJPE (mm)"), strict=True)
    for axes, metric, heading in panels:
        _draw_lines(axes, lines, column, metric)
        _tidy(axes, heading, _LEVELS[column], sorted({row[column] for row in rows}))
    write_figure(figure, path)


def acceleration_figure(
    curves: Mapping[str, TensorLike],
    path: str | os.PathLike,
    *,
    hidden: TensorLike,
    title: str = "Acceleration error",
) -> None:
    """Draws the acceleration error of each frame of one clip, one line a solver, as a PNG (the paper's figure 4).

    Args:
        curves: dict of solver's name -> error (T - 2,), mm/frame^2.
        path: file to write, whole or not at all.
        hidden: (T,), share of the joints that were hidden, drawn in grey behind the lines.
        title: heading of the figure.
    """
    figure = new_figure(title, height=3.8)
    axes, frames = figure.subplots(), len(hidden)
    for place, (name, curve) in enumerate(curves.items()):
        colour = _COLOURS[place % len(_COLOURS)]
        axes.plot(range(1, frames - 1), curve, color=colour, lw=1.8, label=short_name(name, curves), zorder=3)
    _tidy(axes, "error of the acceleration (mm/frame$^2$)", "frame", [0, frames - 1])
    axes.set_xticks(range(0, frames, max(1, 10 * round(frames / 100))))
    behind = axes.twinx()
    behind.fill_between(range(frames), 100.0 * np.asarray(hidden), color="#e9e9e9", lw=0, step="mid")
    behind.set_ylim(0, 100)
    behind.set_ylabel("joints hidden (%), grey", color="#8a8a8a")
    behind.spines[["top", "right", "left"]].set_visible(False)
    behind.tick_params(colors="#8a8a8a", length=0)
    axes.set_zorder(behind.get_zorder() + 1)
    axes.patch.set_visible(False)
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=4, labelcolor=_INK)
    write_figure(figure, path)


def level_figure(
    panels: Mapping[str, Sequence[Row]],
    path: str | os.PathLike,
    *,
    level: str,
    meaning: str,
    title: str,
    metric: str = "mpjpe",
) -> None:
    """Draws an error over a level as a PNG, a panel for each heading, a line for each solver and way.

    Args:
        panels: dict of heading -> rows with solver, way, the level and the metric.
        path: file to write, whole or not at all.
        level: column of the level.
        meaning: what it is, the label of its axis.
        title: heading of the figure.
        metric: column of the error, millimetres.
    """
    figure = new_figure(title, height=_LEVEL_HEIGHT * -(-len(panels) // 2))
    columns = min(len(panels), 2)
    grid = figure.subplots(-(-len(panels) // columns), columns, squeeze=False)
    for axes, (heading, rows) in zip(grid.flat, panels.items(), strict=False):
        names, ways = ([*dict.fromkeys(row[key] for row in rows)] for key in ("solver", "way"))
        for name, way in dict.fromkeys((row["solver"], row["way"]) for row in rows):
            some = [row for row in rows if (row["solver"], row["way"]) == (name, way)]
            axes.plot(
                [row[level] for row in some],
                [row[metric] for row in some],
                color=_COLOURS[names.index(name) % len(_COLOURS)],
                ls=_STYLES[ways.index(way) % len(_STYLES)],
                lw=2.0,
                marker="o",
                ms=4,
                label=f"{short_name(name, names)}, {way.replace('_', ' ')}",
            )
        _tidy(axes, f"{heading}; MPJPE (mm)", meaning, sorted({row[level] for row in rows}))
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    _legend_below(figure, list(grid.flat)[: len(panels)])
    write_figure(figure, path)


@dataclasses.dataclass(frozen=True, eq=False)
class Bars:
    """Groups of bars side by side: one panel of `bar_figure`."""

    groups: Sequence[str]
    """Names under the groups."""
    numbers: Mapping[str, Sequence[float]]
    """What a bar of each group means -> its numbers, one a group."""
    faint: Collection[int] = ()
    """Places of groups whose bars are grey."""
    faint_meaning: str = ""
    """Why they are."""


def bar_figure(panels: Mapping[str, Bars], path: str | os.PathLike, *, meaning: str, title: str) -> None:
    """Draws numbers as bars, each with its number above, as a PNG, a panel for each heading below the other.

    Args:
        panels: dict of heading -> `Bars`.
        path: file to write, whole or not at all.
        meaning: label of the upright axis.
        title: heading of the figure.
    """
    figure = new_figure(title, height=0.6 + 4.0 * len(panels))
    grid = list(figure.subplots(len(panels), squeeze=False).flat)
    for axes, (heading, bars) in zip(grid, panels.items(), strict=True):
        _draw_bars(axes, bars)
        axes.set_title(heading, loc="left", color=_INK, fontsize=11)
        axes.set_ylabel(meaning, color=_INK)
    if any(len(bars.numbers) > 1 or bars.faint for bars in panels.values()):
        _legend_below(figure, grid)
    write_figure(figure, path)


def reliability_figure(panels: Mapping[str, Sequence[Row]], path: str | os.PathLike, *, title: str) -> None:
    """Draws the true over the expected error as a PNG, a panel for each heading, a line for each solver and way.

    Args:
        panels: dict of heading -> rows with solver, way, expected_mm and error_mm.
        path: file to write, whole or not at all.
        title: heading of the figure.
    """
    columns = min(len(panels), 2)
    figure = new_figure(title, height=4.6 * -(-len(panels) // columns))
    grid = figure.subplots(-(-len(panels) // columns), columns, squeeze=False)
    for axes, (heading, rows) in zip(grid.flat, panels.items(), strict=False):
        lengths = [max(row[key], _LEAST_MM) for row in rows for key in ("expected_mm", "error_mm")]
        ends = np.array([min(lengths), max(lengths)])
        axes.fill_between(ends, 0.9 * ends, 1.1 * ends, color="#e9e9e9", lw=0, label="within 10 %")
        names, ways = ([*dict.fromkeys(row[key] for row in rows)] for key in ("solver", "way"))
        for name, way in dict.fromkeys((row["solver"], row["way"]) for row in rows):
            some = [row for row in rows if (row["solver"], row["way"]) == (name, way)]
            axes.plot(
                [max(row["expected_mm"], _LEAST_MM) for row in some],
                [max(row["error_mm"], _LEAST_MM) for row in some],
                color=_COLOURS[names.index(name) % len(_COLOURS)],
                ls=_STYLES[ways.index(way) % len(_STYLES)],
                **{"lw": 2.0, "marker": "o", "ms": 4, "label": f"{short_name(name, names)}, {way}"},
            )
        axes.set(xscale="log", yscale="log", xlabel="expected error (mm)", title=f"{heading}; true error (mm)")
        subs = (1.0, 2.0, 5.0) if ends[1] < _FEW_DECADES * ends[0] else (1.0,)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(subs=subs))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter("")
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    _legend_below(figure, list(grid.flat)[: len(panels)])
    write_figure(figure, path)


def short_name(name: str, names: Collection[str]) -> str:
    """The last part of a solver's path, or all of it where another solver's path ends the same."""
    last = pathlib.PurePath(name).name
    return name if sum(pathlib.PurePath(other).name == last for other in names) > 1 else last


def new_figure(title: str, *, height: float) -> Figure:
    """An empty figure with a heading; `height` in inches."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained", facecolor="white")
    figure.suptitle(title, x=0.01, ha="left", color=_INK, fontsize=13, fontweight="bold")
    return figure


def write_figure(figure: Figure, path: str | os.PathLike) -> None:
    """Writes the figure as a PNG, whole or not at all."""
    with atomic_write(path) as beside:
        FigureCanvasAgg(figure).print_png(str(beside), metadata={"Software": None})


def _legend_below(figure: Figure, panels: Sequence[Axes]) -> None:
    """One legend for the lines of all panels, under them, so that it covers none."""
    lines = {label: line for axes in panels for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(
        list(lines.values()),
        list(lines),
        loc="outside lower center",
        ncols=3,
        frameon=False,
        labelcolor=_INK,
        fontsize=8,
    )


def _draw_bars(axes: Axes, bars: Bars) -> None:
    """One panel of bars; where they are many their numbers stand upright."""
    count, names = len(bars.groups), list(bars.numbers)
    width, crowded = 0.84 / len(names), len(names) * count > _MANY_BARS
    angle, size = (90, 7) if crowded else (0, 8)
    for place, (name, numbers) in enumerate(bars.numbers.items()):
        across = [group + (place - (len(names) - 1) / 2) * width for group in range(count)]
        colour = _COLOURS[place % len(_COLOURS)]
        colours = [_FAINT if group in bars.faint else colour for group in range(count)]
        drawn = axes.bar(across, numbers, 0.92 * width, color=colours, zorder=3)
        said = [f"{number:#.3g}".rstrip(".") for number in numbers]
        axes.bar_label(drawn, said, padding=3, color=_INK, rotation=angle, fontsize=size)
        axes.bar([0], [np.nan], color=colour, label=name)
    if bars.faint:
        axes.bar([0], [np.nan], color=_FAINT, label=bars.faint_meaning)
    _tidy(axes, "", "", range(count))
    axes.set_ylim(auto=True)
    axes.margins(y=0.16 if crowded else 0.1)
    axes.set_xlim(-0.6, count - 0.4)
    axes.set_xticklabels(bars.groups)
    axes.axhline(0, color=_INK, lw=0.8, zorder=4)


def _draw_lines(axes: Axes, lines: Mapping[str, Sequence[Row]], column: str, metric: str) -> None:
    """One line a solver, with its name at the right end instead of a legend; dashed with the exact finish."""
    bases = list(dict.fromkeys(zoo.parse_name(name).base for name in lines))
    ends = [(rows[-1][column], rows[-1][metric]) for rows in lines.values()]
    top = max(row[metric] for rows in lines.values() for row in rows)
    heights = _spread([height for _, height in ends], gap=0.065 * max(top, 1e-6))
    for place, (name, rows) in enumerate(lines.items()):
        parsed, (end, _) = zoo.parse_name(name), ends[place]
        colour = _COLOURS[bases.index(parsed.base) % len(_COLOURS)]
        axes.plot(
            [row[column] for row in rows],
            [row[metric] for row in rows],
            color=colour,
            ls="--" if parsed.finish else "-",
            lw=2.2,
            marker="o",
            ms=5,
            mec="white",
            mew=1.0,
            clip_on=False,
            zorder=3,
        )
        axes.annotate(
            short_name(name, lines),
            (end, heights[place]),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontweight="bold",
            annotation_clip=False,
        )


def _spread(heights: Sequence[float], *, gap: float) -> list[float]:
    """The heights moved upwards, as little as needed and in their order, until all differ by at least `gap`."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    moved = list(heights)
    for lower, upper in zip(order, order[1:], strict=False):
        moved[upper] = max(moved[upper], moved[lower] + gap)
    return moved


def _tidy(axes: Axes, heading: str, meaning: str, levels: Sequence[float]) -> None:
    """Sets heading, label of the x-axis, its ticks at the levels, and a light grid."""
    axes.set_title(heading, loc="left", color=_INK, fontsize=11)
    axes.set_xlabel(meaning, color=_INK)
    axes.set_xticks(levels)
    if axes.get_ylim()[1] > 0.0:  # bars may all be below
        axes.set_ylim(bottom=0)
    if len(levels) > 1:
        axes.set_xlim(min(levels), max(levels))
    axes.grid(axis="y", color="#dddddd", lw=0.8)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(colors=_INK, length=0)
