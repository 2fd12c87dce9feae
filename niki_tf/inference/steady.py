"""A motion whose frames are not evenly spaced in time, at a steady rate, for formats that know no other."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from niki_tf.inference import rates
from niki_tf.io import frame_times

if TYPE_CHECKING:
    from niki_tf.inference.motion import Motion

_MOST = 10
"""Frames for each one that there is: a long pause does not make more."""


def uneven_times(motion: Motion) -> np.ndarray | None:
    """Seconds of the frames (T,), None if they are evenly spaced but for what times are rounded by."""
    return frame_times.rate_and_times(motion.times)[1]


def steady_rate(times: np.ndarray) -> float:
    """Frames per second of the usual step between `times` (T,), seconds; less where a pause would need many frames."""
    return float(min(1.0 / np.median(np.diff(times)), _MOST * (len(times) - 1) / (times[-1] - times[0])))


def steady(motion: Motion) -> Motion:
    """The motion at an even rate, from its first frame to its last or just beyond; itself if it is even.

    Rotations in between are found by slerp, positions linearly; all else is that of the nearest frame.
    """
    times = uneven_times(motion)
    if times is None:
        return motion
    fps = steady_rate(times)
    wanted = times[0] + np.arange(int(np.ceil((times[-1] - times[0]) * fps - 1e-6)) + 1) / fps
    transl = np.stack([np.interp(wanted, times, path) for path in motion.transl.T], -1)
    nearest = np.rint(np.interp(wanted, times, np.arange(len(times)))).astype(int)
    copied = {name: getattr(motion, name)[nearest] for name in ("betas", "residual", "state", "expected_error")}
    return dataclasses.replace(
        motion,
        rotations=rates.rotations_at(wanted, motion.rotations, times),
        transl=transl.astype(np.float32),
        fps=fps,
        times=wanted,
        contacts=None if motion.contacts is None else motion.contacts[nearest],
        **copied,
    )
