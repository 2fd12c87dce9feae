"""The error-score protocol: does a solver's answer tell how wrong the joints were that it was given?

The scores, all computed without the truth, are per joint where they can be, and per frame the root mean square over the
joints (over the entries of z):

- `z`: the error embedding.
- `decoded_z`: what z stands for in metres, the distance of the observed joints from those that the network gives back
  for the pose it found and z = 0. Of solvers with an `fk`.
- `residual`: the distance of the observed joints from those of the body in the pose found. Of every solver.
- `residual_max`: the largest of them in a frame.
- `bone_lengths`: how much the lengths of the bones at a joint differ from the body's. What one has without a solver.

Bodies and noise are those of the noise protocol. For the rank correlations the standard deviation of the noise is drawn
anew for each frame, uniform from 0 to 100 mm; the true error is the length of the noise of each joint. For the AUROC
one random joint of each frame is displaced by 200 mm in a random direction, before a background of noise on all.
"""

import dataclasses

import numpy as np
import tensorflow as tf
import tqdm

from niki_tf import skeletons
from niki_tf.body import BodyPoser, kinematics
from niki_tf.evaluation.protocols.noise import check, draws, observation, strided_poses, true_bodies
from niki_tf.evaluation.ranks import auroc, rank_correlation
from niki_tf.evaluation.scoring import pose_errors
from niki_tf.fitting import residuals
from niki_tf.inference.graphs import compile_solver
from niki_tf.motion.observed_motion import local_rotations
from niki_tf.solvers.invertible import InvertibleSolver
from niki_tf.solvers.window_solver import WindowSolver

SCORES = ("z", "decoded_z", "residual", "residual_max", "bone_lengths")
"""The scores that are compared; a solver without z has the last three."""

BACKGROUNDS_MM = (0, 10, 30)
"""Noise of the frames in which a joint is displaced: standard deviation along each axis, millimetres."""

_LARGEST_NOISE, _DISPLACEMENT = 0.1, 0.2
_GRADED = "graded"


def error_score_rows(clips, *, solvers, body, stride=1, seed=0, batch_size=256, twist=True, progress=False):
    """Runs the protocol; every solver is given the same shapes and the same noise, whatever the batch size.

    Args:
        clips: list of Clip, all clips one after the other.
        solvers: dict of name -> solver; the names go into the rows.
        body: BodyData that makes the joints and poses the answers.
        stride: use every n-th frame.
        seed: of the shapes, the noise and the displacements.
        batch_size: frames at a time.
        twist: tell the true twist to the solvers that use one.
        progress: show a progress bar.

    Returns:
        list of dicts, one for each solver and score: solver, score, frames; rank correlation of the frame's score with
        the mean error of the joints given (rank_error) and with the answer's MPJPE (rank_mpjpe); of the joint's score
        with its error over all joints of all frames (rank_joint) and, as a mean, over the joints of one frame
        (rank_in_frame); for each background the AUROC of the frames with a displaced joint (auroc_10) and the share
        of them in which that joint has the highest score (found_10; chance is 1 / 29). None for the joints
        where a score is of frames only.

    Raises:
        ValueError: no clips, no solvers, a number out of range, a solver that needs the twist and is not told, or one
            that sees time.
        FloatingPointError: a solver gave numbers that are not finite.
    """
    check(clips, solvers, stride=stride, batch_size=batch_size)
    over_time = [name for name, solver in solvers.items() if isinstance(solver, WindowSolver)]
    if over_time:
        raise ValueError(f"`solvers` must solve single frames; {over_time[0]} sees time. Leave it out.")
    poser = BodyPoser(body)
    poses = strided_poses(clips, stride=stride)
    drawn = _draw(len(poses), num_betas=poser.num_betas, seed=seed)
    first = observation(true_bodies(poser, poses[:1], drawn.betas[:1]), noise=drawn.noise[:1], twist=twist)
    scored = {
        name: compile_solver(_scored(solver, poser.body_joints), inputs=first) for name, solver in solvers.items()
    }
    found = {(name, condition): [] for name in solvers for condition in drawn.errors(slice(1))}
    with tqdm.tqdm(total=len(poses) * len(found), unit="frame", disable=not progress) as bar:
        for start in range(0, len(poses), batch_size):
            some = slice(start, start + batch_size)
            truth, errors = true_bodies(poser, poses[some], drawn.betas[some]), drawn.errors(some)
            for (name, condition), batches in found.items():
                answer = scored[name](observation(truth, noise=errors[condition], twist=twist))
                batches.append(_judged(answer, truth if condition == _GRADED else None, poser))
                bar.update(len(truth["betas"]))
    return [row for name in solvers for row in _rows(name, _joined(found, name), drawn)]


@dataclasses.dataclass(frozen=True)
class _Drawn:
    """What is random.

    Attributes:
        betas: (N, B) shapes.
        noise: (N, 29, 3), standard normal.
        level: (N, 1, 1) metres, what the noise of the graded frames is multiplied by.
        displacement: (N, 29, 3) metres, zero but for one joint.
    """

    betas: np.ndarray
    noise: np.ndarray
    level: np.ndarray
    displacement: np.ndarray

    def errors(self, some):
        """Errors (n, 29, 3), metres, of the joints of `some` frames, under the name of each condition."""
        noise = self.noise[some]
        errors = {_GRADED: self.level[some] * noise}
        for background in BACKGROUNDS_MM:
            plain = noise * (background / 1000)
            errors |= {("plain", background): plain, ("displaced", background): plain + self.displacement[some]}
        return errors


def _draw(frames, *, num_betas, seed):
    betas, noise = draws(frames, num_betas=num_betas, seed=seed)
    random = np.random.default_rng(seed).spawn(3)[2]  # the first two are those of `draws`
    level = random.uniform(0.0, _LARGEST_NOISE, (frames, 1, 1)).astype(np.float32)
    joint = random.integers(29, size=frames)
    direction = random.standard_normal((frames, 3))
    displacement = np.zeros((frames, 29, 3), np.float32)
    displacement[np.arange(frames), joint] = (
        _DISPLACEMENT * direction / np.linalg.norm(direction, axis=-1, keepdims=True)
    )
    return _Drawn(betas, noise, level, displacement)


def _scored(solver, body_joints):
    """A function of inputs that gives the solver's rotations and, per joint or per entry of z, the scores."""

    def scored(inputs):
        answer = solver(inputs)
        rest, sigma = body_joints(inputs["betas"]), tf.zeros(tf.shape(inputs["joints"])[:-1])
        pose = {name: answer[name] for name in ("global_orient", "body_pose")}
        local = tf.concat([pose["global_orient"], pose["body_pose"]], -3)
        scores = {
            "residual": residuals.joint_residuals(inputs["joints"], local, rest, sigma),
            "bone_lengths": _bone_lengths(inputs["joints"], rest),
        }
        if "z" in answer:
            scores["z"] = answer["z"]
        if isinstance(solver, InvertibleSolver):
            back = solver.fk(**pose, betas=inputs["betas"])["joints"]
            scores["decoded_z"] = residuals.centred_distances(inputs["joints"], back, sigma)
        return pose | scores

    return scored


def _bone_lengths(joints, rest_joints):
    """Mean over the bones that meet at a joint of how far their lengths differ from those at rest, (n, 29) metres."""
    lengths, rest = (tf.norm(kinematics.bones(places)[..., 1:, :], axis=-1) for places in (joints, rest_joints))
    meeting = np.zeros((28, 29), np.float32)
    for bone, parent in enumerate(skeletons.SMPL_29.parents[1:]):
        meeting[bone, [bone + 1, parent]] = 1.0
    return tf.linalg.matmul(tf.abs(lengths - rest), tf.constant(meeting / meeting.sum(0)))


def _judged(answer, truth, poser):
    """The scores of an answer, those of z as one number a frame, and its MPJPE if the truth is given."""
    scores = {name: answer[name] for name in SCORES if name in answer}
    if not all(np.isfinite(values).all() for values in (*scores.values(), local_rotations(answer))):
        raise FloatingPointError("A solver's answer must be finite; got NaN or infinity. Are the weights whole?")
    if "z" in scores:
        scores["z"] = _root_mean_square(scores["z"])
    scores["residual_max"] = scores["residual"].max(-1)
    return scores if truth is None else scores | {"mpjpe": pose_errors(answer, truth=truth, poser=poser)["mpjpe"]}


def _root_mean_square(values):
    return residuals.root_mean_square(values).numpy()


def _joined(found, name):
    """Condition -> score -> array over all frames, of the solver `name`."""
    return {
        condition: {score: np.concatenate([batch[score] for batch in batches]) for score in batches[0]}
        for (solver, condition), batches in found.items()
        if solver == name
    }


def _rows(name, found, drawn):
    """The lines of one solver: what each of its scores is worth."""
    joint_error = np.linalg.norm(drawn.level * drawn.noise, axis=-1)
    displaced = np.abs(drawn.displacement).sum(-1).argmax(-1)
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
            **_joint_figures(values if per_joint else None, joint_error, displaced),
            **{f"auroc_{mm}": auroc(frame["displaced", mm], frame["plain", mm]) for mm in BACKGROUNDS_MM},
        }


def _joint_figures(values, joint_error, displaced):
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
