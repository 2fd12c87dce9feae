"""The one call from joints to poses."""

import dataclasses
import functools
import os
from collections.abc import Mapping, Sequence

import numpy as np

from niki_tf import contract, skeletons
from niki_tf.inference import certainty, long_motion, on_ground, placing, points
from niki_tf.inference.motion import Motion
from niki_tf.log import logger
from niki_tf.motion import cuts, observed_points
from niki_tf.shapes import TensorLike, real_array
from niki_tf.skeletons import PointSet, catalog
from niki_tf.skeletons.axes import Layout
from niki_tf.solvers import zoo
from niki_tf.solvers.solver import Solver
from niki_tf.solvers.window_solver import WindowSolver

STRENGTHS = ("off", "light", "full")
"""Of finish and smoothing."""
STEPS = {"off": 0, "light": 1, "full": zoo.FINISH_STEPS}
"""Strength of the finish -> Gauss-Newton steps."""


def solve(
    joints: TensorLike,
    *,
    skeleton: str | PointSet = "smpl_29",
    joint_sigma: TensorLike | None = None,
    betas: TensorLike | None = None,
    twist: TensorLike | None = None,
    known_rotations: TensorLike | None = None,
    fps: float = 30.0,
    times: TensorLike | None = None,
    solver: str | os.PathLike | Solver | None = None,
    finish: str | None = None,
    smoothing: str = "full",
    ground: str | TensorLike | None = None,
    unit: float | str | None = None,
    up: str | None = None,
    swap_sides: bool = False,
    mirror: bool = False,
) -> Motion | list[Motion]:
    """The poses of a person, or of several, whose joints are given, frame by frame or as one motion.

    Joints that follow each other in time are solved by a solver that sees time, in overlapping windows
    at 30 frames per second, whatever their own rate is; a single frame by one of single frames. T frames in, T frames
    out, at the same times. Joints and whole frames that were not seen for a while are on the way from the
    last that was to the next; before the first frame of a person and after the last, the nearest pose is held. Where
    the joints jump as no body does, as at a cut between two shots, nothing is smoothed across.

    What comes out is in metres with y up. Joints in another unit or with another axis up are recognised by the
    person's size and by where head and feet are, and brought there; those in metres with y up stay as they are. What
    was found, and what is likely wrong, such as left and right exchanged, is in the log, `Motion.notes` and
    `Motion.layout`.

    Args:
        joints: (T, J, 3) or (J, 3), the joints of `skeleton`, in any place; (T, 3 J) is read as (T, J, 3). A joint
            with NaN, or at exactly (0, 0, 0) if it is not the root of all frames, was not seen. (T, J, 4) has the
            confidence of each joint, 0 to 1, as its last column.
            (people, T, J, 3 or 4) are several persons, solved one by one; NaN where one is not there.
        skeleton: the joint set that the joints are of: a name of `niki_tf.skeletons.POINT_SETS`, such as coco_17,
            mediapipe_33, openpose_25, h36m_17, or a `PointSet`.
        joint_sigma: (T, J) or (J,) metres, uncertainty of each joint; 0 = not known, 10 or more = not seen. Of
            several persons with a leading axis.
        betas: (B,) or (T, B) shape coefficients, fewer than the body has if the others are zero; found from the
            joints of the whole motion if None. Of several persons with a leading axis.
        twist: (T, 23, 2) as (cos, sin) about each bone, for solvers that use one; (0, 0) = not known. Of smpl_29 only.
        known_rotations: (T, 24, 3, 3) rotation matrices that the answer keeps, of SMPL's joints relative to the world,
            in the axes of the joints; zeros or NaN where not known. Of IMUs, a headset or an earlier fit: a `Motion`
            has `world_rotations`, and `body.world_rotations` makes them from those relative to the parents.
        fps: frames per second of the joints.
        times: (T,) seconds of the frames, in place of `fps`, where they are not evenly spaced.
        solver: name of a shipped solver ("one_stage", "temporal", ...), a folder that holds model.keras, or a solver.
            None: "temporal_prior" for several frames, "one_stage" for one.
        finish: strength of the exact finish, Gauss-Newton steps towards the joints: "off", "light", one step, or
            "full", four. None: as many as a `Solver` that is given has in `refine`, else "full".
        smoothing: "full"; "light": the solver sees time, but finish and translation take each frame by itself; "off":
            frames are solved one by one ("one_stage" unless another solver is given).
        ground: feet that stand stay where they are and do not go below the ground. "feet": it is found from feet that
            stand; a plane (4,), n and d of n x + d = 0 in the unit and axes of the joints; "off". None: "feet" where it
            is certain which axis is up, of a motion that is smoothed by a solver that sees time; else "off".
        unit: that the joints are in: "m", "cm", "mm", "in", "ft", or metres in one; recognised if None.
        up: their axis that is up: "x", "y", "z", "-x", "-y" or "-z"; recognised if None, and y where it is not certain,
            as of a person who lies.
        swap_sides: the joints that are called left are right ones, and the other way round.
        mirror: the axes are left-handed, as Unity's are.

    Returns:
        `Motion`, or a list of one for each person if there is an axis of people.

    Raises:
        ValueError: an array does not have the shape above, a known rotation is none, or there is no such solver,
            skeleton, strength, ground, unit or axis.

    Example:
        >>> import numpy as np
        >>> import niki_tf
        >>> joints = np.zeros([20, 29, 3]) + niki_tf.body.mannequin_joints().joints
        >>> motion = niki_tf.solve(joints, fps=25, solver="analytic")
        >>> len(motion), motion.fps, bool(motion.residual.max() < 1e-3)
        (20, 25.0, True)
    """
    tasks = person_tasks(
        joints,
        skeleton=skeleton,
        arrays={"joint_sigma": joint_sigma, "betas": betas, "twist": twist, "known_rotations": known_rotations},
        fps=fps,
        times=times,
        solver=solver,
        finish=finish,
        smoothing=smoothing,
        ground=ground,
        unit=unit,
        up=up,
        swap_sides=swap_sides,
        mirror=mirror,
    )
    motions = [long_motion.answered(task.steps(), task.solve_part) for task in tasks]
    return motions if np.ndim(joints) == 4 else motions[0]


def person_tasks(
    joints: TensorLike,
    *,
    skeleton: str | PointSet,
    arrays: Mapping[str, TensorLike | None],
    fps: float,
    times: TensorLike | None,
    solver: str | os.PathLike | Solver | None,
    finish: str | None,
    smoothing: str,
    ground: str | TensorLike | None,
    unit: float | str | None,
    up: str | None,
    swap_sides: bool,
    mirror: bool,
) -> list["PersonTask"]:
    """What `solve` does, for each person, as steps whose parts may be solved anywhere.

    `arrays` holds joint_sigma, betas, twist and known_rotations, as far as they are known; all others are as in
    `solve`, and so are the errors.
    """
    point_set = skeleton if isinstance(skeleton, PointSet) else catalog.known_set(skeleton)
    point_set = point_set.with_sides_swapped() if swap_sides else point_set
    for name, strength in {"finish": "full" if finish is None else finish, "smoothing": smoothing}.items():
        if not isinstance(strength, str) or strength not in STRENGTHS:
            raise ValueError(f"`{name}` must be one of {', '.join(STRENGTHS)}; got {strength!r}.")
    given = {name: real_array(name, value) for name, value in arrays.items() if value is not None}
    given = {"joints": real_array("joints", joints), **given}
    shape = given["joints"].shape
    if len(shape) not in (2, 3, 4) or 0 in shape[-3:]:
        raise ValueError(
            f"`joints` must have shape (T, J, 3), with at least one frame; got {shape}. J are the points of `skeleton`."
        )
    people = _split(given) if len(shape) == 4 else [given]
    if times is not None:
        people = [{**person, "times": np.asarray(times)} for person in people]
    people = [_with_time(person, point_set) for person in people]
    people, layout, notes = placing.to_metres(people, point_set=point_set, unit=unit, up=up, mirror=mirror)
    if "joint_sigma" in given and given["joint_sigma"].dtype.kind in "fiu":
        notes = (*notes, *contract.sigma_doubts(given["joint_sigma"]))
    for note in notes:
        logger.warning("%s", note)
    choice = _Choice(solver, finish, smoothing, on_ground.wanted(ground, layout, mirror=mirror))
    return [PersonTask(person, point_set, fps, choice, layout, mirror, notes) for person in people]


class _Choice:
    """Which solver is taken, how strong its finish and smoothing are, and which ground is wanted."""

    def __init__(
        self,
        solver: str | os.PathLike | Solver | None,
        finish: str | None,
        smoothing: str,
        ground: on_ground.Wanted,
    ) -> None:
        self._solver, self._finish, self._smoothing, self._ground = solver, finish, smoothing, ground

    def solver(self, frames: int) -> Solver:
        """The solver of a motion of so many frames."""
        if isinstance(self._solver, Solver):
            return self._solver
        alone = frames == 1 or self._smoothing == "off"
        name = ("one_stage" if alone else "temporal_prior") if self._solver is None else self._solver
        zoo.parse_name(name)  # says what is no name
        return _loaded(os.fspath(name))

    @property
    def steps(self) -> int:
        """Of the finish."""
        if self._finish is None and isinstance(self._solver, Solver):
            return self._solver.refine
        return STEPS[self._finish or "full"]

    @property
    def smooth(self) -> bool:
        """Whether the finish leans on neighbouring frames."""
        return self._smoothing == "full"

    def ground(self, solver: Solver) -> on_ground.Wanted:
        """Which ground is wanted of the answer of this solver."""
        over_time = self.smooth and isinstance(solver, WindowSolver)
        return self._ground if self._ground.asked or over_time else on_ground.Wanted()


def _split(arrays: dict[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """The arrays of each person, of arrays with a leading axis of people."""
    people = len(arrays["joints"])
    for name, array in arrays.items():
        if len(array) != people:
            raise ValueError(
                f"`{name}` must have a leading axis of the {people} people of `joints`; got {array.shape}. "
                "Give it for each."
            )
    return [{name: array[person] for name, array in arrays.items()} for person in range(people)]


def _with_time(arrays: dict[str, np.ndarray], point_set: PointSet) -> dict[str, np.ndarray]:
    """The arrays with an axis of time, and joints as (T, J, 3 or 4)."""
    shape = arrays["joints"].shape
    if len(shape) == 2 and shape != (len(point_set), 3) and shape[1] == 3 * len(point_set):
        return {**arrays, "joints": arrays["joints"].reshape(len(arrays["joints"]), -1, 3)}
    if len(shape) == 2:
        return {name: value if name in ("betas", "times") else value[None] for name, value in arrays.items()}
    return arrays


class PersonTask:
    """One person to solve: steps to the motion, and the solving of their parts."""

    def __init__(
        self,
        arrays: dict[str, np.ndarray],
        point_set: PointSet,
        fps: float,
        choice: _Choice,
        layout: Layout | None,
        mirrored: bool,  # noqa: FBT001
        notes: Sequence[str],
    ) -> None:
        self._point_set, self._choice, self._layout = point_set, choice, layout
        self._mirrored, self._notes = mirrored, tuple(notes)
        self._solver = _fitting_solver(arrays, point_set, choice)
        num_betas = self._solver.body_joints.num_betas
        observed = observed_points.from_points(arrays, point_set=point_set, num_betas=num_betas, fps=fps)
        self._ground = choice.ground(self._solver)
        if self._ground.plane is not None:
            observed = observed._replace(ground=on_ground.relative_plane(self._ground.plane, observed))
        twist, self._there = _checked_twist(arrays, len(observed.points)), observed.when_seen()
        self._observed, self._twist = observed, None if twist is None else twist[self._there]

    def solve_part(self, part: observed_points.ObservedPoints, frames: slice) -> points.PointsAnswer:
        """The answer to the points of some frames.

        Args:
            part: their points.
            frames: which they are, of those in which the person is there.
        """
        turned = None if self._twist is None else self._twist[frames]
        return points.solve_points(
            part,
            point_set=self._point_set,
            solver=self._solver,
            steps=self._choice.steps,
            smooth=self._choice.smooth,
            twist=turned,
        )

    def steps(self, *, whole: int = long_motion.WHOLE) -> long_motion.Steps[Motion]:
        """Steps to the motion, the same whenever they are taken; their parts are for `solve_part`.

        Args:
            whole: frames that are solved at once.
        """
        observed, there, solver = self._observed, self._there, self._solver
        seen = observed.part(there)
        shots = cuts.find_cuts(seen.points, seen.sigma, seen.times) if isinstance(solver, WindowSolver) else []
        answer = yield from long_motion.piece_steps(seen, cuts=shots, whole=whole)
        standing = on_ground.stand(
            answer,
            seen,
            self._ground,
            seen=certainty.joints_seen(self._point_set, seen.sigma),
            point_set=self._point_set,
            body_joints=solver.body_joints,
            cuts=shots,
        )
        motion = _motion(standing.answer, observed, there, self._point_set, solver)
        frames = ", ".join(str(there.start + cut) for cut in shots)
        cut_note = f"Cuts were found at frames {frames}: nothing is smoothed across them." if shots else ""
        return dataclasses.replace(
            motion,
            layout=self._layout,
            mirrored=self._mirrored,
            ground=standing.plane,
            contacts=_when_there(standing.contacts, there, len(motion)),
            notes=(*self._notes, *filter(None, (cut_note, standing.note))),
        )


def _fitting_solver(arrays: Mapping[str, np.ndarray], point_set: PointSet, choice: _Choice) -> Solver:
    """The solver of the frames; ValueError if it and the twists that are given, or not, do not fit."""
    solver = choice.solver(len(arrays["joints"]))
    if ("twist" in arrays or solver.needs_twist) and point_set.points != skeletons.SMPL_29.names:
        raise ValueError(f"`twist` goes with the skeleton smpl_29 only; got {point_set.name}. Take another solver.")
    if solver.needs_twist and "twist" not in arrays:
        raise ValueError(
            f"`twist` (T, 23, 2) must be given to {solver.name}; got none. Or take a solver that guesses it."
        )
    return solver


def _when_there(contacts: np.ndarray | None, there: slice, frames: int) -> np.ndarray | None:
    """Contacts of all frames, none where the person is not there."""
    if contacts is None:
        return None
    return np.pad(contacts, ((there.start, frames - there.stop), (0, 0)))


def _checked_twist(arrays: dict[str, np.ndarray], frames: int) -> np.ndarray | None:
    twist = arrays.get("twist")
    if twist is not None and (twist.shape != (frames, skeletons.NUM_TWISTS, 2) or not np.isfinite(twist).all()):
        raise ValueError(
            f"`twist` must be finite and have shape ({frames}, 23, 2); got {twist.shape}. (0, 0) is not known."
        )
    return twist


def _motion(
    answer: points.PointsAnswer,
    observed: observed_points.ObservedPoints,
    there: slice,
    point_set: PointSet,
    solver: Solver,
) -> Motion:
    """The motion of all frames, from the answer to those in which the person is there."""
    frames = np.clip(np.arange(len(observed.points)), there.start, there.stop - 1) - there.start
    residual = np.full([len(observed.points), len(point_set)], np.nan, np.float32)
    distances = answer.residual[frames]
    residual[:, list(point_set.used)] = np.where(observed.sigma >= skeletons.ABSENT, np.nan, distances)
    state, error = certainty.held(answer.state, answer.expected_error, there, observed.times)
    return Motion(
        rotations=answer.local[frames],
        betas=answer.betas[frames],
        transl=answer.transl[frames] + observed.origin,
        residual=residual,
        fps=observed.fps,
        times=observed.times,
        state=state,
        expected_error=error,
        body_joints=solver.body_joints,
        shape=answer.shape,
    )


@functools.lru_cache(maxsize=4)
def _loaded(name: str) -> Solver:
    """The solver called `name`, read from disk once."""
    return zoo.load(name)
