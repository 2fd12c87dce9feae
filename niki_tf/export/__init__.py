"""Export: SavedModels for TensorFlow Serving and LiteRT files, with the names of the contract; and how to call them."""

from niki_tf.export.exported import Exported, load_litert, load_saved_model
from niki_tf.export.saved_model import WARM_UP, write_saved_model
from niki_tf.export.serving import grpc_server, rest_server
from niki_tf.export.tflite import QUANTIZE, litert

__all__ = [
    "QUANTIZE",
    "WARM_UP",
    "Exported",
    "grpc_server",
    "litert",
    "load_litert",
    "load_saved_model",
    "rest_server",
    "write_saved_model",
]
