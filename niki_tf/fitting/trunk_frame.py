"""The canonical frame: the coordinate frame of the trunk, in which a pose is the same whichever way the body faces.

Its rotation turns the trunk joints at rest onto the observed ones (weighted Procrustes); its origin is their weighted
centre, so that the error of one joint, such as the root, does not shift all others.
"""

import tensorflow as tf

from niki_tf import rotations, skeletons
from niki_tf.fitting import joint_weights
from niki_tf.shapes import reshape_last

Frame = tuple[tf.Tensor, tf.Tensor]
"""Rotation (..., 3, 3) and centre (..., 3), metres, of the trunk."""
_KERNEL_FRAMES = 1.5
"""Frames; standard deviation of the kernel of `smoothed_trunk_frame`, by trial on training clips."""


def trunk_frame(joints: tf.Tensor, rest_joints: tf.Tensor, joint_sigma: tf.Tensor) -> Frame:
    """Rotation (..., 3, 3) and centre (..., 3) of the trunk of `joints`.

    Args:
        joints: (..., 29, 3) metres.
        rest_joints: (..., 29, 3) metres, the same body at rest.
        joint_sigma: (..., 29) metres; see `joint_weights.normalized_weights`.
    """
    observed, rest = _trunk(joints), _trunk(rest_joints)
    weights = joint_weights.normalized_weights(joint_sigma, skeletons.TRUNK)
    centre, rest_centre = (joint_weights.weighted_mean(weights, x) for x in (observed, rest))
    return rotations.procrustes(rest - rest_centre, observed - centre, weights), centre[..., 0, :]


def smoothed_trunk_frame(
    joints: tf.Tensor, rest_joints: tf.Tensor, joint_sigma: tf.Tensor, frame_mask: tf.Tensor | None = None
) -> Frame:
    """As `trunk_frame`, of windows, with rotations smoothed over time.

    The moments that `rotations.procrustes` sums over joints are also summed over neighbouring frames, with the
    precisions of the joints and a normal kernel of 1.5 frames; so a frame with few or uncertain trunk joints relies on
    the frames around it.

    Args:
        joints: (..., T, 29, 3) metres.
        rest_joints: (..., T, 29, 3) metres, the same body at rest.
        joint_sigma: (..., T, 29) metres.
        frame_mask: (..., T), 1 for frames and 0 for padding frames, which are ignored; None if all are frames.

    Returns:
        rotation (..., T, 3, 3), and centre (..., T, 3), which is not smoothed.
    """
    observed, rest = _trunk(joints), _trunk(rest_joints)
    weights = joint_weights.normalized_weights(joint_sigma, skeletons.TRUNK)
    centre, rest_centre = (joint_weights.weighted_mean(weights, x) for x in (observed, rest))
    precision = tf.expand_dims(tf.gather(joint_weights.precision(joint_sigma), skeletons.TRUNK, axis=-1), -1)
    moment = tf.linalg.matmul(precision * (rest - rest_centre), observed - centre, transpose_a=True)
    times = tf.range(tf.shape(joints)[-3])
    apart = tf.cast(times[:, None] - times, joints.dtype) / _KERNEL_FRAMES
    mask = tf.ones_like(joints[..., 0, 0]) if frame_mask is None else frame_mask
    kernel = tf.exp(-0.5 * apart * apart) * tf.expand_dims(mask, -2)
    moment = reshape_last(tf.linalg.matmul(kernel, reshape_last(moment, 2, [9])), 1, [3, 3])
    return rotations.moment_to_rotation(moment), centre[..., 0, :]


def _trunk(joints: tf.Tensor) -> tf.Tensor:
    """The joints of the trunk alone, (..., 11, 3) of (..., 29, 3)."""
    return tf.gather(joints, skeletons.TRUNK, axis=-2)


def to_local(joints: tf.Tensor, rotation: tf.Tensor, centre: tf.Tensor) -> tf.Tensor:
    """World joints (..., n, 3) in the coordinates of the frame, `R^T (x - centre)`."""
    return tf.linalg.matmul(joints - tf.expand_dims(centre, -2), rotation)


def to_world(joints: tf.Tensor, rotation: tf.Tensor) -> tf.Tensor:
    """Joints (..., n, 3) of the frame in world coordinates, `R (x - x_0)`: joint 0 is the origin."""
    joints -= joints[..., :1, :]
    return tf.linalg.matmul(joints, rotation, transpose_b=True)


def turn_root(local: tf.Tensor, rotation: tf.Tensor) -> tf.Tensor:
    """Local rotations (..., 24, 3, 3) with the root's multiplied from the left by `rotation` (..., 3, 3)."""
    root = tf.linalg.matmul(tf.expand_dims(rotation, -3), local[..., :1, :, :])
    return tf.concat([root, local[..., 1:, :, :]], -3)
