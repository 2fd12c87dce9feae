"""How far observed joints are from those of a pose, per joint and per frame.

A solver's answer is a possible pose, so what separates the observed joints from the posed ones is error. The size of
the embedding z is a weaker measure: the loss `ind` holds z to one normal distribution whatever the noise, so its size
separates clean joints from noisy ones, but says little about how large their errors are.
"""

import tensorflow as tf

from niki_tf.body import kinematics
from niki_tf.fitting import joint_weights


def joint_residuals(
    joints: tf.Tensor, rotations: tf.Tensor, rest_joints: tf.Tensor, joint_sigma: tf.Tensor
) -> tf.Tensor:
    """Distance of each observed joint from the same joint of the posed body, (..., 29) metres.

    Args:
        joints: (..., 29, 3) metres, observed, relative to any origin.
        rotations: (..., 24, 3, 3) local rotation matrices of the pose, root first.
        rest_joints: (..., 29, 3) metres, the body at rest.
        joint_sigma: (..., 29) metres.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body
        >>> from niki_tf.fitting import residuals
        >>> rest, still = body.mannequin_joints()(tf.zeros([10])), tf.eye(3, batch_shape=[24])
        >>> shifted = tf.tensor_scatter_nd_add(rest, [[7, 1]], [0.29])
        >>> print(residuals.joint_residuals(shifted, still, rest, tf.zeros([29])).numpy()[5:9].round(3))
        [0.01 0.01 0.28 0.01]
    """
    posed, _ = kinematics.forward_kinematics(rotations, rest_joints)
    return centred_distances(joints, posed, joint_sigma)


def centred_distances(joints: tf.Tensor, others: tf.Tensor, joint_sigma: tf.Tensor) -> tf.Tensor:
    """Distances (..., 29) of `joints` from `others`, both (..., 29, 3) metres, without their weighted mean difference.

    The mean has `joint_weights.normalized_weights`, so that a joint of large sigma does not shift all others.
    """
    difference = joints - others
    shift = joint_weights.weighted_mean(joint_weights.normalized_weights(joint_sigma), difference)
    return tf.norm(difference - shift, axis=-1)


def root_mean_square(values: tf.Tensor) -> tf.Tensor:
    """Root mean square (...) of `values` (..., n): of residuals in metres, of z without a unit."""
    return tf.sqrt(tf.reduce_mean(values * values, -1))
