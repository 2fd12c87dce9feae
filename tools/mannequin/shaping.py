"""Shape directions of the surface: the motion of the joints, and changes of girth that do not move the joints."""

from collections.abc import Sequence

import numpy as np

from mannequin.sizes import ramp
from mannequin.skinning import smoothed
from niki_tf import skeletons
from niki_tf.body.mannequin_joints import SHAPE_NAMES, joint_directions, rest_joints

_TIP_REACH = 0.012
"""Standard deviation, metres, of the Gaussian within which vertices follow a tip vertex."""
_NUM_SHAPES = len(SHAPE_NAMES)
_Bump = tuple[tuple[float, float, float], tuple[float, float, float], float]
_GIRTH: list[_Bump] = [
    # center on the left, radii of the bump, metres outwards per unit
    ((0.000, -0.100, 0.110), (0.160, 0.200, 0.120), 0.0160),
    ((0.130, -0.110, -0.010), (0.080, 0.210, 0.150), 0.0110),
    ((0.000, -0.120, -0.080), (0.150, 0.170, 0.070), 0.0070),
    ((0.080, 0.130, 0.080), (0.120, 0.100, 0.090), 0.0070),
    ((0.090, 0.120, -0.090), (0.120, 0.140, 0.080), 0.0065),
    ((0.090, -0.320, -0.080), (0.110, 0.130, 0.100), 0.0110),
    ((0.130, -0.420, 0.020), (0.120, 0.200, 0.140), 0.0095),
    ((0.105, -0.850, -0.020), (0.100, 0.180, 0.110), 0.0055),
    ((0.310, 0.235, -0.025), (0.130, 0.100, 0.110), 0.0075),
    ((0.540, 0.240, -0.045), (0.130, 0.090, 0.090), 0.0045),
    ((0.000, 0.350, 0.000), (0.090, 0.060, 0.090), 0.0050),
    ((0.035, 0.400, 0.090), (0.060, 0.050, 0.070), 0.0035),
]
_MUSCLE: list[_Bump] = [
    ((0.210, 0.270, -0.015), (0.070, 0.070, 0.090), 0.0080),
    ((0.335, 0.237, 0.005), (0.090, 0.060, 0.060), 0.0070),
    ((0.320, 0.237, -0.070), (0.090, 0.060, 0.055), 0.0065),
    ((0.530, 0.250, -0.040), (0.080, 0.060, 0.060), 0.0050),
    ((0.085, 0.175, 0.095), (0.090, 0.070, 0.070), 0.0085),
    ((0.130, 0.090, -0.060), (0.070, 0.130, 0.090), 0.0080),
    ((0.075, 0.305, -0.045), (0.070, 0.045, 0.060), 0.0065),
    ((0.000, 0.350, -0.020), (0.080, 0.070, 0.080), 0.0045),
    ((0.120, -0.520, 0.060), (0.080, 0.150, 0.080), 0.0085),
    ((0.090, -0.530, -0.060), (0.080, 0.140, 0.060), 0.0060),
    ((0.080, -0.340, -0.110), (0.080, 0.090, 0.070), 0.0060),
    ((0.103, -0.830, -0.060), (0.070, 0.110, 0.060), 0.0075),
]


def shape_directions(
    vertices: np.ndarray, faces: np.ndarray, mirror: np.ndarray, weights: np.ndarray, tips: np.ndarray
) -> np.ndarray:
    """Displacements (V, 3, 10), metres per unit, symmetric; the tip vertices move exactly as the tip joints.

    Args:
        vertices: (V, 3) metres.
        faces: (F, 3).
        mirror: (V,) partner of each vertex on the other side.
        weights: (V, 24) skinning weights.
        tips: (5,) vertex numbers of the joints 24 to 28.
    """
    joints, directions = rest_joints(), joint_directions()
    followed = np.stack([_followed(vertices, weights, joints, directions[..., k]) for k in range(_NUM_SHAPES)], -1)
    normals = _soft_normals(vertices, faces)
    for name, extra in _surface_changes(vertices, weights, joints, normals, followed).items():
        followed[..., SHAPE_NAMES.index(name)] += extra
    flat = smoothed(followed.reshape(len(vertices), -1), faces, rounds=4)
    moved = flat.reshape(followed.shape)
    moved[..., 0] = 0.04 * (vertices - joints[0])
    moved = (moved + moved[mirror] * np.array([-1.0, 1.0, 1.0])[:, None]) / 2
    return tips_pinned(vertices, moved, tips, directions[skeletons.NUM_ROTATIONS :])


def tips_pinned(vertices: np.ndarray, values: np.ndarray, tips: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The `values` (V, 3, ...) changed near the five tip vertices, so that at those they equal `wanted` (5, 3, ...)."""
    values = values.copy()
    for tip, want in zip(tips, wanted, strict=True):
        near = np.exp(-((vertices - vertices[tip]) ** 2).sum(-1) / (2 * _TIP_REACH**2))
        near[near < 1e-3] = 0.0
        values += np.multiply.outer(near, want - values[tip])
    for tip, want in zip(tips, wanted, strict=True):
        values[tip] = want
    return values


def _followed(vertices: np.ndarray, weights: np.ndarray, joints: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Displacements (V, 3) due to the displacements `moved` (29, 3) of the joints.

    Along each bone the displacement of its two joints is interpolated linearly; bones are blended by `weights`.
    """
    total = np.zeros_like(vertices)
    for joint, child in enumerate(skeletons.BONE_CHILD):
        bone = joints[child] - joints[joint]
        along = np.clip((vertices - joints[joint]) @ bone / (bone @ bone), -0.2, 1.2)
        total += weights[:, joint, None] * (moved[joint] + along[:, None] * (moved[child] - moved[joint]))
    return total


def _surface_changes(
    vertices: np.ndarray, weights: np.ndarray, joints: np.ndarray, normals: np.ndarray, followed: np.ndarray
) -> dict[str, np.ndarray]:
    """Displacements (V, 3) by shape direction, in addition to those due to the joints (`followed`, (V, 3, 10))."""
    names, index = SHAPE_NAMES, skeletons.SMPL_24.index
    width = vertices * (1.0, 0.0, 0.0)
    hips = ramp(0.26 - np.abs(vertices[:, 1] + 0.31), 0.0, 0.26) * ramp(-np.abs(vertices[:, 0]), -0.40, -0.25)
    bones = followed[..., names.index("hip_width")] * (1.0, 0.0, 0.0)
    chest = weights[:, index("spine3")] + 0.5 * weights[:, index("spine2")]
    resized = {}
    for name, parts in (
        ("hands_and_feet", ("left_wrist", "right_wrist", "left_ankle", "right_ankle")),
        ("head_size", ("head",)),
    ):
        moved = joint_directions()[..., names.index(name)]
        resized[name] = np.zeros_like(vertices)
        for joint in map(index, parts):
            share = weights[:, list(skeletons.SMPL_24.descendants[joint])].sum(1)[:, None]
            scaled = moved[joint] + 0.05 * (vertices - joints[joint])
            resized[name] += share * (scaled - followed[..., names.index(name)])
    return {
        "girth": _bumps(vertices, _GIRTH)[:, None] * normals,
        "muscle": _bumps(vertices, _MUSCLE)[:, None] * normals,
        "hip_width": hips[:, None] * (0.07 * width - bones),
        "shoulder_width": 0.04 * chest[:, None] * width,
        **resized,
    }


def _bumps(vertices: np.ndarray, rows: Sequence[_Bump]) -> np.ndarray:
    """Sum (V,) of smooth bumps on both sides of the body, metres."""
    total = np.zeros(len(vertices))
    for center, radii, height in rows:
        offset = (vertices - (0.0, *center[1:])) / radii
        offset[:, 0] = (np.abs(vertices[:, 0]) - center[0]) / radii[0]
        total += height * ramp(1.3 - np.linalg.norm(offset, axis=1), 0.0, 1.3)
    return total


def _soft_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Smoothed unit normals (V, 3) of the surface."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], np.cross(b - a, c - a))
    normals = smoothed(normals / np.linalg.norm(normals, axis=1, keepdims=True), faces, rounds=10)
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)
