"""The collision protocol: how much of the posed body's mesh intersects itself, on occluded motion.

The clips are observed as in the occlusion protocol. Each answer poses the true body; all pairs of its triangles that
intersect are counted, exactly (`niki_tf.body.SelfIntersection`), except pairs that share a vertex. Two ratios of them:

- `pairs_percent`: 100 x intersecting pairs / triangles, as the public code of COAP counts collisions;
- `triangles_percent`: share of the triangles that are in at least one pair.

Both are means over all frames, of all pairs and, as `new_pairs_percent` and `new_triangles_percent`, without those
pairs that intersect in the T-pose of the same person, which are the mesh's own. `less_percent` is how much lower
`new_pairs_percent` is than the first solver's. The rows `truth` are of the true pose.

Source: NIKI, supplementary material, section E.
"""

import os
from collections.abc import Mapping, Sequence

import numpy as np

from niki_tf import skeletons
from niki_tf.body import BodyData, BodyPoser, SelfIntersection, collision_percent, pairs_without
from niki_tf.evaluation import figures
from niki_tf.evaluation.filters import Filter
from niki_tf.evaluation.protocols import common, given_shape
from niki_tf.evaluation.protocols.occluded_clips import ClipRunner, Occlude, solved_clips
from niki_tf.evaluation.tables import Row, text_table
from niki_tf.motion.clip import Clip

TRUTH = "truth"
"""In place of a solver's name: the true pose."""
RATIOS = ("pairs_percent", "triangles_percent", "new_pairs_percent", "new_triangles_percent")
"""The columns of ratios, percent."""


def collision_rows(
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
        body: BodyData that makes the joints and is posed.
        occlude: see `occluded_clips.Occlude`; None gives all joints without errors.
        filters: dict of name -> one of the values of `evaluation.FILTERS`, for the solvers whose joints are filtered.
        stride: use every n-th clip.
        seed: of shapes, cameras and occlusions.
        batch_size: frames posed at a time.
        twist: give the observed twist to the solvers that use one.
        betas: one of `given_shape.BETAS`; answers are posed with the true ones either way.
        progress: show a progress bar.

    Returns:
        list of dicts, a solver each and `TRUTH` last: solver, frames, the four RATIOS and less_percent, percent; None
        where the first solver has no collisions.

    Raises:
        ValueError: no clips, no solvers, or a number out of range.
        FloatingPointError: a solver gave numbers that are not finite.
    """
    common.check_arguments(clips, solvers, stride=stride, batch_size=batch_size)
    given_shape.check_betas(betas)
    clips = clips[::stride]
    runner = ClipRunner(body, occlude, seed=seed, batch_size=batch_size, twist=twist, betas=betas)
    counter, counted = _Counter(body), dict[str, list[np.ndarray]]()
    for observed, name, posed in solved_clips(
        clips, solvers=solvers, runner=runner, filters=filters, progress=progress
    ):
        if name == next(iter(solvers)):
            counter.move_to(observed.truth["betas"][0])
            counted.setdefault(TRUTH, []).append(counter.ratios(observed.truth["vertices"]))
        counted.setdefault(name, []).append(counter.ratios(posed["vertices"]))
    return _rows({name: np.concatenate(counted[name]) for name in (*solvers, TRUTH)})


def collision_tables(rows: Sequence[Row]) -> str:
    """The rows as a text table."""
    return (
        "pairs_percent: 100 x intersecting pairs / triangles; triangles_percent: triangles in at least one pair;\n"
        "new_: without pairs that intersect in the T-pose; less_percent: new_pairs_percent, below the first's.\n"
        f"Pairs that share a vertex do not count.\n{text_table(rows, decimals=2)}"
    )


def collision_figure(rows: Sequence[Row], path: str | os.PathLike, *, title: str) -> None:
    """Draws both ratios without the pairs of the T-pose as bars, a group for each solver, as a PNG."""
    numbers = {
        "100 x intersecting pairs / triangles": [row["new_pairs_percent"] for row in rows],
        "triangles in at least one pair": [row["new_triangles_percent"] for row in rows],
    }
    names = [row["solver"] for row in rows]
    bars = figures.Bars([figures.short_name(name, names).replace("+", "\n+") for name in names], numbers)
    figures.bar_figure({"": bars}, path, meaning="collisions (%)", title=title)


class _Counter:
    """Counts the collisions of one person after the other.

    Args:
        body: BodyData of which all are shapes.
    """

    def __init__(self, body: BodyData) -> None:
        self._find, self._poser = SelfIntersection(body.faces, rest=body.v_template), BodyPoser(body)
        self._triangles = len(body.faces)

    def move_to(self, betas: np.ndarray) -> None:
        """Takes up a person of shape `betas` (B,)."""
        still = np.tile(np.eye(3, dtype=np.float32), [1, skeletons.NUM_ROTATIONS, 1, 1])
        self._at_rest = self._find.pairs(self._poser.pose(still, betas=betas[None])["vertices"][0])

    def ratios(self, frames: np.ndarray) -> np.ndarray:
        """RATIOS (T, 4), percent, of vertices (T, V, 3)."""
        return np.array([self._of_frame(vertices) for vertices in frames])

    def _of_frame(self, vertices: np.ndarray) -> tuple[float, ...]:
        pairs = self._find.pairs(vertices)
        kinds = (pairs, pairs_without(pairs, self._at_rest))
        return sum((collision_percent(some, triangles=self._triangles) for some in kinds), ())


def _rows(counted: Mapping[str, np.ndarray]) -> list[Row]:
    """A row for each name, from the ratios (frames, 4) of all frames."""
    means = {name: dict(zip(RATIOS, ratios.mean(0).tolist(), strict=True)) for name, ratios in counted.items()}
    first = next(iter(means.values()))["new_pairs_percent"]
    return [
        {
            "solver": name,
            "frames": len(counted[name]),
            **of_solver,
            "less_percent": 100.0 * (1.0 - of_solver["new_pairs_percent"] / first) if first else None,
        }
        for name, of_solver in means.items()
    ]
