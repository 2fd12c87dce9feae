"""Places for joints that were not seen."""

import tensorflow as tf

from niki_tf import skeletons
from niki_tf.body import kinematics
from niki_tf.fitting import joint_weights, trunk_frame


def fill_absent(joints, rest_joints, joint_sigma):
    """Joints (..., 29, 3) with the absent ones hung on their parents as in the rest pose, turned as the trunk is.

    Args:
        joints: (..., 29, 3) metres; those that are absent may hold anything, NaN too.
        rest_joints: (..., 29, 3) metres, the same body at rest.
        joint_sigma: (..., 29) metres; from `skeletons.ABSENT` on a joint is absent.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body, skeletons
        >>> from niki_tf.fitting import absent_joints
        >>> rest = body.mannequin_joints()(tf.zeros([10]))
        >>> absent = tf.one_hot(20, 29, on_value=skeletons.ABSENT)
        >>> lost = tf.where(absent[:, None] > 0.0, float("nan"), rest)
        >>> bool(tf.reduce_all(tf.abs(absent_joints.fill_absent(lost, rest, absent) - rest) < 1e-5))
        True
    """
    absent = tf.expand_dims(joint_sigma >= skeletons.ABSENT, -1)
    joints = tf.where(absent, 0.0, joints)
    rotation, centre = trunk_frame.trunk_frame(joints, rest_joints, joint_sigma)
    weights = joint_weights.normalized_weights(tf.gather(joint_sigma, skeletons.TRUNK, axis=-1))
    rest_centre = joint_weights.weighted_mean(weights, tf.gather(rest_joints, skeletons.TRUNK, axis=-2))
    hung = kinematics.bones(rest_joints)
    hung = tf.concat([hung[..., :1, :] - rest_centre, hung[..., 1:, :]], -2)
    hung = tf.unstack(tf.linalg.matmul(hung, rotation, transpose_b=True), axis=-2)
    found = []
    for joint, parent in enumerate(skeletons.SMPL_29.parents):
        start = centre if parent < 0 else found[parent]
        found.append(tf.where(absent[..., joint, :], start + hung[joint], joints[..., joint, :]))
    return tf.stack(found, -2)
