"""How far off a joint of a solved motion may be: by how the joints that were seen fit, and how far the others are.

A rule of thumb that no data have calibrated yet.
"""

import numpy as np

from niki_tf import skeletons

_SHARE_OF_DISTANCE = 0.4
"""Error of a joint that was not seen as a share of its distance along the bones from the next that was. Set by hand."""


def expected_error(residual: np.ndarray, seen: np.ndarray, rest_joints: np.ndarray) -> np.ndarray:
    """Expected distance (T, 24) of each joint from the truth, metres.

    Args:
        residual: (T, K) metres, how far points are from the pose; NaN for those that were not seen.
        seen: (T, 29) whether something tells where the joint is.
        rest_joints: (29, 3) metres.

    Example:
        >>> import numpy as np
        >>> from niki_tf import body
        >>> from niki_tf.inference.expected_error import expected_error
        >>> seen = np.ones([1, 29], bool)
        >>> seen[:, [21, 23, 26]] = False
        >>> errors = expected_error(np.full([1, 29], 0.01), seen, body.mannequin_joints().joints)
        >>> [f"{error:.2f}" for error in errors[0, [19, 21, 23]]]
        ['0.01', '0.12', '0.15']
    """
    away = _distances_along_bones(rest_joints)
    patterns, number = np.unique(seen, axis=0, return_inverse=True)
    to_seen = np.where(patterns[:, None], away, np.inf).min(-1)[number]
    to_seen = np.where(np.isinf(to_seen), away.max(), to_seen)
    counted = np.isfinite(residual)
    total = np.where(counted, residual, 0.0).sum(1, keepdims=True)
    usual = total / np.maximum(counted.sum(1, keepdims=True), 1)
    return (usual + _SHARE_OF_DISTANCE * to_seen)[:, : skeletons.NUM_ROTATIONS].astype(np.float32)


def _distances_along_bones(rest_joints: np.ndarray) -> np.ndarray:
    """(29, 29) metres from joint to joint along the bones."""
    parents, count = skeletons.SMPL_29.parents, len(skeletons.SMPL_29)
    away = np.zeros([count, count])
    for joint in range(1, count):
        bone = np.linalg.norm(rest_joints[joint] - rest_joints[parents[joint]])
        away[joint, :joint] = away[parents[joint], :joint] + bone
        away[:joint, joint] = away[joint, :joint]
    return away
