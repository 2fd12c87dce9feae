"""Skinning weights: in order of the tree, a smooth share of each joint's weight passes on to its children."""

import numpy as np

from mannequin.sizes import ramp
from niki_tf import skeletons

_SMOOTHING = 8
"""Rounds of smoothing over the mesh."""
_MOST_JOINTS = 4
"""Joints of a vertex with a weight above zero, at most."""


def skinning_weights(vertices: np.ndarray, faces: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Weights (V, 24), at most four of a vertex above zero, rows summing to one, symmetric.

    Args:
        vertices: (V, 3) metres, T-pose.
        faces: (F, 3).
        mirror: (V,) partner of each vertex on the other side.
    """
    shares = _shares(vertices)
    weights = np.zeros((len(vertices), skeletons.NUM_ROTATIONS))
    weights[:, 0] = 1.0
    middle_first = sorted(
        range(1, skeletons.NUM_ROTATIONS), key=lambda joint: (skeletons.SMPL_24.mirror[joint] != joint, joint)
    )
    for joint in middle_first:
        passed_on = weights[:, skeletons.SMPL_24.parents[joint]] * shares[:, joint]
        weights[:, joint] = passed_on
        weights[:, skeletons.SMPL_24.parents[joint]] -= passed_on
    weights = smoothed(weights, faces, rounds=_SMOOTHING)
    weights = (weights + weights[mirror][:, skeletons.SMPL_24.mirror]) / 2
    least = np.sort(weights, axis=1)[:, -_MOST_JOINTS - 1][:, None]
    weights = np.maximum(weights - np.maximum(least, 0.004), 0)
    return weights / weights.sum(1, keepdims=True)


def smoothed(values: np.ndarray, faces: np.ndarray, *, rounds: int) -> np.ndarray:
    """Laplacian smoothing: `values` (V, n) moved half-way to the mean of the adjacent vertices, `rounds` times."""
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    count = np.bincount(pairs[:, 0], minlength=len(values))[:, None]
    for _ in range(rounds):
        total = np.zeros_like(values)
        np.add.at(total, pairs[:, 0], values[pairs[:, 1]])
        values = 0.5 * values + 0.5 * total / count
    return values


def _shares(vertices: np.ndarray) -> np.ndarray:
    """Share (V, 24) of the parent's weight that passes on to each joint."""
    shares = np.zeros((len(vertices), skeletons.NUM_ROTATIONS))
    for name, share in _midline_shares(vertices).items():
        shares[:, skeletons.SMPL_24.index(name)] = share
    for side, sign in (("left_", 1.0), ("right_", -1.0)):
        points = vertices * (sign, 1.0, 1.0)
        for name, share in _side_shares(points).items():
            shares[:, skeletons.SMPL_24.index(side + name)] = np.where(points[:, 0] >= 0, share, 0.0)
    return shares


def _midline_shares(points: np.ndarray) -> dict[str, np.ndarray]:
    """Shares (V,) of the joints of spine, neck and head by name."""
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    neck = (y - 0.297) * 0.878 + (z + 0.013) * 0.479
    head = (y - 0.393) * 0.864 + (z - 0.010) * 0.504
    return {
        "spine1": ramp(y, -0.200, 0.000),
        "spine2": ramp(y, -0.030, 0.110),
        "spine3": ramp(y, 0.035, 0.160),
        "neck": ramp(neck, -0.032, 0.032) * ramp(-x, -0.115, -0.065),
        "head": ramp(head, -0.035, 0.030),
    }


def _side_shares(points: np.ndarray) -> dict[str, np.ndarray]:
    """Shares (V,) of the left side's joints by name without side; for the right side, give mirrored points."""
    x, y, z = points.T
    hip = (x - 0.00) * 0.50 - (y + 0.375) * 0.80 + z * 0.12
    ankle = -(y + 1.100) + 0.15 * (z + 0.02)
    toes = (x - 0.123) * 0.25 + (z - 0.1035) * 0.97
    girdle = x + 0.9 * (y - 0.15)
    return {
        "hip": ramp(hip, -0.085, 0.090) * ramp(x, 0.006, 0.052),
        "knee": ramp(-y, 0.640, 0.750),
        "ankle": ramp(ankle, -0.035, 0.030),
        "foot": ramp(toes, -0.020, 0.022),
        "collar": ramp(x, 0.015, 0.110) * ramp(girdle, 0.070, 0.200),
        "shoulder": ramp(x, 0.128, 0.264),
        "elbow": ramp(x, 0.410, 0.496),
        "wrist": ramp(x, 0.640, 0.745),
        "hand": ramp(x, 0.788, 0.830) * ramp(-z, 0.006, 0.024),
    }
