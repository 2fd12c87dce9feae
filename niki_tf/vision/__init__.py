"""Networks whose inputs come from an image."""

from niki_tf.vision.blazepose import BlazePose
from niki_tf.vision.camera_network import CameraNetwork, load
from niki_tf.vision.image_joints import ImageJoints
from niki_tf.vision.image_model import ImageModel, is_image_model
from niki_tf.vision.image_model import find as find_image_model
from niki_tf.vision.image_model import load as load_image_model
from niki_tf.vision.image_model import shipped as shipped_image_models
from niki_tf.vision.image_solver import ImageSolver
from niki_tf.vision.part_attention import PartAttention
from niki_tf.vision.tracking import Tracker
from niki_tf.vision.tracks import Track

__all__ = [
    "BlazePose",
    "CameraNetwork",
    "ImageJoints",
    "ImageModel",
    "ImageSolver",
    "PartAttention",
    "Track",
    "Tracker",
    "find_image_model",
    "is_image_model",
    "load",
    "load_image_model",
    "shipped_image_models",
]
