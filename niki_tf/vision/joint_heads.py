"""From heat maps and a camera's scale to joints in space, as HybrIK does; any floating point type.

Positions in the crop, uvd, are in widths of the crop from its centre, x to the right and y down, and depths, away from
the camera, in `DEPTH` from the middle of the volume.

Source: Li et al., HybrIK, CVPR 2021; published code of NIKI, which finds the scale anew from the solved body.
"""

import numpy as np
import tensorflow as tf

from niki_tf import camera, skeletons
from niki_tf.body import analytic_ik
from niki_tf.body.kinematics import forward_kinematics

DEPTH = 2.2
"""Metres that the heat maps are deep. Source: published code."""

_CERTAINTY_SLOPE = 5.0
"""Loss of a joint's weight by its sigma in the search for the scale. Source: published code of NIKI."""
_SMALLEST = 1e-9 / 256
"""What the published code adds to the scale."""
_AT_ONCE = 16
"""Numbers that PyTorch copies, and adds, at once on a CPU with AVX2."""
_PAIRED = {"left": "right", "right": "left"}


def mirrored_order(names: tuple[str, ...]) -> list[int]:
    """For each joint the number of the one on the other side, or its own."""
    swapped = []
    for name in names:
        side, _, rest = name.partition("_")
        swapped.append(names.index(f"{_PAIRED[side]}_{rest}" if side in _PAIRED else name))
    return swapped


_JOINTS_MIRRORED = mirrored_order(skeletons.SMPL_29.names)
_TWISTS_MIRRORED = [joint - 1 for joint in mirrored_order(skeletons.SMPL_24.names)[1:]]


def volumes(heat: tf.Tensor) -> tf.Tensor:
    """Each joint's heat map over its volume, (N, H, W, 29, D), of (N, H, W, 29 * D)."""
    height, width, channels = heat.shape[1:]
    return tf.reshape(heat, [-1, height, width, skeletons.NUM_JOINTS, channels // skeletons.NUM_JOINTS])


def probabilities(heat: tf.Tensor, *, as_published: bool = False) -> tf.Tensor:
    """Softmax of each joint's heat map over its volume, (N, H, W, 29, D).

    Args:
        heat: (N, H, W, 29, D).
        as_published: add up as PyTorch does on a CPU with AVX2, in 16 sums of every sixteenth number: of a quarter of a
            million numbers some 1e-5 is lost, and joints move by as much.
    """
    raised = tf.exp(heat - tf.reduce_max(heat, (1, 2, 4), keepdims=True))
    if as_published:
        return raised / _published_sum(raised)
    total = raised
    for axis in (4, 2, 1):
        total = tf.reduce_sum(total, axis, keepdims=True)
    return raised / total


def _published_sum(raised: tf.Tensor) -> tf.Tensor:
    """Sum (N, 1, 1, 29, 1) over each joint's volume, one number after the other in each of 16 sums."""
    ordered = tf.transpose(raised, [0, 3, 4, 1, 2])
    lanes = tf.reshape(ordered, [-1, skeletons.NUM_JOINTS, np.prod(ordered.shape[2:]) // _AT_ONCE, _AT_ONCE])
    total = tf.reduce_sum(tf.math.cumsum(lanes, 2)[:, :, -1], -1)
    return total[:, None, None, :, None]


def mirrored(heat: tf.Tensor, *, as_published: bool = False) -> tf.Tensor:
    """Heat maps (N, H, W, 29, D) of a mirrored image as those of the image, one pixel further to the right.

    The shift is the published code's: a place is told by the left border of its pixel, so that pixel i of a mirrored
    image is pixel W - i.

    Args:
        heat: of the mirrored image.
        as_published: shift as the published code did on the CPU on which its results were recorded, where columns that
            were to be copied had been overwritten: see `shifted_columns`.
    """
    turned = tf.gather(tf.reverse(heat, [2]), _JOINTS_MIRRORED, axis=3)
    return tf.gather(turned, shifted_columns(heat.shape[2], as_published=as_published), axis=2)


def shifted_columns(width: int, *, as_published: bool) -> list[int]:
    """For each column the one that is moved there by a shift to the right by one; the first stays, too.

    The published code copies the columns onto themselves, shifted. PyTorch does that sixteen at a time and the last
    ones singly, on a CPU with AVX2, so that every sixteenth column, and all of the last ones, are lost.
    `as_published` gives what that leaves.

    Example:
        >>> from niki_tf.vision import joint_heads
        >>> joint_heads.shifted_columns(20, as_published=True)[14:]
        [13, 14, 15, 15, 15, 15]
    """
    columns = list(range(width))
    if not as_published:
        return [0, *columns[:-1]]
    place, last = 0, width - 1
    while place < last:
        size = _AT_ONCE if place + _AT_ONCE <= last else 1
        columns[place + 1 : place + 1 + size] = columns[place : place + size]
        place += size
    return columns


def mirrored_twist(twist: tf.Tensor) -> tf.Tensor:
    """Twists (..., 23, 2) of the mirrored body."""
    return tf.gather(twist, _TWISTS_MIRRORED, axis=-2) * tf.constant([1.0, -1.0], twist.dtype)


def mirrored_sigma(joint_sigma: tf.Tensor) -> tf.Tensor:
    """Sigma (..., 29) of the mirrored body."""
    return tf.gather(joint_sigma, _JOINTS_MIRRORED, axis=-1)


def soft_argmax(heat: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean position uvd (N, 29, 3) and largest probability (N, 29) of `probabilities` (N, H, W, 29, D)."""
    flat = tf.reduce_sum(heat, 4)
    columns, rows = tf.reduce_sum(flat, 1), tf.reduce_sum(flat, 2)
    layers = tf.transpose(tf.reduce_sum(tf.reduce_sum(heat, 1), 1), [0, 2, 1])
    means = [_mean_place(along) for along in (columns, rows, layers)]
    return tf.stack(means, -1), tf.reduce_max(heat, (1, 2, 4))


def _mean_place(along: tf.Tensor) -> tf.Tensor:
    """Mean place (N, 29) in -0.5..0.5 by probabilities (N, size, 29); the first entry is at -0.5."""
    size = along.shape[1]
    place = tf.constant([[number / size] for number in range(size)], along.dtype)
    return tf.reduce_sum(along * place, 1) - 0.5


def back_project(uvd: tf.Tensor, scale: tf.Tensor, center: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Joints relative to joint 0 (..., 29, 3) and joint 0 as seen by the image's camera (..., 3), metres.

    Args:
        uvd: (..., 29, 3); see the module.
        scale: (..., 1), of the camera: the volume's middle is FOCAL / scale metres away.
        center: (..., 2), of the crop from the centre of the image, in widths of the crop.
    """
    depth = camera.FOCAL / (scale + _SMALLEST)
    joints = _at_depth(uvd, depth, center)
    root = joints[..., 0, :] + tf.concat([tf.zeros_like(center), depth], -1)
    return joints - joints[..., :1, :], root


def _at_depth(uvd: tf.Tensor, depth: tf.Tensor, center: tf.Tensor) -> tf.Tensor:
    """Joints (..., 29, 3), metres, z from the volume's middle, which is `depth` (..., 1) away."""
    z = DEPTH * uvd[..., 2:]
    xy = (uvd[..., :2] + center[..., None, :]) * (z + depth[..., None, :]) / camera.FOCAL
    return tf.concat([xy, z], -1)


def fitted_scale(
    uvd: tf.Tensor,
    joint_sigma: tf.Tensor,
    scale: tf.Tensor,
    center: tf.Tensor,
    *,
    rest_joints: tf.Tensor,
    twist: tf.Tensor,
    as_published: bool = False,
) -> tf.Tensor:
    """The scale (..., 1) for which the body, solved at the scale that is given, is seen where its joints are.

    The body posed by `analytic_ik` from joints at `scale` is put where joint 0 is; then the depth d is the least
    squares solution of (u, v) d / FOCAL = (x, y) - (u, v) z / FOCAL over 24 joints, each times 1 - 5 sigma.

    Args:
        uvd: (..., 29, 3); see the module.
        joint_sigma: (..., 29).
        scale: (..., 1), a first one.
        center: (..., 2); see `back_project`.
        rest_joints: (..., 29, 3) metres, the body at rest.
        twist: (..., 23, 2).
        as_published: see `body.analytic_ik`.
    """
    joints, root = back_project(uvd, scale, center)
    solved = analytic_ik(joints, rest_joints=rest_joints, twist=twist, as_published=as_published)
    posed, _ = forward_kinematics(solved, rest_joints)
    depth = camera.FOCAL / (scale + _SMALLEST)
    posed = posed - posed[..., :1, :] + (root - tf.concat([tf.zeros_like(center), depth], -1))[..., None, :]
    seen = uvd[..., : skeletons.NUM_ROTATIONS, :2] + center[..., None, :]
    posed = posed[..., : skeletons.NUM_ROTATIONS, :]
    weight = 1.0 - _CERTAINTY_SLOPE * joint_sigma[..., : skeletons.NUM_ROTATIONS, None]
    missing = (posed[..., :2] - seen * posed[..., 2:] / camera.FOCAL) * weight
    seen = seen * weight
    return (tf.reduce_sum(seen * seen, (-2, -1)) / tf.reduce_sum(seen * missing, (-2, -1)))[..., None]
