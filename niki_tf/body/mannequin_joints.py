"""The mannequin's `BodyJoints`: SMPL's joints and proportions made symmetric, and ten named shape directions."""

from typing import Any

import numpy as np

from niki_tf import skeletons
from niki_tf.body.body_joints import BodyJoints
from niki_tf.skeletons.rest import rest_joints

SHAPE_NAMES = (
    "stature",
    "girth",
    "leg_length",
    "arm_length",
    "shoulder_width",
    "hip_width",
    "torso_length",
    "head_size",
    "hands_and_feet",
    "muscle",
)
"""What a positive value of each of the ten betas makes larger; one unit is about one standard deviation of adults."""


def _scaled(bones: np.ndarray, **factors: Any) -> np.ndarray:
    """Bones (29, 3) whose names contain a keyword times the factor of it, one number or (x, y, z); others zero."""
    change = np.zeros_like(bones)
    for part, factor in factors.items():
        chosen = [joint for joint, name in enumerate(skeletons.SMPL_29.names) if part in name]
        change[chosen] = bones[chosen] * np.asarray(factor)
    return change


def joint_directions() -> np.ndarray:
    """Directions (29, 3, 10) of the rest joints with each of the ten betas, metres per unit; the pelvis stays."""
    joints, parents = rest_joints(), np.maximum(skeletons.SMPL_29.parents, 0)
    bones = joints - joints[parents]
    across = (1.0, 0.0, 0.0)
    hands_and_feet = {"foot": 0.05, "toe": 0.05, "left_hand": 0.05, "right_hand": 0.05, "tip": 0.05}
    changes = {
        "stature": bones * 0.04,
        "girth": _scaled(bones, hip=np.multiply(across, 0.03), collar=np.multiply(across, 0.03)),
        "leg_length": _scaled(bones, knee=0.035, ankle=0.035),
        "arm_length": _scaled(bones, elbow=0.035, wrist=0.035),
        "shoulder_width": _scaled(bones, collar=np.multiply(across, 0.05), shoulder=np.multiply(across, 0.06)),
        "hip_width": _scaled(bones, hip=np.multiply(across, 0.07), knee=np.multiply(across, -0.05)),
        "torso_length": _scaled(bones, spine=0.035, neck=0.035),
        "head_size": _scaled(bones, head=0.05),
        "hands_and_feet": _scaled(bones, **hands_and_feet),
        "muscle": _scaled(bones, shoulder=np.multiply(across, 0.02), collar=np.multiply(across, 0.01)),
    }
    descendants = skeletons.SMPL_29.descendants
    ancestry = np.array([[joint in below for below in descendants] for joint in range(len(joints))], float)
    return np.stack([ancestry @ changes[name] for name in SHAPE_NAMES], -1)


def mannequin_joints() -> BodyJoints:
    """The `BodyJoints` of the mannequin, the default body of the package."""
    return BodyJoints(rest_joints(), directions=joint_directions())
