"""Inverse kinematics of both legs: joints of the feet brought to where they should be, the rest of the body kept.

Minimised by Gauss-Newton over a rotation vector a of each of the eight joints of the legs, in the axes of the world,
and a shift s of the pelvis, frame by frame:

    sum over knees, ankles, feet, toes  |p - target|^2 / sigma^2  +  sum |a|^2 / (0.15 rad)^2  +  |s|^2 / (5 mm)^2

The sigmas are 1 mm for ankles and feet, 5 mm for the tips of the toes and 50 mm for the knees: the legs bend so that
ankles and feet get where they should, and the pelvis gives way where they do not reach. The trunk keeps its rotation
and the arms theirs.
"""

import numpy as np
import tensorflow as tf

from niki_tf import rotations, skeletons
from niki_tf.body import kinematics

LEGS = tuple(
    tuple(skeletons.SMPL_29.index(f"{side}_{part}") for part in ("hip", "knee", "ankle", "foot", "big_toe"))
    for side in ("left", "right")
)
"""Joints of the left and of the right leg, from hip to toe; all but the last turn."""

_SIGMA = {"knee": 0.05, "ankle": 0.001, "foot": 0.001, "big_toe": 0.005}
"""Metres; by trial on training clips, as the next."""
_TURN, _SHIFT = 0.15, 0.005
"""Radians of a joint's rotation, and metres of the pelvis' shift, that cost as much as an error of sigma."""
_STEPS = 3
_TURNING = 4
"""Joints of a leg that turn."""


def reach(
    local: np.ndarray, transl: np.ndarray, rest_joints: np.ndarray, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Local rotations (T, 24, 3, 3) and transl (T, 3) with knees, ankles, feet and toes close to their targets.

    Args:
        local: (T, 24, 3, 3) local rotation matrices, root first.
        transl: (T, 3) metres.
        rest_joints: (T, 29, 3) metres, the body at rest.
        targets: (T, 2, 4, 3) metres in the world: knee, ankle, foot and big toe of the left and of the right leg.

    Example:
        >>> import numpy as np
        >>> from niki_tf import body
        >>> from niki_tf.fitting import leg_ik
        >>> rest = body.mannequin_joints().joints[None]
        >>> targets = rest[:, [leg[1:] for leg in leg_ik.LEGS]] + [0.0, 0.05, 0.0]
        >>> local, transl = leg_ik.reach(np.tile(np.eye(3), [1, 24, 1, 1]), np.zeros([1, 3]), rest, targets)
        >>> from_targets = leg_ik.leg_joints(local, transl, rest)[:, :, 1:] - targets
        >>> bool(np.abs(from_targets[:, :, 1:3]).max() < 1e-3)
        True
    """
    world = kinematics.world_rotations(tf.constant(local, tf.float64)).numpy()
    legs, transl = world[:, [leg[:_TURNING] for leg in LEGS]], np.asarray(transl, np.float64)
    bones = _bones(rest_joints)
    moved = np.zeros([len(local), _UNKNOWNS])
    for _ in range(_STEPS):
        joints = _joints(world[:, 0], legs, bones, transl)
        step = _step(joints, targets - joints[:, :, 1:], moved)
        moved += step
        transl = transl + step[:, :3]
        turns = step[:, 3:].reshape(-1, len(LEGS), _TURNING, 3)
        legs = _turned(legs, turns)
    return _with_legs(local, world, legs), transl


def leg_joints(local: np.ndarray, transl: np.ndarray, rest_joints: np.ndarray) -> np.ndarray:
    """Joints (T, 2, 5, 3) of both legs from hip to toe in the world, metres; arguments as of `reach`."""
    world = kinematics.world_rotations(tf.constant(local, tf.float64)).numpy()
    return _joints(world[:, 0], world[:, [leg[:_TURNING] for leg in LEGS]], _bones(rest_joints), transl)


def lift_toes(local: np.ndarray, transl: np.ndarray, rest_joints: np.ndarray, *, plane: np.ndarray) -> np.ndarray:
    """Local rotations (T, 24, 3, 3) with toes bent up until their tips are not below a plane.

    Args:
        local: (T, 24, 3, 3) local rotation matrices, root first.
        transl: (T, 3) metres.
        rest_joints: (T, 29, 3) metres, the body at rest.
        plane: (4,), n x + d = 0 with n of length 1 and upwards.
    """
    joints = leg_joints(local, transl, rest_joints)
    toes = joints[:, :, 4] - joints[:, :, 3]
    rise, length = toes @ plane[:3], np.linalg.norm(toes, axis=-1)
    wanted = np.maximum(-(joints[:, :, 3] @ plane[:3] + plane[3]), rise)
    angle = np.arcsin(np.clip(wanted / length, -1.0, 1.0)) - np.arcsin(np.clip(rise / length, -1.0, 1.0))
    axis = np.cross(toes, plane[:3])
    axis /= np.maximum(np.linalg.norm(axis, axis=-1, keepdims=True), 1e-9)
    turns = rotations.rotvec_to_matrix(tf.constant(angle[..., None] * axis)).numpy()
    ankles, feet = ([leg[number] for leg in LEGS] for number in (2, 3))
    above = kinematics.world_rotations(tf.constant(local, tf.float64)).numpy()[:, ankles]
    changed = np.array(local, np.float64)
    changed[:, feet] = np.swapaxes(above, -1, -2) @ turns @ above @ changed[:, feet]
    return changed.astype(np.float32)


_UNKNOWNS = 3 + len(LEGS) * _TURNING * 3
_PRECISIONS = np.array([1.0 / sigma**2 for sigma in _SIGMA.values()])
_PRIOR = np.concatenate([np.full(3, 1.0 / _SHIFT**2), np.full(_UNKNOWNS - 3, 1.0 / _TURN**2)])


def _bones(rest_joints: np.ndarray) -> np.ndarray:
    """The pelvis (T, 2, 1, 3) and the bones of both legs from pelvis to toe, together (T, 2, 6, 3), metres."""
    rest = np.asarray(rest_joints, np.float64)
    chains = np.stack([rest[:, [0, *leg]] for leg in LEGS], 1)
    return np.concatenate([chains[:, :, :1], np.diff(chains, axis=2)], 2)


def _joints(root: np.ndarray, legs: np.ndarray, bones: np.ndarray, transl: np.ndarray) -> np.ndarray:
    """Joints (T, 2, 5, 3) of the legs, from world rotations (T, 3, 3) and (T, 2, 4, 3, 3) and `_bones`."""
    above = np.concatenate([np.broadcast_to(root[:, None, None], (*legs.shape[:2], 1, 3, 3)), legs], 2)
    turned = np.einsum("tskab,tskb->tska", above, bones[:, :, 1:])
    return np.cumsum(turned, 2) + bones[:, :, :1] + transl[:, None, None]


def _step(joints: np.ndarray, error: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """One Gauss-Newton step (T, 27): of the shift and of the turns of the joints, in the axes of the world.

    Args:
        joints: (T, 2, 5, 3) metres.
        error: (T, 2, 4, 3) metres, from knees, ankles, feet and toes to their targets.
        moved: (T, 27), the sum of the steps so far.
    """
    frames, sides, points = error.shape[:3]
    jacobian = np.zeros([frames, sides, points, 3, _UNKNOWNS])
    jacobian[..., :3] = np.eye(3)
    for side in range(sides):
        for joint in range(_TURNING):
            first = 3 + 3 * (_TURNING * side + joint)
            arms = joints[:, side, joint + 1 :] - joints[:, side, joint, None]
            jacobian[:, side, joint:, :, first : first + 3] = -_cross_matrix(arms)
    jacobian = jacobian.reshape(frames, -1, _UNKNOWNS)
    weighted = np.tile(np.repeat(_PRECISIONS, 3), sides)[:, None] * jacobian
    normal = np.swapaxes(weighted, 1, 2) @ jacobian + np.diag(_PRIOR)
    target = np.einsum("tia,ti->ta", weighted, error.reshape(frames, -1)) - _PRIOR * moved
    return np.linalg.solve(normal, target[..., None])[..., 0]


def _cross_matrix(vectors: np.ndarray) -> np.ndarray:
    """Matrices (..., 3, 3) that give the cross product of `vectors` (..., 3) with what they are applied to."""
    return np.cross(vectors[..., None, :], -np.eye(3))


def _turned(legs: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """World rotations (T, 2, 4, 3, 3) after turns (T, 2, 4, 3) of each joint, which what is below it follows."""
    matrices = rotations.rotvec_to_matrix(tf.constant(turns)).numpy()
    together = [matrices[:, :, 0]]
    for joint in range(1, _TURNING):
        together.append(together[-1] @ matrices[:, :, joint])
    return np.stack(together, 2) @ legs


def _with_legs(local: np.ndarray, world: np.ndarray, legs: np.ndarray) -> np.ndarray:
    """The local rotations (T, 24, 3, 3) with those of the legs' world rotations (T, 2, 4, 3, 3) in place of theirs."""
    above = np.concatenate([np.broadcast_to(world[:, None, None, 0], (*legs.shape[:2], 1, 3, 3)), legs[:, :, :-1]], 2)
    changed = np.array(local, np.float64)
    changed[:, [leg[:_TURNING] for leg in LEGS]] = np.swapaxes(above, -1, -2) @ legs
    return changed.astype(np.float32)
