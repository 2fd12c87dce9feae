"""Windows of frames about the frames that a protocol measures, for solvers that see time and for filters."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from niki_tf import rotations
from niki_tf.body import BodyJoints, kinematics
from niki_tf.inference import windows


@dataclasses.dataclass(frozen=True, eq=False)
class FrameWindows:
    """A window of T frames about each of N measured frames, inside the clip of that frame."""

    frames: np.ndarray
    """(N, T) numbers of frames in all clips one after the other."""
    middle: np.ndarray
    """(N,) place of the measured frame in its window: T / 2, or nearer to an end where the clip begins or ends."""
    present: np.ndarray
    """(N, T) float32, 1.0 for frames and 0.0 for the padding of clips that are shorter than a window."""

    def of(self, some: slice) -> "FrameWindows":
        """The windows about `some` of the measured frames."""
        return FrameWindows(self.frames[some], self.middle[some], self.present[some])

    def measured(self, values: np.ndarray) -> np.ndarray:
        """Those of values (N, T, ...) that belong to the measured frames, (N, ...)."""
        return values[np.arange(len(self.middle)), self.middle]


def frame_windows_of(lengths: Sequence[int], *, stride: int, size: int = windows.FRAMES) -> FrameWindows:
    """The `FrameWindows` of every `stride`-th frame of clips of the given lengths, one after the other.

    Example:
        >>> from niki_tf.evaluation.protocols import frame_windows
        >>> around = frame_windows.frame_windows_of([30, 5], stride=16)
        >>> around.middle.tolist(), around.present.sum(1).tolist()
        ([0, 8, 2], [16.0, 16.0, 5.0])
    """
    ends = np.cumsum(lengths)
    measured = np.arange(ends[-1])[::stride]
    clip = np.searchsorted(ends, measured, side="right")
    end, first = ends[clip], ends[clip] - np.asarray(lengths)[clip]
    begin = np.clip(measured - size // 2, first, np.maximum(first, end - size))
    frames = begin[:, None] + np.arange(size)
    present = (frames < end[:, None]).astype(np.float32)
    return FrameWindows(np.minimum(frames, end[:, None] - 1), measured - begin, present)


def posed_joints(body_joints: BodyJoints) -> Callable[[np.ndarray, np.ndarray], tf.Tensor]:
    """A function of rotation vectors (N, T, 24, 3) and betas (N, B) that gives joints (N, T, 29, 3), joint 0 at 0."""

    def joints(poses: tf.Tensor, betas: tf.Tensor) -> tf.Tensor:
        rest = tf.repeat(tf.expand_dims(body_joints(betas), 1), tf.shape(poses)[1], 1)
        posed, _ = kinematics.forward_kinematics(rotations.rotvec_to_matrix(poses), rest)
        return posed - posed[..., :1, :]

    return tf.function(joints, reduce_retracing=True, autograph=False)
