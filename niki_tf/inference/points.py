"""Solving for the points of another joint set: joints that the points tell are solved, and a finish meets the points.

This is done twice. At first the rotation of the trunk stands for that of every bone; in the second round the joints
follow from the points by the rotations that the first one found. In the finish the points are leaves of SMPL's tree.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from niki_tf import contract, skeletons
from niki_tf.body import kinematics
from niki_tf.fitting import gauss_newton, gauss_newton_windows, point_lifting, root_path
from niki_tf.inference import graphs, windows
from niki_tf.motion.observed_points import ObservedPoints
from niki_tf.skeletons import PointSet
from niki_tf.solvers.solver import Solver
from niki_tf.solvers.window_solver import WindowSolver

_Arrays = dict[str, np.ndarray]
_ROUNDS = 2
"""Rounds of joints and poses: a third changes little, by trial on training clips."""


def solve_points(observed: ObservedPoints, *, point_set: PointSet, solver: Solver) -> _Arrays:
    """The pose in every frame of one motion whose points are closest to those that were observed.

    Args:
        observed: the points of T frames, K of them used.
        point_set: that the points are of.
        solver: of frames or of windows; its `refine` is the number of steps of the finish on the points.

    Returns:
        dict of global_orient (T, 1, 3, 3), body_pose (T, 23, 3, 3), transl (T, 3) relative to `observed.origin`, and
        residual (T, K), the distance of each point from that of the posed body, metres.
    """
    points, sigma = tf.constant(observed.points), tf.constant(observed.sigma)
    rest_joints = solver.body_joints(tf.constant(observed.betas))
    at_rest = point_lifting.rest_points(point_set, rest_joints)
    leaves = _with_leaves(point_set, rest_joints, at_rest, points, sigma)
    finish = _finish(point_set, solver.refine, over_time=isinstance(solver, WindowSolver))
    trunk = point_lifting.trunk_rotation(point_set, points, sigma, at_rest)
    world, answer = tf.repeat(trunk[:, None], skeletons.NUM_ROTATIONS, 1), {}
    for _ in range(_ROUNDS):
        joints, joint_sigma = point_lifting.lift(point_set, points, sigma, at_rest, rest_joints, world)
        inputs = {"joints": joints.numpy(), "joint_sigma": joint_sigma.numpy(), "betas": observed.betas}
        local = contract.local_rotations(_network(solver)(inputs))
        answer = finish({"local": local, **leaves})
        world = kinematics.world_rotations(tf.constant(contract.local_rotations(answer)))
    posed, _ = kinematics.forward_kinematics(
        contract.local_rotations(answer), leaves["rest_joints"], point_set.skeleton
    )
    away = observed.points - posed.numpy()[:, skeletons.NUM_ROTATIONS :] - answer["transl"][:, None]
    return {**answer, "residual": np.linalg.norm(away, axis=-1)}


def _with_leaves(
    point_set: PointSet, rest_joints: tf.Tensor, at_rest: tf.Tensor, points: tf.Tensor, sigma: tf.Tensor
) -> _Arrays:
    """The points as leaves of `point_set.skeleton`, whose own 24 joints are absent: arrays (T, 24 + K, ...)."""
    rest = rest_joints[:, : skeletons.NUM_ROTATIONS]
    parts = {
        "joints": (tf.zeros_like(rest), points),
        "rest_joints": (rest, at_rest),
        "joint_sigma": (tf.fill(tf.shape(rest)[:2], skeletons.ABSENT), sigma),
    }
    return {name: tf.concat(both, 1).numpy() for name, both in parts.items()}


@functools.lru_cache(maxsize=8)
def _network(solver: Solver) -> Callable[[Mapping[str, Any]], _Arrays]:
    """The solver as a graph, without its own finish, which knows joints only."""
    plain = solver
    if solver.refine:
        plain = solver.for_body(solver.body_joints)
        plain.refine = 0
    shapes = contract.input_shapes(solver.body_joints.num_betas)
    example = {name: np.zeros([1, *(size or 0 for size in shapes[name])]) for name in contract.PER_FRAME}
    return graphs.compile_solver(plain, inputs=example, motion=True)


@functools.lru_cache(maxsize=8)
def _finish(point_set: PointSet, steps: int, *, over_time: bool) -> Callable[[Mapping[str, Any]], _Arrays]:
    """A graph of local rotations and what `_with_leaves` gives: the rotations and translation after the finish."""
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

    return functools.partial(windows.solve_motion, run) if over_time else run
