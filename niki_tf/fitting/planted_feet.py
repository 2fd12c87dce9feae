"""The finish on the ground: feet that stand stay where they are, and no joint of a foot is below the ground."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from niki_tf.fitting import contacts, leg_ik, paths
from niki_tf.fitting.contacts import FEET

_SHARE_OF_NOISE = 0.4
"""Error of the feet of an answer as a share of the noise of the joints; as the next by trial on training clips:
`docs/accuracy.md`, the ground."""
_STANDING_SPEED, _FADING_SPEED = 0.05, 0.1
"""Metres a second; see `paths.stand_still`."""
_UNSEEN = 0.05
"""Metres; error of a joint of the feet that was not seen, on each axis. Set by hand."""
_LEAST_ERROR = 1e-5
"""Metres, so that equations stay solvable where joints are met exactly."""
_AROUND = 0.15
"""Seconds, `width` of the smoothing of noise over time. Set by hand."""
_FRAMES_AT_ONCE = 2048


class Held(NamedTuple):
    """A motion whose feet stand."""

    local: np.ndarray
    """Local rotations, root first, (T, 24, 3, 3) float32."""
    transl: np.ndarray
    """(T, 3) float32, metres."""
    contacts: np.ndarray
    """Whether each of the joints `contacts.FEET` is on the ground, (T, 4) bool."""


def hold(
    local: np.ndarray,
    transl: np.ndarray,
    rest_joints: np.ndarray,
    *,
    plane: np.ndarray,
    times: np.ndarray,
    noise: np.ndarray,
    unseen: np.ndarray | None = None,
) -> Held:
    """The motion with feet that stand where they do, above the ground.

    The paths of ankles and feet are changed by `paths.stand_still`, as far as the noise of the joints lets one doubt
    them, and raised to the ground; `leg_ik` then brings the legs there.

    Args:
        local: (T, 24, 3, 3) local rotation matrices, root first, a solver's answer after its finish.
        transl: (T, 3) metres.
        rest_joints: (29, 3) or (T, 29, 3) metres, the body at rest.
        plane: (4,), the ground n x + d = 0 in the axes of the motion, n of length 1 and upwards.
        times: (T,) seconds, increasing.
        noise: (T,) metres, of the joints that were observed on each axis; see `noise_of`.
        unseen: (T, 4) bool, joints of `contacts.FEET` that were not observed; None if all were.

    Example:
        >>> import numpy as np
        >>> from niki_tf import body
        >>> from niki_tf.fitting import contacts, planted_feet
        >>> rest, still = body.mannequin_joints().joints, np.tile(np.eye(3), [30, 24, 1, 1])
        >>> plane = np.array([0.0, 1.0, 0.0, contacts.SOLE - rest[:, 1].min()])
        >>> shaking = 0.01 * np.random.default_rng(0).normal(size=[30, 3])
        >>> given = {"plane": plane, "times": np.arange(30) / 30, "noise": np.full(30, 0.03)}
        >>> held = planted_feet.hold(still, shaking, rest, **given)
        >>> bool(held.contacts.all())
        True
    """
    rest_joints = np.broadcast_to(rest_joints, (len(local), *np.shape(rest_joints)[-2:]))
    before = np.concatenate([leg_ik.leg_joints(*part) for part in _parts(local, transl, rest_joints)])
    feet = before[:, :, 2:4].reshape(len(local), len(FEET), 3)
    heights = feet @ plane[:3] + plane[3]
    standing = contacts.probability(feet, heights - contacts.flat_heights(rest_joints), times)
    sigma = np.tile(np.maximum(_SHARE_OF_NOISE * noise, _LEAST_ERROR)[:, None], [1, len(FEET)])
    sigma = sigma if unseen is None else np.where(unseen, np.maximum(sigma, _UNSEEN), sigma)
    speeds = {"standing_speed": _STANDING_SPEED, "fading_speed": _FADING_SPEED}
    stood = paths.stand_still(feet, standing, sigma, times, **speeds)
    shift = (stood - feet).reshape(before[:, :, 2:4].shape)
    targets = _targets(before, shift, plane)
    parts = _parts(local, transl, rest_joints, targets)
    local, transl = (
        np.concatenate(arrays) for arrays in zip(*(_reached(*part, plane=plane) for part in parts), strict=True)
    )
    return Held(local, transl.astype(np.float32), contacts.contacts(standing, times))


def noise_of(residual: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Noise (T,) of observed joints on each axis, metres, from how far they are from the answer, evened over time.

    Args:
        residual: (T, K) metres, NaN for points that were not seen.
        times: (T,) seconds.

    Example:
        >>> import numpy as np
        >>> from niki_tf.fitting import planted_feet
        >>> planted_feet.noise_of(np.array([[0.03, np.nan], [0.03, 0.03]]), np.arange(2) / 30).round(4).tolist()
        [0.0173, 0.0173]
    """
    seen = np.isfinite(residual)
    squares = np.where(seen, residual, 0.0).astype(np.float64) ** 2
    sums = np.stack([squares.sum(1), seen.sum(1)], -1)
    total, count = paths.smooth(sums, times, width=_AROUND).T
    return np.sqrt(np.maximum(total, 0.0) / np.maximum(3.0 * count, 1e-6))


def _targets(joints: np.ndarray, shift: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """Where knees, ankles, feet and toes should be, (T, 2, 4, 3) metres, ankles and feet not below the ground.

    Args:
        joints: (T, 2, 5, 3) metres, of the legs from hip to toe.
        shift: (T, 2, 2, 3) metres, of ankles and feet. Toes go with the foot, knees half as far as the ankle.
        plane: (4,).
    """
    below = joints[:, :, 2:4] + shift
    shift = shift + np.maximum(-(below @ plane[:3] + plane[3]), 0.0)[..., None] * plane[:3]
    ankle, foot = shift[:, :, :1], shift[:, :, 1:]
    return joints[:, :, 1:] + np.concatenate([0.5 * ankle, ankle, foot, foot], 2)


def _reached(
    local: np.ndarray, transl: np.ndarray, rest_joints: np.ndarray, targets: np.ndarray, *, plane: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Local rotations and transl with the legs at their targets; what is still below the ground, by mm, is raised."""
    local, transl = leg_ik.reach(local, transl, rest_joints, targets)
    heights = leg_ik.leg_joints(local, transl, rest_joints)[:, :, 2:4] @ plane[:3] + plane[3]
    transl = transl + np.maximum(-heights.min((1, 2)), 0.0)[:, None] * plane[:3]
    return leg_ik.lift_toes(local, transl, rest_joints, plane=plane), transl


def _parts(*arrays: np.ndarray) -> Iterator[list[np.ndarray]]:
    """So many frames of each array at a time that memory does not grow with their number."""
    for first in range(0, len(arrays[0]), _FRAMES_AT_ONCE):
        yield [array[first : first + _FRAMES_AT_ONCE] for array in arrays]
