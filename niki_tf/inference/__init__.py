"""From joints to poses: one call, motion of any length, live, and compiled graphs."""

from niki_tf.inference import streaming, windows
from niki_tf.inference.graphs import compile_solver
from niki_tf.inference.motion import Motion

__all__ = ["Motion", "compile_solver", "streaming", "windows"]
