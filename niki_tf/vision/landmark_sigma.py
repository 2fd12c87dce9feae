"""How far BlazePose's landmarks in space are from the truth, from what it says of their visibility."""

import numpy as np

from niki_tf import skeletons

LEAST_PRESENCE = 0.5
"""Below, a point is taken to be outside the picture, where the network guesses."""
_SEEN = np.repeat(
    [0.055, 0.07, 0.08, 0.10, 0.11, 0.05, 0.055, 0.075, 0.10],
    [11, 2, 2, 2, 6, 2, 2, 2, 4],
)
"""Metres, root mean square over the axes, of points that are seen: head, shoulders, elbows, wrists, fingers, hips,
knees, ankles, feet. Heavy's, of a man in the clip of two persons (`four_views_two_1` to `4`) in four views, 2,200
points whose triangulation agrees with the views within 25 pixels; three quarters of it is depth. That of hips, from
whose middle all are measured, is set by hand."""
_HIDDEN_GROWTH = 2.0
"""Sigma of what is certainly hidden over that of what is seen; it begins to grow at a visibility of one half."""
HALF = 0.5


def landmark_sigma(visibility: np.ndarray, presence: np.ndarray) -> np.ndarray:
    """Standard deviation of each landmark on each axis, metres; `skeletons.ABSENT` outside the picture.

    Args:
        visibility: (..., 33) from 0 to 1, NaN where nobody was seen.
        presence: (..., 33) from 0 to 1.

    Example:
        >>> import numpy as np
        >>> from niki_tf.vision.landmark_sigma import landmark_sigma
        >>> landmark_sigma(np.ones(33), np.ones(33))[[0, 15]].tolist()
        [0.055, 0.1]
    """
    hidden = np.clip((HALF - visibility) / HALF, 0.0, 1.0)
    sigma = _SEEN * (1.0 + (_HIDDEN_GROWTH - 1.0) * hidden)
    return np.where(presence >= LEAST_PRESENCE, sigma, skeletons.ABSENT)
