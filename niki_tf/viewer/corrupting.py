"""Worse joints by intention: noise, joints that are missing throughout, and a limb that is hidden for a while."""

import dataclasses

import numpy as np

from niki_tf.inference.reading import Person

_LIMBS = ((18, 20, 22), (19, 21, 23), (4, 7, 10), (5, 8, 11))
"""Joints of SMPL's 24 that carry the points of an arm or a leg, which is hidden together."""


@dataclasses.dataclass(frozen=True)
class Corruption:
    """How much worse joints become."""

    noise_mm: float = 0.0
    """Standard deviation of Gaussian noise on each axis, millimetres."""
    occluded: float = 0.0
    """Share of the frames, in the middle, in which an arm and then a leg is hidden, 0 to 1."""
    missing: int = 0
    """Joints that are absent in all frames."""
    seed: int = 0
    """Of noise, and of which joints and limbs are taken."""


def corrupted(person: Person, how: Corruption) -> Person:
    """The person with joints made worse: the same for the same corruption.

    Args:
        person: joints (T, J, 3) in metres.
        how: at least one joint of a frame stays.

    Example:
        >>> import numpy as np
        >>> from niki_tf import skeletons
        >>> from niki_tf.inference.reading import Person
        >>> from niki_tf.viewer.corrupting import Corruption, corrupted
        >>> coco = skeletons.POINT_SETS["coco_17"]
        >>> person = Person("", coco.at_rest[None].repeat(4, 0), coco, 30.0)
        >>> int(np.isnan(corrupted(person, Corruption(missing=5)).joints[..., 0]).sum(1)[0])
        5
    """
    rng = np.random.default_rng(how.seed)
    joints = np.array(person.joints[..., :3], np.float64)
    joints += how.noise_mm / 1000 * rng.standard_normal(joints.shape)
    lost = rng.permutation(joints.shape[1])[: min(how.missing, joints.shape[1] - 1)]
    limbs = rng.permutation(len(_LIMBS))
    hidden = round(how.occluded * len(joints))
    first = (len(joints) - hidden) // 2
    carriers = np.array(person.point_set.carriers)
    for half, limb in zip(np.array_split(np.arange(first, first + hidden), 2), limbs, strict=False):
        joints[np.ix_(half, np.flatnonzero(np.isin(carriers, _LIMBS[limb])))] = np.nan
    joints[:, lost] = np.nan
    return dataclasses.replace(person, joints=joints, joint_sigma=None)
