"""What protocols of whole motions share: true bodies where they stand in the world, and the call that users make."""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from niki_tf.body import BodyPoser
from niki_tf.evaluation.filters import Filter
from niki_tf.evaluation.protocols import common
from niki_tf.evaluation.protocols.common import Arrays
from niki_tf.inference import Motion
from niki_tf.inference.solve import solve
from niki_tf.motion.clip import Clip
from niki_tf.shapes import TensorLike
from niki_tf.solvers.solver import Solver

OBSERVED = "joints"
"""In place of a solver's name: the observed joints themselves."""


def true_motion(poser: BodyPoser, clip: Clip, betas: np.ndarray, frames: slice = slice(None)) -> Arrays:
    """True rotations (T, 24, 3, 3), betas (T, B) and joints (T, 29, 3) of some frames of a clip, in the world, metres.

    Args:
        poser: of the body that moves.
        clip: the motion.
        betas: (B,) of the person.
        frames: of the clip.
    """
    poses = clip.poses[frames]
    betas = np.tile(betas, [len(poses), 1])
    truth = common.true_bodies(poser, poses, betas)
    path = clip.trans[frames] + (poser.body_joints(betas[:1]).numpy()[:, 0] if clip.trans_convention == "transl" else 0)
    kept = {name: truth[name] for name in ("rotations", "betas")}
    return {**kept, "joints": truth["joints"] + path[:, None].astype(np.float32)}


def solved(
    joints: np.ndarray,
    *,
    betas: np.ndarray,
    solver: Solver,
    joint_sigma: np.ndarray | None = None,
    known_rotations: np.ndarray | None = None,
    fps: float = 30.0,
    function: Filter | None = None,
    ground: str | TensorLike | None = None,
) -> Motion:
    """The motion of one person by `niki_tf.solve`, from joints (T, 29, 3) in metres with y up, NaN if not seen.

    Args:
        joints: (T, 29, 3) metres.
        betas: (T, B).
        solver: that solves.
        joint_sigma: (T, 29) metres or None.
        known_rotations: (T, 24, 3, 3) as `niki_tf.solve` takes them, or None.
        fps: frames per second.
        function: filter that is applied to the joints that are seen in all frames.
        ground: as `niki_tf.solve` takes it.

    Raises:
        FloatingPointError: the answer holds numbers that are not finite.
    """
    if function is not None:
        whole = np.isfinite(joints).all((0, 2))
        joints = np.array(joints)
        joints[:, whole] = function(np.where(whole[:, None], joints, 0.0), fps=fps)[:, whole]
    options: dict[str, Any] = {
        "joint_sigma": joint_sigma,
        "known_rotations": known_rotations,
        "betas": betas,
        "fps": fps,
        "solver": solver,
        "ground": ground,
    }
    motion = cast(Motion, solve(joints, unit="m", up="y", **options))
    if not (np.isfinite(motion.rotations).all() and np.isfinite(motion.transl).all()):
        raise FloatingPointError(f"{solver.name} gave NaN or infinity. Are the weights whole?")
    return motion


def distances_mm(joints: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Distances (T, n), millimetres, of joints (T, n, 3) from the true ones, both relative to joint 0; metres."""
    joints, true = (np.asarray(points, np.float64) - points[:, :1] for points in (joints, true))
    return 1000.0 * np.linalg.norm(joints - true, axis=-1)


def check_no_twist(solvers: Mapping[str, Solver]) -> None:
    """Raises ValueError for a solver that needs the twist."""
    for name, solver in solvers.items():
        if solver.needs_twist:
            raise ValueError(f"`solvers` must do without the twist, which this protocol does not give; got {name}.")
