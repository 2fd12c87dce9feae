"""The one call from joints to poses."""

import difflib
import functools
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from niki_tf import body, contract, skeletons
from niki_tf.fitting import residuals
from niki_tf.inference import graphs, points
from niki_tf.inference.motion import Motion
from niki_tf.motion import observed_motion, observed_points
from niki_tf.shapes import TensorLike
from niki_tf.skeletons import PointSet
from niki_tf.solvers import zoo
from niki_tf.solvers.solver import Solver


def solve(
    joints: TensorLike,
    *,
    skeleton: str | PointSet = "smpl_29",
    joint_sigma: TensorLike | None = None,
    betas: TensorLike | None = None,
    twist: TensorLike | None = None,
    fps: float = 30.0,
    solver: str | os.PathLike | Solver | None = None,
    finish: bool = True,
) -> Motion:
    """The poses of one person whose joints are given, frame by frame or as one motion.

    Joints that follow each other in time are solved by a solver that sees time, in overlapping windows of 16 frames;
    a single frame by one of single frames. T frames in, T frames out.

    Args:
        joints: (T, J, 3) or (J, 3) metres, the joints of `skeleton`, in any place; (T, 3 J) is read as (T, J, 3). Of
            other skeletons than smpl_29, a joint with NaN is one that was not seen.
        skeleton: the joint set that the joints are of: a name of `niki_tf.skeletons.POINT_SETS`, such as coco_17,
            mediapipe_33, openpose_25, h36m_17, or a `PointSet`.
        joint_sigma: (T, J) or (J,) metres, uncertainty of each joint; 0 = not known, 10 or more = not seen.
        betas: (B,) or (T, B) shape coefficients; zeros if None.
        twist: (T, 23, 2) as (cos, sin) about each bone, for solvers that use one; (0, 0) = not known. Of smpl_29 only.
        fps: frames per second of the joints.
        solver: name of a shipped solver ("one_stage", "temporal", ...), a folder that holds model.keras, or a solver.
            None: "temporal" for several frames, "one_stage" for one.
        finish: end with the exact finish: four Gauss-Newton steps towards the joints. Of a `Solver` that is given,
            its own `refine` decides.

    Raises:
        ValueError: an array does not have the shape above, or there is no such solver or skeleton.

    Example:
        >>> import numpy as np
        >>> import niki_tf
        >>> joints = np.zeros([20, 29, 3]) + niki_tf.body.mannequin_joints().joints
        >>> motion = niki_tf.solve(joints, fps=25, solver="analytic")
        >>> len(motion), motion.fps, bool(motion.residual.max() < 1e-3)
        (20, 25.0, True)
    """
    point_set = _point_set(skeleton)
    arrays = {"joints": joints, "joint_sigma": joint_sigma, "betas": betas, "twist": twist}
    arrays = {name: np.asarray(value) for name, value in arrays.items() if value is not None}
    shape = arrays["joints"].shape
    if len(shape) == 2 and shape != (len(point_set), 3) and shape[1] == 3 * len(point_set):
        arrays["joints"] = arrays["joints"].reshape(len(arrays["joints"]), -1, 3)
    if arrays["joints"].ndim == 2:
        arrays = {name: value if name == "betas" else value[None] for name, value in arrays.items()}
    if isinstance(solver, Solver):
        chosen = solver
    else:
        name = solver or ("temporal" if len(arrays["joints"]) > 1 else "one_stage")
        chosen = _loaded(os.fspath(name), finish=finish)
    if point_set.points != skeletons.SMPL_29.names:
        return _solve_other(arrays, point_set, chosen, fps)
    observed = observed_motion.from_joints(arrays, num_betas=chosen.body_joints.num_betas, fps=fps)
    if chosen.needs_twist and "twist" not in observed.inputs:
        raise ValueError(f"`twist` (T, 23, 2) must be given to {chosen.name}, which cannot guess it.")
    answer = _graph(chosen, chosen.refine, tuple(observed.inputs))(observed.inputs)
    return _motion(answer, observed, chosen.body_joints)


def _point_set(skeleton: str | PointSet) -> PointSet:
    """The point set of a name; ValueError if there is none."""
    if isinstance(skeleton, PointSet):
        return skeleton
    if skeleton not in skeletons.POINT_SETS:
        close = difflib.get_close_matches(skeleton, skeletons.POINT_SETS, n=1, cutoff=0.3)
        meant = f" Did you mean {close[0]}?" if close else ""
        raise ValueError(f"`skeleton` must be one of {', '.join(skeletons.POINT_SETS)}; got {skeleton!r}.{meant}")
    return skeletons.POINT_SETS[skeleton]


def _solve_other(arrays: dict[str, np.ndarray], point_set: PointSet, solver: Solver, fps: float) -> Motion:
    """The motion of the joints of another skeleton."""
    if "twist" in arrays or solver.needs_twist:
        raise ValueError(f"`twist` goes with the skeleton smpl_29 only; got {point_set.name}. Take another solver.")
    seen = observed_points.from_points(arrays, point_set=point_set, num_betas=solver.body_joints.num_betas, fps=fps)
    answer = points.solve_points(seen, point_set=point_set, solver=solver)
    residual = np.full([len(seen.points), len(point_set)], np.nan, np.float32)
    residual[:, list(point_set.used)] = np.where(seen.sigma >= skeletons.ABSENT, np.nan, answer["residual"])
    local = contract.local_rotations(answer)
    return Motion(local, seen.betas, answer["transl"] + seen.origin, residual, seen.fps)


@functools.lru_cache(maxsize=4)
def _loaded(name: str, *, finish: bool) -> Solver:
    """The solver called `name`, read from disk once."""
    chosen = zoo.load(name)
    chosen.refine = zoo.FINISH_STEPS if finish else chosen.refine
    return chosen


@functools.lru_cache(maxsize=8)
def _graph(solver: Solver, refine: int, names: tuple[str, ...]) -> Callable[[dict[str, Any]], dict[str, np.ndarray]]:
    """The solver as a graph of the inputs `names`, traced once; its steps of the finish are part of the key."""
    shapes = contract.input_shapes(solver.body_joints.num_betas)
    return graphs.compile_solver(solver, inputs={name: np.zeros([1, *shapes[name]]) for name in names}, motion=True)


def _motion(
    answer: dict[str, np.ndarray], observed: observed_motion.ObservedMotion, body_joints: body.BodyJoints
) -> Motion:
    """The motion of an answer to observed joints."""
    local = contract.local_rotations(answer)
    betas = np.asarray(observed.inputs["betas"], np.float32)
    rest_joints = body_joints(betas)
    sigma = observed.inputs.get("joint_sigma", np.zeros(observed.joints.shape[:2], np.float32))
    residual = residuals.joint_residuals(tf.constant(observed.inputs["joints"]), local, rest_joints, tf.constant(sigma))
    return Motion(local, betas, answer["transl"] + observed.origin, residual.numpy(), observed.fps)
