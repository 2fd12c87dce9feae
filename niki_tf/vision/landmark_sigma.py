"""How far BlazePose's landmarks in space are from the truth, from what it says of their visibility."""

import numpy as np

from niki_tf import skeletons

_LEAST_PRESENCE = 0.5
"""Below, a point is taken to be outside the picture, where the network guesses."""
_SEEN, _HIDDEN = 0.03, 0.12
"""Metres, of a point that is certainly seen, and of one that is certainly hidden."""


def landmark_sigma(visibility: np.ndarray, presence: np.ndarray) -> np.ndarray:
    """Standard deviation of each landmark on each axis, metres; `skeletons.ABSENT` outside the picture.

    Args:
        visibility: (..., 33) from 0 to 1, NaN where nobody was seen.
        presence: (..., 33) from 0 to 1.
    """
    sigma = _SEEN + (_HIDDEN - _SEEN) * (1.0 - visibility)
    return np.where(presence >= _LEAST_PRESENCE, sigma, skeletons.ABSENT)
