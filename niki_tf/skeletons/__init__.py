"""Joint sets as kinematic trees: names, parents, depth levels, mirrored joints, descendants."""

from niki_tf.skeletons.catalog import POINT_SETS
from niki_tf.skeletons.landmarks import LANDMARKS, Landmark
from niki_tf.skeletons.point_set import PointSet
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
    "LANDMARKS",
    "NUM_JOINTS",
    "NUM_ROTATIONS",
    "NUM_TWISTS",
    "POINT_SETS",
    "SMPL_24",
    "SMPL_29",
    "TRUNK",
    "Landmark",
    "PointSet",
    "Skeleton",
]
