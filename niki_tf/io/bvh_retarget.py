"""SMPL's motion on the rig of a BVH file: the same joints and channels, moved as the body was found to move."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from niki_tf import skeletons
from niki_tf.io import bvh_pose
from niki_tf.io.bvh_file import BvhFile
from niki_tf.io.bvh_motion import unit_of
from niki_tf.motion import euler_angles
from niki_tf.motion.clip import checked_array


def retarget(
    bvh: BvhFile, *, rotations: np.ndarray, pelvis: np.ndarray, mapping: Mapping[str, int], unit: float
) -> BvhFile:
    """The rig of `bvh`, with its names, bones and channels, in SMPL's motion of the same frames.

        W'_j(t) = S_m(t) C_j,  C_j = nearest rotation to sum_t S_m(t)^T W_j(t)

    W_j is the world rotation of the rig's joint j in `bvh`, S_m that of the SMPL joint m that it stands for. A rig's
    joint has axes of its own, which C_j tells: what stays the same between the two over the frames, so that frames in
    which the person moves make it certain. Joints that stand for none, such as fingers, and joints with fewer than
    three rotations, keep their local rotation of `bvh`; bones keep their lengths. The joint that stands for SMPL's
    pelvis goes where that is, at its mean place relative to it in `bvh`.

    Args:
        bvh: the rig, in the motion that was solved, T frames.
        rotations: (T, 24, 3, 3) SMPL's local rotation matrices, root first, in the axes of `bvh`.
        pelvis: (T, 3) metres, position of SMPL's joint 0 in the axes of `bvh`: `transl` plus its place at rest.
        mapping: name of a rig's joint -> number of the SMPL joint that it stands for.
        unit: metres in one unit of `bvh`.

    Raises:
        ValueError: a shape does not fit, `mapping` names no joint of the rig or of SMPL, or not the pelvis.
    """
    frames = len(bvh.values)
    rotations = checked_array(rotations, "`rotations`", [(frames, skeletons.NUM_ROTATIONS, 3, 3)]).astype(np.float64)
    pelvis = checked_array(pelvis, "`pelvis`", [(frames, 3)]).astype(np.float64) / unit_of(unit)
    partners = _partners(bvh, mapping)
    given = bvh_pose.world_pose(bvh)
    smpl = _smpl_world(rotations)
    local = bvh_pose.local_rotations(bvh)
    world = np.empty_like(local)
    for joint, parent in enumerate(bvh.parents):
        above = world[:, parent] if parent >= 0 else np.eye(3)
        partner = partners.get(joint)
        if partner is None or len(bvh_pose.channels_of(bvh, joint, "rotation")[1]) < 3:
            world[:, joint] = above @ local[:, joint]
        else:
            world[:, joint] = smpl[:, partner] @ _mean(_transposed(smpl[:, partner]) @ given.rotations[:, joint])
            local[:, joint] = _transposed(above) @ world[:, joint]
    places = _local_positions(bvh, local, given, smpl[:, 0], pelvis, next(j for j, p in partners.items() if p == 0))
    return dataclasses.replace(bvh, values=_channels(bvh, local, places, turned=partners))


def _partners(bvh: BvhFile, mapping: Mapping[str, int]) -> dict[int, int]:
    """Number of a rig's joint -> number of its SMPL joint, checked."""
    for name, partner in mapping.items():
        if bvh.names.count(name) != 1:
            raise ValueError(f"`mapping` must name joints of the rig, each there once; got {name!r}.")
        if partner not in range(skeletons.NUM_ROTATIONS):
            raise ValueError(f"`mapping` must lead to SMPL's joints 0 to 23; got {partner} for {name!r}.")
    if 0 not in mapping.values():
        raise ValueError(f"`mapping` must lead to the pelvis, 0; got {', '.join(mapping) or 'nothing'}.")
    return {joint: int(mapping[name]) for joint, name in enumerate(bvh.names) if name in mapping}


def _smpl_world(rotations: np.ndarray) -> np.ndarray:
    """SMPL's world rotations (T, 24, 3, 3) of local ones."""
    world = rotations.copy()
    for joint, parent in enumerate(skeletons.SMPL_24.parents[1:], 1):
        world[:, joint] = world[:, parent] @ rotations[:, joint]
    return world


def _mean(rotations: np.ndarray) -> np.ndarray:
    """The rotation (3, 3) nearest to all of the `rotations` (T, 3, 3), by the squares of its entries."""
    left, _, right = np.linalg.svd(rotations.mean(0))
    left[:, -1] *= np.linalg.det(left @ right)
    return left @ right


def _transposed(matrices: np.ndarray) -> np.ndarray:
    return np.swapaxes(matrices, -1, -2)


def _local_positions(
    bvh: BvhFile,
    local: np.ndarray,
    given: bvh_pose.WorldPose,
    facing: np.ndarray,
    pelvis: np.ndarray,
    hips: int,
) -> np.ndarray:
    """Places (T, J, 3) of the joints in their parents' frames, such that the rig's joint `hips` follows the `pelvis`.

    Moved is the first joint at or above `hips` that has positions; none if no such joint has.
    """
    places = bvh_pose.local_positions(bvh)
    offset = np.mean(_transposed(facing) @ (given.positions[:, hips] - pelvis)[..., None], 0)
    carrier = hips
    while carrier >= 0 and len(bvh_pose.channels_of(bvh, carrier, "position")[1]) < 3:
        carrier = bvh.parents[carrier]
    if carrier >= 0:
        posed = bvh_pose.compose(bvh, local, places)
        shift = (pelvis - posed.positions[:, hips])[..., None] + facing @ offset
        parent = bvh.parents[carrier]
        above = _transposed(posed.rotations[:, parent]) if parent >= 0 else np.eye(3)
        places[:, carrier] += (above @ shift)[..., 0]
    return places


def _channels(bvh: BvhFile, local: np.ndarray, places: np.ndarray, *, turned: Mapping[int, int]) -> np.ndarray:
    """Channels (T, C) of local rotations and places; those of joints that are not `turned` stay as they are."""
    values = bvh.values.copy()
    for joint in range(len(bvh)):
        columns, axes = bvh_pose.channels_of(bvh, joint, "position")
        values[:, columns] = places[:, joint, ["xyz".index(axis) for axis in axes]]
        columns, axes = bvh_pose.channels_of(bvh, joint, "rotation")
        if joint in turned and len(axes) == 3:
            before = np.radians(bvh.values[0, columns])
            values[:, columns] = np.degrees(euler_angles.matrix_to_euler(local[:, joint], axes, before=before))
    return values
