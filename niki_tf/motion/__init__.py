"""Motion in memory: rotations, observed joints, keypoints of files, and motion that the package makes."""

from niki_tf.motion.clip import TRANS_CONVENTIONS, Clip, Clips, resample
from niki_tf.motion.keypoints import Keypoints
from niki_tf.motion.made.made_motion import made_motion, random_poses
from niki_tf.motion.observed_motion import ObservedMotion, from_joints, observe

__all__ = [
    "TRANS_CONVENTIONS",
    "Clip",
    "Clips",
    "Keypoints",
    "ObservedMotion",
    "from_joints",
    "made_motion",
    "observe",
    "random_poses",
    "resample",
]
