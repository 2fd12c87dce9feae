"""What all solvers share: one contract of named inputs and outputs, free leading axes, the rest joints of a body."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from niki_tf import contract, precision, processes, skeletons
from niki_tf.body import kinematics
from niki_tf.body.body_joints import BodyJoints
from niki_tf.fitting import absent_joints, expected_error, gauss_newton, held_rotations, residuals, root_path
from niki_tf.fitting.linear_solvers import CHOLESKY, LinearSolver
from niki_tf.fitting.trunk_frame import Frame
from niki_tf.log import warn_seldom
from niki_tf.shapes import LeadingAxes, TensorLike, zeros_like_leading
from niki_tf.skeletons import axes
from niki_tf.solvers import kept_graphs
from niki_tf.solvers.given import Given

_SECONDS_BETWEEN_WARNINGS = 10.0
_SECONDS_BETWEEN_LOOKS = 0.1


class Solver(keras.Model):
    """An inverse-kinematics method: joints in, joint rotations out.

    Called with a dictionary of `joints` (..., 29, 3) metres and, as far as known, `joint_sigma` (..., 29) metres,
    `betas` (..., B) and `twist` (..., 23, 2). A joint with a NaN, or whose sigma is `skeletons.ABSENT` (10 m) or more,
    was not seen: its position is not read. One whose sigma is beyond what training saw counts as not seen, too (see
    `fitting.absent_joints.drop_doubtful`). `known_rotations` (..., 24, 3, 3), relative to the world, are kept as they
    are; zeros stand for one that is not known. Returns a dictionary with `global_orient` (..., 1, 3, 3) and `body_pose`
    (..., 23, 3, 3), rotation matrices, `transl` (..., 3) metres, the translation that SMPL adds to all vertices, which
    puts the body where the joints are, `state` (..., 24), the `contract.JointState` of each joint, `expected_error`
    (..., 24) metres (see `fitting.expected_error`), and from invertible solvers `z`, the error embedding, and
    `residual` (..., 29), how far each joint is from the pose that was found, metres. Subclasses write `solve`; those
    that see time extend `WindowSolver`.
    Sigma and betas of all examples may be given once, as (29,) and (B,).

    Args:
        body_joints: the `BodyJoints` of the body that is posed.
        refine: Gauss-Newton steps of the exact finish (see `fitting.gauss_newton`) on every answer; 0 leaves it as it
            is, 4 do. May be set later, too: `solver.refine = 4`.

    Raises:
        ValueError: `refine` is not a whole number, 0 or more.
    """

    uses_twist = False
    """Whether `twist` changes the answer."""
    needs_twist = False
    """Whether `twist` must be given."""
    takes_trunk = False
    """Whether `solve` takes `trunk`, the `trunk_frame.Frame` of the joints; classes that write their own say so."""
    has_residual = False
    """Whether the answer says how far each joint is from it."""
    event_axes = 1
    """Leading axes that a network sees at once: 1 for frames (N, ...), 2 for windows of frames (N, T, ...)."""
    largest_sigma = 0.09
    """Metres; a single joint of a larger sigma counts as absent, see `fitting.absent_joints.drop_doubtful`."""
    sigma_growth = absent_joints.GROWTH
    """Metres by which `largest_sigma` is larger each time that twice as many joints of a frame are beyond it."""
    linear_solver: LinearSolver = CHOLESKY
    """How linear equations are solved; see `for_body`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = precision.in_float32(cls.__init__)  # type: ignore[method-assign]
        if {"solve", "solve_known_body"} & vars(cls).keys() and "takes_trunk" not in vars(cls):
            cls.takes_trunk = False

    def __init__(self, body_joints: BodyJoints, *, refine: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._graphs, self._looked_at = kept_graphs.KeptGraphs(), -math.inf
        self.body_joints, self.refine = body_joints, refine
        self.built = True

    def __setattr__(self, name: str, value: Any) -> None:
        changed = not name.startswith("_") and vars(self).get(name, self) is not value
        super().__setattr__(name, value)
        if changed and "_graphs" in vars(self):  # graphs were made with what was there before
            self._graphs.clear()

    @property
    def refine(self) -> int:
        """Steps of the exact finish."""
        return self._refine

    @refine.setter
    def refine(self, steps: int) -> None:
        """Takes another number of steps; ValueError for what is not a whole number, 0 or more."""
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 0:
            raise ValueError(f"`refine` must be a whole number of steps, 0 or more; got {steps!r}. 4 do.")
        self._refine, self.predict_function = steps, None  # Keras keeps the graph of `predict` until told otherwise

    @property
    def extra_inputs(self) -> dict[str, tuple[int, ...]]:
        """Names of optional inputs besides `contract.INPUTS`, and their shapes after the leading axes."""
        return dict(contract.KNOWN)

    def solve(
        self,
        joints: tf.Tensor,
        joint_sigma: tf.Tensor,
        betas: tf.Tensor,
        rest_joints: tf.Tensor,
        twist: tf.Tensor | None,
        **extra: tf.Tensor,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Rotations (N, 24, 3, 3), of solvers that see time (N, T, 24, 3, 3), and a dictionary of further outputs.

        Args:
            joints: (N, 29, 3) metres, absent ones filled in; of solvers that see time (N, T, 29, 3), and so on.
            joint_sigma: (N, 29) metres.
            betas: (N, B).
            rest_joints: (N, 29, 3) metres, the body of `betas` at rest.
            twist: (N, 23, 2), or None.
            **extra: of `extra_inputs` those that were given, and perhaps `trunk` (see `takes_trunk`).
        """
        raise NotImplementedError

    def __call__(self, inputs: Mapping[str, TensorLike], **kwargs: Any) -> dict[str, tf.Tensor]:
        """Solves `inputs`; see the class.

        Raises:
            ValueError: a name is unknown, `joints` is missing, a shape does not fit the contract, a number is not
                finite, but for joints that are absent, or a known rotation is none.
        """
        if _is_symbolic(inputs):
            return super().__call__(inputs, **kwargs)
        given, origin = self._checked(inputs)  # before Keras has the call, which would wrap the message
        answer = super().__call__(given, **kwargs)
        return answer if origin is None else {**answer, "transl": answer["transl"] + origin}

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> dict[str, np.ndarray]:
        """See `keras.Model.predict`; arrays are checked before any work starts.

        Raises:
            ValueError: see `__call__`.
        """
        if not isinstance(x, Mapping):
            return super().predict(x, *args, **kwargs)
        given, origin = self._checked(x)
        x = {name: value.numpy() for name, value in given.items()}
        if x["joints"].ndim < 2 + self.event_axes:
            shape = x["joints"].shape
            raise ValueError(f"`joints` must be several examples, (N, ..., 29, 3); got {shape}. Use ik(joints).")
        if not x["joints"].size:  # Keras has no answer without a batch
            return {name: value.numpy() for name, value in self(x).items()}
        axes = x["joints"].shape[: -1 - self.event_axes]  # Keras traces one rank, so there is one axis of examples
        x = {name: value.reshape(-1, *value.shape[len(axes) :]) for name, value in x.items()}
        with precision.float32():  # Keras rounds arrays to its floatx
            answer = super().predict(x, *args, **kwargs)
        answer = {name: value.reshape(*axes, *value.shape[1:]) for name, value in answer.items()}
        return answer if origin is None else {**answer, "transl": answer["transl"] + origin}

    def _checked(
        self, inputs: Mapping[str, TensorLike], *, doubted: bool = True
    ) -> tuple[dict[str, tf.Tensor], np.ndarray | None]:
        """The inputs as float32 tensors, those that are None left out; ValueError if they do not fit.

        The second is the origin (..., 3), float32, that joints far from it were moved to, to be added to `transl`.
        With `doubted` the log tells what speaks against the joints.
        """
        contract.check_names(inputs, extra=self.extra_inputs)
        given, origin = contract.as_tensors(inputs), None
        self._check_shapes({name: value.shape for name, value in given.items()})
        if tf.executing_eagerly():  # a graph does not know the values
            processes.check()
            contract.check_values(given)
            if not tf.is_tensor(inputs["joints"]):
                sigma = np.asarray(given.get("joint_sigma", 0.0))
                absent = contract.are_absent(given["joints"].numpy(), sigma)
                joints = np.where(absent[..., None], np.nan, np.asarray(inputs["joints"], np.float64))
                if doubted:
                    _warn(joints, sigma)
                near, moved_by = contract.moved_near(joints, axes=self.event_axes)
                if moved_by.any():
                    given["joints"], origin = tf.constant(near), moved_by.astype(np.float32)
        return given, origin

    def _check_shapes(self, shapes: Mapping[str, Any]) -> None:
        """Raises ValueError if the shapes of the inputs that are given do not fit."""
        contract.check_shapes(shapes, num_betas=self.body_joints.num_betas, extra=self.extra_inputs)
        if len(shapes["joints"]) - 2 < self.event_axes - 1:
            raise ValueError(f"`joints` must be frames, (..., T, 29, 3); got {tuple(shapes['joints'])}. T = 1 for one.")
        if self.needs_twist and "twist" not in shapes:
            raise ValueError(
                f"`twist` (..., 23, 2) as (cos, sin) is needed by {self.name}, which cannot guess it; got None. Give "
                "it, or take a solver with `twist_hidden_dim`."
            )

    def call(self, inputs: dict[str, tf.Tensor], *, training: bool = False) -> dict[str, tf.Tensor]:
        """The contract, from a dictionary of tensors; see the class."""
        leading = LeadingAxes(inputs["joints"], inner=2, events=self.event_axes - 1)
        given = self._read({name: leading.flatten(tf.cast(value, tf.float32)) for name, value in inputs.items()})
        rotations, others = self._estimate(given)
        outputs = self._complete(rotations, given, others)
        return {name: leading.restore(value) for name, value in outputs.items()}

    def _read(self, flat: dict[str, tf.Tensor]) -> Given:
        """What is given of N examples: joints that were not seen are filled in, `known_rotations` tell of others."""
        unknown = zeros_like_leading(flat["joints"], 2, [skeletons.NUM_JOINTS])
        joints, sigma = contract.mark_absent(flat["joints"], flat.get("joint_sigma", unknown))
        if "joint_sigma" in flat and "padding" not in flat and not math.isinf(self.largest_sigma):  # `padding`: of `fk`
            sigma = absent_joints.drop_doubtful(sigma, self.largest_sigma, self.sigma_growth)
        betas = flat.get("betas", zeros_like_leading(flat["joints"], 2, [self.body_joints.num_betas]))
        extra = {name: flat[name] for name in self.extra_inputs if name in flat}
        rest_joints = self.body_joints(betas)
        told, told_sigma = joints, sigma
        known = extra.get("known_rotations")
        if known is not None:
            known = extra["known_rotations"] = held_rotations.read(known)
            told, told_sigma = held_rotations.tell(joints, sigma, rest_joints, known)
        joints, trunk = self._fill(joints, rest_joints, sigma, extra)
        told, trunk = (joints, trunk) if known is None else self._fill(told, rest_joints, told_sigma, extra)
        extra |= {"trunk": trunk} if self.takes_trunk else {}
        return Given(joints, sigma, told, told_sigma, betas, rest_joints, flat.get("twist"), extra)

    def _estimate(self, given: Given) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Rotations (N, 24, 3, 3) without the finish, and further outputs; windows of time have (N, T, ...)."""
        rotations, others = self.solve(
            given.told, given.told_sigma, given.betas, given.rest_joints, given.twist, **given.extra
        )
        known = given.extra.get("known_rotations")
        if known is not None:
            rotations = held_rotations.hold_seen(rotations, known, given.joint_sigma)
        return rotations, others

    def _complete(self, rotations: tf.Tensor, given: Given, others: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The answer after the finish, from an estimate and further outputs."""
        joints, sigma, rest_joints, extra = given.joints, given.joint_sigma, given.rest_joints, given.extra
        if self.refine:
            rotations = self._finish(rotations, joints, rest_joints, sigma, extra)
        posed, _ = kinematics.forward_kinematics(rotations, rest_joints)
        others = {**others, "transl": self._translation(joints, posed, sigma, extra)}
        if self.has_residual:
            others["residual"] = residuals.centred_distances(joints, posed, sigma)
        others |= self._certainty(joints, posed, sigma, extra, others.get("expected_error"))
        return {"global_orient": rotations[..., :1, :, :], "body_pose": rotations[..., 1:, :, :], **others}

    def _fill(
        self, joints: tf.Tensor, rest_joints: tf.Tensor, joint_sigma: tf.Tensor, extra: dict[str, tf.Tensor]
    ) -> tuple[tf.Tensor, Frame]:
        """Joints with what was not seen filled in, and the frame of the trunk."""
        return absent_joints.filled_and_trunk(joints, rest_joints, joint_sigma)

    def _finish(
        self,
        rotations: tf.Tensor,
        joints: tf.Tensor,
        rest_joints: tf.Tensor,
        joint_sigma: tf.Tensor,
        extra: dict[str, tf.Tensor],
    ) -> tf.Tensor:
        """The rotations after the steps of the exact finish."""
        return gauss_newton.refine(
            rotations,
            joints,
            rest_joints,
            joint_sigma,
            known_rotations=extra.get("known_rotations"),
            steps=self.refine,
            linear_solver=self.linear_solver,
        )

    def _translation(
        self, joints: tf.Tensor, posed: tf.Tensor, joint_sigma: tf.Tensor, extra: dict[str, tf.Tensor]
    ) -> tf.Tensor:
        """What brings the posed joints (N, 29, 3) to where the observed ones are, (N, 3)."""
        return root_path.translation(joints, posed, joint_sigma)

    def _certainty(
        self,
        joints: tf.Tensor,
        posed: tf.Tensor,
        joint_sigma: tf.Tensor,
        extra: dict[str, tf.Tensor],
        first: tf.Tensor | None,
    ) -> dict[str, tf.Tensor]:
        """How sure each joint is, `contract.CERTAINTY`; `first` is the error that the network expects, or None."""
        over_time = self.event_axes == 2
        mask = extra.get("frame_mask", 1.0 + zeros_like_leading(joint_sigma, 1, []))
        given = (joints, posed, joint_sigma, mask)
        windows = given if over_time else tuple(tf.expand_dims(value, 1) for value in given)
        evidence = expected_error.evidence(*windows, over_time=over_time, first=first)
        found = expected_error.certainty(evidence, self.calibrated(finish=self.refine > 0))
        return found if over_time else {name: tf.squeeze(value, 1) for name, value in found.items()}

    def calibrated(self, *, finish: bool, motion: bool = False) -> expected_error.Calibration:
        """What tells the expected error from its features, of the solver's class.

        Args:
            finish: of answers after the exact finish.
            motion: of answers of `niki_tf.solve`.
        """
        over_time = self.event_axes == 2
        return expected_error.calibration_of(type(self).__name__, over_time=over_time, finish=finish, motion=motion)

    def ik(
        self,
        joints: TensorLike,
        *,
        joint_sigma: TensorLike | None = None,
        betas: TensorLike | None = None,
        twist: TensorLike | None = None,
        known_rotations: TensorLike | None = None,
    ) -> dict[str, tf.Tensor]:
        """Inverse kinematics with named arguments; shapes as in the class, one person without leading axes too.

        The first call makes a graph, which takes some seconds, for any number of examples and frames. Graphs are kept,
        eight at most: one for each set of arguments and number of leading axes, with the finish another for many
        examples. They follow all that is changed later, such as `refine` and weights. Calling the solver makes none.

        Raises:
            ValueError: an array does not have the shape of the contract.
        """
        given = {"joints": joints, "joint_sigma": joint_sigma, "betas": betas, "twist": twist}
        return self._by_graph({**given, "known_rotations": known_rotations})

    def _by_graph(self, inputs: Mapping[str, TensorLike]) -> dict[str, tf.Tensor]:
        """What calling the solver gives, by a graph that is kept; bad inputs are refused before it is made."""
        if _is_symbolic(inputs) or not kept_graphs.are_wanted():
            return self(inputs)
        given, origin = self._checked(inputs, doubted=self._doubts_are_due())
        answer = self.run_kept("ik", self.__call__, given, {**contract.INPUTS, **self.extra_inputs})
        return answer if origin is None else {**answer, "transl": answer["transl"] + origin}

    def run_kept(
        self,
        name: str,
        function: Callable[[Mapping[str, tf.Tensor]], dict[str, tf.Tensor]],
        inputs: Mapping[str, tf.Tensor],
        shapes: Mapping[str, tuple[Any, ...]],
    ) -> dict[str, tf.Tensor]:
        """What a function that calls the solver gives, by a graph that is kept, within another graph without one.

        Args:
            name: of the function; another one has another name.
            function: dict of tensors -> dict of tensors.
            inputs: by name.
            shapes: last axes of the inputs, whose sizes are fixed; axes before them are of any size.
        """
        if not kept_graphs.are_wanted():
            return function(inputs)
        inner = {name: len(shapes[name]) for name in inputs}
        bodies = max(math.prod(inputs[name].shape[: -number or None]) for name, number in inner.items())
        many = self.refine > 0 and bodies >= gauss_newton.MANY
        function = gauss_newton.for_many()(function) if many else function
        return self._graphs.run(function, inputs, inner=inner, key=(name, *self._settings()), many=many)

    def _doubts_are_due(self) -> bool:
        """Whether joints were not looked at for a while: live, doing so would take longer than solving."""
        now = time.monotonic()
        due = now - self._looked_at > _SECONDS_BETWEEN_LOOKS
        if due:
            self._looked_at = now
        return due

    def _settings(self) -> tuple[Any, ...]:
        """What graphs depend on that may change without an attribute of the solver being set."""
        calibration = self.calibrated(finish=self.refine > 0)
        doubted = self.largest_sigma, self.sigma_growth
        return self.refine, doubted, self.linear_solver, self.body_joints, calibration

    def for_body(self, body_joints: BodyJoints, *, linear_solver: LinearSolver | None = None) -> "Solver":
        """The same solver, same weights, for another body.

        Args:
            body_joints: of the body that is posed.
            linear_solver: how linear equations are solved; LiteRT needs `linear_solvers.ELIMINATION`. As
                here if None.
        """
        serialized = keras.saving.serialize_keras_object(body_joints)
        other = type(self).from_config({**self.get_config(), "body_joints": serialized})
        other.set_weights(self.get_weights())
        other.linear_solver = linear_solver or self.linear_solver
        return other

    def build(self, input_shape: Any = None) -> None:
        """Nothing to do: weights are made in the constructor, so that loading needs no call."""

    def get_config(self) -> dict[str, Any]:
        """The rest joints, the finish and the name."""
        body_joints = keras.saving.serialize_keras_object(self.body_joints)
        return {"name": self.name, "body_joints": body_joints, "refine": self.refine}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Solver":
        """A solver from what `get_config` gave."""
        return cls(**{**config, "body_joints": keras.saving.deserialize_keras_object(config["body_joints"])})


def _warn(joints: np.ndarray, joint_sigma: np.ndarray) -> None:
    """Says, at most every few seconds, if joints (..., 29, 3) or sigma do not look like metres, or SMPL's joints."""
    doubts = axes.doubts(joints.reshape(-1, *joints.shape[-2:]), skeletons.POINT_SETS["smpl_29"])
    for doubt in (*doubts, *contract.sigma_doubts(joint_sigma)):
        warn_seldom(doubt, seconds=_SECONDS_BETWEEN_WARNINGS)


def _is_symbolic(inputs: Any) -> bool:
    """Whether the inputs are those of a Keras functional model, whose shapes Keras itself checks."""
    return isinstance(inputs, Mapping) and any(isinstance(value, keras.KerasTensor) for value in inputs.values())
