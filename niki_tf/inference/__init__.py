"""From joints to poses: motion of any length, live, and as compiled graphs."""

from niki_tf.inference import streaming, windows
from niki_tf.inference.graphs import compile_solver

__all__ = ["compile_solver", "streaming", "windows"]
