"""The protocol of images: what solvers make of the answers of one network of images, as Tables 1 and 2 have it.

All solvers are given the same answers, joints, their sigma, betas and twists, of images of people; behind the network,
an analytic solver that does not weigh joints is HybrIK. Bodies of the answers have the betas that the network says.
Source: NIKI, supplementary material, section C.2.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tqdm

from niki_tf import contract, skeletons
from niki_tf.body import BodyData, BodyPoser
from niki_tf.evaluation import metrics
from niki_tf.evaluation.protocols import common
from niki_tf.evaluation.protocols.common import Arrays
from niki_tf.evaluation.tables import Row, text_table
from niki_tf.inference.graphs import compile_solver

_FEWEST_FRAMES = 3
"""An acceleration needs three frames."""


class ImageClip(NamedTuple):
    """What is said of the images of one clip, and what is true."""

    images: str
    """Name of the set."""
    inputs: Arrays
    """What solvers are given: joints (T, 29, 3), joint_sigma (T, 29), betas (T, B), twist (T, 23, 2), and perhaps
    `contract.HEAT`, for those that take it."""
    rotations: np.ndarray
    """(T, 24, 3, 3), true, in the camera's axes."""
    betas: np.ndarray
    """(T, B), true."""
    answers: Mapping[str, tuple[np.ndarray, np.ndarray]] = {}
    """Name of a model that gives poses by itself -> its rotations (T, 24, 3, 3) and betas (T, B)."""


def image_rows(
    clips: Sequence[ImageClip],
    *,
    solvers: Mapping[str, common.Solver],
    body: BodyData,
    stride: int = 1,
    seed: int = 0,
    batch_size: int = 256,
    progress: bool = False,
) -> list[Row]:
    """The rows of the protocol; every solver is given the same. Models that give poses by themselves come first.

    Args:
        clips: of all sets; every `stride`-th is used.
        solvers: dict of name -> solver; the names go into the rows.
        body: BodyData that poses the answers.
        stride: use every n-th clip.
        seed: unused; nothing is drawn.
        batch_size: frames posed at a time.
        progress: show a progress bar.

    Returns:
        list of dicts: images (the set's name), solver, frames, and the means mpjpe, pve (mm, relative to joint 0),
        pa_mpjpe (mm) and accel (mm/frame^2); MPJPE and ACCEL of SMPL's 24 joints, PA-MPJPE of 14.

    Raises:
        ValueError: no clips, no solvers, a number out of range, or a clip of fewer than three frames.
        FloatingPointError: a solver gave numbers that are not finite.
    """
    common.check_arguments(clips, solvers, stride=stride, batch_size=batch_size)
    clips = clips[::stride]
    if min(len(clip.rotations) for clip in clips) < _FEWEST_FRAMES:
        raise ValueError(f"`clips` must have {_FEWEST_FRAMES} frames or more for an acceleration; got a shorter one.")
    poser = BodyPoser(body)
    compiled = {name: compile_solver(one, inputs=_taken(one, clips[0]), motion=True) for name, one in solvers.items()}
    errors: dict[tuple[str, str], list[Arrays]] = {}
    frames = sum(len(clip.rotations) for clip in clips)
    with tqdm.tqdm(total=len(solvers) * frames, unit="frame", disable=not progress) as bar:
        for clip in clips:
            true = _posed(poser, clip.rotations, clip.betas, batch_size)
            answers = dict(clip.answers)
            for name, solve in compiled.items():
                answers[name] = (contract.local_rotations(solve(_taken(solvers[name], clip))), clip.inputs["betas"])
                bar.update(len(clip.rotations))
            for name, (local, betas) in answers.items():
                if not np.isfinite(local).all():
                    raise FloatingPointError(f"an answer to a clip of {clip.images} holds NaN or infinity: {name}.")
                found = _posed(poser, local, betas, batch_size)
                errors.setdefault((clip.images, name), []).append(_errors(found, true))
    return [{"images": images, "solver": name, **_means(parts)} for (images, name), parts in errors.items()]


def image_tables(rows: Sequence[Row]) -> str:
    """The rows as a text table."""
    return f"MPJPE, PA-MPJPE, PVE in mm, ACCEL in mm/frame^2\n{text_table(rows)}"


def _taken(solver: common.Solver, clip: ImageClip) -> Arrays:
    """The inputs of the clip but for those of `contract.HEAT` that the solver does not take."""
    left_out = contract.HEAT.keys() - getattr(solver, "extra_inputs", {}).keys()
    return {name: array for name, array in clip.inputs.items() if name not in left_out}


def _posed(poser: BodyPoser, rotations: np.ndarray, betas: np.ndarray, batch_size: int) -> Arrays:
    parts = [poser.pose(rotations[some], betas=betas[some]) for some in common.batches(len(rotations), batch_size)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _errors(found: Arrays, true: Arrays) -> Arrays:
    """Errors of the frames of a clip, by metric."""
    joints, wanted = (which["joints"][:, : skeletons.NUM_ROTATIONS] for which in (found, true))
    scored = list(skeletons.EVALUATION_14)
    return {
        "mpjpe": metrics.mpjpe(joints, wanted),
        "pa_mpjpe": metrics.pa_mpjpe(found["joints"][:, scored], true["joints"][:, scored]),
        "pve": metrics.pve(found["vertices"], true["vertices"]),
        "accel": metrics.accel_error(joints, wanted),
    }


def _means(parts: Sequence[Arrays]) -> Row:
    together = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {"frames": len(together["mpjpe"]), **{name: float(values.mean()) for name, values in together.items()}}
