"""From pictures: networks on what an image shows."""

from niki_tf.vision.camera_network import CameraNetwork, load

__all__ = ["CameraNetwork", "load"]
