"""Training data: sources of motion mixed by weight, augmentation, corruption, batches."""

from niki_tf.data.augmentation import Augmentation
from niki_tf.data.corruption import Corruption
from niki_tf.data.estimator import estimate
from niki_tf.data.occlusion import hidden_motion, hide, occlude, occluded_motion
from niki_tf.data.pipeline import batches
from niki_tf.data.random_streams import RandomStreams
from niki_tf.data.sources import MotionSet, Source, load_sources, parse_source

__all__ = [
    "Augmentation",
    "Corruption",
    "MotionSet",
    "RandomStreams",
    "Source",
    "batches",
    "estimate",
    "hidden_motion",
    "hide",
    "load_sources",
    "occlude",
    "occluded_motion",
    "parse_source",
]
