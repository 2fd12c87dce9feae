"""The protocol of occlusion levels: what is gained over the first solver, by the share of the person out of sight.

The clips are observed as in the occlusion protocol. Each frame belongs to a level, 0 to 10 %, ..., 90 to 100 %, in two
ways (column `of`): by the share of its 24 joints that are hidden, `joints`, and by the share of the body as it is drawn
that belongs to hidden joints, `area`: a pixel of the mesh belongs to the joint of the largest skinning weight. The
error is that of the 24 joints relative to joint 0, its mean over the frames of the level; `gain_mm` is by how much the
first solver's is larger. Source: NIKI, supplementary material, section F and figure 6, after AGORA's analysis.
"""

import os
from collections.abc import Mapping, Sequence

import numpy as np

from niki_tf import skeletons
from niki_tf.body import BodyData
from niki_tf.drawing import rasterizing
from niki_tf.drawing.orthographic import fit_camera
from niki_tf.evaluation import figures, metrics
from niki_tf.evaluation.filters import Filter
from niki_tf.evaluation.protocols import common, given_shape
from niki_tf.evaluation.protocols.occluded_clips import ClipRunner, ObservedClip, Occlude, solved_clips
from niki_tf.evaluation.tables import Row, pivot, text_table
from niki_tf.motion.clip import Clip

FEWEST_FRAMES = 100
"""Levels of fewer frames are drawn in grey."""
SHARES = {"joints": "share of the 24 joints that are hidden", "area": "share of the drawn body that is hidden"}
"""What a level is of, and the heading of its panel."""

_LEVELS = 10
_IMAGE_SIZE = 96
"""Pixels, height and width of the drawn body."""
_SCORED = slice(skeletons.NUM_ROTATIONS)


def occlusion_level_rows(
    clips: Sequence[Clip],
    *,
    solvers: Mapping[str, common.Solver],
    body: BodyData,
    occlude: Occlude | None,
    filters: Mapping[str, Filter] | None = None,
    stride: int = 1,
    seed: int = 0,
    batch_size: int = 256,
    twist: bool = True,
    betas: str = "true",
    progress: bool = False,
) -> list[Row]:
    """The rows of the protocol; every solver is given the same bodies and the same observations.

    Args:
        clips: list of Clip; every `stride`-th is used.
        solvers: dict of name -> solver; the names go into the rows.
        body: BodyData that makes the joints and is drawn.
        occlude: see `occluded_clips.Occlude`; None gives all joints without errors.
        filters: dict of name -> one of the values of `evaluation.FILTERS`, for the solvers whose joints are filtered.
        stride: use every n-th clip.
        seed: of shapes, cameras and occlusions.
        batch_size: frames posed at a time.
        twist: give the observed twist to the solvers that use one.
        betas: one of `given_shape.BETAS`; answers are posed with the true ones either way.
        progress: show a progress bar.

    Returns:
        list of dicts: solver, of (joints or area), level (such as "20-30"), frames (all), level_frames (those of the
        level), mpjpe and gain_mm, millimetres. Levels without frames are left out.

    Raises:
        ValueError: no clips, no solvers, or a number out of range.
        FloatingPointError: a solver gave numbers that are not finite.
    """
    common.check_arguments(clips, solvers, stride=stride, batch_size=batch_size)
    given_shape.check_betas(betas)
    runner = ClipRunner(body, occlude, seed=seed, batch_size=batch_size, twist=twist, betas=betas)
    first, heaviest = next(iter(solvers)), np.argmax(body.lbs_weights, -1)
    levels, errors = [], {name: list[np.ndarray]() for name in solvers}
    for observed, name, posed in solved_clips(
        clips[::stride], solvers=solvers, runner=runner, filters=filters, progress=progress
    ):
        if name == first:
            levels.append(_levels(observed, body.faces, heaviest))
        errors[name].append(metrics.mpjpe(posed["joints"][:, _SCORED], observed.truth["joints"][:, _SCORED]))
    found = np.concatenate(levels, 1)
    return _rows(dict(zip(SHARES, found, strict=True)), {name: np.concatenate(of) for name, of in errors.items()})


def occlusion_level_tables(rows: Sequence[Row]) -> str:
    """For the joints and for the drawn body a text table, a column for each level."""
    first, tables = rows[0]["solver"], []
    for of, heading in SHARES.items():
        some = [row for row in rows if row["of"] == of]
        usual, others = ([row for row in some if (row["solver"] == first) is which] for which in (True, False))
        counts: Row = {"solver": "frames", **{row["level"]: row["level_frames"] for row in usual}}
        errors = pivot(usual, index="solver", column="level", value="mpjpe")
        gains = pivot(others, index="solver", column="level", value="gain_mm")
        lines = [{**line, "solver": f"MPJPE of {line['solver']}"} for line in errors]
        lines += [{**line, "solver": f"gain of {line['solver']}"} for line in gains]
        tables.append(f"Columns are the {heading}, %; mm\n{text_table([counts, *lines])}")
    return "\n\n".join(tables)


def occlusion_level_figure(rows: Sequence[Row], path: str | os.PathLike, *, title: str) -> None:
    """Draws the gain over the first solver per level as bars, grey where there are few frames, as a PNG."""
    names = [*dict.fromkeys(row["solver"] for row in rows)]
    panels = {}
    for of, heading in SHARES.items():
        some = {name: [row for row in rows if (row["of"], row["solver"]) == (of, name)] for name in names}
        groups = [f"{row['level']} %\n{row['level_frames']} frames" for row in some[names[0]]]
        faint = [place for place, row in enumerate(some[names[0]]) if row["level_frames"] < FEWEST_FRAMES]
        gains = {figures.short_name(n, names): [row["gain_mm"] for row in some[n]] for n in names[1:] or names}
        panels[heading] = figures.Bars(groups, gains, faint, f"fewer than {FEWEST_FRAMES} frames")
    figures.bar_figure(panels, path, meaning=f"gain over {figures.short_name(names[0], names)} (mm)", title=title)


def hidden_area(vertices: np.ndarray, faces: np.ndarray, hidden: np.ndarray) -> float:
    """Share of the pixels of a body, seen along -z, whose vertex is hidden.

    Args:
        vertices: (V, 3) metres, x to the right, y up, z towards the camera.
        faces: (F, 3) vertex numbers, counter-clockwise from outside.
        hidden: (V,), bool.
    """
    seen = fit_camera(vertices).project(vertices, image_size=_IMAGE_SIZE)
    _, triangles, weights, _ = rasterizing.visible(seen, faces, _IMAGE_SIZE)
    nearest = faces[triangles, np.argmax(weights, -1)]
    return float(hidden[nearest].mean())


def _levels(observed: ObservedClip, faces: np.ndarray, heaviest: np.ndarray) -> np.ndarray:
    """The level (2, T) of each frame, of the joints and of the drawn body."""
    of_joints = observed.hidden[:, _SCORED].mean(1)
    frames = zip(observed.truth["vertices"], observed.hidden[:, heaviest], strict=True)
    of_area = [hidden_area(vertices, faces, hidden) for vertices, hidden in frames]
    return np.minimum(np.floor(_LEVELS * np.stack([of_joints, of_area]) + 1e-6).astype(int), _LEVELS - 1)


def _rows(levels: Mapping[str, np.ndarray], errors: Mapping[str, np.ndarray]) -> list[Row]:
    """The rows, from levels and errors of all frames."""
    rows = []
    for name, error in errors.items():
        for of, level in levels.items():
            for number in np.unique(level):
                here, width = level == number, 100 // _LEVELS
                which = {"solver": name, "of": of, "level": f"{width * number}-{width * (number + 1)}"}
                mpjpe, first = (float(some[here].mean()) for some in (error, next(iter(errors.values()))))
                frames = {"frames": len(error), "level_frames": int(here.sum())}
                rows.append({**which, **frames, "mpjpe": mpjpe, "gain_mm": first - mpjpe})
    return rows
