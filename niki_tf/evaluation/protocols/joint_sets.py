"""The joint-set protocol: the error of poses that are found from the points of other programs' joint sets.

Every `stride`-th clip is cut to its first 60 frames and moves on a body of random shape; clips of fewer frames are left
out. The points are read off its mesh (`niki_tf.evaluation.mesh_points`). Each has an error that stays the same all
through the clip, of one person, normal with 10 mm along each axis: where a program puts that point. Noise of the same
size along each axis comes on top, without which a row is called clean. Solvers are told of neither. A point has the
same errors in all sets that have it, whichever sets are measured.

A solver is given the points as `niki_tf.solve` is; the optimiser, `MapFit`, fits the points themselves. Solvers that
are said to be `renamed` are given what one has without point sets: points that are called as one of SMPL's 29 joints,
the outer hips and the middles among them, for those joints, and all other joints absent.
"""

import functools
import time
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import tqdm

from niki_tf import skeletons
from niki_tf.body import BodyData, BodyJoints, BodyPoser
from niki_tf.evaluation import mesh_points
from niki_tf.evaluation.mesh_points import MeshPoints
from niki_tf.evaluation.protocols import common, given_shape
from niki_tf.evaluation.protocols.common import Arrays, Stream
from niki_tf.evaluation.scoring import METRICS, pose_errors
from niki_tf.evaluation.tables import Row, text_table
from niki_tf.inference import Motion, point_fit
from niki_tf.inference.solve import solve
from niki_tf.motion.clip import Clip
from niki_tf.skeletons import POINT_SETS, PointSet
from niki_tf.solvers import zoo
from niki_tf.solvers.map_fit import MapFit
from niki_tf.solvers.solver import Solver

LEVELS_MM = (0, 20)
"""Standard deviations of the noise along each axis, millimetres."""

OFFSET_MM = 10.0
"""Standard deviation of a point's constant error along each axis, millimetres."""

RENAMED = "+renamed"
"""The end of the name of a solver that is given renamed points."""

SETS = tuple(name for name in POINT_SETS if name not in ("ntu_25", "vicon_39"))
"""The joint sets that differ from each other; those of markers are measured where they are named."""

_JOINT_OF = {
    "left_outer_hip": "left_hip",
    "right_outer_hip": "right_hip",
    "mid_hip": "pelvis",
    "mid_shoulder": "neck",
    "mid_spine": "spine2",
}
"""Landmarks that other programs call by the name of a joint, and that joint."""

_HEADINGS = {
    "mpjpe": "MPJPE, mm",
    "pa_mpjpe": "PA-MPJPE, mm",
    "pve": "PVE, mm",
    "rotation_deg": "Rotation error, deg",
    "frames_per_s": "frames/s",
}


def joint_set_rows(
    clips: Sequence[Clip],
    *,
    solvers: Mapping[str, Solver],
    body: BodyData,
    stride: int = 1,
    seed: int = 0,
    levels_mm: Sequence[float] = LEVELS_MM,
    offset_mm: float = OFFSET_MM,
    point_sets: Sequence[str] = SETS,
    betas: str = "true",
    renamed: Collection[str] = (),
    batch_size: int = 256,
    progress: bool = False,
) -> list[Row]:
    """The rows of the protocol; every solver is given the same shapes and points.

    Args:
        clips: list of Clip.
        solvers: dict of name -> solver; the names go into the rows.
        body: BodyData that moves.
        stride: use every n-th clip.
        seed: of the shapes and the errors of the points.
        levels_mm: standard deviations of the noise along each axis, millimetres.
        offset_mm: standard deviation of the constant error along each axis, millimetres.
        point_sets: names of the joint sets, of `skeletons.POINT_SETS`.
        betas: one of `given_shape.BETAS`; "found" by `niki_tf.solve` itself, for the optimiser as it does with the
            solver temporal. Answers are posed with the true ones either way.
        renamed: names of the solvers that are given renamed points.
        batch_size: not used: a clip is solved at a time.
        progress: show a progress bar.

    Returns:
        list of dicts: solver, skeleton, noise_mm, frames; means over the frames of mpjpe, pa_mpjpe, pve (millimetres)
        and rotation_deg (degrees), all relative to joint 0; and frames_per_s, 60 frames at a time.

    Raises:
        ValueError: no clips of 60 frames, no solvers, a number out of range, an unknown joint set or choice of betas,
            or a solver that does not solve for points.
        FloatingPointError: a solver gave numbers that are not finite.
    """
    common.check_arguments(clips, solvers, stride=stride, batch_size=batch_size)
    _check(solvers, point_sets, betas, renamed)
    people = _People(common.long_clips(clips, stride=stride), body, seed=seed, offset=offset_mm / 1000)
    total = len(people) * len(point_sets) * len(solvers) * len(levels_mm)
    rows = []
    with tqdm.tqdm(total=total, unit="clip", disable=not progress) as bar:
        for point_set in (POINT_SETS[name] for name in point_sets):
            runs = {
                (name, level): _Run(solver, point_set, betas=betas, renamed=name in renamed)
                for name, solver in solvers.items()
                for level in levels_mm
            }
            for level in levels_mm:
                for truth, points in people.observed(point_set, noise=level / 1000):
                    for name in solvers:
                        runs[name, level].add(truth, points, people.poser)
                        bar.update()
            rows += [
                {"solver": name, "skeleton": point_set.name, "noise_mm": level, **run.means()}
                for (name, level), run in runs.items()
            ]
    return rows


def joint_set_tables(rows: Sequence[Row]) -> str:
    """A text table for each level of noise."""
    kept = ("skeleton", "solver")
    tables = []
    for level in dict.fromkeys(row["noise_mm"] for row in rows):
        lines = [
            {**{key: row[key] for key in kept}, **{heading: row[key] for key, heading in _HEADINGS.items()}}
            for row in rows
            if row["noise_mm"] == level
        ]
        tables.append(f"{level} mm of noise on each axis\n{text_table(lines)}")
    return "\n\n".join(tables)


def renamed_joints(points: np.ndarray, point_set: PointSet) -> tuple[np.ndarray, np.ndarray]:
    """Points (T, J, 3) as the joints (T, 29, 3) whose names they have, and their sigma (T, 29); others are absent.

    Example:
        >>> import numpy as np
        >>> from niki_tf import skeletons
        >>> from niki_tf.evaluation.protocols import joint_sets
        >>> coco = skeletons.POINT_SETS["coco_17"]
        >>> joints, sigma = joint_sets.renamed_joints(np.ones([1, 17, 3]), coco)
        >>> [name for name, absent in zip(skeletons.SMPL_29.names, sigma[0] > 0) if not absent][:4]
        ['left_hip', 'right_hip', 'left_knee', 'right_knee']
    """
    names = [_JOINT_OF.get(point, point) if isinstance(point, str) else None for point in point_set.points]
    order = sorted(range(len(names)), key=lambda place: names[place] == point_set.points[place])  # joints come last
    joints = np.zeros([len(points), skeletons.NUM_JOINTS, 3], np.float32)
    sigma = np.full(joints.shape[:2], skeletons.ABSENT, np.float32)
    for place in order:
        name = names[place]
        if name in skeletons.SMPL_29.names:
            joints[:, skeletons.SMPL_29.index(name)] = points[:, place]
            sigma[:, skeletons.SMPL_29.index(name)] = 0.0
    return joints, sigma


def _check(solvers: Mapping[str, Solver], point_sets: Sequence[str], betas: str, renamed: Collection[str]) -> None:
    unknown = [name for name in point_sets if name not in POINT_SETS]
    if unknown or not point_sets:
        raise ValueError(f"`point_sets` must be of {', '.join(POINT_SETS)}; got {', '.join(unknown) or 'none'}.")
    nameless = [name for name in point_sets if not any(isinstance(point, str) for point in POINT_SETS[name].points)]
    if renamed and nameless:
        raise ValueError(f"`renamed` is for sets of points that are called like joints; {nameless[0]} has none.")
    given_shape.check_betas(betas)
    for name, solver in solvers.items():
        if solver.needs_twist:
            raise ValueError(f"`solvers` must do without the twist, which points do not tell; {name} needs it.")
        if isinstance(solver, MapFit) and solver.refine and name not in renamed:
            raise ValueError(f"`solvers` must be without the finish where they fit the points; got {name}.")


class _People:
    """The persons that move, one a clip, and their points.

    Args:
        clips: of 60 frames or more.
        data: the body.
        seed: of shapes and errors.
        offset: standard deviation of the constant errors along each axis, metres.
    """

    def __init__(self, clips: Sequence[Clip], data: BodyData, *, seed: int, offset: float) -> None:
        self.poser, self._mesh = BodyPoser(data), MeshPoints(data)
        self._clips, self._seed, self._offset = clips, seed, offset
        self._betas = common.random_bodies(len(clips), num_betas=self.poser.num_betas, seed=seed)

    def __len__(self) -> int:
        return len(self._clips)

    def observed(self, point_set: PointSet, *, noise: float) -> Iterator[tuple[Arrays, np.ndarray]]:
        """For each person true bodies and observed points (60, J, 3), NaN where left out; `noise` in metres."""
        count, used = len(self._clips), list(point_set.used)
        read = mesh_points.numbers(point_set.points)
        names = [mesh_points.NAMES[number] for number in read]
        offset = self._offset * self._normal(Stream.DISPLACEMENT, names, [count, 1])
        error = offset + noise * self._normal(Stream.NOISE, names, [count, common.CLIP_FRAMES])
        for clip, betas, wrong in zip(self._clips, self._betas, error, strict=True):
            truth = common.clip_bodies(self.poser, clip, betas)
            points = np.full([common.CLIP_FRAMES, len(point_set), 3], np.nan, np.float32)
            points[:, used] = self._mesh.read(truth)[:, read] + wrong
            yield truth, points + common.clip_path(clip)

    def _normal(self, stream: Stream, names: Sequence[str], leading: Sequence[int]) -> np.ndarray:
        """Standard normal numbers (..., K, 3) for the points `names`, those of a point the same in all sets."""
        seeds = [[self._seed, stream, zlib.crc32(name.encode())] for name in names]
        return np.stack([np.random.default_rng(one).standard_normal([*leading, 3], np.float32) for one in seeds], -2)


class _Run:
    """One solver's answers to the points of one set."""

    def __init__(self, solver: Solver, point_set: PointSet, *, betas: str, renamed: bool) -> None:
        self._solver, self._point_set, self._betas, self._renamed = solver, point_set, betas, renamed
        self._errors: list[Arrays] = []
        self._seconds = 0.0

    def add(self, truth: Arrays, points: np.ndarray, poser: BodyPoser) -> None:
        """Solves one clip; the first one twice, so that making graphs is not timed."""
        betas = self._given_betas(truth["betas"], points)
        for _ in range(1 if self._errors else 2):
            start = time.perf_counter()
            local = self._solve(points, betas)
            seconds = time.perf_counter() - start
        self._seconds += seconds
        answer = {"global_orient": local[:, :1], "body_pose": local[:, 1:]}
        self._errors.append(pose_errors(answer, truth=truth, poser=poser))

    def _given_betas(self, true: np.ndarray, points: np.ndarray) -> np.ndarray | None:
        """The betas that the solver is given, (T, B); None for a solver that finds them."""
        if self._betas == "found" and not isinstance(self._solver, MapFit):
            return None
        return given_shape.given_betas(true, self._betas, find=lambda: self._found_betas(points))

    def _found_betas(self, points: np.ndarray) -> np.ndarray:
        """The betas (T, B) that NIKI finds."""
        solver = _finder(self._solver.body_joints)
        if not self._renamed:
            return _solved(points, skeleton=self._point_set, solver=solver).betas
        joints, sigma = renamed_joints(points, self._point_set)
        return _solved(joints, joint_sigma=sigma, solver=solver).betas

    def _solve(self, points: np.ndarray, betas: np.ndarray | None) -> np.ndarray:
        """Local rotations (T, 24, 3, 3)."""
        solver, point_set = self._solver, self._point_set
        if self._renamed:
            joints, sigma = renamed_joints(points, point_set)
            return _solved(joints, joint_sigma=sigma, betas=betas, solver=solver).rotations
        if betas is not None and isinstance(solver, MapFit) and point_set.points != skeletons.SMPL_29.names:
            return point_fit.fit_points(points, point_set=point_set, betas=betas, solver=solver)
        return _solved(points, skeleton=point_set, betas=betas, solver=solver).rotations

    def means(self) -> Row:
        """The number of frames, and the columns of the table."""
        frames = sum(len(of_clip["mpjpe"]) for of_clip in self._errors)
        means = {metric: float(np.concatenate([e[metric] for e in self._errors]).mean()) for metric in METRICS}
        return {"frames": frames, **means, "frames_per_s": frames / self._seconds}


def _solved(points: np.ndarray, **options: Any) -> Motion:
    """The motion of one person by `niki_tf.solve`."""
    return cast(Motion, solve(points, unit="m", up="y", **options))


@functools.lru_cache(maxsize=1)
def _finder(body_joints: BodyJoints) -> Solver:
    """The solver that finds the betas which the optimiser is given."""
    return zoo.load("temporal", body_joints=body_joints)
