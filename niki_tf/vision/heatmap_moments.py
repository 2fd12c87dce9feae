"""What heat maps tell beside their mean, for the condition of a flow (`solvers.HeatmapCondition`).

Source: Wehrbein et al., Probabilistic monocular 3D human pose estimation with normalizing flows, ICCV 2021; NIKI,
supplementary material, section G.
"""

import numpy as np
import tensorflow as tf

from niki_tf import skeletons

JOINTS = (
    "right_knee", "right_ankle", "left_knee", "left_ankle", "spine2", "neck", "head_top",
    "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist",
)  # fmt: skip
"""The thirteen of Human3.6M's sixteen joints that are neither root nor hips, by the names of SMPL's 29."""
NUMBERS = 6
"""Of each joint: amplitude, mean x and y, width in x, covariance, width in y."""
LARGEST_AMPLITUDE = 1.2
WIDTHS = (0.2, 10.0)
"""Least and largest width, pixels of the heat map."""
UNIT_WIDTH = 2.0
"""Pixels: an amplitude of 1 is that of a Gaussian of this width."""


def moments(heat: tf.Tensor) -> tf.Tensor:
    """Amplitude, mean, widths and covariance of the heat maps of thirteen joints, (N, 78).

    Heat maps are summed over their depth, and their sum is 1. The amplitude is the largest value over that of a unit
    Gaussian of 2 pixels, 1 / (8 pi), at most 1.2; the mean is in widths of the crop from its centre; widths, 0.2 to 10,
    and the covariance are in pixels.

    Args:
        heat: (N, H, W, 29, D) of `joint_heads.probabilities`.
    """
    flat = tf.reduce_sum(tf.gather(heat, [skeletons.SMPL_29.index(name) for name in JOINTS], axis=3), 4)
    height, width = flat.shape[1:3]
    x = tf.range(width, dtype=flat.dtype)[None, None, :, None]
    y = tf.range(height, dtype=flat.dtype)[None, :, None, None]
    peak = tf.reduce_max(flat, (1, 2)) * (2.0 * np.pi * UNIT_WIDTH**2)
    mean_x, mean_y = (tf.reduce_sum(flat * place, (1, 2)) for place in (x, y))
    off_x, off_y = x - mean_x[:, None, None], y - mean_y[:, None, None]
    spread = {"xx": off_x * off_x, "xy": off_x * off_y, "yy": off_y * off_y}
    second = {name: tf.reduce_sum(flat * value, (1, 2)) for name, value in spread.items()}
    wide, high = (tf.clip_by_value(tf.sqrt(tf.maximum(second[name], 1e-9)), *WIDTHS) for name in ("xx", "yy"))
    place = (mean_x / width - 0.5, mean_y / height - 0.5)
    numbers = tf.stack([tf.minimum(peak, LARGEST_AMPLITUDE), *place, wide, second["xy"], high], -1)
    return tf.reshape(numbers, [-1, NUMBERS * len(JOINTS)])
