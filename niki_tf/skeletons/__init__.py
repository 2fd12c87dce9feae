"""Joint sets as kinematic trees: names, parents, depth levels, mirrored joints, descendants."""

from niki_tf.skeletons.skeleton import Skeleton
from niki_tf.skeletons.smpl import (
    ABSENT,
    BONE_CHILD,
    EVALUATION_14,
    NUM_JOINTS,
    NUM_ROTATIONS,
    NUM_TWISTS,
    SMPL_24,
    SMPL_29,
    TRUNK,
)

__all__ = [
    "ABSENT",
    "BONE_CHILD",
    "EVALUATION_14",
    "NUM_JOINTS",
    "NUM_ROTATIONS",
    "NUM_TWISTS",
    "SMPL_24",
    "SMPL_29",
    "TRUNK",
    "Skeleton",
]
