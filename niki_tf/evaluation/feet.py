"""Feet on the ground: how much planted feet slide, and how far a body sinks in. Plain NumPy; y is up, metres in."""

from collections.abc import Sequence

import numpy as np

from niki_tf import skeletons
from niki_tf.evaluation.tables import Row

FEET = tuple(skeletons.SMPL_29.index(f"{side}_foot") for side in ("left", "right"))
"""The joints that are taken for the feet: where the toes begin."""
PLANTED_SPEED, PLANTED_HEIGHT = 0.1, 0.05
"""Metres a second, and metres above the lowest place of a foot in the motion: a true foot below both is planted."""
SLIDING_SPEED = 0.15
"""Metres a second, above which a planted foot slides."""


def foot_speeds(joints: np.ndarray, *, fps: float) -> np.ndarray:
    """Speeds (T - 1, 2) of the feet of joints (T, 29, 3) from frame to frame, metres a second."""
    return np.linalg.norm(np.diff(np.asarray(joints, np.float64)[:, FEET], axis=0), axis=-1) * fps


def planted(joints: np.ndarray, *, fps: float) -> np.ndarray:
    """Whether a true foot stands still on the ground from one frame to the next, (T - 1, 2) bool.

    It does if it is slower than `PLANTED_SPEED` and in both frames less than `PLANTED_HEIGHT` above the lowest place
    where either foot is in the motion.

    Args:
        joints: (T, 29, 3) metres, the true ones, y up.
        fps: frames per second.

    Example:
        >>> import numpy as np
        >>> from niki_tf.evaluation import feet
        >>> joints = np.zeros([3, 29, 3])
        >>> joints[2, feet.FEET[0], 0], joints[:, feet.FEET[1], 1] = 0.01, 0.06
        >>> feet.planted(joints, fps=30.0).tolist()
        [[True, False], [False, False]]
    """
    height = np.asarray(joints)[:, FEET, 1]
    low = height < height.min() + PLANTED_HEIGHT
    return (foot_speeds(joints, fps=fps) < PLANTED_SPEED) & low[1:] & low[:-1]


def planted_speeds(joints: np.ndarray, true: np.ndarray, *, fps: float) -> np.ndarray:
    """Speeds (n, 2), metres a second, of planted feet: those of `joints` (T, 29, 3) beside the `true` ones.

    Args:
        joints: (T, 29, 3) metres in the world.
        true: (T, 29, 3) metres, y up; they tell which feet are planted, and when.
        fps: frames per second.
    """
    stands = planted(true, fps=fps)
    return np.stack([foot_speeds(one, fps=fps)[stands] for one in (joints, true)], -1)


def foot_columns(speeds: Sequence[np.ndarray]) -> Row:
    """Columns of a table from the `planted_speeds` of some clips; None where no foot is planted.

    foot_speed is the mean speed of planted feet and true_foot_speed that of the true ones, metres a second;
    sliding_percent says how many are faster than `SLIDING_SPEED`.
    """
    together = np.concatenate(speeds)
    if not len(together):
        return dict.fromkeys(("foot_speed", "true_foot_speed", "sliding_percent"))
    found, true = together.T
    sliding = 100.0 * float((found > SLIDING_SPEED).mean())
    return {"foot_speed": float(found.mean()), "true_foot_speed": float(true.mean()), "sliding_percent": sliding}


def penetration_mm(vertices: np.ndarray, true: np.ndarray) -> np.ndarray:
    """How far (T,) the lowest vertex is below the ground, millimetres, 0 where it is not.

    The ground is where the lowest vertex of the true motion is.

    Args:
        vertices: (T, V, 3) metres in the world, y up.
        true: (T, V, 3) the true ones.
    """
    ground = true[..., 1].min()
    return 1000.0 * np.maximum(ground - vertices[..., 1].min(-1).astype(np.float64), 0.0)
