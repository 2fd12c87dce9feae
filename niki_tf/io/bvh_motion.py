"""SMPL's motion as a BVH rig: its 24 joints, with the five tips as end sites."""

import numpy as np

from niki_tf import skeletons
from niki_tf.io.bvh_file import BvhFile
from niki_tf.motion import euler_angles
from niki_tf.motion.clip import checked_array, checked_rate
from niki_tf.skeletons.bone_names import checked_bone_names

_AXES = "zxy"
_ROTATION = tuple(f"{axis.upper()}rotation" for axis in _AXES)
_POSITION = ("Xposition", "Yposition", "Zposition")


def from_motion(
    rotations: np.ndarray,
    *,
    rest_joints: np.ndarray,
    transl: np.ndarray,
    fps: float,
    bone_names: str = "smpl",
    unit: float = 0.01,
) -> BvhFile:
    """A BVH rig with SMPL's bones, in the T-pose where all angles are 0, and the motion of it.

    Axes stay as they are: those of the motion, y up in this package. The root has three positions and three rotations,
    every other joint three rotations, about z, x and y.

    Args:
        rotations: (T, 24, 3, 3) local rotation matrices, root first.
        rest_joints: (29, 3) metres, the joints of the body at rest; see `body.BodyJoints`.
        transl: (T, 3) metres, what SMPL adds to the body at rest.
        fps: frames per second.
        bone_names: one of `skeletons.bone_names.BONE_NAMES`: smpl, mixamo, unity or vrm.
        unit: metres in one unit of the file; centimetres, which most programs take a BVH to be in, unless given.

    Raises:
        ValueError: a shape does not fit, a number is not finite, or `bone_names` or `unit` cannot be.

    Example:
        >>> import numpy as np
        >>> from niki_tf import body
        >>> from niki_tf.io import bvh_motion
        >>> rest = body.mannequin_joints().joints
        >>> pose, transl = np.eye(3) + np.zeros([9, 24, 1, 1]), np.zeros([9, 3])
        >>> rig = bvh_motion.from_motion(pose, rest_joints=rest, transl=transl, fps=30, bone_names="unity")
        >>> rig.names[:3], rig.values.shape, len(rig.end_parents)
        (('Hips', 'LeftUpperLeg', 'LeftLowerLeg'), (9, 75), 5)
    """
    rotations = checked_array(rotations, "`rotations`", [(None, skeletons.NUM_ROTATIONS, 3, 3)])
    rest = checked_array(rest_joints, "`rest_joints`", [(skeletons.NUM_JOINTS, 3)]).astype(np.float64) / unit_of(unit)
    places = checked_array(transl, "`transl`", [(len(rotations), 3)]).astype(np.float64) / unit + rest[0]
    names, parents = checked_bone_names(bone_names), np.array(skeletons.SMPL_29.parents)
    order = _branches()
    offsets = rest - rest[np.maximum(parents, 0)]
    values = np.empty([len(rotations), 3 + 3 * len(order)])
    values[:, :3] = places
    for at, joint in enumerate(order, 1):
        angles = euler_angles.matrix_to_euler(rotations[:, joint].astype(np.float64), _AXES)
        values[:, 3 * at : 3 * at + 3] = np.degrees(angles)
    tips = range(skeletons.NUM_ROTATIONS, skeletons.NUM_JOINTS)
    return BvhFile(
        names=tuple(names[joint] for joint in order),
        parents=tuple(order.index(parents[joint]) if joint else -1 for joint in order),
        offsets=offsets[order],
        channels=tuple(_ROTATION if joint else _POSITION + _ROTATION for joint in order),
        values=values,
        frame_time=1.0 / checked_rate(fps, "`fps`"),
        end_parents=tuple(order.index(parents[tip]) for tip in tips),
        end_offsets=offsets[list(tips)],
    )


def unit_of(unit: float) -> float:
    """`unit`, metres; ValueError if it is not a positive number."""
    if not 0.0 < unit < np.inf:
        raise ValueError(f"`unit` must be a positive number of metres, such as 0.01 for centimetres; got {unit}.")
    return unit


def _branches() -> list[int]:
    """SMPL's joints, one branch after the other, as BVH has them."""
    order: list[int] = []
    left = [0]
    while left:
        order.append(left.pop())
        left += [joint for joint in reversed(range(24)) if skeletons.SMPL_24.parents[joint] == order[-1]]
    return order
