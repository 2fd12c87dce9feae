"""Solving for the points of a joint set: joints that the points tell are solved, and a finish meets the points.

This is done twice. At first the rotation of the trunk stands for that of every bone; in the second round the joints
follow from the points by the rotations that the first one found. Points that are joints themselves need one round. In
the finish the points are joints or leaves of SMPL's tree. A shape that is not known is estimated from the joints of
each round.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from niki_tf import contract, skeletons
from niki_tf.body import kinematics
from niki_tf.body.body_joints import BodyJoints
from niki_tf.fitting import bone_shape, gauss_newton, gauss_newton_windows, point_lifting, root_path
from niki_tf.inference import graphs, rates, windows
from niki_tf.motion.observed_points import ObservedPoints
from niki_tf.skeletons import PointSet
from niki_tf.solvers.solver import Solver
from niki_tf.solvers.window_solver import WindowSolver

_Arrays = dict[str, np.ndarray]
_ROUNDS = 2
"""Rounds of joints and poses: a third changes little, by trial on training clips."""
_USUAL_SIZE = 0.1
"""Relative difference of size up to which networks see a body as it is: 2.5 standard deviations of training."""
_FINISH_FRAMES, _FINISH_OVERLAP = 64, 16
"""Frames of a window of the finish, and those that it shares with the next: more than its kernel is wide."""


class PointsAnswer(NamedTuple):
    """The pose in every frame, and the shape."""

    local: np.ndarray
    """Local rotations, root first, (T, 24, 3, 3)."""
    transl: np.ndarray
    """(T, 3) metres, relative to the origin of the points."""
    residual: np.ndarray
    """(T, K) metres, the distance of each point from that of the posed body."""
    betas: np.ndarray
    """(T, B)."""
    shape: bone_shape.ShapeEstimate | None
    """How the betas were found; None if they were given."""


def solve_points(
    observed: ObservedPoints,
    *,
    point_set: PointSet,
    solver: Solver,
    steps: int,
    smooth: bool = True,
    twist: np.ndarray | None = None,
) -> PointsAnswer:
    """The pose in every frame of one motion whose points are closest to those that were observed.

    Args:
        observed: the points of T frames, K of them used.
        point_set: that the points are of.
        solver: of frames or of windows.
        steps: of the finish on the points; 0 leaves it out.
        smooth: finish and translation of a solver of windows lean on the frames before and after.
        twist: (T, 23, 2), for solvers of frames that use one.
    """
    over_time = smooth and isinstance(solver, WindowSolver)
    network = functools.partial(_solve_joints, solver, times=observed.times, twist=twist)
    finish = _finish(point_set, steps, over_time=over_time)
    known = _Known(observed, point_set, solver.body_joints, observed.betas)
    world, local, shape = known.trunk_rotations(), np.empty(0), None
    for number in range(1 if point_set.all_joints else _ROUNDS):
        joints, sigma = known.joints(world)
        if observed.betas is None:
            shape = bone_shape.estimate_shape(joints, sigma, body_joints=solver.body_joints)
            known = known.with_betas(shape.betas)
            joints, sigma = known.joints(world)
        local = network(joints, sigma, known.betas)
        if steps and number + 1 < _ROUNDS and not point_set.all_joints:
            local = contract.local_rotations(finish({"local": local, **known.leaves}))
        world = kinematics.world_rotations(tf.constant(local))
    answer = finish({"local": local, **known.leaves})
    local, transl = contract.local_rotations(answer), answer["transl"]
    return PointsAnswer(local, transl, known.distances(local, transl), known.betas, shape)


class _Known:
    """The points of a motion on a body of given shape."""

    def __init__(
        self, observed: ObservedPoints, point_set: PointSet, body_joints: BodyJoints, betas: np.ndarray | None
    ) -> None:
        self._observed, self._point_set, self._body_joints = observed, point_set, body_joints
        frames = len(observed.points)
        self.betas = np.zeros([frames, body_joints.num_betas], np.float32) if betas is None else betas
        self._rest_joints = body_joints(tf.constant(self.betas))
        self._at_rest = point_lifting.rest_points(point_set, self._rest_joints)

    def with_betas(self, betas: np.ndarray) -> "_Known":
        """The same points on a body of other betas (B,)."""
        every = np.ascontiguousarray(np.broadcast_to(betas.astype(np.float32), self.betas.shape))
        return _Known(self._observed, self._point_set, self._body_joints, every)

    def trunk_rotations(self) -> tf.Tensor:
        """The rotation of the trunk for each of the 24 joints, (T, 24, 3, 3)."""
        seen = self._observed
        trunk = point_lifting.trunk_rotation(self._point_set, seen.points, tf.constant(seen.sigma), self._at_rest)
        return tf.repeat(trunk[:, None], skeletons.NUM_ROTATIONS, 1)

    def joints(self, world: tf.Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Joints (T, 29, 3) and their sigma (T, 29) that the points tell with the rotations `world` (T, 24, 3, 3)."""
        seen = self._observed
        points, sigma = tf.constant(seen.points), tf.constant(seen.sigma)
        joints, sigma = point_lifting.lift(self._point_set, points, sigma, self._at_rest, self._rest_joints, world)
        return joints.numpy(), sigma.numpy()

    @functools.cached_property
    def leaves(self) -> _Arrays:
        """The points as joints of `point_set.skeleton`, whose other joints are absent: arrays (T, n, ...)."""
        frames, rows = len(self.betas), list(self._point_set.rows)
        count = len(self._point_set.skeleton)
        joints = np.zeros([frames, count, 3], np.float32)
        rest, sigma = np.zeros_like(joints), np.full([frames, count], skeletons.ABSENT, np.float32)
        rest[:, : skeletons.NUM_JOINTS], rest[:, rows] = self._rest_joints, self._at_rest
        joints[:, rows], sigma[:, rows] = self._observed.points, self._observed.sigma
        return {"joints": joints, "rest_joints": rest, "joint_sigma": sigma}

    def distances(self, local: np.ndarray, transl: np.ndarray) -> np.ndarray:
        """Distance (T, K) of each point from the same one of the posed body, metres."""
        rest, skeleton = self.leaves["rest_joints"], self._point_set.skeleton
        posed, _ = kinematics.forward_kinematics(tf.constant(local), tf.constant(rest), skeleton)
        away = self._observed.points - posed.numpy()[:, list(self._point_set.rows)] - transl[:, None]
        return np.linalg.norm(away, axis=-1)


def _solve_joints(
    solver: Solver,
    joints: np.ndarray,
    joint_sigma: np.ndarray,
    betas: np.ndarray,
    *,
    times: np.ndarray,
    twist: np.ndarray | None,
) -> np.ndarray:
    """Local rotations (T, 24, 3, 3) by a solver without its finish, at the rate and the size that it was trained on."""
    size, betas = _of_usual_size(betas, solver.body_joints)
    joints = joints / size[:, None, None]
    inputs = {"joints": joints, "joint_sigma": joint_sigma, "betas": betas}
    if twist is not None:
        inputs["twist"] = twist
    network = _network(solver, tuple(inputs))
    if not isinstance(solver, WindowSolver) or len(times) == 1 or rates.is_steady(times):
        return contract.local_rotations(network(inputs))
    steady = rates.steady_times(times)
    joints, joint_sigma = rates.joints_at(steady, joints, joint_sigma, times)
    nearest = np.clip(np.searchsorted(times, steady), 0, len(times) - 1)
    answer = network({"joints": joints, "joint_sigma": joint_sigma, "betas": betas[nearest]})
    return rates.rotations_at(times, contract.local_rotations(answer), steady)


def _of_usual_size(betas: np.ndarray, body_joints: BodyJoints) -> tuple[np.ndarray, np.ndarray]:
    """The size (T,) of bodies of betas (T, B), and the betas of bodies of size 1 with the same proportions.

    Both are left as they are if the size is one that training saw.
    """
    growth = bone_shape.growth_direction(body_joints)
    size = 1.0 + betas @ growth / (growth @ growth)
    unusual = np.abs(size - 1.0) > _USUAL_SIZE
    size = np.where(unusual, np.maximum(size, _USUAL_SIZE), 1.0)
    shrunk = (betas - (size - 1.0)[:, None] * growth) / size[:, None]
    return size.astype(np.float32), shrunk.astype(np.float32)


@functools.lru_cache(maxsize=8)
def _network(solver: Solver, names: tuple[str, ...]) -> Callable[[Mapping[str, Any]], _Arrays]:
    """The solver as a graph of the inputs `names`, without its own finish, which knows joints only."""
    plain = solver
    if solver.refine:
        plain = solver.for_body(solver.body_joints)
        plain.refine = 0
    shapes = contract.input_shapes(solver.body_joints.num_betas)
    example = {name: np.zeros([1, *(size or 0 for size in shapes[name])]) for name in names}
    return graphs.compile_solver(plain, inputs=example, motion=True)


@functools.lru_cache(maxsize=8)
def _finish(point_set: PointSet, steps: int, *, over_time: bool) -> Callable[[Mapping[str, Any]], _Arrays]:
    """A graph of local rotations and the `leaves`: the rotations and translation after the finish."""
    fit = gauss_newton_windows.refine if over_time else gauss_newton.refine
    move = root_path.smoothed_translation if over_time else root_path.translation

    def finish(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        local, joints, rest, sigma = (inputs[name] for name in ("local", "joints", "rest_joints", "joint_sigma"))
        mask = (inputs["frame_mask"],) if over_time else ()
        if steps:
            local = fit(local, joints, rest, sigma, *mask, steps=steps, skeleton=point_set.skeleton)
        posed, _ = kinematics.forward_kinematics(local, rest, point_set.skeleton)
        transl = move(joints, posed, sigma, *mask)
        return {"global_orient": local[..., :1, :, :], "body_pose": local[..., 1:, :, :], "transl": transl}

    graph = tf.function(finish, autograph=False, reduce_retracing=True)

    def run(inputs: Mapping[str, Any]) -> _Arrays:
        answer = graph({name: tf.convert_to_tensor(value, tf.float32) for name, value in inputs.items()})
        return {name: value.numpy() for name, value in answer.items()}

    if not over_time:
        return run
    return functools.partial(
        windows.solve_motion, run, frames=_FINISH_FRAMES, step=_FINISH_FRAMES - _FINISH_OVERLAP, at_once=8
    )
