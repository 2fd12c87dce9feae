"""Networks whose inputs come from an image."""

from niki_tf.vision.camera_network import CameraNetwork, load

__all__ = ["CameraNetwork", "load"]
