"""Networks whose inputs come from an image."""

from niki_tf.vision.blazepose import BlazePose
from niki_tf.vision.camera_network import CameraNetwork, load
from niki_tf.vision.tracking import Tracker
from niki_tf.vision.tracks import Track

__all__ = ["BlazePose", "CameraNetwork", "Track", "Tracker", "load"]
