"""Solving for the points of another joint set, twice: joints that the points tell, solved; then the finish on the points.

The finish meets the points themselves, as leaves of SMPL's tree. In the second round the joints follow from the points
by the rotations that the first one found, in place of the trunk's.
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
from niki_tf.skeletons import PointSet
from niki_tf.solvers.solver import Solver
from niki_tf.solvers.window_solver import WindowSolver

Arrays = dict[str, np.ndarray]

_ROUNDS = 2
"""Rounds of joints and poses: a third changes little."""


def solve_points(
    points: np.ndarray, point_sigma: np.ndarray, betas: np.ndarray, *, point_set: PointSet, solver: Solver, steps: int
) -> Arrays:
    """The pose whose points are those that are given, in every frame of one motion.

    Args:
        points: (T, K, 3) metres, those points of the set that are used, relative to any origin; absent ones finite.
        point_sigma: (T, K) metres.
        betas: (T, B).
        point_set: the set.
        solver: of frames or of windows.
        steps: of the finish on the points; 0 for none.

    Returns:
        dict of global_orient (T, 1, 3, 3), body_pose (T, 23, 3, 3), transl (T, 3), and residual (T, K), the distance of
        each point from that of the posed body, metres.
    """
    rest_joints = solver.body_joints(tf.constant(betas))
    given = [tf.constant(x, tf.float32) for x in (points, point_sigma)]
    at_rest = point_lifting.rest_points(point_set, rest_joints)
    trunk = point_lifting.trunk_rotation(point_set, *given, at_rest)
    world = tf.repeat(trunk[:, None], skeletons.NUM_ROTATIONS, 1)
    over_time = isinstance(solver, WindowSolver)
    finish = functools.partial(_finished, *given, at_rest, rest_joints, point_set, steps=steps, over_time=over_time)
    for _ in range(_ROUNDS):
        joints, sigma = point_lifting.lift(point_set, *given, at_rest, rest_joints, world)
        inputs = {"joints": joints.numpy(), "joint_sigma": sigma.numpy(), "betas": betas}
        answer = _network(solver)(inputs)
        answer = finish(contract.local_rotations(answer))
        local = contract.local_rotations(answer)
        world = kinematics.world_rotations(tf.constant(local))
    answer["residual"] = _distances(points, answer, at_rest, rest_joints, point_set)
    return answer


def _distances(
    points: np.ndarray, answer: Arrays, at_rest: tf.Tensor, rest_joints: tf.Tensor, point_set: PointSet
) -> np.ndarray:
    """Distances (T, K) of the points from those of the posed body, metres."""
    rest = tf.concat([rest_joints[:, : skeletons.NUM_ROTATIONS], at_rest], 1)
    posed, _ = kinematics.forward_kinematics(contract.local_rotations(answer), rest, point_set.skeleton)
    return np.linalg.norm(points - posed.numpy()[:, skeletons.NUM_ROTATIONS :] - answer["transl"][:, None], axis=-1)


@functools.lru_cache(maxsize=8)
def _network(solver: Solver) -> Callable[[Mapping[str, Any]], Arrays]:
    """The solver without its own finish, which knows joints only, as a graph."""
    plain = solver
    if solver.refine:
        plain = solver.for_body(solver.body_joints)
        plain.refine = 0
    shapes = contract.input_shapes(solver.body_joints.num_betas)
    example = {name: np.zeros([1, *shapes[name]]) for name in contract.PER_FRAME}
    return graphs.compile_solver(plain, inputs=example, motion=True)


def _finished(
    points: tf.Tensor,
    point_sigma: tf.Tensor,
    at_rest: tf.Tensor,
    rest_joints: tf.Tensor,
    point_set: PointSet,
    local: np.ndarray,
    *,
    steps: int,
    over_time: bool,
) -> Arrays:
    """The answer after the finish on the points, with its translation and residual."""
    joints = tf.constant(np.zeros_like(rest_joints[:, : skeletons.NUM_ROTATIONS]))
    unseen = tf.fill(tf.shape(joints)[:2], skeletons.ABSENT)
    inputs = {
        "local": local,
        "joints": tf.concat([joints, points], 1),
        "rest_joints": tf.concat([rest_joints[:, : skeletons.NUM_ROTATIONS], at_rest], 1),
        "joint_sigma": tf.concat([unseen, point_sigma], 1),
    }
    arrays = {name: np.asarray(value, np.float32) for name, value in inputs.items()}
    finish = _finish_graph(point_set, steps, over_time=over_time)
    return windows.solve_motion(finish, arrays) if over_time else finish(arrays)


@functools.lru_cache(maxsize=8)
def _finish_graph(point_set: PointSet, steps: int, *, over_time: bool) -> Callable[[Mapping[str, Any]], Arrays]:
    skeleton = point_set.skeleton
    fit = gauss_newton_windows.refine if over_time else gauss_newton.refine

    def finish(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        local, joints, rest, sigma = (inputs[name] for name in ("local", "joints", "rest_joints", "joint_sigma"))
        extra = {"frame_mask": inputs["frame_mask"]} if over_time else {}
        if steps:
            local = fit(local, joints, rest, sigma, **extra, steps=steps, skeleton=skeleton)
        posed, _ = kinematics.forward_kinematics(local, rest, skeleton)
        move = root_path.smoothed_translation if over_time else root_path.translation
        transl = move(joints, posed, sigma, **extra)
        return {"global_orient": local[..., :1, :, :], "body_pose": local[..., 1:, :, :], "transl": transl}

    graph = tf.function(finish, autograph=False, reduce_retracing=True)

    def run(inputs: Mapping[str, Any]) -> Arrays:
        answer = graph({name: tf.convert_to_tensor(value, tf.float32) for name, value in inputs.items()})
        return {name: value.numpy() for name, value in answer.items()}

    return run
