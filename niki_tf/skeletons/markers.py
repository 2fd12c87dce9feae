"""Marker sets of optical motion capture."""

from niki_tf.skeletons.landmarks import Landmark

MARKERS: dict[str, Landmark] = {}
