"""HybrIK's analytic inverse kinematics: from joints and twists to rotations, one depth level at a time."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from niki_tf import contract, skeletons
from niki_tf import rotations as rot
from niki_tf.body.kinematics import bones
from niki_tf.body.swing_twist import twist_axes
from niki_tf.shapes import TensorLike, real_tensors, spread

_FARTHEST = 1e8
"""Metres: the fourth power of what is further is beyond single precision."""
_REACH = 0.015
"""Metres by which the adaptive aim may leave the observed bone; a constant of the published code."""
_PUBLISHED_EPSILON = 1e-8
"""What the published code adds to denominators."""


def analytic_ik(
    joints: TensorLike,
    *,
    rest_joints: TensorLike,
    twist: TensorLike | None = None,
    adaptive: bool = True,
    as_published: bool = False,
) -> tf.Tensor:
    """Local rotations that turn each rest bone onto the observed one.

    R = swing(rest bone -> observed bone) @ twist

    The naive solver aims every bone as observed, so errors add up along a limb. The adaptive solver aims from the posed
    joint at the observed child, unless that aim strays more than 15 mm from the observed bone. The root rotation is the
    least-squares rotation of hips and spine (adaptive), or the swing of the spine followed by a rotation about it that
    aligns the centre of the hips (naive). Joint 9 (spine3) follows the neck.

    Args:
        joints: (..., 29, 3) metres; only their differences count.
        rest_joints: (..., 29, 3) metres; leading axes broadcast against those of `joints`.
        twist: (..., 23, 2) as (cos, sin) of any length but zero; None for no twist.
        adaptive: whether to use the adaptive solver; False for the naive one.
        as_published: add to lengths the 1e-8 that the published code adds: swings are then no exact rotations, by some
            1e-5, which limbs that are bent by almost half a turn make tenfold.

    Returns:
        (..., 24, 3, 3) local rotation matrices, root first.

    Raises:
        ValueError: a shape does not fit.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body
        >>> rest = body.mannequin_joints()(tf.zeros([10]))
        >>> float(tf.reduce_max(tf.abs(body.analytic_ik(rest, rest_joints=rest) - tf.eye(3)))) < 1e-5
        True

    Source: Li et al., HybrIK, CVPR 2021, sections 3.3 and 3.4; recorded results of the published code.
    """
    given = {"joints": joints, "rest_joints": rest_joints, "twist": twist}
    endings = {
        "joints": contract.INPUTS["joints"],
        "rest_joints": contract.INPUTS["joints"],
        "twist": contract.INPUTS["twist"],
    }
    given = {name: value for name, value in given.items() if value is not None or name != "twist"}
    tensors = real_tensors(given, endings, largest=_FARTHEST)
    joints, rest_joints = tensors["joints"], tensors["rest_joints"]
    no_twist = [[1.0, 0.0]] * skeletons.NUM_TWISTS
    twist = tensors.get("twist", tf.constant(no_twist, joints.dtype))
    leading = tf.broadcast_dynamic_shape(tf.shape(joints)[:-2], tf.shape(rest_joints)[:-2])
    joints, rest_joints, twist = (spread(x, leading, 2) for x in (joints, rest_joints, twist))
    root = (_root if adaptive else _naive_root)(bones(rest_joints), bones(joints))
    swing = _published_swing if as_published else rot.vectors_to_swing
    return _walk(root, joints - joints[..., :1, :], rest_joints, twist, adaptive=adaptive, to_swing=swing)


def _walk(
    root: tf.Tensor,
    joints: tf.Tensor,
    rest_joints: tf.Tensor,
    twist: tf.Tensor,
    *,
    adaptive: bool,
    to_swing: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
) -> tf.Tensor:
    """Local rotations (..., 24, 3, 3), level by level from the root's (..., 3, 3); arguments as in `analytic_ik`."""
    levels, parents = skeletons.SMPL_24.levels, skeletons.SMPL_24.parents
    offsets, observed, axes = bones(rest_joints), bones(joints), twist_axes(rest_joints)
    twists = rot.twist_to_matrix(axes[..., 1:, :], twist)
    world, place = root[..., None, :, :], tf.zeros_like(joints[..., :1, :])
    solved = [world]
    for above, level in zip(levels[:-1], levels[1:], strict=True):
        rows, children = [above.index(parents[joint]) for joint in level], [skeletons.BONE_CHILD[j] for j in level]
        base, bone, aim = tf.gather(world, rows, axis=-3), tf.gather(axes, level, axis=-2), _at(observed, children)
        place = _at(place, rows) + rot.apply(base, _at(offsets, level))
        if adaptive:
            aim = _adapt(aim, _at(joints, children) - place, bone)
        swing = to_swing(bone, rot.apply(rot.transpose(base), aim))
        local = tf.linalg.matmul(swing, tf.gather(twists, [joint - 1 for joint in level], axis=-3))
        world = tf.linalg.matmul(base, local)
        solved.append(local)
    order = [joint for level in levels for joint in level]
    return tf.gather(tf.concat(solved, -3), [order.index(joint) for joint in range(len(order))], axis=-3)


def _at(points: tf.Tensor, indices: Sequence[int]) -> tf.Tensor:
    """The points (..., len(indices), 3) of (..., n, 3) at `indices`."""
    return tf.gather(points, indices, axis=-2)


def _adapt(observed: tf.Tensor, wanted: tf.Tensor, bone: tf.Tensor) -> tf.Tensor:
    """The vector `wanted` (..., 3) to the observed child, or the observed bone where the two differ too much."""
    scaled = rot.normalize(observed) * tf.linalg.norm(bone, axis=-1, keepdims=True)
    stray = tf.reduce_sum(tf.square(wanted - scaled), -1, keepdims=True)
    return tf.where(stray > _REACH**2, scaled, wanted)


def _root(rest: tf.Tensor, observed: tf.Tensor) -> tf.Tensor:
    """Least-squares rotation (..., 3, 3) of the bones from the pelvis to both hips and to spine1."""
    return rot.procrustes(rest[..., 1:4, :], observed[..., 1:4, :])


def _naive_root(rest: tf.Tensor, observed: tf.Tensor) -> tf.Tensor:
    """Root rotation (..., 3, 3): swing of the bone to spine1, then a rotation about it that aligns the hips' centre.

    As in the published code, 1e-8 is added to products of lengths: where the centre of the hips lies so near the axis
    that the products are small, the result differs from a rotation by up to 0.01. Below that nothing is added.
    """
    axis = rot.normalize(observed[..., 3, :])
    swing = rot.vectors_to_swing(rest[..., 3, :], axis)
    before, after = _reject(rot.apply(swing, _hip_centre(rest)), axis), _reject(_hip_centre(observed), axis)
    return tf.linalg.matmul(_published_swing(before, after), swing)


def _published_swing(before: tf.Tensor, after: tf.Tensor) -> tf.Tensor:
    """Rotations (..., 3, 3) of vectors (..., 3) to the direction of others, with the published code's epsilon."""
    normal, lengths = rot.cross(before, after), _add_epsilon(_length(before) * _length(after))
    cos, sin = tf.reduce_sum(before * after, -1) / lengths, _length(normal) / lengths
    unit = normal / _add_epsilon(_length(normal))[..., None]
    skew = rot.transpose(rot.cross(unit[..., None, :], tf.eye(3, dtype=unit.dtype)))
    squared = tf.linalg.matmul(skew, skew)
    return tf.eye(3, dtype=unit.dtype) + sin[..., None, None] * skew + (1.0 - cos)[..., None, None] * squared


def _add_epsilon(sizes: tf.Tensor) -> tf.Tensor:
    """Denominators of the published code; sizes so small that its epsilon would dominate stay as they are."""
    return sizes + tf.where(sizes > 100 * _PUBLISHED_EPSILON, tf.cast(_PUBLISHED_EPSILON, sizes.dtype), 0.0)


def _length(vectors: tf.Tensor) -> tf.Tensor:
    """Lengths (...) of vectors (..., 3), never quite zero."""
    return tf.sqrt(tf.maximum(tf.reduce_sum(vectors * vectors, -1), 1e-24))


def _reject(vectors: tf.Tensor, axis: tf.Tensor) -> tf.Tensor:
    """The component of vectors (..., 3) perpendicular to the unit vector `axis` (..., 3)."""
    return vectors - tf.reduce_sum(vectors * axis, -1, keepdims=True) * axis


def _hip_centre(offsets: tf.Tensor) -> tf.Tensor:
    """Midpoint (..., 3) of the two hips relative to the pelvis."""
    return 0.5 * (offsets[..., 1, :] + offsets[..., 2, :])
