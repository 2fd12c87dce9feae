"""Why the answer of an exported solver is not valid, or is to be doubted: a number for each example.

What one frame tells of its joints, or one window of frames; `niki_tf.solve` and `skeletons.axes.doubts` see a motion
and tell more.
"""

import itertools

import numpy as np
import tensorflow as tf

from niki_tf.contract import FARTHEST, Reason
from niki_tf.shapes import reshape_last
from niki_tf.skeletons import ABSENT, POINT_SETS, SMPL_29

CURES = {
    Reason.NOT_FINITE: "an input other than joints holds NaN or infinity; zeros stand for what is not known",
    Reason.TOO_FAR: "joints are more than 10 km from the origin; give metres, near the origin",
    Reason.ONE_PLACE: "all joints are at one place; check the reader, and give NaN where nothing was seen",
    Reason.TOO_LARGE: "bones are more than twice as long as a person's; multiply joints in mm by 0.001, in cm by 0.01, "
    "in inches by 0.0254",
    Reason.TOO_SMALL: "bones are less than a third of a person's; give metres",
    Reason.NOTHING_SEEN: "no joint was seen, so the pose is a guess",
    Reason.OTHER_BONES: "bones are not a person's; check the order of the joints, skeletons.SMPL_29",
    Reason.SIDES: "knees and feet point backwards; exchange left and right, or negate x of left-handed axes",
}
"""What each reason but `FINE` means, and its cure."""

_AT_REST = POINT_SETS["smpl_29"].at_rest
"""The mannequin's joints (29, 3), metres."""
_PARENTS = list(SMPL_29.parents[1:])
_BONES = np.linalg.norm(_AT_REST[1:] - _AT_REST[_PARENTS], axis=-1)
"""Lengths (28,) of its bones."""
_LONG, _MOST = 2.2, 0.9
"""Length of a bone against the mannequin's that is a sign of another unit, and the share of the bones, by length, that
have to show it."""
_SHORT, _OTHER = 1 / 3, 2.4
"""Length of all bones together against the mannequin's that is a sign of another unit, if it is less, or of other
joints, if it is more. In validation motion noise of 100 mm makes it 2.2 at most, another order 2.8 at least."""
_NOISE = 1.2
"""Length that errors give to a bone, as against the sum of the sigmas of its ends: 1.13 is the mean of those of
nothing."""
_SURE = 0.11
"""Metres of sigma beyond which a joint does not tell where is front."""
_ENOUGH = 1.0
"""Metres of bones that have to be seen before anything is said of them."""
_ONE_PLACE = 1e-4
"""Metres that all bones together have if the joints are at one place."""
_BACKWARDS = 0.5
"""Share of what left x up . front is at rest by which knees and feet have to point backwards. In the same motion noise
of 100 mm and occlusion reach it in a frame of 10,000, mirrored joints with 10 mm in 99 of 100."""


def text(number: int) -> str:
    """What a number of `Reason` means and its cure, or that it is not known.

    Example:
        >>> from niki_tf.export import reasons
        >>> reasons.text(16), reasons.text(99)
        ('no joint was seen, so the pose is a guess', 'a reason 99 that this version does not know')
    """
    known = {int(reason): cure for reason, cure in CURES.items()}
    return known.get(number, f"a reason {number} that this version does not know")


def of_answer(
    finite: tf.Tensor,
    joints: tf.Tensor | None = None,
    joint_sigma: tf.Tensor | None = None,
    *,
    has_errors: bool = True,
) -> tuple[tf.Tensor, tf.Tensor]:
    """The `Reason` of each example, int32 (batch,), and whether it is valid, bool (batch,).

    The fewer operations the better: on LiteRT a network takes no more than fifty times as many.

    Args:
        finite: (batch,) bool, whether all numbers of an example are.
        joints: (batch, ..., 29, 3) metres, zeros where absent; frames of a window tell together. None for none.
        joint_sigma: (batch, ..., 29) metres, `skeletons.ABSENT` at most, and from there on absent. What such an error
            explains is not held against the joints.
        has_errors: whether `joint_sigma` may tell of errors, and not only of what is absent.

    Example:
        >>> import numpy as np
        >>> from niki_tf import body
        >>> from niki_tf.export import reasons
        >>> joints = body.mannequin_joints().joints
        >>> joints = np.float32([joints, 100 * joints, 0.01 * joints])
        >>> reasons.of_answer(np.ones(3, bool), joints, np.zeros([3, 29], np.float32))[0].numpy()
        array([0, 4, 5], dtype=int32)
    """
    error = tf.where(finite, int(Reason.FINE), int(Reason.NOT_FINITE))
    if joints is None or joint_sigma is None:
        return error, finite
    joints, sigma = tf.convert_to_tensor(joints), tf.convert_to_tensor(joint_sigma)
    seen, within = tf.cast(sigma < ABSENT, tf.float32), list(range(1, joints.shape.rank - 1))
    told, found, over, long = _bones(joints, seen, sigma if has_errors else None, within)
    size = found / told
    error = tf.where(size < _SHORT, tf.where(found < _ONE_PLACE, int(Reason.ONE_PLACE), int(Reason.TOO_SMALL)), error)
    error = tf.where(long > _MOST * told, int(Reason.TOO_LARGE), error)
    farthest = tf.reduce_max(tf.abs(joints), [*within, joints.shape.rank - 1])
    error = tf.where(farthest > FARTHEST, int(Reason.TOO_FAR), error)
    sure = tf.cast(sigma < _SURE, tf.float32) if has_errors else seen
    doubt = tf.where(_are_backwards(joints, sure, size), int(Reason.SIDES), int(Reason.FINE))
    doubt = tf.where(over > _OTHER * told, int(Reason.OTHER_BONES), doubt)
    doubt = tf.where(tf.reduce_max(seen, within) < 0.5, int(Reason.NOTHING_SEEN), doubt)
    valid = error < 1
    return tf.where(valid, doubt, error), valid


def _bones(
    joints: tf.Tensor, seen: tf.Tensor, sigma: tf.Tensor | None, within: list[int]
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Metres (batch,) of bones that were seen.

    On the mannequin, found, found beyond what `sigma` explains (None: nothing), and on the mannequin of those that are
    long beyond it.
    Where too few were seen, the first is the second.
    """
    ends = joints[..., 1:, :] - tf.gather(joints, _PARENTS, axis=-2)
    both = seen[..., 1:] * tf.gather(seen, _PARENTS, axis=-1)
    length = both * tf.sqrt(tf.reduce_sum(ends * ends, -1))
    rest = both * tf.constant(_BONES, tf.float32)
    over = length
    if sigma is not None:
        over -= both * _NOISE * (sigma[..., 1:] + tf.gather(sigma, _PARENTS, axis=-1))
    told, found = tf.reduce_sum(rest, within), tf.reduce_sum(length, within)
    long = tf.reduce_sum(tf.where(over > _LONG * _BONES, rest, 0.0), within)
    return tf.where(told > _ENOUGH, told, found), found, tf.reduce_sum(over, within), long


def _are_backwards(joints: tf.Tensor, sure: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Whether knees and feet point backwards, bool (batch,), of bodies of a size (batch,) whose joints tell it.

    `sure` (batch, ..., 29) is 1 for joints that tell, 0 for others.
    """
    chosen, factors = _factors()
    numbers = reshape_last(tf.gather(joints, chosen, axis=-2), 2, [3 * len(chosen)])
    products = tf.reduce_prod(reshape_last(tf.matmul(numbers, tf.constant(factors, tf.float32)), 1, [3, 6]), -2)
    ahead, known = tf.reduce_sum(products, -1), tf.reduce_min(tf.gather(sure, chosen, axis=-1), -1)
    cube = size * size * size
    frames = joints.shape.rank - 3
    if not frames:
        return known * (ahead + cube) < 0.0
    return tf.reduce_sum(known * (ahead + tf.expand_dims(cube, -1)), 1) < 0.0


def _factors() -> tuple[list[int], np.ndarray]:
    """Joints, n of them, and a matrix (3 n, 18) by which their numbers give those of left x up . front.

    The three numbers of each of six products, which are summed up, so scaled that the sum is -1 at the limit.
    """
    shares = np.zeros([3, len(_AT_REST)])
    shares[0, [1, 16]], shares[0, [2, 17]] = 1.0, -1.0  # left: hips and shoulders
    shares[1, 12], shares[1, 0] = 1.0, -1.0  # up: from pelvis to neck
    shares[2, [4, 5, 27, 28]] = 1.0  # front: knees between hips and ankles, toes
    shares[2, [1, 2]], shares[2, [7, 8]] = -0.5, -1.5
    limit = _BACKWARDS * np.linalg.det(shares @ _AT_REST)
    chosen = np.flatnonzero(shares.any(0))
    factors = np.zeros([len(chosen), 3, 3, 6])
    for product, order in enumerate(itertools.permutations(range(3))):
        for row, axis in enumerate(order):
            factors[:, axis, row, product] = shares[row, chosen]
        factors[:, :, 0, product] *= np.linalg.det(np.eye(3)[list(order)]) / limit
    return chosen.tolist(), factors.reshape(3 * len(chosen), 18)
