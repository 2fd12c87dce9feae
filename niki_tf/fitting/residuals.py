"""How far an observation is from a possible pose, per joint and per frame.

The pose that a solver found is possible, so its joints are: what separates the observed joints from them is error.
The size of z says less. The loss `ind` holds z to one normal distribution whatever the noise, so its size tells clean
joints from others and tells little of how wrong they are.
"""

import tensorflow as tf

from niki_tf.body import kinematics
from niki_tf.fitting import joint_weights


def joint_residuals(joints, rotations, rest_joints, joint_sigma):
    """Distance of each observed joint from the same joint of the answer, (..., 29) metres.

    Args:
        joints: (..., 29, 3) metres, as observed, in any place.
        rotations: (..., 24, 3, 3) local rotation matrices of the answer, root first.
        rest_joints: (..., 29, 3) metres, the body at rest.
        joint_sigma: (..., 29) metres.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body
        >>> from niki_tf.fitting import residuals
        >>> rest, still = body.mannequin_joints()(tf.zeros([10])), tf.eye(3, batch_shape=[24])
        >>> shifted = tf.tensor_scatter_nd_add(rest, [[7, 1]], [0.29])
        >>> print(error_score.residual(shifted, still, rest, tf.zeros([29])).numpy()[5:9].round(3))
        [0.01 0.01 0.28 0.01]
    """
    posed, _ = kinematics.forward_kinematics(rotations, rest_joints)
    return centred_distances(joints, posed, joint_sigma)


def centred_distances(joints, others, joint_sigma):
    """Distances (..., 29) of `joints` from `others`, both (..., 29, 3), once their weighted mean shift is taken away.

    A joint that is known to be lost does not shift all others: the mean weighs by `joint_weights.normalized_weights`.
    """
    difference = joints - others
    shift = joint_weights.weighted_mean(joint_weights.normalized_weights(joint_sigma), difference)
    return tf.norm(difference - shift, axis=-1)


def root_mean_square(values):
    """One number a frame, (...), from (..., n): of the residual its size in metres, of z the size of the embedding."""
    return tf.sqrt(tf.reduce_mean(values * values, -1))
