"""The graphs of a web page export: one person, frame by frame, from landmarks or joints to what a browser draws.

A runtime in a browser takes numbers of fixed shape and no flags of true or false. So every tensor is float32, with a
batch of 1, and all that is between the network for pictures and the drawn body is in the graph: what the landmarks tell
of the joints, the guess of joints that none tells, the solver, and the matrices of the skin. What is remembered of the
frames before goes in and comes out by name.
"""

from collections.abc import Mapping
from typing import NamedTuple, cast

import numpy as np
import tensorflow as tf

from niki_tf import contract, rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.fitting import point_lifting
from niki_tf.inference import streaming
from niki_tf.skeletons import PointSet, catalog
from niki_tf.solvers.joint_completion import JointCompletion
from niki_tf.solvers.solver import Solver
from niki_tf.solvers.window_solver import WindowSolver
from niki_tf.vision import landmark_sigma

LANDMARKS = "mediapipe_33"
"""The joint set of the network for pictures."""
DELAY = 2
"""Frames that a pose of a solver that sees time comes after its joints: a fifteenth of a second."""
_BEFORE = 0.4
"""Share of the pose before in that of a solver of frames; set by hand."""
_SOLE = 0.05
"""Metres of the lowest joint above the ground, which it is put on where the place is not known."""
_FLIP = (1.0, -1.0, -1.0)
"""From axes with y down and z away from the camera to those with y up and z towards it."""

Tensors = dict[str, tf.Tensor]
_Shapes = dict[str, tuple[int, ...]]


class _Answer(NamedTuple):
    """The pose of a frame."""

    local: tf.Tensor
    """(1, 24, 3, 3)."""
    transl: tf.Tensor
    """(1, 3) metres."""
    certainty: Tensors
    """See `contract.CERTAINTY`."""
    frame: tf.Tensor
    """Number of the frame that the pose is of, below 0 as long as there is none."""
    state: Tensors


def state_shapes(solver: Solver) -> _Shapes:
    """Names and shapes of what is remembered from frame to frame; zeros stand for the beginning."""
    shapes: _Shapes = {"count": (1,), "local": (1, skeletons.NUM_ROTATIONS, 3, 3)}
    if isinstance(solver, WindowSolver):
        shapes |= {f"window_{name}": (1, solver.frames, *size) for name, size in _window_inputs().items()}
    return shapes


def graphs(solver: Solver, completion: JointCompletion) -> dict[str, tf.types.experimental.ConcreteFunction]:
    """Concrete functions `landmarks` and `joints`, each from one frame and the state to the pose and the next state.

    Args:
        solver: of frames or of windows, which needs no twist.
        completion: guesses joints that no landmark tells.

    Returns:
        dict of name -> function. `landmarks` takes landmarks (1, 33, 3), metres as the network gives them, visibility
        and presence (1, 33); `joints` takes joints (1, 29, 3), metres with y up, and joint_sigma (1, 29). Both take the
        `state_shapes`, called state_..., and give the next ones, called next_..., and rotations (1, 24, 3, 3), pelvis
        (1, 3) metres, matrices (1, 24, 12) of the skin, joint_state and expected_error (1, 24), valid (1,), 1 unless
        a number was not finite, and frame (1,), the number of the frame that it is of.

    Raises:
        ValueError: the solver needs a twist.
    """
    if solver.needs_twist:
        raise ValueError(f"`solver` must do without the twist, which no camera tells; {solver.name} needs it.")
    points = len(catalog.POINT_SETS[LANDMARKS])
    seen = {"landmarks": (1, points, 3), "visibility": (1, points), "presence": (1, points)}
    joints = {"joints": (1, skeletons.NUM_JOINTS, 3), "joint_sigma": (1, skeletons.NUM_JOINTS)}
    steps = {"landmarks": (LandmarkStep(solver, completion), seen), "joints": (JointStep(solver), joints)}
    return {
        name: _traced(step, {**own, **_named("state", state_shapes(solver))}) for name, (step, own) in steps.items()
    }


def _window_inputs() -> _Shapes:
    return {"joints": (skeletons.NUM_JOINTS, 3), "joint_sigma": (skeletons.NUM_JOINTS,)}


def _named(prefix: str, values: Mapping) -> dict:
    return {f"{prefix}_{name}": value for name, value in values.items()}


def _traced(step: "JointStep", shapes: _Shapes) -> tf.types.experimental.ConcreteFunction:
    specs = {name: tf.TensorSpec(shape, tf.float32, name=name) for name, shape in shapes.items()}
    return tf.function(lambda **inputs: step(inputs), autograph=False).get_concrete_function(**specs)


class JointStep:
    """One frame of SMPL's joints."""

    placed = True
    """Whether the joints tell where the body is."""

    def __init__(self, solver: Solver) -> None:
        self._solver = solver
        self._rest = solver.body_joints(tf.zeros([1, solver.body_joints.num_betas]))

    def __call__(self, inputs: Tensors) -> Tensors:
        """The outputs of a frame; see `graphs`."""
        state = {name: inputs[f"state_{name}"] for name in state_shapes(self._solver)}
        joints, sigma = self._observed(inputs, state)
        over_time = isinstance(self._solver, WindowSolver)
        answer = (self._in_window if over_time else self._alone)(joints, sigma, state)
        following = {**answer.state, "local": answer.local, "count": state["count"] + 1.0}
        outputs = {**self._drawn(answer), **_named("next", following)}
        outputs["frame"] = tf.reshape(answer.frame, [1])
        finite = tf.stack([tf.reduce_all(tf.abs(value) <= value.dtype.max) for value in outputs.values()])
        return {**outputs, "valid": tf.reshape(tf.cast(tf.reduce_all(finite), tf.float32), [1])}

    def _observed(self, inputs: Tensors, state: Tensors) -> tuple[tf.Tensor, tf.Tensor]:
        """Joints (1, 29, 3) and joint_sigma (1, 29), metres."""
        return inputs["joints"], inputs["joint_sigma"]

    def _alone(self, joints: tf.Tensor, sigma: tf.Tensor, state: Tensors) -> _Answer:
        """The pose of a solver of frames."""
        answer = self._solver({"joints": joints, "joint_sigma": sigma})
        local = tf.concat([answer[name] for name in contract.POSE], 1)
        certainty = {name: answer[name] for name in contract.CERTAINTY}
        return _Answer(local, answer["transl"], certainty, state["count"], {})

    def _in_window(self, joints: tf.Tensor, sigma: tf.Tensor, state: Tensors) -> _Answer:
        """The pose of a solver that sees time, `DELAY` frames before."""
        solver = cast(WindowSolver, self._solver)
        count = tf.cast(state["count"][0], tf.int32)
        betas = tf.zeros([1, solver.frames, solver.body_joints.num_betas])
        window = {name: state[f"window_{name}"] for name in _window_inputs()}
        before = {**window, "betas": betas, "count": count}
        following, answer = streaming.push(solver, before, {"joints": joints, "joint_sigma": sigma}, delay=DELAY)
        local = tf.concat([answer[name] for name in contract.POSE], 1)
        certainty = {name: answer[name] for name in contract.CERTAINTY}
        kept = {f"window_{name}": following[name] for name in window}
        return _Answer(local, answer["transl"], certainty, tf.cast(answer["frame"], tf.float32), kept)

    def _drawn(self, answer: _Answer) -> Tensors:
        """What is drawn and recorded of an answer."""
        posed, world = kinematics.forward_kinematics(answer.local, self._rest)
        place = answer.transl[:, None] if self.placed else _on_ground(posed)
        rest = self._rest[:, : skeletons.NUM_ROTATIONS]
        moved = posed[:, : skeletons.NUM_ROTATIONS] + place - tf.linalg.matvec(world, rest)
        matrices = tf.reshape(tf.concat([world, moved[..., None]], -1), [1, skeletons.NUM_ROTATIONS, 12])
        return {
            "rotations": answer.local,
            "pelvis": (posed + place)[:, 0],
            "matrices": matrices,
            "joint_state": tf.cast(answer.certainty["state"], tf.float32),
            "expected_error": answer.certainty["expected_error"],
        }


class LandmarkStep(JointStep):
    """One frame of the landmarks of a picture, relative to the middle of the hips."""

    placed = False

    def __init__(self, solver: Solver, completion: JointCompletion) -> None:
        super().__init__(solver)
        self._completion = completion
        self._points: PointSet = catalog.POINT_SETS[LANDMARKS]
        self._at_rest = point_lifting.rest_points(self._points, self._rest)

    def _observed(self, inputs: Tensors, state: Tensors) -> tuple[tf.Tensor, tf.Tensor]:
        used = list(self._points.used)
        points = tf.gather(inputs["landmarks"] * _FLIP, used, axis=1)
        sigma = tf.gather(sigma_of(inputs["visibility"], inputs["presence"]), used, axis=1)
        trunk = point_lifting.trunk_rotation(self._points, points, sigma, self._at_rest)
        first = tf.concat([trunk[:, None], tf.eye(3, batch_shape=[1, skeletons.NUM_TWISTS])], 1)
        local = tf.where(state["count"][0] > 0.0, state["local"], first)
        world = kinematics.world_rotations(local)
        joints, sigma = point_lifting.lift(self._points, points, sigma, self._at_rest, self._rest, world)
        told = self._completion({"joints": joints, "joint_sigma": sigma, "rest_joints": self._rest})
        return told["joints"], told["joint_sigma"]

    def _alone(self, joints: tf.Tensor, sigma: tf.Tensor, state: Tensors) -> _Answer:
        """The pose of a solver of frames, leaning on the one before."""
        answer = super()._alone(joints, sigma, state)
        share = _BEFORE * tf.cast(state["count"][0] > 0.0, tf.float32)
        mean = share * state["local"] + (1.0 - share) * answer.local
        leaning = rotations.moment_to_rotation(rotations.transpose(mean))
        return answer._replace(local=leaning)


def sigma_of(visibility: tf.Tensor, presence: tf.Tensor) -> tf.Tensor:
    """`vision.landmark_sigma` (1, 33), metres, as a graph; of visibility and presence (1, 33)."""
    ones, zeros = np.ones(visibility.shape[-1]), np.zeros(visibility.shape[-1])
    seen, hidden = (landmark_sigma.landmark_sigma(shown, ones).astype(np.float32) for shown in (ones, zeros))
    share = tf.clip_by_value(1.0 - visibility / landmark_sigma.HALF, 0.0, 1.0)
    return tf.where(presence >= landmark_sigma.LEAST_PRESENCE, seen + share * (hidden - seen), skeletons.ABSENT)


def _on_ground(posed: tf.Tensor) -> tf.Tensor:
    """Translation (1, 1, 3) that puts posed joints (1, 29, 3) on the ground, above the origin."""
    low = tf.reduce_min(posed[..., 1], -1)
    return tf.stack([-posed[:, 0, 0], _SOLE - low, -posed[:, 0, 2]], -1)[:, None]
