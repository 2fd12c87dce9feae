"""The protocol of frame rates: the error when frames come faster or slower than solvers were trained on.

Every `stride`-th clip of 60 frames or more, at 30 frames a second, is brought to other rates: every second or third
frame is picked, or rotations come by slerp between the frames. It moves on a body of random shape; all joints have
noise of the same size along each axis, independent from frame to frame. Solvers are given the true betas and the rate.
The error is that of the 24 joints relative to joint 0, over all frames of the rate.

Rows `joints` are the error of the joints that were observed: as they are, and smoothed by the normal kernel that is the
best in hindsight, of a few widths, over all clips of the rate.
"""

import os
from collections.abc import Mapping, Sequence

import numpy as np
import tqdm

from niki_tf import skeletons
from niki_tf.body import BodyData, BodyPoser
from niki_tf.evaluation import figures
from niki_tf.evaluation.filters import Filter
from niki_tf.evaluation.protocols import common, world_motion
from niki_tf.evaluation.protocols.common import Arrays, Stream
from niki_tf.evaluation.protocols.world_motion import OBSERVED, solved
from niki_tf.evaluation.tables import Row, pivot, text_table
from niki_tf.inference.rates import FPS
from niki_tf.motion.clip import Clip, resample
from niki_tf.solvers.solver import Solver

RATES = (10.0, 15.0, 30.0, 60.0, 120.0)
"""Frames per second."""
NOISE_MM = 30.0
"""Standard deviation of the noise along each axis, millimetres."""

_WIDTHS_S = (0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.11, 0.15, 0.2, 0.3)
"""Seconds; standard deviations of the kernels that are tried."""


def rate_rows(
    clips: Sequence[Clip],
    *,
    solvers: Mapping[str, Solver],
    body: BodyData,
    stride: int = 1,
    seed: int = 0,
    rates: Sequence[float] = RATES,
    noise_mm: float = NOISE_MM,
    filters: Mapping[str, Filter] | None = None,
    batch_size: int = 256,
    progress: bool = False,
) -> list[Row]:
    """The rows of the protocol; every solver is given the same shapes and noise.

    Args:
        clips: list of Clip, 30 frames a second; of every `stride`-th those of 60 frames or more are used.
        solvers: dict of name -> solver; the names go into the rows.
        body: BodyData that moves.
        stride: use every n-th clip.
        seed: of shapes and noise.
        rates: frames per second; 30 is measured in any case.
        noise_mm: standard deviation of the noise along each axis, millimetres.
        filters: dict of name -> one of the values of `evaluation.FILTERS`, for the solvers whose joints are filtered.
        batch_size: not used: a clip is solved at a time.
        progress: show a progress bar.

    Returns:
        list of dicts: solver, way, fps, frames (of all clips at 30 a second), mpjpe, the mean over the frames of the
        rate, millimetres, and ratio, of the mpjpe to that at 30 frames a second. `way` is "solver", and of the rows of
        the observed joints "input" or "smoothed".

    Raises:
        ValueError: no clips of 60 frames, no solvers, one that needs the twist, or a number out of range.
        FloatingPointError: a solver gave numbers that are not finite.
    """
    common.check_arguments(clips, solvers, stride=stride, batch_size=batch_size)
    world_motion.check_no_twist(solvers)
    if not rates or min(rates) <= 0 or noise_mm < 0:
        raise ValueError(f"`rates` must be positive, `noise_mm` at least 0; got {tuple(rates)} and {noise_mm}.")
    rates = sorted({FPS, *map(float, rates)})
    poser, used = BodyPoser(body), common.long_clips(clips, stride=stride)
    shapes = common.random_bodies(len(used), num_betas=poser.num_betas, seed=seed)
    measured = {fps: _Measured(solvers, filters or {}, fps) for fps in rates}
    with tqdm.tqdm(total=len(used) * len(rates), unit="clip", disable=not progress) as bar:
        for number, clip in enumerate(used):
            streams = common.random_stream(seed, Stream.NOISE).spawn(len(used))[number].spawn(len(rates))
            for (fps, of_rate), stream in zip(measured.items(), streams, strict=True):
                truth = world_motion.true_motion(poser, resample(clip, fps), shapes[number])
                noise = stream.standard_normal(truth["joints"].shape, np.float32)
                of_rate.add(truth, truth["joints"] + np.float32(noise_mm / 1000) * noise)
                bar.update()
    means = {fps: of_rate.means() for fps, of_rate in measured.items()}
    row = {"frames": sum(map(len, used))}
    return [
        {"solver": name, "way": way, "fps": fps, **row, "mpjpe": found[name, way], "ratio": found[name, way] / usual}
        for (name, way), usual in means[FPS].items()
        for fps, found in means.items()
    ]


def rate_tables(rows: Sequence[Row]) -> str:
    """A text table of the errors and one of their ratios to that at 30 a second, a column for each rate."""
    lines = [{**row, "line": f"{row['solver']}, {row['way']}"} for row in rows]
    errors, ratios = (pivot(lines, index="line", column="fps", value=value) for value in ("mpjpe", "ratio"))
    return (
        f"Columns are frames per second; MPJPE, mm\n{text_table(errors)}\n\n"
        f"Ratio to the error at {FPS:g} frames per second\n{text_table(ratios, decimals=2)}"
    )


def rate_figure(rows: Sequence[Row], path: str | os.PathLike, *, title: str) -> None:
    """Draws the errors over the rate as a PNG."""
    shown = [row for row in rows if row["way"] != "input"]
    figures.level_figure({"24 joints": shown}, path, level="fps", meaning="frames per second", title=title)


def smooth(joints: np.ndarray, width: float) -> np.ndarray:
    """The joints (T, n, 3) after a normal kernel over time whose standard deviation is `width` frames.

    Example:
        >>> import numpy as np
        >>> from niki_tf.evaluation.protocols import rates
        >>> rates.smooth(np.eye(3)[:, :, None], 0.5)[1].round(2).ravel().tolist()
        [0.11, 0.79, 0.11]
    """
    times = np.arange(len(joints))
    weights = np.exp(-0.5 * ((times[:, None] - times) / width) ** 2)
    weights /= weights.sum(1, keepdims=True)
    return np.tensordot(weights, joints, 1)


class _Measured:
    """Errors at one rate.

    Args:
        solvers: dict of name -> solver.
        filters: dict of name -> filter.
        fps: frames per second.
    """

    def __init__(self, solvers: Mapping[str, Solver], filters: Mapping[str, Filter], fps: float) -> None:
        self._solvers, self._filters, self._fps = solvers, filters, fps
        self._errors: dict[tuple[str, str], list[np.ndarray]] = {}
        self._smoothed: list[np.ndarray] = []

    def add(self, truth: Arrays, joints: np.ndarray) -> None:
        """Solves one clip from its noisy joints (T, 29, 3)."""
        for name, solver in self._solvers.items():
            function = self._filters.get(name)
            motion = solved(joints, betas=truth["betas"], solver=solver, fps=self._fps, function=function)
            found = motion.joints()
            self._errors.setdefault((name, "solver"), []).append(_errors(found, truth))
        self._errors.setdefault((OBSERVED, "input"), []).append(_errors(joints, truth))
        tried = [_errors(smooth(joints, self._fps * width), truth) for width in _WIDTHS_S]
        self._smoothed.append(np.stack(tried, -1))

    def means(self) -> dict[tuple[str, str], float]:
        """(Solver, way) -> mean over all frames."""
        means = {key: float(np.concatenate(of_clips).mean()) for key, of_clips in self._errors.items()}
        return {**means, (OBSERVED, "smoothed"): float(np.concatenate(self._smoothed).mean(0).min())}


def _errors(joints: np.ndarray, truth: Arrays) -> np.ndarray:
    """The error (T,) of each frame, millimetres."""
    return world_motion.distances_mm(joints, truth["joints"])[:, : skeletons.NUM_ROTATIONS].mean(1)
