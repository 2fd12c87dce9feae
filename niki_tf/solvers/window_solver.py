"""What solvers that see time share: windows of frames, filler among them, a finish over time."""

import tensorflow as tf

from niki_tf.fitting import gauss_newton_windows, root_path, trunk_frame
from niki_tf.solvers.learned import LearnedSolver


class WindowSolver(LearnedSolver):
    """A solver of windows: joints (..., T, 29, 3) are T frames of one person, for any T.

    A further input, `frame_mask` (..., T), may say which of them are frames (1) and which only fill up a window (0).
    The trunk's frame, the exact finish and the translation lean on the frames before and after; for the translation,
    all frames must be relative to the same origin.

    Args:
        body_joints: the `BodyJoints` of the body that is posed.
        **kwargs: see `LearnedSolver`.
    """

    event_axes = 2
    frames, step = 16, 4
    """Frames of a window of a longer motion, as in training, and from the beginning of one window to the next's."""
    largest_sigma = 0.35
    takes_absent = False
    """Whether it makes up for joints that are absent throughout by itself."""

    @property
    def extra_inputs(self) -> dict[str, tuple[int, ...]]:
        """See `Solver.extra_inputs`; `frame_mask` on top."""
        return {**super().extra_inputs, "frame_mask": ()}

    def _fill(
        self, joints: tf.Tensor, rest_joints: tf.Tensor, joint_sigma: tf.Tensor, extra: dict[str, tf.Tensor]
    ) -> tf.Tensor:
        if "frame_mask" in extra:
            present = extra["frame_mask"] > 0.0
            joints = tf.where(tf.expand_dims(tf.expand_dims(present, -1), -1), joints, rest_joints)
        return super()._fill(joints, rest_joints, joint_sigma, extra)

    def _finish(
        self,
        rotations: tf.Tensor,
        joints: tf.Tensor,
        rest_joints: tf.Tensor,
        joint_sigma: tf.Tensor,
        extra: dict[str, tf.Tensor],
    ) -> tf.Tensor:
        return gauss_newton_windows.refine(
            rotations,
            joints,
            rest_joints,
            joint_sigma,
            extra.get("frame_mask"),
            known_rotations=extra.get("known_rotations"),
            steps=self.refine,
            linear_solver=self.linear_solver,
        )

    def _translation(
        self, joints: tf.Tensor, posed: tf.Tensor, joint_sigma: tf.Tensor, extra: dict[str, tf.Tensor]
    ) -> tf.Tensor:
        return root_path.smoothed_translation(
            joints, posed, joint_sigma, extra.get("frame_mask"), linear_solver=self.linear_solver
        )

    def _trunk_frame(
        self, joints: tf.Tensor, rest_joints: tf.Tensor, joint_sigma: tf.Tensor, frame_mask: tf.Tensor | None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        return trunk_frame.smoothed_trunk_frame(joints, rest_joints, joint_sigma, frame_mask)
