"""The betas that protocols give to solvers: the true ones, zeros, or those found from joints with errors.

Whatever is given, answers pose the true body. Betas are found by `bone_shape.estimate_shape` from all frames of a
motion, as `niki_tf.solve` does where none are given.
"""

from collections.abc import Callable, Collection

import numpy as np

from niki_tf.body import BodyJoints
from niki_tf.evaluation.protocols.common import Arrays
from niki_tf.fitting import bone_shape

BETAS = ("true", "zeros", "found")
"""The betas that solvers can be given."""


def check_betas(betas: str, *, known: Collection[str] = BETAS) -> None:
    """Raises ValueError for a choice of betas that is not one of `known`."""
    if betas not in known:
        raise ValueError(f"`betas` must be {' or '.join(known)}; got {betas!r}.")


def given_betas(true: np.ndarray, betas: str, *, find: Callable[[], np.ndarray]) -> np.ndarray:
    """The betas that solvers are given, in the shape (..., B) of the true ones.

    Args:
        true: (..., B).
        betas: one of BETAS.
        find: a function that gives what is found, in a shape that broadcasts; called only where it is needed.

    Example:
        >>> import numpy as np
        >>> from niki_tf.evaluation.protocols import given_shape
        >>> given_shape.given_betas(np.ones([2, 3]), "found", find=lambda: np.arange(3.0)).tolist()
        [[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]]
    """
    if betas == "true":
        return true
    return np.zeros_like(true) if betas == "zeros" else np.array(np.broadcast_to(find(), true.shape), true.dtype)


def found_betas(seen: Arrays, body_joints: BodyJoints) -> np.ndarray:
    """The betas (B,) of the person of one motion.

    Args:
        seen: dict of joints (T, 29, 3) metres and perhaps joint_sigma (T, 29).
        body_joints: of the body that is solved for.
    """
    sigma = seen.get("joint_sigma", np.zeros(seen["joints"].shape[:-1]))
    return bone_shape.estimate_shape(seen["joints"], sigma, body_joints=body_joints).betas
