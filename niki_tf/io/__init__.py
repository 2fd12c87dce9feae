"""Reading and writing files of motion and of joints: one module a format."""

from niki_tf.io.amass import load_clips, save_clip
from niki_tf.io.formats import FORMATS, is_frame_folder, is_motion, read_keypoints
from niki_tf.io.joints_npz import load_observed, save_poses

__all__ = [
    "FORMATS",
    "is_frame_folder",
    "is_motion",
    "load_clips",
    "load_observed",
    "read_keypoints",
    "save_clip",
    "save_poses",
]
