"""All arrays of the mannequin, from the figure to the pose directions."""

import numpy as np

from mannequin.correctives import pose_directions
from mannequin.shaping import shape_directions, tips_pinned
from mannequin.skinning import skinning_weights
from niki_tf import skeletons
from niki_tf.body.mannequin_joints import rest_joints

_FLIP = np.array([-1.0, 1.0, 1.0])
"""Reflection in x = 0."""


def body_arrays(vertices: np.ndarray, faces: np.ndarray, mirror: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays of the mannequin's file, computed from a symmetric surface.

    Args:
        vertices: (V, 3) metres.
        faces: (F, 3).
        mirror: (V,) partner of each vertex on the other side.

    Returns:
        dict of v_template, shapedirs, posedirs, lbs_weights, faces, with the precision that is stored in the file.
    """
    vertices, tips = with_tips(vertices, mirror)
    weights = skinning_weights(vertices, faces, mirror)
    return {
        "v_template": vertices.astype(np.float32),
        "shapedirs": shape_directions(vertices, faces, mirror, weights, tips).round(6).astype(np.float32),
        "posedirs": pose_directions(vertices, weights, mirror).astype(np.float16),
        "lbs_weights": weights.astype(np.float32),
        "faces": faces.astype(np.int32),
    }


def with_tips(vertices: np.ndarray, mirror: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The vertices with one moved to each of the five tip joints, and the numbers (5,) of these tip vertices."""
    wanted = rest_joints()[skeletons.NUM_ROTATIONS :]
    tips = np.argmin(((vertices[None] - wanted[:, None]) ** 2).sum(-1), axis=1)
    tips[[2, 4]] = mirror[tips[[1, 3]]]
    moved = vertices + tips_pinned(vertices, np.zeros_like(vertices), tips, wanted - vertices[tips])
    return (moved + moved[mirror] * _FLIP) / 2, tips
