"""Where the joints of a BVH file are: its channels as rotations and positions, locally and in the world."""

from typing import NamedTuple

import numpy as np

from niki_tf.io.bvh_file import BvhFile
from niki_tf.motion import euler_angles
from niki_tf.motion.keypoints import Keypoints


class WorldPose(NamedTuple):
    """The posed rig, T frames of J joints and E end sites, in the file's unit and axes."""

    rotations: np.ndarray
    """(T, J, 3, 3): from the frame of each joint to the world."""
    positions: np.ndarray
    """(T, J, 3)."""
    ends: np.ndarray
    """(T, E, 3)."""


def world_pose(bvh: BvhFile) -> WorldPose:
    """The joints and end sites of a rig in the world.

    Example:
        >>> from niki_tf.io import bvh_file, bvh_pose
        >>> rig = bvh_file.BvhFile(
        ...     names=("Hips",), parents=(-1,), offsets=[[0, 0, 0]], channels=(("Yposition", "Zrotation"),),
        ...     values=[[90, 90]], frame_time=0.01, end_parents=(0,), end_offsets=[[0, 9, 0]])
        >>> bvh_pose.world_pose(rig).ends.round(3).tolist()
        [[[-9.0, 90.0, 0.0]]]
    """
    return compose(bvh, local_rotations(bvh), local_positions(bvh))


def keypoints(bvh: BvhFile) -> Keypoints:
    """The joints and end sites of a rig over time as named points, in the file's unit and axes.

    An end site has the name of its joint with `_end`, a second one of the same joint with `_end2`. Those that stand
    on their joint are left out.

    Returns:
        `Keypoints` of J joints in the file's order, then end sites; unit and up are None, which BVH does not tell.
    """
    posed, names = world_pose(bvh), list(bvh.names)
    apart = [end for end, offset in enumerate(bvh.end_offsets) if offset.any()]
    for end in apart:
        before = bvh.end_parents[:end].count(bvh.end_parents[end])
        names.append(f"{bvh.names[bvh.end_parents[end]]}_end{before + 1 if before else ''}")
    positions = np.concatenate([posed.positions, posed.ends[:, apart]], 1)
    return Keypoints(positions, names=tuple(names), fps=bvh.fps)


def local_rotations(bvh: BvhFile) -> np.ndarray:
    """Rotations (T, J, 3, 3) of each joint relative to its parent: the product of its channels in their order."""
    rotations = np.tile(np.eye(3), [len(bvh.values), len(bvh), 1, 1])
    for joint in range(len(bvh)):
        columns, axes = channels_of(bvh, joint, "rotation")
        if axes:
            rotations[:, joint] = euler_angles.euler_to_matrix(np.radians(bvh.values[:, columns]), axes)
    return rotations


def local_positions(bvh: BvhFile) -> np.ndarray:
    """Places (T, J, 3) of each joint in the frame of its parent: its position channels, else its offset."""
    positions = np.tile(bvh.offsets, [len(bvh.values), 1, 1])
    for joint in range(len(bvh)):
        columns, axes = channels_of(bvh, joint, "position")
        positions[:, joint, ["xyz".index(axis) for axis in axes]] = bvh.values[:, columns]
    return positions


def channels_of(bvh: BvhFile, joint: int, kind: str) -> tuple[list[int], str]:
    """Columns of a joint's channels of that `kind`, position or rotation, and their axes in the same order."""
    found = [
        (column, channel[0].lower())
        for column, channel in zip(bvh.columns[joint], bvh.channels[joint], strict=True)
        if channel.endswith(kind)
    ]
    return [column for column, _ in found], "".join(axis for _, axis in found)


def compose(bvh: BvhFile, rotations: np.ndarray, positions: np.ndarray) -> WorldPose:
    """`WorldPose` of local rotations (T, J, 3, 3) and places (T, J, 3) relative to the parents."""
    world, places = rotations.copy(), positions.copy()
    for joint, parent in enumerate(bvh.parents):
        if parent >= 0:
            world[:, joint] = world[:, parent] @ rotations[:, joint]
            places[:, joint] = places[:, parent] + _turned(world[:, parent], positions[:, joint])
    carriers = list(bvh.end_parents)
    return WorldPose(world, places, places[:, carriers] + _turned(world[:, carriers], bvh.end_offsets))


def _turned(rotations: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    return np.einsum("...rc,...c->...r", rotations, vectors)
