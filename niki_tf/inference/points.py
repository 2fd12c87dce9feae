"""Solving for the points of a joint set: joints that the points tell are solved, and a finish meets the points.

This is done twice. At first the rotation of the trunk stands for that of every bone; in the second round the joints
follow from the points by the rotations that the first one found. Points that are joints themselves need one round.
Joints that no point tells are guessed for the solver, with their sigma. In the finish the points are joints or leaves
of SMPL's tree. A shape that is not known is estimated from the joints of each round.
"""

import functools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from niki_tf import contract, skeletons
from niki_tf.body import kinematics
from niki_tf.body.body_joints import BodyJoints
from niki_tf.fitting import (
    bone_shape,
    gauss_newton,
    gauss_newton_windows,
    held_rotations,
    point_lifting,
    root_path,
    short_gaps,
)
from niki_tf.inference import certainty, graphs, rates, windows
from niki_tf.motion import gap_filling
from niki_tf.motion.observed_points import ObservedPoints
from niki_tf.skeletons import PointSet
from niki_tf.solvers import zoo
from niki_tf.solvers.solver import Solver
from niki_tf.solvers.window_solver import WindowSolver

_Arrays = dict[str, np.ndarray]
_Graph = graphs.ArrayFunction
_ROUNDS = 2
"""Rounds of joints and poses: a third changes little, by trial on training clips."""
_USUAL_SIZE = 0.1
"""Relative difference of size up to which networks see a body as it is: 2.5 standard deviations of training."""
_ABSENT_GROWTH = 0.5
"""Growth of the finish's tau with the share of absent joints; less than elsewhere, as they were guessed: by trial on
training clips."""
_FINISH_FRAMES, _FINISH_OVERLAP = 64, 16
"""Frames of a window of the finish, and those that it shares with the next: more than its kernel is wide."""
_RESAMPLED_FRAMES = 32
"""Frames of the windows of motion that was brought to 30 frames a second, in which noise reaches further: better
than 16 at every rate on six training clips."""
_FRAMES_AT_ONCE = 512
"""Frames that a graph is given at a time: keeps memory from growing with the length of a motion."""


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
    state: np.ndarray
    """(T, 24) int32, the `contract.JointState` of each joint."""
    expected_error: np.ndarray
    """(T, 24) metres."""


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
    tell, finish = _tell(solver.body_joints, point_set), _finish(solver.body_joints, point_set, steps, over_time)
    betas, shape = observed.betas, None
    if betas is None:
        betas = np.zeros([len(observed.points), solver.body_joints.num_betas], np.float32)
    given = {"points": observed.points, "sigma": observed.sigma}
    if over_time:
        points, sigma = short_gaps.fill(**given, times=observed.times, bones=point_set.bones)
        given = {"points": points, "sigma": sigma}
    held = {} if observed.known_rotations is None else {"known_rotations": observed.known_rotations}
    given |= held
    aside = {} if observed.ground is None else {"ground": observed.ground}
    local = _trunk(solver.body_joints, point_set)({**given, "betas": betas})["local"]
    rounds = 1 if point_set.all_joints else _ROUNDS
    for number in range(1, rounds + 1):
        told = tell({**given, "betas": betas, "local": local})
        if observed.betas is None:
            shape = bone_shape.estimate_shape(told["joints"], told["joint_sigma"], body_joints=solver.body_joints)
            betas = np.ascontiguousarray(np.broadcast_to(shape.betas.astype(np.float32), betas.shape))
            told = tell({**given, "betas": betas, "local": local})
        known = {**told, **held, **aside, "betas": betas}
        local, first = _solve_joints(solver, known, times=observed.times, twist=twist, roughly=number < rounds)
    answer = finish({**given, "betas": betas, "local": local, "times": observed.times - observed.times[0]})
    local, transl = contract.local_rotations(answer), answer["transl"]
    pose = {"betas": betas, "local": local, "transl": transl}
    residual = distances(observed, point_set=point_set, body_joints=solver.body_joints, **pose)
    told = tell({**given, "points": observed.points, "sigma": observed.sigma, "betas": betas, "local": local})
    solved = {**told, "betas": betas, "local": local, "first": first}
    there = certainty.joints_seen(point_set, observed.sigma)
    sure = certainty.certainty(solved, there, observed.times, solver=solver, finish=steps > 0)
    return PointsAnswer(local, transl, residual, betas, shape, *sure)


def distances(
    observed: ObservedPoints,
    *,
    point_set: PointSet,
    body_joints: BodyJoints,
    local: np.ndarray,
    transl: np.ndarray,
    betas: np.ndarray,
) -> np.ndarray:
    """The distance (T, K) of each point from that of a posed body, metres.

    Args:
        observed: the points of T frames, K of them used.
        point_set: that the points are of.
        body_joints: of the body.
        local: (T, 24, 3, 3) local rotations, root first.
        transl: (T, 3) metres, relative to the origin of the points.
        betas: (T, B).
    """
    given = {"points": observed.points, "betas": betas, "local": local, "transl": transl}
    return _residual(body_joints, point_set)(given)["residual"]


def _solve_joints(
    solver: Solver,
    told: Mapping[str, np.ndarray],
    *,
    times: np.ndarray,
    twist: np.ndarray | None,
    roughly: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Local rotations (T, 24, 3, 3) and expected error (T, 24), metres, of a solver without its finish.

    It is asked at the rate and the size that it was trained on.

    Args:
        solver: of frames or of windows.
        told: dict of joints (T, 29, 3), joint_sigma (T, 29), betas (T, B) and perhaps known_rotations (T, 24, 3, 3) and
            ground (4,).
        times: (T,) seconds.
        twist: (T, 23, 2) or None.
        roughly: a solver of windows is given windows that do not overlap.
    """
    size, betas = _of_usual_size(told["betas"], solver.body_joints)
    inputs = {"joints": told["joints"] / size[:, None, None], "joint_sigma": told["joint_sigma"], "betas": betas}
    if "known_rotations" in told:
        inputs["known_rotations"] = told["known_rotations"]
        inputs |= _told_by_rotations(solver.body_joints)(inputs)
    if (inputs["joint_sigma"] >= skeletons.ABSENT).any():
        inputs |= _without_absent(solver, inputs)
    if twist is not None:
        inputs["twist"] = twist
    if "ground" in told and "ground" in solver.extra_inputs:
        normals = np.tile(told["ground"][:3], [len(size), 1])
        inputs["ground"] = np.concatenate([normals, told["ground"][3] / size[:, None]], -1)
    network = _network(solver, tuple(inputs))
    if not isinstance(solver, WindowSolver):
        answer = network(inputs)
        return contract.local_rotations(answer), size[:, None] * answer["expected_error"]
    if len(times) == 1 or rates.is_steady(times):
        answer = network(inputs, step=solver.frames if roughly else solver.step)
        return contract.local_rotations(answer), size[:, None] * answer["expected_error"]
    steady = rates.steady_times(times)
    joints, joint_sigma = rates.joints_at(steady, inputs["joints"], inputs["joint_sigma"], times)
    nearest = np.clip(np.searchsorted(times, steady), 0, len(times) - 1)
    given = {"joints": joints, "joint_sigma": joint_sigma, "betas": betas[nearest]}
    if "known_rotations" in told:
        given["known_rotations"] = rates.known_rotations_at(steady, told["known_rotations"], times)
    if "ground" in inputs:
        given["ground"] = inputs["ground"][nearest]
    frames = max(_RESAMPLED_FRAMES, solver.frames)
    answer = network(given, frames=frames, step=frames if roughly else solver.step)
    error = np.stack([np.interp(times, steady, joint) for joint in answer["expected_error"].T], -1)
    return rates.rotations_at(times, contract.local_rotations(answer), steady), size[:, None] * error


def _without_absent(solver: Solver, inputs: _Arrays) -> _Arrays:
    """The joints and sigma with absent ones as the solver needs them.

    One that sees time is given those that were seen in other frames on straight lines between these; what was never
    seen, or not in the frame that is alone, is guessed from the other joints.
    """
    if isinstance(solver, WindowSolver):
        if solver.takes_absent:
            return {}
        joints, joint_sigma = gap_filling.interpolate_joints(inputs["joints"], inputs["joint_sigma"])
        inputs = {**inputs, "joints": joints, "joint_sigma": joint_sigma}
    return _completion(solver.body_joints)(inputs)


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


@graphs.kept_with_owner(8)
def _network(solver: Solver, names: tuple[str, ...]) -> _Graph:
    """The solver as a graph of the inputs `names`, without its own finish, which knows joints only."""
    plain = solver
    if solver.refine:
        plain = solver.for_body(solver.body_joints)
        plain.refine = 0
    shapes = {**contract.input_shapes(solver.body_joints.num_betas), **solver.extra_inputs}
    example = {name: np.zeros([1, *(size or 0 for size in shapes[name])]) for name in names}
    network = graphs.compile_solver(plain, inputs=example, motion=True)
    return network if isinstance(solver, WindowSolver) else functools.partial(_by_parts, network)


@graphs.kept_with_owner(1)
def _completion(body_joints: BodyJoints) -> _Graph:
    """A graph that guesses absent joints from dict of joints (T, 29, 3), joint_sigma (T, 29) and betas (T, B)."""
    model = zoo.joint_completion()

    def complete(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return model({**inputs, "rest_joints": body_joints(inputs["betas"])})

    return _compiled(complete)


@graphs.kept_with_owner(1)
def _told_by_rotations(body_joints: BodyJoints) -> _Graph:
    """A graph of joints, joint_sigma, betas and known_rotations: joints and joint_sigma with what rotations tell."""

    def tell(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        rest_joints, known = body_joints(inputs["betas"]), held_rotations.read(inputs["known_rotations"])
        joints, sigma = held_rotations.tell(inputs["joints"], inputs["joint_sigma"], rest_joints, known)
        return {"joints": joints, "joint_sigma": sigma}

    return _compiled(tell)


@graphs.kept_with_owner(8)
def _trunk(body_joints: BodyJoints, point_set: PointSet) -> _Graph:
    """A graph of points, sigma and betas: the pose `local` (T, 24, 3, 3) at rest, turned as the trunk is."""

    def turned(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        at_rest = point_lifting.rest_points(point_set, body_joints(inputs["betas"]))
        trunk = point_lifting.trunk_rotation(point_set, inputs["points"], inputs["sigma"], at_rest)
        others = tf.eye(3, batch_shape=[tf.shape(trunk)[0], skeletons.NUM_TWISTS])
        return {"local": _held(tf.concat([trunk[:, None], others], 1), inputs)}

    return _compiled(turned)


@graphs.kept_with_owner(8)
def _tell(body_joints: BodyJoints, point_set: PointSet) -> _Graph:
    """A graph of points, sigma, betas and a pose: joints (T, 29, 3) and joint_sigma (T, 29) that the points tell."""

    def tell(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        rest = body_joints(inputs["betas"])
        at_rest, world = point_lifting.rest_points(point_set, rest), kinematics.world_rotations(inputs["local"])
        joints, sigma = point_lifting.lift(point_set, inputs["points"], inputs["sigma"], at_rest, rest, world)
        return {"joints": joints, "joint_sigma": sigma}

    return _compiled(tell)


@graphs.kept_with_owner(8)
def _residual(body_joints: BodyJoints, point_set: PointSet) -> _Graph:
    """A graph of points, betas, a pose and its transl: the distance (T, K) of points, metres."""

    def distances(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        posed, _ = point_lifting.pose_points(point_set, inputs["local"], body_joints(inputs["betas"]))
        return {"residual": tf.norm(inputs["points"] - posed - inputs["transl"][:, None], axis=-1)}

    return _compiled(distances)


@graphs.kept_with_owner(8)
def _finish(body_joints: BodyJoints, point_set: PointSet, steps: int, over_time: bool) -> _Graph:  # noqa: FBT001
    """A graph of points, sigma, betas, a pose and times (T,): the rotations and translation after the finish."""
    fit = gauss_newton_windows.refine if over_time else gauss_newton.refine
    move = root_path.smoothed_translation if over_time else root_path.translation

    def finish(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        local, rest_joints = _held(inputs["local"], inputs), body_joints(inputs["betas"])
        at_rest = point_lifting.rest_points(point_set, rest_joints)
        points, sigma = inputs["points"], inputs["sigma"]
        window = {"frame_mask": inputs["frame_mask"], "times": inputs.get("times")} if over_time else {}
        joints, rest, sigma = point_lifting.on_skeleton(point_set, points, sigma, at_rest, rest_joints)
        if steps:
            skeleton, growth, known = point_set.skeleton, _ABSENT_GROWTH, _known(inputs)
            fixed = {**window, "known_rotations": known}
            local = fit(local, joints, rest, sigma, **fixed, steps=steps, skeleton=skeleton, absent_growth=growth)
        posed, _ = kinematics.forward_kinematics(local, rest, point_set.skeleton)
        transl = move(joints, posed, sigma, **window)
        return {"global_orient": local[..., :1, :, :], "body_pose": local[..., 1:, :, :], "transl": transl}

    if not over_time:
        return _compiled(finish)
    graph = graphs.array_function(finish)

    def in_windows(inputs: Mapping[str, np.ndarray]) -> _Arrays:
        scale, times = 1.0, inputs["times"]
        if len(times) == 1 or rates.is_steady(times):
            inputs = {name: array for name, array in inputs.items() if name != "times"}
        else:  # as many seconds, so that the kernel's width fits
            scale = np.clip(1.0 / (rates.FPS * np.median(np.diff(times))), 1.0, _FRAMES_AT_ONCE / _FINISH_FRAMES)
        frames = min(round(scale * _FINISH_FRAMES), len(times))
        step, at_once = max(frames - round(scale * _FINISH_OVERLAP), 1), int(_FRAMES_AT_ONCE / _FINISH_FRAMES / scale)
        return windows.solve_motion(graph, inputs, frames=frames, step=step, at_once=at_once)

    return in_windows


def _known(inputs: Mapping[str, tf.Tensor]) -> tf.Tensor | None:
    """The known rotations among the inputs, if there are any."""
    return held_rotations.read(inputs["known_rotations"]) if "known_rotations" in inputs else None


def _held(local: tf.Tensor, inputs: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """The local rotations with those that are known, if any are."""
    known = _known(inputs)
    return local if known is None else held_rotations.hold(local, known)


def _compiled(function: Callable[[dict[str, tf.Tensor]], dict[str, tf.Tensor]]) -> _Graph:
    """A function of frames as a graph that is given a part of them at a time."""
    return functools.partial(_by_parts, graphs.array_function(function))


def _by_parts(run: _Graph, inputs: Mapping[str, np.ndarray]) -> _Arrays:
    """What `run` gives for all frames, asked for a part of them at a time."""
    count = len(next(iter(inputs.values())))
    parts = [
        run({name: array[first : first + _FRAMES_AT_ONCE] for name, array in inputs.items()})
        for first in range(0, count, _FRAMES_AT_ONCE)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
