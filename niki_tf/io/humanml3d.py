"""Features of text-to-motion models (HumanML3D and KIT-ML) turned back into the joints that they describe.

Of each frame the features are: half the angle by which the body turns about the vertical until the next frame; how the
root moves until then, x and z, seen from the body in the next frame; the height of the root; the other joints relative
to the place of the root on the floor, seen from the body; and rotations, velocities and whether the feet stand, which
positions do not need.
Source: Guo et al., Generating Diverse and Natural 3D Human Motions from Text (CVPR 2022).
"""

import numpy as np

from niki_tf.motion.keypoints import Keypoints

FEATURES = {263: ("smplh_22", 22, 1.0, 20.0), 251: ("kit_21", 21, 0.001, 12.5)}
"""Number of features -> joint set, number of joints, metres in one unit, frames per second."""


def recover_joints(features: np.ndarray) -> np.ndarray:
    """Positions of the joints, root first, with the path of the root; frame 0 stands at the origin and faces z.

    Args:
        features: (..., T, 263) of HumanML3D or (..., T, 251) of KIT-ML, not normalised.

    Returns:
        (..., T, 22, 3) metres or (..., T, 21, 3) millimetres, y up.

    Example:
        >>> import numpy as np
        >>> from niki_tf.io import humanml3d
        >>> humanml3d.recover_joints(np.zeros([40, 263])).shape
        (40, 22, 3)
    """
    features = np.asarray(features, np.float64)
    joints = FEATURES[features.shape[-1]][1]
    angle = 2.0 * _sum_before(features[..., 0])
    path = _sum_before(_turned(features[..., [1, 2]], np.roll(angle, -1, -1)), axis=-2)
    others = features[..., 4 : 4 + 3 * (joints - 1)].reshape(*features.shape[:-1], joints - 1, 3)
    across = _turned(others[..., [0, 2]], angle[..., None]) + path[..., None, :]
    others = np.stack([across[..., 0], others[..., 1], across[..., 1]], -1)
    root = np.stack([path[..., 0], features[..., 3], path[..., 1]], -1)
    return np.concatenate([root[..., None, :], others], -2)


def keypoints(features: np.ndarray, *, person: str = "") -> Keypoints:
    """`Keypoints` of the features (T, 263 or 251) of one clip."""
    skeleton, _, unit, fps = FEATURES[features.shape[-1]]
    return Keypoints(recover_joints(features), skeleton=skeleton, fps=fps, unit=unit, up="y", person=person)


def _sum_before(values: np.ndarray, axis: int = -1) -> np.ndarray:
    """Sums of all `values` of the frames before each frame."""
    return np.cumsum(values, axis) - values


def _turned(vectors: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """`vectors` (..., 2) of x and z, turned about y by minus `angle` (...)."""
    cosine, sine, x, z = np.cos(angle), np.sin(angle), vectors[..., 0], vectors[..., 1]
    return np.stack([cosine * x - sine * z, sine * x + cosine * z], -1)
