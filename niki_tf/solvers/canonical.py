"""The canonical frame: a person turned about is the same pose, so the trunk is turned upright before solving.

The frame is the rotation that turns the trunk joints at rest onto the observed ones (weighted Procrustes), and their
weighted centre. Joints are handed over relative to that centre, so the error of one joint, the root, does not
shift all others.
"""

import tensorflow as tf

from niki_tf import rotations, skeletons

_TRUSTED = 0.02


def trunk_frame(joints, rest_joints, joint_sigma):
    """Rotation (..., 3, 3) and centre (..., 3) that the trunk of `joints` shows.

    Args:
        joints: (..., 29, 3) metres.
        rest_joints: (..., 29, 3) metres, the same body at rest.
        joint_sigma: (..., 29) metres; see `trust`.
    """
    seen, rest, sigma = (
        tf.gather(x, skeletons.TRUNK, axis=axis) for x, axis in ((joints, -2), (rest_joints, -2), (joint_sigma, -1))
    )
    weights = trust(sigma)
    centre, rest_centre = (tf.reduce_sum(weights[..., None] * x, -2, keepdims=True) for x in (seen, rest))
    return rotations.procrustes(rest - rest_centre, seen - centre, weights), centre[..., 0, :]


def trust(joint_sigma):
    """Weights of joints by their uncertainty, both (..., n), summing to 1: as 1 / (sigma^2 + (20 mm)^2)."""
    weights = 1.0 / (joint_sigma * joint_sigma + _TRUSTED**2)
    return weights / tf.reduce_sum(weights, -1, keepdims=True)


def to_frame(joints, rotation, centre):
    """World joints (..., n, 3) seen from the frame: `R^T (x - centre)`."""
    return tf.linalg.matmul(joints - centre[..., None, :], rotation)


def from_frame(joints, rotation):
    """Joints (..., n, 3) of the frame turned into the world: `R x`; the root becomes the origin."""
    joints -= joints[..., :1, :]
    return tf.linalg.matmul(joints, rotation, transpose_b=True)


def turn_root(local, rotation):
    """Local rotations (..., 24, 3, 3) with the root's multiplied from the left by `rotation` (..., 3, 3)."""
    return tf.concat([tf.linalg.matmul(rotation[..., None, :, :], local[..., :1, :, :]), local[..., 1:, :, :]], -3)
