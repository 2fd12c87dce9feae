"""Errors of a solver's answer against the truth, one number a frame."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from niki_tf import contract, skeletons
from niki_tf.body import BodyPoser
from niki_tf.evaluation import metrics

METRICS = ("mpjpe", "pa_mpjpe", "pve", "rotation_deg")
"""The errors that `pose_errors` gives, three in millimetres and one in degrees: the columns of the tables."""


def pose_errors(
    answer: Mapping[str, Any], *, truth: Mapping[str, np.ndarray], poser: BodyPoser
) -> dict[str, np.ndarray]:
    """Errors of an answer, one number a frame.

    Args:
        answer: dict with global_orient (N, 1, 3, 3) and body_pose (N, 23, 3, 3), as every solver gives it.
        truth: what `BodyPoser.truth` gave for the same frames.
        poser: `BodyPoser` of the body that is posed, with the true betas.

    Returns:
        dict of float64 arrays (N,): mpjpe, pa_mpjpe, pve in millimetres, rotation_deg in degrees.

    Raises:
        FloatingPointError: the answer holds numbers that are not finite.
    """
    rotations = contract.local_rotations(answer)
    if not np.isfinite(rotations).all():
        raise FloatingPointError("`answer` must hold finite rotations; got NaN or infinity. Are the weights whole?")
    posed = poser.pose(rotations, betas=truth["betas"])
    joints, true_joints = (which["joints"][:, : len(skeletons.SMPL_24)] for which in (posed, truth))
    return {
        "mpjpe": metrics.mpjpe(joints, true_joints),
        "pa_mpjpe": metrics.pa_mpjpe(joints, true_joints),
        "pve": metrics.pve(posed["vertices"], truth["vertices"]),
        "rotation_deg": metrics.rotation_error_deg(rotations, truth["rotations"]),
    }
