"""What solvers that see time share: windows of frames, filler among them, a finish over time."""

from collections.abc import Callable, Mapping

import tensorflow as tf

from niki_tf import contract
from niki_tf.fitting import gauss_newton_windows, root_path, trunk_frame
from niki_tf.shapes import TensorLike
from niki_tf.solvers.learned import LearnedSolver

_ESTIMATED = (*contract.POSE, "expected_error")
"""What `WindowSolver.estimate` gives."""


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
    takes_trunk = False
    takes_absent = False
    """Whether it makes up for joints that are absent throughout by itself."""

    @property
    def extra_inputs(self) -> dict[str, tuple[int, ...]]:
        """See `Solver.extra_inputs`; `frame_mask` on top."""
        return {**super().extra_inputs, "frame_mask": ()}

    def estimate(self, inputs: Mapping[str, TensorLike]) -> dict[str, tf.Tensor]:
        """The poses that the network finds, of windows, without the finish; to be blended and given to `complete`.

        Args:
            inputs: of the solver, joints (N, T, 29, 3) and so on.

        Returns:
            dict of global_orient (N, T, 1, 3, 3), body_pose (N, T, 23, 3, 3) and, where the network expects an error
            of its own answer, expected_error (N, T, 24), metres.

        Raises:
            ValueError: see `__call__`.
        """
        given, _ = self._checked(inputs, doubted=self._doubts_are_due())
        return self.run_kept("estimate", self._estimated, given, {**contract.INPUTS, **self.extra_inputs})

    def complete(self, inputs: Mapping[str, TensorLike], estimate: Mapping[str, TensorLike]) -> dict[str, tf.Tensor]:
        """The answer, `contract.ANSWER`, to frames whose poses were estimated: the finish and what follows from it.

        Args:
            inputs: as of `estimate`; windows of any length, as nothing but neighbouring frames is looked at.
            estimate: what `estimate` gave of these frames.

        Raises:
            ValueError: see `__call__`.
        """
        given, origin = self._checked(inputs, doubted=False)
        told = _told(estimate)
        shapes = {**contract.INPUTS, **self.extra_inputs, **{f"estimated_{n}": contract.ANSWER[n] for n in _ESTIMATED}}
        answer = self.run_kept("complete", self._completed, {**given, **told}, shapes)
        return answer if origin is None else {**answer, "transl": answer["transl"] + origin}

    def freeze(self, inputs: Mapping[str, TensorLike], estimate: Mapping[str, TensorLike] | None = None) -> None:
        """Has XLA compile `estimate`, or `complete` if an estimate is given, for inputs of these very shapes.

        The weights are constants of it; `thaw_kept` forgets it if they have changed.

        Args:
            inputs: as of `estimate`.
            estimate: as of `complete`.
        """
        given, _ = self._checked(inputs, doubted=False)
        if estimate is None:
            self.freeze_kept("estimate", self._estimated, given)
        else:
            self.freeze_kept("complete", self._completed, {**given, **_told(estimate)})

    def freeze_kept(
        self,
        name: str,
        function: Callable[[Mapping[str, tf.Tensor]], dict[str, tf.Tensor]],
        inputs: Mapping[str, tf.Tensor],
    ) -> None:
        """Makes the graph that `run_kept` takes for inputs of these shapes by XLA, with the weights as constants.

        Args:
            name: see `run_kept`.
            function: see `run_kept`.
            inputs: see `run_kept`.
        """
        self._graphs.freeze(function, inputs, key=(name, *self._settings()), weights=self.variables)

    def thaw_kept(self) -> None:
        """Forgets graphs of `freeze_kept` if the weights have changed."""
        self._graphs.thaw(self.variables)

    def _estimated(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        rotations, others = self._estimate(self._read(dict(inputs)))
        first = {name: others[name] for name in _ESTIMATED if name in others}
        return {"global_orient": rotations[..., :1, :, :], "body_pose": rotations[..., 1:, :, :], **first}

    def _completed(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        given = self._read({name: value for name, value in inputs.items() if not name.startswith("estimated_")})
        first = {name: inputs[f"estimated_{name}"] for name in _ESTIMATED if f"estimated_{name}" in inputs}
        rotations = tf.concat([first.pop(name) for name in contract.POSE], -3)
        answer = self._complete(rotations, given, first)
        return {name: answer[name] for name in contract.ANSWER}

    def _fill(
        self, joints: tf.Tensor, rest_joints: tf.Tensor, joint_sigma: tf.Tensor, extra: dict[str, tf.Tensor]
    ) -> tuple[tf.Tensor, trunk_frame.Frame]:
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


def _told(estimate: Mapping[str, TensorLike]) -> dict[str, tf.Tensor]:
    """What `WindowSolver.complete` is given of an estimate, by the names that it has among the inputs."""
    return {f"estimated_{name}": tf.cast(estimate[name], tf.float32) for name in _ESTIMATED if name in estimate}
