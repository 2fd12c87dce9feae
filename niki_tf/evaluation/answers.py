"""Errors of the answer to one observed motion, and the time that a solver takes for it."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from niki_tf import contract
from niki_tf.body import BodyPoser
from niki_tf.evaluation import metrics
from niki_tf.evaluation.scoring import pose_errors
from niki_tf.motion.observed_motion import ObservedMotion

_BATCH_FRAMES = 256
"""Frames that are posed at a time: bounds the memory that the vertices take."""
_TIMED_FRAMES = 30
"""Frames that are timed one by one."""


def answer_errors(answer: Mapping[str, Any], observed: ObservedMotion, *, poser: BodyPoser) -> dict[str, np.ndarray]:
    """Errors of an answer, one number a frame.

    Args:
        answer: dict with global_orient (T, 1, 3, 3) and body_pose (T, 23, 3, 3), as every solver gives it.
        observed: the `ObservedMotion` that was solved, T frames.
        poser: `BodyPoser` of the body that is posed.

    Returns:
        dict of arrays (T,): what `pose_errors` gives; without true rotations `to_observation`, the mean distance of the
        29 posed joints from the observed ones, root-aligned, millimetres.
    """
    count = len(observed.joints)
    slices = [slice(start, start + _BATCH_FRAMES) for start in range(0, count, _BATCH_FRAMES)]
    errors = [_batch_errors(answer, observed, some, poser) for some in slices]
    return {name: np.concatenate([batch[name] for batch in errors]) for name in errors[0]}


def times_ms(solve: Callable[[dict[str, np.ndarray]], Any], observed: ObservedMotion) -> tuple[float, float]:
    """Milliseconds a frame that `solve` takes, after a first call: frame by frame, and all frames at once."""
    count = min(_TIMED_FRAMES, len(observed.joints))
    singles = [{name: array[i : i + 1] for name, array in observed.inputs.items()} for i in range(count)]
    return _milliseconds(solve, singles) / count, _milliseconds(solve, [observed.inputs]) / len(observed.joints)


def _milliseconds(solve: Callable[[dict[str, np.ndarray]], Any], batches: Sequence[dict[str, np.ndarray]]) -> float:
    """Time for all batches, after one call that is not timed."""
    solve(batches[0])
    start = time.perf_counter()
    for batch in batches:
        solve(batch)
    return 1000.0 * (time.perf_counter() - start)


def _batch_errors(
    answer: Mapping[str, Any], observed: ObservedMotion, some: slice, poser: BodyPoser
) -> dict[str, np.ndarray]:
    part, betas = {name: array[some] for name, array in answer.items()}, observed.inputs["betas"][some]
    if observed.true_rotations is not None:
        return pose_errors(part, truth=poser.truth(observed.true_rotations[some], betas=betas), poser=poser)
    posed = poser.pose(contract.local_rotations(part), betas=betas)["joints"]
    return {"to_observation": metrics.root_aligned_mpjpe(posed, observed.joints[some])}
