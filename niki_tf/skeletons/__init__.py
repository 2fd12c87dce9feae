"""Joint sets: SMPL's as kinematic trees, those of other programs as points on the body.

`naming` finds the points that names mean, `own_set_files` and `own_landmarks` make sets of one's own, `axes` finds unit
and axes of positions and what is wrong with them.
"""

from niki_tf.skeletons.catalog import POINT_SETS
from niki_tf.skeletons.landmarks import LANDMARKS, Landmark
from niki_tf.skeletons.markers import MARKERS
from niki_tf.skeletons.naming import from_names
from niki_tf.skeletons.own_landmarks import from_regressor
from niki_tf.skeletons.own_set_files import from_json
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
    "MARKERS",
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
    "from_json",
    "from_names",
    "from_regressor",
]
