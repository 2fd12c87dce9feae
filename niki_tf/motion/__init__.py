"""Motion in memory: rotations, observed joints, keypoints of files, motion that the package makes, and checks."""

from niki_tf.motion.clip import TRANS_CONVENTIONS, Clip, Clips, resample
from niki_tf.motion.keypoints import Keypoints
from niki_tf.motion.made.made_motion import made_motion, random_poses
from niki_tf.motion.motion_check import CheckLimits, ClipCheck, Fault, check_clip, faults, summary
from niki_tf.motion.near_duplicates import NearDuplicate, near_duplicates
from niki_tf.motion.observed_motion import ObservedMotion, from_joints, observe

__all__ = [
    "TRANS_CONVENTIONS",
    "CheckLimits",
    "Clip",
    "ClipCheck",
    "Clips",
    "Fault",
    "Keypoints",
    "NearDuplicate",
    "ObservedMotion",
    "check_clip",
    "faults",
    "from_joints",
    "made_motion",
    "near_duplicates",
    "observe",
    "random_poses",
    "resample",
    "summary",
]
