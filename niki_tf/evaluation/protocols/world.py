"""The world protocol: how far the posed body is from the true one in the world, and how evenly it moves there.

Every `stride`-th clip is cut to its first 60 frames and moves on a body of random shape. Its joints, the pelvis among
them, get Gaussian noise of the same size along each axis and are given as they stand in the world; solvers answer with
rotations and `transl`. All frames of a clip are solved as one motion; clips of fewer frames are left out.

With `ground` the answers are those of `niki_tf.solve`, once without a ground and once with the one that it finds.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import cast

import numpy as np
import tqdm

from niki_tf import contract, skeletons
from niki_tf.body import BodyData, BodyPoser
from niki_tf.evaluation import feet, metrics
from niki_tf.evaluation.protocols import common, given_shape, world_motion
from niki_tf.evaluation.protocols.common import Arrays
from niki_tf.evaluation.tables import Row, text_table
from niki_tf.inference.graphs import compile_solver
from niki_tf.motion.clip import Clip
from niki_tf.solvers.solver import Solver

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
    "penetration_mm": "under the ground, mm",
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
    ground: bool = False,
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
        ground: ask `niki_tf.solve`, without a ground and with one that is found from the feet; no twist is given.
        progress: show a progress bar.

    Returns:
        list of dicts: solver, with `ground` also ground, "off" or "feet", noise_mm, frames, and means over the frames
        of mpjpe (24 joints, relative to joint 0), world_mpjpe (as they stand), millimetres, and of the acceleration
        errors of both, accel and world_accel, millimetres a frame^2; what `feet.foot_columns` gives, metres a second
        and percent; and the mean of `feet.penetration_mm`.

    Raises:
        ValueError: no clips of 60 frames, no solvers, a number out of range, or with `ground` a solver that needs the
            twist.
        FloatingPointError: a solver gave numbers that are not finite.
    """
    common.check_arguments(clips, solvers, stride=stride, batch_size=batch_size)
    given_shape.check_betas(betas)
    if ground:
        world_motion.check_no_twist(cast(Mapping[str, Solver], solvers))
    used = common.long_clips(clips, stride=stride)
    poser = BodyPoser(body)
    shapes = common.random_bodies(len(used), num_betas=poser.num_betas, seed=seed)
    noise = common.random_noise(len(used) * common.CLIP_FRAMES, seed=seed)
    noise = noise.reshape(len(used), common.CLIP_FRAMES, skeletons.NUM_JOINTS, 3)
    asked = {
        (name, way): _asked(solver, way) for name, solver in solvers.items() for way in (_WAYS if ground else [""])
    }
    errors: dict[tuple[str, str, float], list[Arrays]] = {(*key, level): [] for key in asked for level in levels_mm}
    with tqdm.tqdm(total=len(used) * len(errors), unit="clip", disable=not progress) as bar:
        for clip, shape, unit in zip(used, shapes, noise, strict=True):
            truth = common.clip_bodies(poser, clip, shape)
            truth |= {name: truth[name] + common.clip_path(clip) for name in ("joints", "vertices")}
            for (name, way, level), of_clips in errors.items():
                seen = _observation(truth, level / 1000 * unit, poser, twist=twist, betas=betas)
                answer = asked[name, way](seen, clip.fps)
                of_clips.append(_errors(answer, truth, seen["betas"], poser, fps=clip.fps))
                bar.update()
    return [_row(*key, of_clips) for key, of_clips in errors.items()]


def world_tables(rows: Sequence[Row]) -> str:
    """The rows as a text table of errors, and one of feet where there are planted ones."""
    which = ("solver", *(["ground"] if "ground" in rows[0] else []), "noise_mm")
    of_feet = [row for row in rows if row["foot_speed"] is not None]
    errors = [{_HEADINGS.get(key, key): row[key] for key in (*which, *_HEADINGS)} for row in rows]
    of_feet = [{_FEET.get(key, key): row[key] for key in (*which, *_FEET)} for row in of_feet]
    return "\n\n".join([text_table(errors), *([text_table(of_feet, decimals=3)] if of_feet else [])])


_WAYS = ("off", "feet")
"""What `niki_tf.solve` is given as `ground`."""


def _asked(solver: common.Solver, way: str) -> Callable[[Arrays, float], Arrays]:
    """A function of what is seen of a clip, and of its frames a second, that gives the solver's answer.

    Args:
        solver: any solver.
        way: one of `_WAYS`, for the answer of `niki_tf.solve`; empty for that of the solver itself.
    """
    compiled: list[Callable[..., Arrays]] = []

    def alone(seen: Arrays, fps: float) -> Arrays:
        if not compiled:
            compiled.append(compile_solver(solver, inputs=seen, motion=True))
        return compiled[0](seen)

    def on_ground(seen: Arrays, fps: float) -> Arrays:
        motion = world_motion.solved(
            seen["joints"], betas=seen["betas"], solver=cast(Solver, solver), fps=fps, ground=way
        )
        return {name: getattr(motion, name) for name in ("global_orient", "body_pose", "transl")}

    return on_ground if way else alone


def _observation(truth: Arrays, noise: np.ndarray, poser: BodyPoser, *, twist: bool, betas: str) -> Arrays:
    """What solvers are given of one clip: joints as they stand in the world, not relative to joint 0."""
    seen = common.observation(truth, noise=noise, twist=twist)
    seen["joints"] = truth["joints"] + noise
    find = functools.partial(given_shape.found_betas, seen, poser.body_joints)
    return {**seen, "betas": given_shape.given_betas(truth["betas"], betas, find=find)}


def _errors(answer: Arrays, truth: Arrays, given: np.ndarray, poser: BodyPoser, *, fps: float) -> Arrays:
    """The errors of one clip, by the names of the columns: (T,), of accelerations (T - 2,); `feet` is (n, 2).

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
    place = rest[:, :1] + answer["transl"][:, None]
    posed = {name: points + place for name, points in poser.pose(local, betas=truth["betas"]).items()}
    of_feet = {
        "feet": feet.planted_speeds(posed["joints"], truth["joints"], fps=fps),
        "penetration_mm": feet.penetration_mm(posed["vertices"], truth["vertices"]),
    }
    joints, true = (body["joints"][:, : skeletons.NUM_ROTATIONS] for body in (posed, truth))
    return {
        **of_feet,
        "mpjpe": metrics.root_aligned_mpjpe(joints, true),
        "world_mpjpe": metrics.mpjpe(joints, true),
        "accel": metrics.accel_error(metrics.root_aligned(joints), metrics.root_aligned(true)),
        "world_accel": metrics.accel_error(joints, true),
    }


def _row(name: str, way: str, level: float, errors: Sequence[Arrays]) -> Row:
    def mean(column: str) -> float:
        return float(np.concatenate([of_clip[column] for of_clip in errors]).mean())

    row = {
        "solver": name,
        **({"ground": way} if way else {}),
        "noise_mm": level,
        "frames": common.CLIP_FRAMES * len(errors),
    }
    of_feet = feet.foot_columns([of_clip["feet"] for of_clip in errors])
    return {**row, **{key: mean(key) for key in _HEADINGS}, **of_feet, "penetration_mm": mean("penetration_mm")}
