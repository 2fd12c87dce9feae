"""How good the answer to one observed motion is, and how long it takes."""

import time

import numpy as np

from niki_tf.evaluation import metrics
from niki_tf.evaluation.scoring import pose_errors
from niki_tf.motion.observed_motion import local_rotations

_AT_ONCE = 256
_TIMED_FRAMES = 30


def answer_errors(answer, scene, *, poser):
    """Errors of an answer, one number a frame.

    Returns:
        dict of arrays (T,): against the truth what `BodyPoser.scores` gives; without truth `to_observation`, the mean
        distance in millimetres of the 29 posed joints from the observed ones, root-aligned.
    """
    scores = [_batch_errors(answer, scene, some, poser) for some in _batches(len(scene.joints))]
    return {name: np.concatenate([batch[name] for batch in scores]) for name in scores[0]}


def times_ms(solve, scene):
    """Milliseconds a frame that `solve` takes, warmed up: frame by frame, and all frames at once."""
    count = min(_TIMED_FRAMES, len(scene.joints))
    singles = [{name: array[i : i + 1] for name, array in scene.inputs.items()} for i in range(count)]
    return _clocked(solve, singles) / count, _clocked(solve, [scene.inputs]) / len(scene.joints)


def _clocked(solve, batches):
    """Milliseconds for all batches, after one run to warm up."""
    solve(batches[0])
    start = time.perf_counter()
    for batch in batches:
        solve(batch)
    return 1000.0 * (time.perf_counter() - start)


def _batch_errors(answer, scene, some, poser):
    part, betas = {name: array[some] for name, array in answer.items()}, scene.inputs["betas"][some]
    if scene.true_rotations is not None:
        return pose_errors(part, truth=poser.truth(scene.true_rotations[some], betas=betas), poser=poser)
    posed = poser.pose(local_rotations(part), betas=betas)["joints"]
    return {"to_observation": metrics.root_aligned_mpjpe(posed, scene.joints[some])}


def _batches(frames):
    return [slice(start, start + _AT_ONCE) for start in range(0, frames, _AT_ONCE)]
