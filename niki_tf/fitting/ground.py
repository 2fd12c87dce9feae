"""Where the ground is, found from feet that stand. Plain NumPy; metres, y up."""

import numpy as np

from niki_tf.fitting import contacts, paths

_STANDING_SPEED = 0.25
"""Metres a second, below which the height of a foot tells where the ground is; as `motion.check_clip` has it."""
_PERCENTILE = 10
"""Of the heights of feet that stand: low, because a person may also stand on things."""
_LEAST_TIME = 0.3
"""Seconds that all joints of the feet together have to stand for."""
_LONGEST_STEP = 0.1
"""Seconds that a step from a frame to the next counts at most: what was in a longer one is not known."""
_NEAR, _LEAST_SHARE = 0.06, 0.4
"""Metres, and the share of the time of standing that has to be so near to the ground: else the person does not stand
on one ground, as on stairs or in water. Set by hand, as the next."""
_DEEP, _MOST_DEEP = 0.1, 0.01
"""Metres below the ground, and the share of frames with a foot there from which on it is not believed."""
_SMOOTHED = 0.033
"""Seconds, `width` of the smoothing of paths before speeds are taken."""


def find_ground(
    feet: np.ndarray, rest_joints: np.ndarray, times: np.ndarray, *, broken: np.ndarray | None = None
) -> np.ndarray | None:
    """The plane (4,) of the ground, n x + d = 0 with n = (0, 1, 0); None if nothing shows it.

    Its height is the 10th percentile of the heights of ankles and feet that are slower than 0.25 m/s, less those that
    they have above the ground when the feet are flat on it.

    Args:
        feet: (T, 4, 3) metres, the joints `contacts.FEET` in the world, y up.
        rest_joints: (29, 3) or (T, 29, 3) metres, the body at rest.
        times: (T,) seconds, increasing.
        broken: (T - 1,) bool, steps from frame to frame that tell nothing, such as cuts.

    Returns:
        None where the joints stand for less than 0.3 s together, where less than 40 % of that time is within 6 cm of
        the ground, or where a foot goes deeper than 10 cm below it in more than 1 % of the frames.

    Example:
        >>> import numpy as np
        >>> from niki_tf import body
        >>> from niki_tf.fitting import contacts, ground
        >>> rest = body.mannequin_joints().joints
        >>> feet = np.tile(rest[list(contacts.FEET)], [20, 1, 1])
        >>> plane = ground.find_ground(feet, rest, np.arange(20) / 30)
        >>> bool(abs(-plane[3] - (rest[:, 1].min() - contacts.SOLE)) < 1e-6)
        True
    """
    if len(feet) < 2:
        return None
    smooth = paths.smooth(feet, times, width=_SMOOTHED)
    steps = np.diff(times)
    slow = np.linalg.norm(np.diff(smooth, axis=0), axis=-1) < _STANDING_SPEED * steps[:, None]
    if broken is not None:
        slow &= ~broken[:, None]
    levels = smooth[..., 1] - contacts.flat_heights(rest_joints)
    lower = np.minimum(levels[1:], levels[:-1])[slow]
    spent = np.broadcast_to(np.minimum(steps, _LONGEST_STEP)[:, None], slow.shape)[slow]
    if spent.sum() < _LEAST_TIME:
        return None
    height = _percentile(lower, spent, _PERCENTILE)
    near = spent[np.abs(lower - height) < _NEAR].sum() / spent.sum()
    deep = np.mean(levels.min(1) < height - _DEEP)
    if near < _LEAST_SHARE or deep > _MOST_DEEP:
        return None
    return np.array([0.0, 1.0, 0.0, -height])


def _percentile(values: np.ndarray, weights: np.ndarray, percent: float) -> float:
    """The percentile of values (n,) that count by their weights (n,)."""
    order = np.argsort(values)
    below = np.cumsum(weights[order]) - 0.5 * weights[order]
    return float(np.interp(percent / 100.0 * weights.sum(), below, values[order]))
