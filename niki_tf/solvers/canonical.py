"""The canonical frame: a person turned about is the same pose, so the trunk is turned upright before solving.

The frame is the rotation that turns the trunk joints at rest onto the observed ones (weighted Procrustes), and their
weighted centre. Joints are handed over relative to that centre, so the error of one joint, the root, does not
shift all others.
"""

import tensorflow as tf

from niki_tf import rotations, skeletons
from niki_tf.body import kinematics

_TRUSTED = 0.02
_LEAST_TRUST = 1e-6
_TOLD_OF_ABSENT = 1.0
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
    weights = trust(sigma)
    centre, rest_centre = (_centre(weights, x) for x in (seen, rest))
    return rotations.procrustes(rest - rest_centre, seen - centre, weights), centre[..., 0, :]


def steady_trunk_frame(joints, rest_joints, joint_sigma, frame_mask=None):
    """As `trunk_frame`, for windows, with the rotation steadied by the frames before and after.

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
    weights = trust(sigma)
    centre, rest_centre = (_centre(weights, x) for x in (seen, rest))
    pulling = tf.expand_dims(pull(sigma), -1)
    moment = tf.linalg.matmul(pulling * (rest - rest_centre), seen - centre, transpose_a=True)
    times = tf.range(tf.shape(joints)[-3])
    apart = tf.cast(times[:, None] - times, joints.dtype) / _STEADY_FRAMES
    mask = tf.ones_like(joints[..., 0, 0]) if frame_mask is None else frame_mask
    near = tf.exp(-0.5 * apart * apart) * tf.expand_dims(mask, -2)
    leading = tf.shape(moment)[:-2]
    moment = tf.linalg.matmul(near, tf.reshape(moment, tf.concat([leading, [9]], 0)))
    return rotations.moment_to_rotation(tf.reshape(moment, tf.concat([leading, [3, 3]], 0))), centre[..., 0, :]


def trust(joint_sigma):
    """Weights of joints by their uncertainty, both (..., n), summing to 1: as 1 / (sigma^2 + (20 mm)^2).

    A joint that is absent has no weight; where all are, all have the same.
    """
    weights = pull(joint_sigma)
    return weights / tf.reduce_sum(weights, -1, keepdims=True)


def _centre(weights, points):
    """Mean (..., 1, 3) of points (..., n, 3) with weights (..., n) that sum to 1."""
    return tf.reduce_sum(tf.expand_dims(weights, -1) * points, -2, keepdims=True)


def pull(joint_sigma):
    """What `trust` shares out: 1 / (sigma^2 + (20 mm)^2), next to nothing for a joint that is absent."""
    absent = joint_sigma >= skeletons.ABSENT
    return tf.where(absent, _LEAST_TRUST, 1.0 / (told(joint_sigma) ** 2 + _TRUSTED**2))


def told(joint_sigma):
    """What a network is told of joint_sigma (..., n): the same, but 1 m for every joint that is absent."""
    return tf.where(joint_sigma >= skeletons.ABSENT, _TOLD_OF_ABSENT, joint_sigma)


def filled(joints, rest_joints, joint_sigma):
    """Joints (..., 29, 3) with the absent ones hung on their parents as in the rest pose, turned as the trunk is.

    Args:
        joints: (..., 29, 3) metres; those that are absent may hold anything, NaN too.
        rest_joints: (..., 29, 3) metres, the same body at rest.
        joint_sigma: (..., 29) metres; from `skeletons.ABSENT` on a joint is absent.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body, skeletons
        >>> from niki_tf.solvers import canonical
        >>> rest = body.mannequin_skeleton()(tf.zeros([10]))
        >>> absent = tf.one_hot(20, 29, on_value=skeletons.ABSENT)
        >>> lost = tf.where(absent[:, None] > 0.0, float("nan"), rest)
        >>> bool(tf.reduce_all(tf.abs(canonical.filled(lost, rest, absent) - rest) < 1e-5))
        True
    """
    absent = tf.expand_dims(joint_sigma >= skeletons.ABSENT, -1)
    joints = tf.where(absent, 0.0, joints)
    rotation, centre = trunk_frame(joints, rest_joints, joint_sigma)
    weights = trust(tf.gather(joint_sigma, skeletons.TRUNK, axis=-1))
    rest_centre = _centre(weights, tf.gather(rest_joints, skeletons.TRUNK, axis=-2))
    hung = kinematics.bones(rest_joints)
    hung = tf.concat([hung[..., :1, :] - rest_centre, hung[..., 1:, :]], -2)
    hung = tf.unstack(tf.linalg.matmul(hung, rotation, transpose_b=True), axis=-2)
    found = []
    for joint, parent in enumerate(skeletons.SMPL_29.parents):
        start = centre if parent < 0 else found[parent]
        found.append(tf.where(absent[..., joint, :], start + hung[joint], joints[..., joint, :]))
    return tf.stack(found, -2)


def to_frame(joints, rotation, centre):
    """World joints (..., n, 3) seen from the frame: `R^T (x - centre)`."""
    return tf.linalg.matmul(joints - tf.expand_dims(centre, -2), rotation)


def from_frame(joints, rotation):
    """Joints (..., n, 3) of the frame turned into the world: `R x`; the root becomes the origin."""
    joints -= joints[..., :1, :]
    return tf.linalg.matmul(joints, rotation, transpose_b=True)


def turn_root(local, rotation):
    """Local rotations (..., 24, 3, 3) with the root's multiplied from the left by `rotation` (..., 3, 3)."""
    root = tf.linalg.matmul(tf.expand_dims(rotation, -3), local[..., :1, :, :])
    return tf.concat([root, local[..., 1:, :, :]], -3)
