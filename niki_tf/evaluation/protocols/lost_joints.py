"""Which joints are lost together: one, the end of a limb, a limb, half a body, all."""

import numpy as np

from niki_tf import skeletons

_SIDES = ("left", "right")
_HAND, _FOOT = ("wrist", "hand", "middle_tip"), ("ankle", "foot", "big_toe")
_ARM, _LEG = ("shoulder", "elbow", *_HAND), ("hip", "knee", *_FOOT)
_MIDDLE = ("spine3", "neck", "head", "head_top")


def _joints(*names: str) -> tuple[int, ...]:
    return tuple(skeletons.SMPL_29.index(name) for name in names)


def _of_sides(*parts: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
    """Joints of each part, of the left side and of the right one."""
    return tuple(_joints(*(f"{side}_{name}" for name in part)) for part in parts for side in _SIDES)


_LEFT, _RIGHT = _of_sides((*_LEG, "collar", *_ARM))
_LOWER = sum(_of_sides(_LEG), ())
_UPPER = _joints(*_MIDDLE) + sum(_of_sides(("collar", *_ARM)), ())

PARTS: dict[str, tuple[tuple[int, ...], ...]] = {
    "all": (tuple(range(skeletons.NUM_JOINTS)),),
    "joint": tuple((joint,) for joint in range(1, skeletons.NUM_JOINTS)),
    "limb_end": _of_sides(_HAND, _FOOT),
    "limb": _of_sides(_ARM, _LEG),
    "half": (_LOWER, _UPPER, _LEFT, _RIGHT),
}
"""Kind of loss -> the sets of joints of which one is lost. The pelvis alone is no case: errors are relative to it."""


def lost_mask(kind: str, draw: float) -> np.ndarray:
    """Which of the 29 joints are lost, (29,) bool, where `draw`, from 0 to below 1, chooses among the sets of a kind.

    Example:
        >>> import numpy as np
        >>> from niki_tf import skeletons
        >>> from niki_tf.evaluation.protocols import lost_joints
        >>> [skeletons.SMPL_29.names[joint] for joint in np.flatnonzero(lost_joints.lost_mask("limb_end", 0.0))]
        ['left_wrist', 'left_hand', 'left_middle_tip']
    """
    mask = np.zeros(skeletons.NUM_JOINTS, bool)
    mask[list(PARTS[kind][int(draw * len(PARTS[kind]))])] = True
    return mask


def turned_mask(lost: np.ndarray) -> np.ndarray:
    """Which of the 24 rotations, (24,) bool, place the joints `lost` (29,): their own and those of their parents."""
    turned = np.array(lost[: skeletons.NUM_ROTATIONS])
    turned[[skeletons.SMPL_29.parents[joint] for joint in np.flatnonzero(lost) if joint]] = True
    return turned
