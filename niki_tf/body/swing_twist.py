"""Decomposition of a body's rotations into swing, the direction of each bone, and twist about the bone."""

import tensorflow as tf

from niki_tf import contract, skeletons
from niki_tf import rotations as rot
from niki_tf.body.kinematics import bones
from niki_tf.shapes import TensorLike, spread, takes

_ROTATIONS = (skeletons.NUM_ROTATIONS, 3, 3)
_JOINTS, _TWIST = contract.INPUTS["joints"], contract.INPUTS["twist"]


@takes("rotations", rotations=_ROTATIONS, rest_joints=_JOINTS)
def rotations_to_swing_twist(rotations: TensorLike, rest_joints: TensorLike) -> tuple[tf.Tensor, tf.Tensor]:
    """Swing and twist of local rotations, R = swing @ twist, about each joint's rest bone (`skeletons.BONE_CHILD`).

    For swing and twist of joints, decompose what `analytic_ik(..., adaptive=False)` returns.

    Args:
        rotations: (..., 24, 3, 3) local rotation matrices, root first.
        rest_joints: (..., 29, 3) metres; leading axes broadcast against those of `rotations`.

    Returns:
        swing (..., 24, 3, 3), in which joint 0 is the whole root rotation, and twist (..., 23, 2) as (cos, sin).

    Raises:
        ValueError: a shape does not fit.

    Source: Li et al., HybrIK, CVPR 2021, section 3.3.
    """
    leading = tf.broadcast_dynamic_shape(tf.shape(rotations)[:-3], tf.shape(rest_joints)[:-2])
    rotations = spread(rotations, leading, 3)
    swing, twist = rot.matrix_to_swing_twist(rotations[..., 1:, :, :], twist_axes(rest_joints)[..., 1:, :])
    return tf.concat([rotations[..., :1, :, :], swing], -3), twist


@takes("swing", swing=_ROTATIONS, twist=_TWIST, rest_joints=_JOINTS)
def swing_twist_to_rotations(swing: TensorLike, twist: TensorLike, rest_joints: TensorLike) -> tf.Tensor:
    """Local rotations (..., 24, 3, 3) composed of swing and twist; the inverse of `rotations_to_swing_twist`.

    Args:
        swing: (..., 24, 3, 3) rotation matrices; joint 0 is the whole root rotation.
        twist: (..., 23, 2) as (cos, sin), of any length; zeros turn by no angle.
        rest_joints: (..., 29, 3) metres.

    Raises:
        ValueError: a shape does not fit.
    """
    turned = tf.linalg.matmul(swing[..., 1:, :, :], rot.twist_to_matrix(twist_axes(rest_joints)[..., 1:, :], twist))
    return tf.concat([spread(swing[..., :1, :, :], tf.shape(turned)[:-3], 3), turned], -3)


def twist_axes(rest_joints: tf.Tensor) -> tf.Tensor:
    """The rest bone that each of the 24 joints twists about, (..., 24, 3) metres, of rest joints (..., 29, 3)."""
    return tf.gather(bones(rest_joints), skeletons.BONE_CHILD, axis=-2)
