"""HybrIK's analytic inverse kinematics: joints and twists in, rotations out, walked by depth level."""

import tensorflow as tf

from niki_tf import rotations as rot
from niki_tf import skeletons
from niki_tf.body.kinematics import bones
from niki_tf.body.swing_twist import twist_axes
from niki_tf.shapes import check_shape, spread

_REACH = 0.015
"""Metres by which the adaptive aim may leave the observed bone (a constant of the published code)."""

_PUBLISHED_EPSILON = 1e-8


def analytic_ik(joints, *, rest_joints, twist=None, adaptive=True):
    """Rotations that turn each rest bone onto the observed one: R = swing(rest bone -> observed bone) @ twist.

    The naive solver aims every bone as observed, so errors add up along a limb. The adaptive one aims from where the
    joint came to be at the observed child, unless that strays more than 15 mm from the observed bone. The root is the
    least-squares turn of hips and spine (adaptive) or the swing of the spine and the turn of the hips' centre about
    it (naive). Joint 9 follows the neck.

    Args:
        joints: (..., 29, 3) metres, anywhere: only differences count.
        rest_joints: (..., 29, 3) metres; leading axes broadcast against those of `joints`.
        twist: (..., 23, 2) as (cos, sin) of any length but zero; None for no twist.
        adaptive: adaptive or naive solver.

    Returns:
        (..., 24, 3, 3) local rotation matrices, root first.

    Raises:
        ValueError: if a shape does not fit.

    Example:
        >>> from niki_tf import body
        >>> rest = body.mannequin_joints()(tf.zeros([10]))
        >>> float(tf.reduce_max(tf.abs(body.analytic_ik(rest, rest_joints=rest) - tf.eye(3)))) < 1e-5
        True

    Source: Li et al., HybrIK, CVPR 2021, sections 3.3 and 3.4; recorded results of the published code.
    """
    joints = tf.convert_to_tensor(joints)
    rest_joints = tf.convert_to_tensor(rest_joints, joints.dtype)
    twist = tf.constant([[1.0, 0.0]] * 23, joints.dtype) if twist is None else tf.convert_to_tensor(twist)
    cure = " The solver works on skeletons.SMPL_29."
    check_shape("joints", joints, (29, 3), cure)
    check_shape("rest_joints", rest_joints, (29, 3), cure)
    check_shape("twist", twist, (23, 2))
    leading = tf.broadcast_dynamic_shape(tf.shape(joints)[:-2], tf.shape(rest_joints)[:-2])
    joints, rest_joints, twist = [spread(x, leading, 2) for x in (joints, rest_joints, twist)]
    root = (_root if adaptive else _naive_root)(bones(rest_joints), bones(joints))
    return _walk(root, joints - joints[..., :1, :], rest_joints, twist, adaptive)


def _walk(root, joints, rest_joints, twist, adaptive):
    """Solves the joints of each depth level at once, from the root's rotation (..., 3, 3) down."""
    levels, parents = skeletons.SMPL_24.levels, skeletons.SMPL_24.parents
    offsets, seen, axes = bones(rest_joints), bones(joints), twist_axes(rest_joints)
    twists = rot.twist_to_matrix(axes[..., 1:, :], twist)
    world, place = root[..., None, :, :], tf.zeros_like(joints[..., :1, :])
    solved = [world]
    for above, level in zip(levels[:-1], levels[1:], strict=True):
        rows, children = [above.index(parents[joint]) for joint in level], [skeletons.BONE_CHILD[j] for j in level]
        base, bone, aim = tf.gather(world, rows, axis=-3), tf.gather(axes, level, axis=-2), _at(seen, children)
        place = _at(place, rows) + rot.apply(base, _at(offsets, level))
        if adaptive:
            aim = _adapt(aim, _at(joints, children) - place, bone)
        swing = rot.vectors_to_swing(bone, rot.apply(rot.transpose(base), aim))
        local = tf.linalg.matmul(swing, tf.gather(twists, [joint - 1 for joint in level], axis=-3))
        world = tf.linalg.matmul(base, local)
        solved.append(local)
    order = [joint for level in levels for joint in level]
    return tf.gather(tf.concat(solved, -3), [order.index(joint) for joint in range(24)], axis=-3)


def _at(points, indices):
    """Chosen rows of (..., n, 3)."""
    return tf.gather(points, indices, axis=-2)


def _adapt(seen, wanted, bone):
    """The bone that ends at the observed child, or the observed bone where the two differ too much."""
    scaled = rot.normalize(seen) * tf.linalg.norm(bone, axis=-1, keepdims=True)
    stray = tf.reduce_sum(tf.square(wanted - scaled), -1, keepdims=True)
    return tf.where(stray > _REACH**2, scaled, wanted)


def _root(rest, seen):
    """Least-squares root rotation of the bones to both hips and to spine1."""
    return rot.procrustes(rest[..., 1:4, :], seen[..., 1:4, :])


def _naive_root(rest, seen):
    """Swing of the pelvis-spine1 bone, then the turn about it that brings the hips' centre to its side.

    Kept as published, with 1e-8 added to products of lengths: where the centres lie so near the axis that the products
    are small, the result is off a rotation by up to a hundredth. Below that nothing is added.
    """
    axis = rot.normalize(seen[..., 3, :])
    swing = rot.vectors_to_swing(rest[..., 3, :], axis)
    before, after = _across(rot.apply(swing, _hip_centre(rest)), axis), _across(_hip_centre(seen), axis)
    normal, lengths = rot.cross(before, after), _enlarged(_length(before) * _length(after))
    cos, sin = tf.reduce_sum(before * after, -1) / lengths, _length(normal) / lengths
    unit = normal / _enlarged(_length(normal))[..., None]
    skew = rot.transpose(rot.cross(unit[..., None, :], tf.eye(3, dtype=unit.dtype)))
    squared = tf.linalg.matmul(skew, skew)
    turn = tf.eye(3, dtype=unit.dtype) + sin[..., None, None] * skew + (1.0 - cos)[..., None, None] * squared
    return tf.linalg.matmul(turn, swing)


def _enlarged(sizes):
    """Sizes as the published code divides by them, unless they are so small that it would show."""
    return sizes + tf.where(sizes > 100 * _PUBLISHED_EPSILON, tf.cast(_PUBLISHED_EPSILON, sizes.dtype), 0.0)


def _length(vectors):
    """Lengths of (..., 3) vectors, never quite zero."""
    return tf.sqrt(tf.maximum(tf.reduce_sum(vectors * vectors, -1), 1e-24))


def _across(vectors, axis):
    """What of (..., 3) vectors is at right angles to a unit axis."""
    return vectors - tf.reduce_sum(vectors * axis, -1, keepdims=True) * axis


def _hip_centre(offsets):
    """Middle of the two hips against the pelvis."""
    return 0.5 * (offsets[..., 1, :] + offsets[..., 2, :])
