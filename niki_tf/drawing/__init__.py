"""Pictures and videos of bodies and skeletons, computed with NumPy and OpenCV."""

from niki_tf.drawing.rendering import draw_skeleton, render_mesh, side_by_side
from niki_tf.drawing.side_by_side import SideBySide, write_image

__all__ = ["SideBySide", "draw_skeleton", "render_mesh", "side_by_side", "write_image"]
