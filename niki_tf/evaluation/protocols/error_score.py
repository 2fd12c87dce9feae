"""The error-score protocol: how well scores of a solver's answer tell the errors of the joints that it was given.

The scores, all computed without the truth, are per joint where they can be, and per frame the root mean square over the
joints (over the entries of z):

- `z`: the error embedding.
- `decoded_z`: z in metres, the distance of the observed joints from those that `fk` gives for the pose that was found
  and z = 0. Of solvers with an `fk`.
- `residual`: the distance of the observed joints from those of the body in the pose that was found. Of every solver.
- `residual_max`: the largest of them in a frame.
- `bone_lengths`: the difference of the lengths of the bones at a joint from the body's. It needs no solver.

Bodies and noise are those of the noise protocol. For the rank correlations the standard deviation of the noise is drawn
anew for each frame, uniform from 0 to 100 mm; the true error is the length of the noise of each joint. For the AUROC
one random joint of each frame is displaced by 200 mm in a random direction, before a background of noise on all.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf
import tqdm

from niki_tf import contract, skeletons
from niki_tf.body import BodyData, BodyJoints, BodyPoser, kinematics
from niki_tf.evaluation.protocols import common, given_shape
from niki_tf.evaluation.protocols.common import Arrays, Stream
from niki_tf.evaluation.ranks import auroc, rank_correlation
from niki_tf.evaluation.scoring import pose_errors
from niki_tf.evaluation.tables import Row, text_table
from niki_tf.fitting import residuals
from niki_tf.inference.graphs import compile_solver
from niki_tf.motion.clip import Clip
from niki_tf.solvers.invertible import InvertibleSolver
from niki_tf.solvers.window_solver import WindowSolver

SCORES = ("z", "decoded_z", "residual", "residual_max", "bone_lengths")
"""The scores that are compared; a solver without z has the last three."""

BACKGROUNDS_MM = (0, 10, 30)
"""Noise of the frames in which a joint is displaced: standard deviation along each axis, millimetres."""

_LARGEST_NOISE, _DISPLACEMENT = 0.1, 0.2
"""Metres: the largest standard deviation of the graded frames, and how far a joint is displaced."""

_BETAS = ("true", "zeros")
"""The betas that can be given: frames of a person of their own tell no shape."""

Condition = tuple[str, int]
"""`_GRADED`, or one of ("plain", "displaced") with a background."""
_GRADED: Condition = ("graded", 0)


def error_score_rows(
    clips: Sequence[Clip],
    *,
    solvers: Mapping[str, common.Solver],
    body: BodyData,
    stride: int = 1,
    seed: int = 0,
    batch_size: int = 256,
    twist: bool = True,
    betas: str = "true",
    progress: bool = False,
) -> list[Row]:
    """The rows of the protocol; every solver is given the same shapes and the same noise, whatever the batch size.

    Args:
        clips: list of Clip, all clips one after the other.
        solvers: dict of name -> solver; the names go into the rows.
        body: BodyData that makes the joints and poses the answers.
        stride: use every n-th frame.
        seed: of the shapes, the noise and the displacements.
        batch_size: frames at a time.
        twist: give the true twist to the solvers that use one.
        betas: the betas that solvers and scores are given, "true" or "zeros". MPJPE is of the true body either way.
        progress: show a progress bar.

    Returns:
        list of dicts, one for each solver and score: solver, score, frames; rank correlation of the frame's score with
        the mean error of the joints given (rank_error) and with the answer's MPJPE (rank_mpjpe); of the joint's score
        with its error over all joints of all frames (rank_joint) and, as a mean, over the joints of one frame
        (rank_in_frame); for each background the AUROC of the frames with a displaced joint (auroc_10) and the share
        of them in which that joint has the highest score (found_10; chance is 1 / 29). Columns of joints are None
        where a score is of frames only.

    Raises:
        ValueError: no clips, no solvers, a number out of range, betas that are found, a solver that needs the twist
            without it, or one that sees time.
        FloatingPointError: a solver gave numbers that are not finite.
    """
    common.check_arguments(clips, solvers, stride=stride, batch_size=batch_size)
    given_shape.check_betas(betas, known=_BETAS)
    over_time = [name for name, solver in solvers.items() if isinstance(solver, WindowSolver)]
    if over_time:
        raise ValueError(f"`solvers` must solve single frames; {over_time[0]} sees time. Leave it out.")
    poser, poses = BodyPoser(body), common.strided_poses(clips, stride=stride)
    random = _RandomNumbers.draw(len(poses), num_betas=poser.num_betas, seed=seed)
    observe = functools.partial(_observe, twist=twist, betas=betas)
    first = common.true_bodies(poser, poses[:1], random.betas[:1])
    inputs = observe(first, random.noise[:1])
    scored = {
        name: compile_solver(_with_scores(solver, poser.body_joints), inputs=inputs) for name, solver in solvers.items()
    }
    scores: dict[tuple[str, Condition], list[Arrays]] = {
        (name, condition): [] for name in solvers for condition in random.errors(slice(1))
    }
    with tqdm.tqdm(total=len(poses) * len(scores), unit="frame", disable=not progress) as bar:
        for some in common.batches(len(poses), batch_size):
            truth, errors = common.true_bodies(poser, poses[some], random.betas[some]), random.errors(some)
            for (name, condition), of_batches in scores.items():
                answer = scored[name](observe(truth, errors[condition]))
                of_batches.append(_frame_scores(answer, truth if condition == _GRADED else None, poser))
                bar.update(len(truth["betas"]))
    return [row for name in solvers for row in _rows(name, _of_solver(scores, name), random)]


def _observe(truth: Arrays, errors: np.ndarray, *, twist: bool, betas: str) -> Arrays:
    """What solvers and scores are given of joints with `errors` (n, 29, 3), metres."""
    seen = common.observation(truth, noise=errors, twist=twist)
    return seen if betas == "true" else {**seen, "betas": np.zeros_like(seen["betas"])}


def error_score_tables(rows: Sequence[Row]) -> str:
    """A text table for the scores of frames and one for those of joints."""
    with_joints = [row for row in rows if row["rank_joint"] is not None]
    parts = [
        "Frames: rank correlation with the joints' true error and with MPJPE, noise of 0 to 100 mm;\n"
        "AUROC of frames with one joint displaced by 200 mm, by mm of noise on all joints",
        _table(rows, ("rank_error", "rank_mpjpe"), "auroc"),
        "\nJoints: rank correlation with their true error, over all frames and within a frame;\n"
        "share of the frames in which the displaced joint has the highest score (chance 0.034)",
        _table(with_joints, ("rank_joint", "rank_in_frame"), "found"),
    ]
    return "\n".join(parts)


def _table(rows: Sequence[Row], columns: Sequence[str], by_background: str) -> str:
    columns = ("solver", "score", *columns, *(f"{by_background}_{mm}" for mm in BACKGROUNDS_MM))
    return text_table([{name: row[name] for name in columns} for row in rows], decimals=3)


@dataclasses.dataclass(frozen=True, eq=False)
class _RandomNumbers:
    """Random numbers of the protocol, the same for all solvers."""

    betas: np.ndarray
    """(N, B) shapes."""
    noise: np.ndarray
    """(N, 29, 3), standard normal."""
    level: np.ndarray
    """(N, 1, 1) metres, standard deviation of the graded frames' noise."""
    displacement: np.ndarray
    """(N, 29, 3) metres, zero but for one joint."""

    @classmethod
    def draw(cls, frames: int, *, num_betas: int, seed: int) -> "_RandomNumbers":
        """Those of `frames` frames."""
        random = common.random_stream(seed, Stream.DISPLACEMENT)
        level = random.uniform(0.0, _LARGEST_NOISE, (frames, 1, 1)).astype(np.float32)
        joint = random.integers(skeletons.NUM_JOINTS, size=frames)
        direction = random.standard_normal((frames, 3))
        displacement = np.zeros((frames, skeletons.NUM_JOINTS, 3), np.float32)
        displacement[np.arange(frames), joint] = (
            _DISPLACEMENT * direction / np.linalg.norm(direction, axis=-1, keepdims=True)
        )
        betas = common.random_bodies(frames, num_betas=num_betas, seed=seed)
        return cls(betas, common.random_noise(frames, seed=seed), level, displacement)

    def errors(self, some: slice) -> dict[Condition, np.ndarray]:
        """Errors (n, 29, 3), metres, of the joints of `some` frames, by condition."""
        noise = self.noise[some]
        errors = {_GRADED: self.level[some] * noise}
        for background in BACKGROUNDS_MM:
            plain = noise * (background / 1000)
            errors |= {("plain", background): plain, ("displaced", background): plain + self.displacement[some]}
        return errors


def _with_scores(
    solver: common.Solver, body_joints: BodyJoints
) -> Callable[[Mapping[str, tf.Tensor]], dict[str, tf.Tensor]]:
    """A function of inputs that gives the solver's rotations and, per joint or per entry of z, the scores."""

    def with_scores(inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        answer = solver(inputs)
        rest, sigma = body_joints(inputs["betas"]), tf.zeros(tf.shape(inputs["joints"])[:-1])
        pose = {name: answer[name] for name in contract.POSE}
        local = tf.concat(list(pose.values()), -3)
        scores = {
            "residual": residuals.joint_residuals(inputs["joints"], local, rest, sigma),
            "bone_lengths": _bone_lengths(inputs["joints"], rest),
        }
        if "z" in answer:
            scores["z"] = answer["z"]
        if isinstance(solver, InvertibleSolver):
            decoded = solver.fk(**pose, betas=inputs["betas"])["joints"]
            scores["decoded_z"] = residuals.centred_distances(inputs["joints"], decoded, sigma)
        return pose | scores

    return with_scores


def _bone_lengths(joints: tf.Tensor, rest_joints: tf.Tensor) -> tf.Tensor:
    """Mean over the bones at a joint of the difference of their lengths from those at rest, (n, 29) metres."""
    lengths, rest = (tf.norm(kinematics.bones(places)[..., 1:, :], axis=-1) for places in (joints, rest_joints))
    meeting = np.zeros((skeletons.NUM_JOINTS - 1, skeletons.NUM_JOINTS), np.float32)
    for bone, parent in enumerate(skeletons.SMPL_29.parents[1:]):
        meeting[bone, [bone + 1, parent]] = 1.0
    return tf.linalg.matmul(tf.abs(lengths - rest), tf.constant(meeting / meeting.sum(0)))


def _frame_scores(answer: Arrays, truth: Arrays | None, poser: BodyPoser) -> Arrays:
    """The scores of an answer, those of z as one number a frame, and its MPJPE if the truth is given."""
    scores = {name: answer[name] for name in SCORES if name in answer}
    if not all(np.isfinite(values).all() for values in (*scores.values(), contract.local_rotations(answer))):
        raise FloatingPointError("A solver's answer must be finite; got NaN or infinity. Are the weights whole?")
    if "z" in scores:
        scores["z"] = _root_mean_square(scores["z"])
    scores["residual_max"] = scores["residual"].max(-1)
    return scores if truth is None else scores | {"mpjpe": pose_errors(answer, truth=truth, poser=poser)["mpjpe"]}


def _root_mean_square(values: np.ndarray) -> np.ndarray:
    return residuals.root_mean_square(values).numpy()


def _of_solver(scores: Mapping[tuple[str, Condition], Sequence[Arrays]], name: str) -> dict[Condition, Arrays]:
    """Condition -> score -> array over all frames, of the solver `name`."""
    return {
        condition: {score: np.concatenate([batch[score] for batch in batches]) for score in batches[0]}
        for (solver, condition), batches in scores.items()
        if solver == name
    }


def _rows(name: str, found: Mapping[Condition, Arrays], random: _RandomNumbers) -> Iterator[Row]:
    """The lines of one solver, one for each of its scores."""
    joint_error = np.linalg.norm(random.level * random.noise, axis=-1)
    displaced = np.abs(random.displacement).sum(-1).argmax(-1)
    for score in (score for score in SCORES if score in found[_GRADED]):
        values = {condition: scores[score] for condition, scores in found.items()}
        per_joint = values[_GRADED].ndim == 2
        frame = {key: _root_mean_square(value) if per_joint else value for key, value in values.items()}
        yield {
            "solver": name,
            "score": score,
            "frames": len(joint_error),
            "rank_error": float(rank_correlation(frame[_GRADED], joint_error.mean(-1))),
            "rank_mpjpe": float(rank_correlation(frame[_GRADED], found[_GRADED]["mpjpe"])),
            **_joint_columns(values if per_joint else None, joint_error, displaced),
            **{f"auroc_{mm}": auroc(frame["displaced", mm], frame["plain", mm]) for mm in BACKGROUNDS_MM},
        }


def _joint_columns(
    values: Mapping[Condition, np.ndarray] | None, joint_error: np.ndarray, displaced: np.ndarray
) -> Row:
    """Columns on single joints, from condition -> (N, 29); all None without values."""
    if values is None:
        return dict.fromkeys(["rank_joint", "rank_in_frame", *(f"found_{mm}" for mm in BACKGROUNDS_MM)])
    graded = values[_GRADED]
    highest = {f"found_{mm}": values["displaced", mm].argmax(-1) for mm in BACKGROUNDS_MM}
    return {
        "rank_joint": float(rank_correlation(graded.ravel(), joint_error.ravel())),
        "rank_in_frame": float(rank_correlation(graded, joint_error).mean()),
        **{column: float((joint == displaced).mean()) for column, joint in highest.items()},
    }
