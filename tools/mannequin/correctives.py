"""Pose directions that correct linear blend skinning: its loss of volume at twisted shoulders and bent elbows.

Where a vertex has the weight w for a joint and its descendants and 1 - w for the joint's ancestors, linear blending
moves it by (1 - w) 1 + w R, which shrinks the surface. The target motion is R^w, the rotation by w times the angle. The
difference, transformed back to the rest pose, is fitted over many rotations by a linear map of R - 1, separately for
each joint and vertex, by ridge regression.
"""

import numpy as np
from scipy.spatial.transform import Rotation

from niki_tf import skeletons
from niki_tf.body.mannequin_joints import rest_joints

_ROTATIONS = 160
"""Random rotations that the maps are fitted to."""
_LARGEST = 2.2
"""Largest angle of these rotations, radians."""
_RIDGE = 0.02
"""Weight of the squared map in the ridge regression, for each rotation; chosen by trial."""
_SWING_SHARE, _TWIST_SHARE = 0.35, 1.0
"""Shares of the difference that are corrected for swings and twists; chosen by trial."""
_SMALLEST = 2e-4
"""Smaller entries of the directions become zero, which makes the file small."""


def pose_directions(vertices: np.ndarray, weights: np.ndarray, mirror: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Corrections (V, 3, 207), metres per unit of each entry of R - 1 of joints 1 to 23, symmetric.

    Args:
        vertices: (V, 3) metres.
        weights: (V, 24) skinning weights.
        mirror: (V,) partner of each vertex on the other side.
        seed: of the random rotations.
    """
    joints = rest_joints()
    rotvecs = _random_rotvecs(np.random.default_rng(seed))
    directions = np.zeros((len(vertices), 3, skeletons.NUM_TWISTS, 3, 3))
    for joint in range(1, skeletons.NUM_ROTATIONS):
        other = skeletons.SMPL_24.mirror[joint]
        if other < joint:
            continue
        below = list(skeletons.SMPL_24.descendants[joint])
        share = weights[:, below].sum(1)
        chosen = np.flatnonzero((share > 0.02) & (share < 0.98))
        bone = joints[skeletons.BONE_CHILD[joint]] - joints[joint]
        fitted = _fitted(vertices[chosen] - joints[joint], share[chosen], rotvecs, bone / np.linalg.norm(bone))
        directions[chosen, :, joint - 1] = fitted
        if other != joint:
            directions[mirror[chosen], :, other - 1] = _mirrored(fitted)
    for joint in range(1, skeletons.NUM_ROTATIONS):
        if skeletons.SMPL_24.mirror[joint] == joint:
            here = directions[:, :, joint - 1]
            directions[:, :, joint - 1] = (here + _mirrored(here[mirror])) / 2
    directions[np.abs(directions) < _SMALLEST] = 0.0
    return directions.reshape(len(vertices), 3, 9 * skeletons.NUM_TWISTS)


def _random_rotvecs(random: np.random.Generator) -> np.ndarray:
    """Rotation vectors (n, 3), radians, with uniformly distributed directions and angles."""
    axes = random.standard_normal((_ROTATIONS, 3))
    angles = random.uniform(0.2, _LARGEST, (_ROTATIONS, 1))
    return axes / np.linalg.norm(axes, axis=1, keepdims=True) * angles


def _fitted(offsets: np.ndarray, share: np.ndarray, rotvecs: np.ndarray, bone: np.ndarray) -> np.ndarray:
    """Linear maps (n, 3, 3, 3) from R - 1 to corrections of points in the rest pose, by ridge regression.

    Twists about the bone are corrected in full, swings in part: a real limb, too, loses some volume where it bends.

    Args:
        offsets: (n, 3) metres, points relative to the joint.
        share: (n,) weights of the joint and its descendants.
        rotvecs: (m, 3) radians, rotations to fit.
        bone: (3,) unit vector along the bone.
    """
    twisting = (rotvecs @ bone) ** 2 / (rotvecs**2).sum(1)
    corrected = _SWING_SHARE + (_TWIST_SHARE - _SWING_SHARE) * twisting
    full = Rotation.from_rotvec(rotvecs).as_matrix()
    features = (full - np.eye(3)).reshape(len(rotvecs), 9)
    normal = np.zeros((len(offsets), 27, 27))
    right = np.zeros((len(offsets), 27))
    for rotvec, matrix, feature, part in zip(rotvecs, full, features, corrected, strict=True):
        blend = np.eye(3) + share[:, None, None] * (matrix - np.eye(3))
        wanted = Rotation.from_rotvec(share[:, None] * rotvec).as_matrix()
        gap = part * np.einsum("nab,nb->na", wanted - blend, offsets)
        system = np.einsum("nab,f->nabf", blend, feature).reshape(len(offsets), 3, 27)
        normal += np.einsum("nai,naj->nij", system, system)
        right += np.einsum("nai,na->ni", system, gap)
    normal += _RIDGE * len(rotvecs) * np.eye(27)
    return np.linalg.solve(normal, right[..., None])[..., 0].reshape(-1, 3, 3, 3)


def _mirrored(maps: np.ndarray) -> np.ndarray:
    """The maps (n, 3, 3, 3) for points and rotations reflected in x = 0."""
    sign = np.array([-1.0, 1.0, 1.0])
    return maps * sign[:, None, None] * sign[:, None] * sign
