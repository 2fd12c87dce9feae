"""The mannequin's joints at rest: what landmarks are measured from, and what sizes and axes of points are judged by."""

import numpy as np

from niki_tf.skeletons.smpl import SMPL_29

_MIDLINE_AND_LEFT = {
    "pelvis": (0, -0.223, 0.028),
    "left_hip": (0.059, -0.309, 0.012),
    "spine1": (0, -0.099, -0.010),
    "left_knee": (0.102, -0.694, 0.014),
    "spine2": (0, 0.039, 0.017),
    "left_ankle": (0.085, -1.1175, -0.0225),
    "spine3": (0, 0.095, 0.020),
    "left_foot": (0.123, -1.1785, 0.1035),
    "neck": (0, 0.307, -0.013),
    "left_collar": (0.0775, 0.208, -0.0015),
    "head": (0, 0.396, 0.037),
    "left_shoulder": (0.1955, 0.254, -0.015),
    "left_elbow": (0.453, 0.239, -0.042),
    "left_wrist": (0.7205, 0.249, -0.0485),
    "left_hand": (0.8085, 0.239, -0.0615),
    "head_top": (0, 0.586, 0.049),
    "left_middle_tip": (0.8995, 0.232, -0.069),
    "left_big_toe": (0.136, -1.1895, 0.1735),
}
"""Rest joints on the midline and the left side, metres."""


def rest_joints() -> np.ndarray:
    """The joints (29, 3), metres, in the T-pose: y up, facing +z, left along +x, symmetric about x = 0."""
    joints = []
    for name in SMPL_29.names:
        x, y, z = _MIDLINE_AND_LEFT[name.replace("right_", "left_")]
        joints.append((-x if name.startswith("right_") else x, y, z))
    return np.array(joints)
