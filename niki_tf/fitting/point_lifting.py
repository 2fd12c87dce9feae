"""From the points of another joint set to SMPL's joints: where each point hangs on the body at rest, and back.

A point p that hangs on a bone tells where a joint of it is, once the bone's rotation R in the world is known:

    joint = p - R (p_rest - joint_rest)

Without a pose, the rotation of the trunk stands for that of every bone. The sigma of what is found grows with the
distance of point and joint, and absent points tell nothing.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from niki_tf import rotations, skeletons
from niki_tf.body import kinematics, mannequin_joints
from niki_tf.fitting import joint_weights
from niki_tf.skeletons import PointSet

_LEAST_SIGMA = 0.01
"""Metres; error of a joint that a point near it tells, besides that by its distance; by trial on training clips."""
_SIGMA_BY_DISTANCE = 0.3
"""Error of such a joint as a share of its distance from the point; by trial on training clips."""


def rest_points(point_set: PointSet, rest_joints: tf.Tensor) -> tf.Tensor:
    """The K points of a set that are used, on a body at rest, (..., K, 3) metres.

    Args:
        point_set: the set.
        rest_joints: (..., 29, 3) metres. The offset of a landmark grows as the bone does that it hangs on.
    """
    mannequin = mannequin_joints().joints
    places = []
    for number in point_set.used:
        landmark, carrier = point_set.landmarks[number], point_set.carriers[number]
        if landmark is None:
            places.append(rest_joints[..., skeletons.SMPL_29.index(str(point_set.points[number])), :])
            continue
        child = skeletons.BONE_CHILD[carrier]
        length = tf.norm(rest_joints[..., child, :] - rest_joints[..., carrier, :], axis=-1, keepdims=True)
        growth = length / np.linalg.norm(mannequin[child] - mannequin[carrier]).astype(np.float32)
        places.append(rest_joints[..., carrier, :] + growth * tf.constant(landmark.offset, tf.float32))
    return tf.stack(places, -2)


class OnSkeleton(NamedTuple):
    """Points as joints of `PointSet.skeleton`, n of them; those of SMPL's 29 that no point is are absent."""

    joints: tf.Tensor
    """(..., n, 3) metres, observed."""
    rest_joints: tf.Tensor
    """(..., n, 3) metres."""
    joint_sigma: tf.Tensor
    """(..., n) metres."""


def on_skeleton(
    point_set: PointSet, points: tf.Tensor, point_sigma: tf.Tensor, at_rest: tf.Tensor, rest_joints: tf.Tensor
) -> OnSkeleton:
    """The K points of a set that are used as joints of its skeleton.

    Args:
        point_set: the set.
        points: (..., K, 3) metres.
        point_sigma: (..., K) metres.
        at_rest: (..., K, 3) metres, see `rest_points`.
        rest_joints: (..., 29, 3) metres.
    """
    order = np.arange(len(point_set.skeleton))
    order[list(point_set.rows)] = skeletons.NUM_JOINTS + np.arange(len(point_set.rows))
    absent = tf.fill(tf.shape(rest_joints)[:-1], skeletons.ABSENT)
    joints, rest = tf.concat([rest_joints, points], -2), tf.concat([rest_joints, at_rest], -2)
    sigma = tf.gather(tf.concat([absent, point_sigma], -1), order, axis=-1)
    return OnSkeleton(tf.gather(joints, order, axis=-2), tf.gather(rest, order, axis=-2), sigma)


def pose_points(point_set: PointSet, local: tf.Tensor, rest_joints: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The K points of a set that are used on a posed body, (..., K, 3), and its joints (..., 29, 3), metres.

    Args:
        point_set: the set.
        local: (..., 24, 3, 3) local rotations.
        rest_joints: (..., 29, 3) metres.
    """
    at_rest = rest_points(point_set, rest_joints)
    nothing = tf.zeros(tf.shape(at_rest)[:-1])
    rest = on_skeleton(point_set, at_rest, nothing, at_rest, rest_joints).rest_joints
    posed, _ = kinematics.forward_kinematics(local, rest, point_set.skeleton)
    return tf.gather(posed, point_set.rows, axis=-2), posed[..., : skeletons.NUM_JOINTS, :]


def trunk_rotation(point_set: PointSet, points: tf.Tensor, point_sigma: tf.Tensor, at_rest: tf.Tensor) -> tf.Tensor:
    """The rotation (..., 3, 3) of the trunk, by weighted Procrustes of the points that hang on it.

    Args:
        point_set: the set.
        points: (..., K, 3) metres, those that are used.
        point_sigma: (..., K) metres.
        at_rest: (..., K, 3) metres, see `rest_points`.
    """
    on_trunk = [place for place, number in enumerate(point_set.used) if _is_on_trunk(point_set, number)]
    chosen = on_trunk if len(on_trunk) >= _FEWEST else list(range(len(point_set.used)))
    weights = joint_weights.normalized_weights(tf.gather(point_sigma, chosen, axis=-1))
    source, target = (tf.gather(x, chosen, axis=-2) for x in (at_rest, points))
    source, target = (x - joint_weights.weighted_mean(weights, x) for x in (source, target))
    return rotations.procrustes(source, target, weights)


_FEWEST = 3
"""Points that a rotation takes."""


def _is_on_trunk(point_set: PointSet, number: int) -> bool:
    """Whether a point is a joint of the trunk, or a landmark that hangs on one but the hips."""
    if point_set.landmarks[number] is None:
        return skeletons.SMPL_29.index(str(point_set.points[number])) in skeletons.TRUNK
    return point_set.carriers[number] in (0, 3, 6, 9)


def lift(
    point_set: PointSet,
    points: tf.Tensor,
    point_sigma: tf.Tensor,
    at_rest: tf.Tensor,
    rest_joints: tf.Tensor,
    world: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Joints (..., 29, 3) and their sigma (..., 29), metres, that the points tell; joints that none tells are absent.

    Args:
        point_set: the set.
        points: (..., K, 3) metres, those that are used.
        point_sigma: (..., K) metres, 0 where unknown, `skeletons.ABSENT` for points that were not seen.
        at_rest: (..., K, 3) metres, see `rest_points`.
        rest_joints: (..., 29, 3) metres.
        world: (..., 24, 3, 3) rotations of the bones in the world, as far as known.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body, skeletons
        >>> from niki_tf.fitting import point_lifting
        >>> coco, rest = skeletons.POINT_SETS["coco_17"], body.mannequin_joints()(tf.zeros([10]))
        >>> points = point_lifting.rest_points(coco, rest)
        >>> world = tf.eye(3, batch_shape=[24])
        >>> joints, sigma = point_lifting.lift(coco, points, tf.zeros([17]), points, rest, world)
        >>> float(tf.norm(joints[1] - rest[1])) < 1e-6, float(sigma[3])
        (True, 10.0)
    """
    which, joint, carrier, exact = (np.array(column) for column in zip(*point_set.clues, strict=True))
    offset = tf.gather(at_rest, which, axis=-2) - tf.gather(rest_joints, joint, axis=-2)
    told = tf.gather(points, which, axis=-2) - tf.linalg.matvec(tf.gather(world, carrier, axis=-3), offset)
    sigma = tf.gather(point_sigma, which, axis=-1)
    distance = tf.norm(offset + 1e-12, axis=-1)
    by_distance = tf.where(exact, 0.0, _SIGMA_BY_DISTANCE * distance + _LEAST_SIGMA)
    variance = sigma**2 + by_distance**2 + joint_weights.COMMON_SIGMA**2
    weights = tf.where(sigma >= skeletons.ABSENT, 0.0, 1.0 / variance)
    to_joints = tf.constant(np.eye(skeletons.NUM_JOINTS, dtype=np.float32)[joint].T)  # (29, clues)
    total = tf.linalg.matvec(to_joints, weights)
    summed = tf.linalg.matmul(to_joints, tf.expand_dims(weights, -1) * told)
    joints = tf.math.divide_no_nan(summed, tf.expand_dims(total, -1))
    spread = tf.sqrt(tf.maximum(tf.math.divide_no_nan(1.0, total) - joint_weights.COMMON_SIGMA**2, 0.0))
    return joints, tf.where(total > 0.0, spread, skeletons.ABSENT)
