"""The noise protocol's observations of the frames around measured ones, which move the same body."""

from collections.abc import Callable, Sequence

import numpy as np

from niki_tf.body import BodyJoints
from niki_tf.evaluation.filters import Filter
from niki_tf.evaluation.protocols import common, frame_windows, given_shape
from niki_tf.evaluation.protocols.common import Arrays, Stream
from niki_tf.evaluation.protocols.joint_errors import RandomErrors
from niki_tf.inference import windows
from niki_tf.motion.clip import Clip


class WindowObserver:
    """Observes the windows about the measured frames, one batch of them after the other.

    Args:
        clips: all frames of which every `stride`-th is measured.
        body_joints: of the body that moves.
        random: `RandomErrors` of the measured frames.
        observe: `joint_errors.observe` of the protocol's settings.
        stride: see `clips`.
        seed: of the errors of all other frames.
        size: frames of a window.
        stream: of the errors of all other frames.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        body_joints: BodyJoints,
        random: RandomErrors,
        observe: Callable[..., Arrays],
        *,
        stride: int,
        seed: int,
        size: int = windows.FRAMES,
        stream: Stream = Stream.WINDOWS,
    ) -> None:
        self._fps, self._observe, self._body_joints = clips[0].fps, observe, body_joints
        self._poses = common.strided_poses(clips, stride=1)
        self._all = frame_windows.frame_windows_of([len(clip) for clip in clips], stride=stride, size=size)
        self._random = random.around(self._all, seed=seed, stream=stream)
        self._joints = frame_windows.posed_joints(body_joints)

    def move_to(self, some: slice, betas: np.ndarray) -> None:
        """Takes up `some` of the measured frames, on bodies of `betas` (N, B)."""
        self._windows, self._errors = self._all.of(some), self._random.of(some)
        joints = self._joints(self._poses[self._windows.frames], betas).numpy()
        self._truth = {"joints": joints, "betas": np.repeat(betas[:, None], joints.shape[1], 1)}

    def observe(self, level: float) -> Arrays:
        """What a solver that sees time is given: windows (N, T, ...), without a twist."""
        seen = self._observe(self._truth, level, self._errors, twist=False)
        return {**seen, "frame_mask": self._windows.present}

    def measured(self, answer: Arrays) -> Arrays:
        """The measured frames' part of an answer to windows."""
        return {name: self._windows.measured(value) for name, value in answer.items()}

    def filter(self, function: Filter, level: float) -> np.ndarray:
        """Joints (N, 29, 3) of the measured frames, each filtered within its window."""
        filtered = [
            function(window["joints"], fps=self._fps)[middle]
            for window, middle in zip(self._each(level), self._windows.middle, strict=True)
        ]
        return np.stack(filtered).astype(np.float32)

    def found_betas(self, level: float) -> np.ndarray:
        """The betas (N, B) that are found for each measured frame from its window."""
        return np.stack([given_shape.found_betas(window, self._body_joints) for window in self._each(level)])

    def _each(self, level: float) -> list[Arrays]:
        """The joints and perhaps the sigma of each window, without padding."""
        seen = self.observe(level)
        counts = seen["frame_mask"].sum(1).astype(int)
        kept = [name for name in ("joints", "joint_sigma") if name in seen]
        return [{name: seen[name][row, :count] for name in kept} for row, count in enumerate(counts)]
