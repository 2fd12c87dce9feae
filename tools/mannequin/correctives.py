"""Pose directions that mend linear blend skinning: pinched twists at shoulders and hips, hollow elbows and knees.

Where skin is shared between a joint and its parent by w : 1 - w, linear blending moves it by (1 - w) 1 + w R, which
shrinks it. The wanted motion is the rotation to the power w. The difference, taken back to the rest pose, is fitted
over many rotations by a linear map of R - 1, separately for each joint and vertex.
"""

import numpy as np
from scipy.spatial.transform import Rotation

from niki_tf import skeletons
from niki_tf.body.mannequin_joints import rest_joints

_ROTATIONS = 160
_LARGEST = 2.2
_RIDGE = 0.02
_SWING_SHARE, _TWIST_SHARE = 0.35, 1.0
_SMALLEST = 2e-4


def pose_directions(vertices, weights, mirror, *, seed=0):
    """Corrections (V, 3, 207), metres per unit of each entry of R - 1 of joints 1 to 23, symmetric.

    Args:
        vertices: (V, 3) metres.
        weights: (V, 24) skinning weights.
        mirror: (V,) partner of each vertex on the other side.
        seed: of the rotations that are fitted.
    """
    joints = rest_joints()
    turns = _turns(np.random.default_rng(seed))
    directions = np.zeros((len(vertices), 3, 23, 3, 3))
    for joint in range(1, 24):
        other = skeletons.SMPL_24.mirror[joint]
        if other < joint:
            continue
        below = list(skeletons.SMPL_24.descendants[joint])
        share = weights[:, below].sum(1)
        chosen = np.flatnonzero((share > 0.02) & (share < 0.98))
        bone = joints[skeletons.BONE_CHILD[joint]] - joints[joint]
        fitted = _fitted(vertices[chosen] - joints[joint], share[chosen], turns, bone / np.linalg.norm(bone))
        directions[chosen, :, joint - 1] = fitted
        if other != joint:
            directions[mirror[chosen], :, other - 1] = _mirrored(fitted)
    for joint in range(1, 24):
        if skeletons.SMPL_24.mirror[joint] == joint:
            here = directions[:, :, joint - 1]
            directions[:, :, joint - 1] = (here + _mirrored(here[mirror])) / 2
    directions[np.abs(directions) < _SMALLEST] = 0.0
    return directions.reshape(len(vertices), 3, 207)


def _turns(random):
    """Rotation vectors (n, 3) of every direction, radians."""
    axes = random.standard_normal((_ROTATIONS, 3))
    angles = random.uniform(0.2, _LARGEST, (_ROTATIONS, 1))
    return axes / np.linalg.norm(axes, axis=1, keepdims=True) * angles


def _fitted(offsets, share, turns, bone):
    """Linear maps (n, 3, 3, 3) from R - 1 to rest-pose corrections of points at `offsets` (n, 3) from the joint.

    Twists about `bone` (3,) are mended wholly, swings in part: a bent limb does shrink a little inside its bend.
    """
    twisting = (turns @ bone) ** 2 / (turns**2).sum(1)
    mended = _SWING_SHARE + (_TWIST_SHARE - _SWING_SHARE) * twisting
    full = Rotation.from_rotvec(turns).as_matrix()
    features = (full - np.eye(3)).reshape(len(turns), 9)
    normal = np.zeros((len(offsets), 27, 27))
    right = np.zeros((len(offsets), 27))
    for turn, matrix, feature, part in zip(turns, full, features, mended, strict=True):
        blend = np.eye(3) + share[:, None, None] * (matrix - np.eye(3))
        wanted = Rotation.from_rotvec(share[:, None] * turn).as_matrix()
        gap = part * np.einsum("nab,nb->na", wanted - blend, offsets)
        system = np.einsum("nab,f->nabf", blend, feature).reshape(len(offsets), 3, 27)
        normal += np.einsum("nai,naj->nij", system, system)
        right += np.einsum("nai,na->ni", system, gap)
    normal += _RIDGE * len(turns) * np.eye(27)
    return np.linalg.solve(normal, right[..., None])[..., 0].reshape(-1, 3, 3, 3)


def _mirrored(maps):
    """The maps (n, 3, 3, 3) of the points and rotations reflected in x = 0."""
    sign = np.array([-1.0, 1.0, 1.0])
    return maps * sign[:, None, None] * sign[:, None] * sign
