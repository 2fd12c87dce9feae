"""Which parts of the feet stand on the ground, and when, from the motion of their joints. Plain NumPy; metres."""

import numpy as np

from niki_tf import skeletons
from niki_tf.fitting import paths

FEET = tuple(skeletons.SMPL_29.index(f"{side}_{part}") for side in ("left", "right") for part in ("ankle", "foot"))
"""Left ankle, left foot, right ankle, right foot: the joints that stand when heels and balls of the feet do."""
SOLE = 0.02
"""Metres from the ground to the lowest joint of a foot that stands flat on it."""

_SMOOTHED = 0.033
"""Seconds, `width` of the smoothing of paths before speeds are taken: as wide as a normal kernel that was tried on
training clips (`docs/accuracy.md`, the ground)."""
_SPEED, _HEIGHT = 0.2, 0.08
"""Metres a second, and metres above where it stands, at which a joint stands as surely as not; by trial on the
same clips."""
_SURE, _HARDLY = 0.5, 0.2
"""Probability from which on a contact begins, and that to which it lasts on both sides. Set by hand, as the next."""
_SHORTEST = 0.1
"""Seconds of the shortest contact, and of the shortest pause between two."""


def flat_heights(rest_joints: np.ndarray) -> np.ndarray:
    """Heights (..., 4) of the joints `FEET` above the ground when the feet stand flat on it, metres.

    Args:
        rest_joints: (..., 29, 3) metres, the body at rest, whose feet are flat.
    """
    height = np.asarray(rest_joints, np.float64)[..., 1]
    parts = [height[..., [7, 10, 27]], height[..., [8, 11, 28]]]
    return np.concatenate([part[..., :2] - part.min(-1, keepdims=True) for part in parts], -1) + SOLE


def probability(feet: np.ndarray, heights: np.ndarray, times: np.ndarray) -> np.ndarray:
    """How surely each joint stands on the ground from a frame to the next, (T - 1, 4), 0 to 1.

        1 / (1 + (speed / 0.2 m/s)^4) / (1 + (height / 8 cm)^4)

    Speed and height are those of the smoothed paths.

    Args:
        feet: (T, 4, 3) metres, the joints `FEET` in the world.
        heights: (T, 4) metres above where each is when the foot stands flat on the ground.
        times: (T,) seconds, increasing.

    Example:
        >>> import numpy as np
        >>> from niki_tf.fitting import contacts
        >>> feet, heights = np.zeros([10, 4, 3]), np.zeros([10, 4])
        >>> feet[:, 1, 0], heights[:, 2] = np.linspace(0, 0.6, 10), 0.3
        >>> contacts.probability(feet, heights, np.arange(10) / 30)[4].round(1).tolist()
        [1.0, 0.0, 0.0, 1.0]
    """
    smooth = paths.smooth(np.concatenate([feet, heights[..., None]], -1), times, width=_SMOOTHED)
    speed = np.linalg.norm(np.diff(smooth[..., :3], axis=0), axis=-1) / np.diff(times)[:, None]
    height = np.maximum(np.maximum(smooth[1:, :, 3], smooth[:-1, :, 3]), 0.0)
    return 1.0 / (1.0 + (speed / _SPEED) ** 4) / (1.0 + (height / _HEIGHT) ** 4)


def contacts(standing: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Whether each joint is on the ground in each frame, (T, 4) bool.

    A contact begins where the probability is over a half and lasts as far as it is over a fifth, for a tenth of a
    second at least; shorter pauses between two are left out.

    Args:
        standing: (T - 1, 4) from `probability`.
        times: (T,) seconds.
    """
    found = np.zeros([len(times), standing.shape[1]], bool)
    for joint, surely in enumerate(standing.T):
        for first, end in _runs(surely > _HARDLY):
            if surely[first:end].max() > _SURE and times[end] - times[first] >= _SHORTEST:
                found[first : end + 1, joint] = True
        for first, end in _runs(~found[:, joint]):
            inside = first > 0 and end < len(times)
            if inside and times[end] - times[first - 1] < _SHORTEST:
                found[first:end, joint] = True
    return found


def _runs(true: np.ndarray) -> list[tuple[int, int]]:
    """First and end of each run of true values (T,)."""
    edges = np.flatnonzero(np.diff(np.pad(true.astype(int), 1)))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]
