"""The canonical frame: a person turned about is the same pose, so the trunk is turned upright before solving.

The frame is the rotation that turns the trunk joints at rest onto the observed ones (weighted Procrustes), and their
weighted centre. Joints are handed over relative to that centre, so the error of one joint, the root, does not
shift all others.
"""

import tensorflow as tf

from niki_tf import rotations, skeletons
from niki_tf.fitting import joint_weights

_STEADY_FRAMES = 1.5


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
    weights = joint_weights.normalized_weights(sigma)
    centre, rest_centre = (joint_weights.weighted_mean(weights, x) for x in (seen, rest))
    return rotations.procrustes(rest - rest_centre, seen - centre, weights), centre[..., 0, :]


def smoothed_trunk_frame(joints, rest_joints, joint_sigma, frame_mask=None):
    """As `trunk_frame`, for windows, with the rotation preprocess by the frames before and after.

    The moments that `rotations.procrustes` sums over joints are summed over neighbouring frames as well, with normal
    weights of 1.5 frames and those of the joints, so a frame that shows little of the trunk leans on others.

    Args:
        joints: (..., T, 29, 3) metres.
        rest_joints: (..., T, 29, 3) metres, the same body at rest.
        joint_sigma: (..., T, 29) metres; see `trust`.
        frame_mask: (..., T), 1 for frames and 0 for filler that is left out; None if all are frames.

    Returns:
        rotation (..., T, 3, 3) and centre (..., T, 3), which is that of each frame alone.
    """
    seen, rest, sigma = (
        tf.gather(x, skeletons.TRUNK, axis=axis) for x, axis in ((joints, -2), (rest_joints, -2), (joint_sigma, -1))
    )
    weights = joint_weights.normalized_weights(sigma)
    centre, rest_centre = (joint_weights.weighted_mean(weights, x) for x in (seen, rest))
    pulling = tf.expand_dims(joint_weights.precision(sigma), -1)
    moment = tf.linalg.matmul(pulling * (rest - rest_centre), seen - centre, transpose_a=True)
    times = tf.range(tf.shape(joints)[-3])
    apart = tf.cast(times[:, None] - times, joints.dtype) / _STEADY_FRAMES
    mask = tf.ones_like(joints[..., 0, 0]) if frame_mask is None else frame_mask
    near = tf.exp(-0.5 * apart * apart) * tf.expand_dims(mask, -2)
    leading = tf.shape(moment)[:-2]
    moment = tf.linalg.matmul(near, tf.reshape(moment, tf.concat([leading, [9]], 0)))
    return rotations.moment_to_rotation(tf.reshape(moment, tf.concat([leading, [3, 3]], 0))), centre[..., 0, :]


def to_local(joints, rotation, centre):
    """World joints (..., n, 3) seen from the frame: `R^T (x - centre)`."""
    return tf.linalg.matmul(joints - tf.expand_dims(centre, -2), rotation)


def to_world(joints, rotation):
    """Joints (..., n, 3) of the frame turned into the world: `R x`; the root becomes the origin."""
    joints -= joints[..., :1, :]
    return tf.linalg.matmul(joints, rotation, transpose_b=True)


def turn_root(local, rotation):
    """Local rotations (..., 24, 3, 3) with the root's multiplied from the left by `rotation` (..., 3, 3)."""
    root = tf.linalg.matmul(tf.expand_dims(rotation, -3), local[..., :1, :, :])
    return tf.concat([root, local[..., 1:, :, :]], -3)
