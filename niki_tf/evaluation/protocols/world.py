"""The world protocol: how far the posed body is from the true one in the world, and how evenly it moves there.

Every `stride`-th clip is cut to its first 60 frames and moves on a body of random shape. Its joints, the pelvis among
them, get Gaussian noise of the same size along each axis and are given as they stand in the world; solvers answer with
rotations and `transl`. All frames of a clip are solved as one motion; clips of fewer frames are left out.
"""

import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tqdm

from niki_tf import contract, skeletons
from niki_tf.body import BodyData, BodyPoser
from niki_tf.evaluation import feet, metrics
from niki_tf.evaluation.protocols import common, given_shape
from niki_tf.evaluation.protocols.common import Arrays
from niki_tf.evaluation.tables import Row, text_table
from niki_tf.inference.graphs import compile_solver
from niki_tf.motion.clip import Clip

LEVELS_MM = (0, 10, 30, 60)
"""Standard deviations of the noise along each axis, millimetres."""

_HEADINGS = {
    "mpjpe": "root-aligned, mm",
    "world_mpjpe": "in the world, mm",
    "accel": "acceleration error root-aligned, mm/frame^2",
    "world_accel": "in the world, mm/frame^2",
}
_FEET = {
    "foot_speed": "planted feet, m/s",
    "true_foot_speed": "true ones, m/s",
    "sliding_percent": "that slide, %",
}


def world_rows(
    clips: Sequence[Clip],
    *,
    solvers: Mapping[str, common.Solver],
    body: BodyData,
    stride: int = 1,
    seed: int = 0,
    levels_mm: Sequence[float] = LEVELS_MM,
    batch_size: int = 256,
    twist: bool = True,
    betas: str = "true",
    progress: bool = False,
) -> list[Row]:
    """The rows of the protocol; every solver is given the same shapes and noise.

    Args:
        clips: list of Clip.
        solvers: dict of name -> solver; the names go into the rows.
        body: BodyData that moves.
        stride: use every n-th clip.
        seed: of the shapes and the noise.
        levels_mm: standard deviations of the noise along each axis, millimetres.
        batch_size: not used: a clip is solved at a time.
        twist: give the true twist to the solvers that use one.
        betas: one of `given_shape.BETAS`. Answers are posed with the true ones either way, with the pelvis where the
            answer puts that of the body that was given.
        progress: show a progress bar.

    Returns:
        list of dicts: solver, noise_mm, frames, and means over the frames of mpjpe (24 joints, relative to joint 0),
        world_mpjpe (as they stand), millimetres, and of the acceleration errors of both, accel and world_accel,
        millimetres a frame^2; and what `feet.foot_columns` gives, metres a second and percent.

    Raises:
        ValueError: no clips of 60 frames, no solvers, or a number out of range.
        FloatingPointError: a solver gave numbers that are not finite.
    """
    common.check_arguments(clips, solvers, stride=stride, batch_size=batch_size)
    given_shape.check_betas(betas)
    used = common.long_clips(clips, stride=stride)
    poser = BodyPoser(body)
    shapes = common.random_bodies(len(used), num_betas=poser.num_betas, seed=seed)
    noise = common.random_noise(len(used) * common.CLIP_FRAMES, seed=seed)
    noise = noise.reshape(len(used), common.CLIP_FRAMES, skeletons.NUM_JOINTS, 3)
    errors: dict[tuple[str, float], list[Arrays]] = {(name, level): [] for name in solvers for level in levels_mm}
    compiled: dict[str, Callable[..., Arrays]] = {}
    with tqdm.tqdm(total=len(used) * len(errors), unit="clip", disable=not progress) as bar:
        for clip, shape, unit in zip(used, shapes, noise, strict=True):
            truth = common.clip_bodies(poser, clip, shape)
            truth = {**truth, "joints": truth["joints"] + common.clip_path(clip)}
            for (name, level), of_clips in errors.items():
                seen = _observation(truth, level / 1000 * unit, poser, twist=twist, betas=betas)
                if name not in compiled:
                    compiled[name] = compile_solver(solvers[name], inputs=seen, motion=True)
                of_clips.append(_errors(compiled[name](seen), truth, seen["betas"], poser, fps=clip.fps))
                bar.update()
    return [_row(name, level, of_clips) for (name, level), of_clips in errors.items()]


def world_tables(rows: Sequence[Row]) -> str:
    """The rows as a text table of errors, and one of feet where there are planted ones."""
    which, of_feet = ("solver", "noise_mm"), [row for row in rows if row["foot_speed"] is not None]
    errors = [{_HEADINGS.get(key, key): row[key] for key in (*which, *_HEADINGS)} for row in rows]
    of_feet = [{_FEET.get(key, key): row[key] for key in (*which, *_FEET)} for row in of_feet]
    return "\n\n".join([text_table(errors), *([text_table(of_feet, decimals=3)] if of_feet else [])])


def _observation(truth: Arrays, noise: np.ndarray, poser: BodyPoser, *, twist: bool, betas: str) -> Arrays:
    """What solvers are given of one clip: joints as they stand in the world, not relative to joint 0."""
    seen = common.observation(truth, noise=noise, twist=twist)
    seen["joints"] = truth["joints"] + noise
    find = functools.partial(given_shape.found_betas, seen, poser.body_joints)
    return {**seen, "betas": given_shape.given_betas(truth["betas"], betas, find=find)}


def _errors(answer: Arrays, truth: Arrays, given: np.ndarray, poser: BodyPoser, *, fps: float) -> Arrays:
    """The errors of one clip, by the names of the columns: (T,), of accelerations (T - 2,); and `feet`, (n, 2).

    Args:
        answer: the solver's.
        truth: of the clip.
        given: (T, B) betas that the solver was given.
        poser: of the body.
        fps: frames per second.
    """
    local = contract.local_rotations(answer)
    if not (np.isfinite(local).all() and np.isfinite(answer["transl"]).all()):
        raise FloatingPointError("`answer` must hold finite numbers; got NaN or infinity. Are the weights whole?")
    rest = poser.body_joints(given).numpy()
    posed = poser.pose(local, betas=truth["betas"])["joints"] + rest[:, :1] + answer["transl"][:, None]
    speeds = feet.planted_speeds(posed, truth["joints"], fps=fps)
    posed, true = (joints[:, : skeletons.NUM_ROTATIONS] for joints in (posed, truth["joints"]))
    return {
        "feet": speeds,
        "mpjpe": metrics.root_aligned_mpjpe(posed, true),
        "world_mpjpe": metrics.mpjpe(posed, true),
        "accel": metrics.accel_error(metrics.root_aligned(posed), metrics.root_aligned(true)),
        "world_accel": metrics.accel_error(posed, true),
    }


def _row(name: str, level: float, errors: Sequence[Arrays]) -> Row:
    means = {key: float(np.concatenate([of_clip[key] for of_clip in errors]).mean()) for key in _HEADINGS}
    row = {"solver": name, "noise_mm": level, "frames": common.CLIP_FRAMES * len(errors)}
    return {**row, **means, **feet.foot_columns([of_clip["feet"] for of_clip in errors])}
