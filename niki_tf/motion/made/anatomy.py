"""Joint angles as anatomy names them (bend, side, turn), the range of each joint, and the way to SMPL's rotations."""

import numpy as np

from niki_tf import skeletons
from niki_tf.motion import quaternions
from niki_tf.shapes import TensorLike

_RANGES = {
    "pelvis": ((-25, 60), (-20, 20), (-20, 20)),
    "hip": ((-30, 120), (-20, 50), (-30, 45)),
    "knee": ((0, 145), (0, 0), (-5, 5)),
    "ankle": ((-45, 35), (-15, 15), (-25, 30)),
    "foot": ((-15, 35), (0, 0), (0, 0)),
    "spine1": ((-15, 30), (-12, 12), (-12, 12)),
    "spine2": ((-15, 25), (-12, 12), (-15, 15)),
    "spine3": ((-12, 20), (-10, 10), (-15, 15)),
    "neck": ((-25, 35), (-20, 20), (-40, 40)),
    "head": ((-35, 25), (-20, 20), (-35, 35)),
    "collar": ((-15, 20), (-10, 30), (-10, 10)),
    "shoulder": ((-50, 160), (-30, 150), (-90, 75)),
    "elbow": ((0, 145), (0, 0), (-50, 50)),
    "wrist": ((-60, 65), (-20, 25), (-40, 40)),
    "hand": ((0, 0), (0, 0), (0, 0)),
}
"""Least and greatest (bend, side, turn) in degrees; left and right are alike. Zero is standing with hanging arms.

bend: trunk, neck and head forward, hip and shoulder forward and up, knee, elbow and wrist closing, ankle and toes up,
collar forward. side: trunk, neck and head to the left, hips and shoulders away from the body, collars up.
turn: trunk, neck and head to the left, thighs outward, upper arms outward, palms down.
Rounded ranges of healthy adults as textbooks of physiotherapy give them, a little tighter where angles add up.
"""

_AXES = {
    "trunk": "xzy",
    "hip": "xzy",
    "knee": "xzy",
    "ankle": "xzy",
    "foot": "xzy",
    "collar": "yzx",
    "shoulder": "xzx",
    "elbow": "yzx",
    "wrist": "zyx",
    "hand": "xyz",
}
"""Axes of the left joint that (bend, side, turn) go about, the outermost rotation first."""

_SIGNS = {
    "trunk": (1, -1, 1),
    "hip": (-1, 1, 1),
    "knee": (1, 1, 1),
    "ankle": (-1, 1, 1),
    "foot": (-1, 1, 1),
    "collar": (-1, 1, 1),
    "shoulder": (-1, 1, -1),
    "elbow": (-1, 1, 1),
    "wrist": (-1, -1, 1),
    "hand": (1, 1, 1),
}
"""Signs of (bend, side, turn) about these axes."""

_ARMS_DOWN = -90.0
"""Side angle from the arm of SMPL's T-pose to the hanging arm, degrees."""


def part(name: str) -> str:
    """Name of the joint without its side: `left_knee` is a `knee`."""
    return name.removeprefix("left_").removeprefix("right_")


def limits() -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest joint angles, two arrays (24, 3) in degrees, (bend, side, turn) each."""
    ranges = np.array([_RANGES[part(name)] for name in skeletons.SMPL_24.names], float)
    return ranges[..., 0], ranges[..., 1]


def angles_to_poses(angles: TensorLike) -> np.ndarray:
    """Rotation vectors (..., 24, 3), radians, of joint angles (..., 24, 3), degrees, (bend, side, turn) each.

    The right side is the mirror image of the left, so equal angles left and right make a symmetric pose.
    """
    names = skeletons.SMPL_24.names
    kinds = [part(name) if part(name) in _AXES else "trunk" for name in names]
    angles = np.asarray(angles, float) * np.array([_SIGNS[kind] for kind in kinds])
    angles += np.array([(0.0, _ARMS_DOWN * (kind == "shoulder"), 0.0) for kind in kinds])
    units = np.array([["xyz".index(axis) for axis in _AXES[kind]] for kind in kinds])
    turns = quaternions.rotvec_to_quaternion_wxyz(np.radians(angles)[..., None] * np.eye(3)[units])
    turns = quaternions.multiply(quaternions.multiply(turns[..., 0, :], turns[..., 1, :]), turns[..., 2, :])
    rotvec = quaternions.quaternion_wxyz_to_rotvec(turns)
    return np.where([[name.startswith("right_")] for name in names], rotvec * (1, -1, -1), rotvec)


def mirror_angles(angles: np.ndarray) -> np.ndarray:
    """The joint angles (..., 24, 3) of the mirror image: left and right exchanged."""
    midline = np.array(skeletons.SMPL_24.mirror) == np.arange(skeletons.NUM_ROTATIONS)
    return angles[..., skeletons.SMPL_24.mirror, :] * np.where(midline[:, None], (1, -1, -1), 1)
