"""Motion: files, sources mixed by weight, motion made by the package."""

from niki_tf.data.augmentation import Augmentation
from niki_tf.data.clips import Clip, Clips, load_clips, resample, save_clip
from niki_tf.data.corruption import Corruption
from niki_tf.data.estimator import estimate
from niki_tf.data.made_motion import made_motion, random_poses
from niki_tf.data.occlusion import occlude, occluded_motion
from niki_tf.data.pipeline import batches
from niki_tf.data.sources import MotionSet, Source, load_sources, parse_source

__all__ = [
    "Augmentation", "Clip", "Clips", "Corruption", "MotionSet", "Source", "batches", "estimate", "load_clips",
    "load_sources", "made_motion", "occlude", "occluded_motion", "parse_source", "random_poses", "resample",
    "save_clip",
]  # fmt: skip
