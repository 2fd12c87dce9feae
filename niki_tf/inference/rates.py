"""Between the times of the frames that were observed and the steady rate at which solvers see motion."""

import numpy as np
import tensorflow as tf

from niki_tf import rotations, skeletons
from niki_tf.fitting import resampling
from niki_tf.motion import quaternions
from niki_tf.motion.clip import MOST_FRAMES

FPS = resampling.FPS
"""Frames per second of the motion that solvers were trained on."""
_NEARLY = 0.02
"""Relative difference of rates that counts as none."""


def is_steady(times: np.ndarray) -> bool:
    """Whether frames at `times` (T,) seconds follow each other at `FPS`, nearly."""
    return bool(np.all(np.abs(np.diff(times) * FPS - 1.0) < _NEARLY))


def steady_times(times: np.ndarray) -> np.ndarray:
    """Times at `FPS` from the first to the last of `times` (T,) or just beyond it, seconds.

    Raises:
        ValueError: these are too many, as one of `times` is far from the others.
    """
    if not (times[-1] - times[0]) * FPS < MOST_FRAMES:
        raise ValueError(
            f"`times` must span at most {MOST_FRAMES / FPS:,.0f} seconds; got {times[-1] - times[0]:,.0f}. Give "
            "seconds, or solve the parts apart."
        )
    return times[0] + np.arange(int(np.ceil((times[-1] - times[0]) * FPS - 1e-6)) + 1) / FPS


def joints_at(
    wanted: np.ndarray, joints: np.ndarray, joint_sigma: np.ndarray, times: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Joints and their sigma at other times, on smooth paths through the noisy frames; see `fitting.resampling`.

    Absent joints do not count; where all frames nearby miss a joint, it is absent.

    Args:
        wanted: (N,) seconds, steady, which include all of `times`.
        joints: (T, n, 3) metres.
        joint_sigma: (T, n) metres.
        times: (T,) seconds.

    Returns:
        (N, n, 3) and (N, n) metres.
    """
    found = resampling.resample(joints, joint_sigma, times, steady=wanted)
    reach = np.maximum(_gaps(times), 1.0 / FPS)
    present = joint_sigma < skeletons.ABSENT
    shares, squares = np.zeros([2, len(wanted), joints.shape[1]])
    first = np.ceil((times - reach - wanted[0]) * FPS).astype(int)
    for step in range(int(np.ceil(2.0 * reach.max() * FPS)) + 1):
        place = first + step
        inside = (place >= 0) & (place < len(wanted))
        place, frame = place[inside], np.flatnonzero(inside)
        late = np.abs(times[frame] - wanted[place])
        weight = np.maximum(1.0 - late / reach[frame], 0.0)[:, None] * present[frame]
        np.add.at(shares, place, weight)
        np.add.at(squares, place, weight * joint_sigma[frame] ** 2)
    seen = shares > 1e-6
    sigma = np.where(seen, np.sqrt(squares / np.where(seen, shares, 1.0)), skeletons.ABSENT)
    return found.astype(np.float32), sigma.astype(np.float32)


def _gaps(times: np.ndarray) -> np.ndarray:
    """For each of `times` (T,) the larger of the gaps before and after it; zero for a lone frame."""
    gaps = np.diff(times)
    return np.maximum(np.append(0.0, gaps), np.append(gaps, 0.0))


def rotations_at(wanted: np.ndarray, local: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Rotation matrices (N, 24, 3, 3) at the times `wanted` (N,), by slerp between those (T, 24, 3, 3) at `times`."""
    turns = rotations.matrix_to_quaternion_wxyz(tf.constant(local, tf.float32)).numpy()
    before, after = _frames_around(wanted, times)
    span = np.where(after > before, times[after] - times[before], 1.0)
    fraction = np.clip((wanted - times[before]) / span, 0.0, 1.0)
    mixed = quaternions.slerp(turns[before], turns[after], fraction[:, None, None])
    return rotations.quaternion_wxyz_to_matrix(tf.constant(mixed, tf.float32)).numpy()


def known_rotations_at(wanted: np.ndarray, known: np.ndarray, times: np.ndarray) -> np.ndarray:
    """As `rotations_at`, of matrices (T, 24, 3, 3) that are zeros where not known; known between two that are."""
    told = (known != 0.0).any((2, 3))
    before, after = _frames_around(wanted, times)
    both = told[before] & told[after]
    turned = rotations_at(wanted, np.where(told[..., None, None], known, np.eye(3)), times)
    return np.where(both[..., None, None], turned, 0.0).astype(np.float32)


def _frames_around(wanted: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last of `times` (T,) up to each of `wanted` (N,) and the next, as numbers of frames."""
    before = np.clip(np.searchsorted(times, wanted, side="right") - 1, 0, max(len(times) - 2, 0))
    return before, np.minimum(before + 1, len(times) - 1)
