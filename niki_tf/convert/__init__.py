"""Weights of the published PyTorch models as solvers of this package.

`load_checkpoint` needs torch: `pip install -e ".[convert]"`. `convert` works on a dictionary of NumPy arrays.
"""

from niki_tf.convert.checkpoint import load_checkpoint, state_dict
from niki_tf.convert.published import Conversion, convert, convert_movenet

__all__ = ["Conversion", "convert", "convert_movenet", "load_checkpoint", "state_dict"]
