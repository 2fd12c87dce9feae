"""The frames around those that a protocol measures, for what sees time: windows on the body of the measured frame."""

import dataclasses

import numpy as np
import tensorflow as tf

from niki_tf import rotations
from niki_tf.body import kinematics
from niki_tf.inference import windows


@dataclasses.dataclass(frozen=True, eq=False)
class FrameWindows:
    """A window of T frames about each of N measured frames, all of it from the clip that the frame is of.

    Attributes:
        frames: (N, T) numbers of frames in all clips one after the other.
        middle: (N,) place of the measured frame in its window: T / 2, nearer to the end where the clip ends.
        present: (N, T), 1.0 for frames and 0.0 where a clip is shorter than a window, float32.
    """

    frames: np.ndarray
    middle: np.ndarray
    present: np.ndarray

    def of(self, some):
        """That of `some` of the measured frames."""
        return FrameWindows(self.frames[some], self.middle[some], self.present[some])

    def measured(self, values):
        """Of values (N, T, ...) those of the measured frames, (N, ...)."""
        return values[np.arange(len(self.middle)), self.middle]


def frame_windows_of(lengths, *, stride, size=windows.FRAMES):
    """The `FrameWindows` of every `stride`-th frame of clips of the given lengths, one after the other.

    Example:
        >>> from niki_tf.evaluation import neighbours
        >>> around = neighbours.frame_windows_of([30, 5], stride=16)
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


def posed_joints(body_joints):
    """A function of rotation vectors (N, T, 24, 3) and betas (N, B) that gives joints (N, T, 29, 3), joint 0 at 0."""

    def joints(poses, betas):
        rest = tf.repeat(tf.expand_dims(body_joints(betas), 1), tf.shape(poses)[1], 1)
        posed, _ = kinematics.forward_kinematics(rotations.rotvec_to_matrix(poses), rest)
        return posed - posed[..., :1, :]

    return tf.function(joints, reduce_retracing=True, autograph=False)
