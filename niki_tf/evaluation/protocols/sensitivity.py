"""The protocol of occlusion sensitivity: how far the body is off when one joint, or one part of it, is hidden.

Of every `stride`-th clip the first 60 frames are used, on a body of random shape, turned to a camera at a random
azimuth. An estimator observes the joints; each joint in turn, and each part, is hidden throughout: it is observed 100
to 300 mm off, as in the occlusion protocol, and its twist is not known. The errors of the other joints are the same
each time. The error of an answer is MPJPE of the 24 joints relative to joint 0; `rise_mm` is by how much it is larger
than with nothing hidden. Source: NIKI, supplementary material, section F, carried over from images to joints; Zeiler
and Fergus, Visualizing and understanding convolutional networks, ECCV 2014.
"""

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from niki_tf import contract, skeletons
from niki_tf.body import BodyData, BodyJoints, forward_kinematics, mannequin
from niki_tf.evaluation import body_maps, figures, metrics
from niki_tf.evaluation.filters import Filter
from niki_tf.evaluation.protocols import common, given_shape
from niki_tf.evaluation.protocols.common import Arrays
from niki_tf.evaluation.protocols.occluded_clips import ClipRunner, ObservedClip
from niki_tf.evaluation.tables import Row, pivot, text_table
from niki_tf.inference.graphs import compile_solver
from niki_tf.motion.clip import Clip

Hide = Callable[..., Mapping[str, Any]]
"""A function (clip, joints, twist, seed=, hidden=) -> dict of joints, root, joint_sigma, twist and hidden (T, 29), such
as `niki_tf.data.hidden_motion`."""

NOTHING = "nothing"
"""What is hidden in the row that others are compared with."""
_ARM, _LEG = ("shoulder", "elbow", "wrist", "hand", "middle_tip"), ("hip", "knee", "ankle", "foot", "big_toe")
PARTS: dict[str, tuple[str, ...]] = {
    "head_and_neck": ("neck", "head", "head_top"),
    "trunk": ("pelvis", "spine1", "spine2", "spine3", "left_collar", "right_collar"),
    **{f"{side}_arm": tuple(f"{side}_{name}" for name in _ARM) for side in ("left", "right")},
    **{f"{side}_leg": tuple(f"{side}_{name}" for name in _LEG) for side in ("left", "right")},
}
"""The parts of the body by name, and the names of their joints; each joint is in one."""
KINDS: dict[str, dict[str, tuple[str, ...]]] = {
    "joint": {name: (name,) for name in skeletons.SMPL_29.names},
    "part": PARTS,
}
"""Kind of what is hidden -> its names, and the names of the joints of each."""

_SCORED = slice(skeletons.NUM_ROTATIONS)


def sensitivity_rows(
    clips: Sequence[Clip],
    *,
    solvers: Mapping[str, common.Solver],
    body: BodyData,
    hide: Hide,
    filters: Mapping[str, Filter] | None = None,
    stride: int = 1,
    seed: int = 0,
    batch_size: int = 256,
    twist: bool = True,
    betas: str = "true",
    progress: bool = False,
) -> list[Row]:
    """The rows of the protocol; every solver is given the same bodies and the same observations.

    Args:
        clips: list of Clip; of every `stride`-th those of 60 frames or more are used.
        solvers: dict of name -> solver; the names go into the rows.
        body: BodyData that makes the joints.
        hide: see `Hide`.
        filters: dict of name -> one of the values of `evaluation.FILTERS`, for the solvers whose joints are filtered.
        stride: use every n-th clip.
        seed: of shapes, cameras and errors.
        batch_size: frames posed at a time.
        twist: give the observed twist to the solvers that use one.
        betas: one of `given_shape.BETAS`, found from the joints as they are; answers are posed with the true ones
            either way.
        progress: show a progress bar.

    Returns:
        list of dicts: solver, kind (nothing, joint or part), hidden (its name), frames, mpjpe and rise_mm, millimetres.

    Raises:
        ValueError: no clips of 60 frames, no solvers, or a number out of range.
        FloatingPointError: a solver gave numbers that are not finite.
    """
    common.check_arguments(clips, solvers, stride=stride, batch_size=batch_size)
    given_shape.check_betas(betas)
    used = common.long_clips(clips, stride=stride)
    runner = ClipRunner(body, None, seed=seed, batch_size=batch_size, twist=twist, betas=betas)
    measured = _Measured(solvers, filters or {}, body.body_joints(), hide=hide, seed=seed)
    with tqdm.tqdm(total=len(used) * len(_hidden_masks()), unit="case", disable=not progress) as bar:
        for clip in used:
            short = dataclasses.replace(
                clip, poses=clip.poses[: common.CLIP_FRAMES], trans=clip.trans[: common.CLIP_FRAMES], times=None
            )
            for _ in measured.add(runner.observe(short)):
                bar.update()
    return measured.rows()


def sensitivity_tables(rows: Sequence[Row]) -> str:
    """A text table of the errors and one of their rise, a line for what is hidden, a column for each solver."""
    headings = {"mpjpe": "MPJPE, mm", "rise_mm": "Rise over nothing hidden, mm"}
    tables = [
        f"{heading}; lines are what is hidden\n{text_table(pivot(rows, index='hidden', column='solver', value=value))}"
        for value, heading in headings.items()
    ]
    return "\n\n".join(tables)


def sensitivity_figure(rows: Sequence[Row], path: str | os.PathLike, *, title: str) -> None:
    """Draws the mannequin for each solver, a line for joints and one for parts, coloured by the error, as a PNG."""
    names = [*dict.fromkeys(row["solver"] for row in rows)]
    panels = {}
    for kind, members in KINDS.items():
        for name in names:
            errors = {row["hidden"]: row["mpjpe"] for row in rows if (row["kind"], row["solver"]) == (kind, name)}
            heading = f"{figures.short_name(name, names)}\neach {kind} hidden"
            panels[heading] = _of_joints({joint: errors[one] for one, joints in members.items() for joint in joints})
    body_maps.body_map_figure(panels, path, data=mannequin(), columns=len(names), meaning="MPJPE (mm)", title=title)


def _of_joints(errors: Mapping[str, float]) -> np.ndarray:
    """The numbers (24,) of the joints that carry vertices."""
    return np.array([errors[name] for name in skeletons.SMPL_29.names[_SCORED]])


def _hidden_masks() -> dict[tuple[str, str], np.ndarray]:
    """Kind and name of what is hidden -> which joints, (29,) bool."""
    sets = {(kind, name): joints for kind, members in KINDS.items() for name, joints in members.items()}
    sets = {(NOTHING, NOTHING): (), **sets}
    return {key: np.isin(skeletons.SMPL_29.names, joints) for key, joints in sets.items()}


class _Measured:
    """Errors of all solvers with one thing hidden after the other.

    Args:
        solvers: dict of name -> solver.
        filters: dict of name -> filter.
        body_joints: of the body that is observed.
        hide: see `Hide`.
        seed: of the errors.
    """

    def __init__(
        self,
        solvers: Mapping[str, common.Solver],
        filters: Mapping[str, Filter],
        body_joints: BodyJoints,
        *,
        hide: Hide,
        seed: int,
    ) -> None:
        self._solvers, self._filters, self._hide, self._seed = solvers, filters, hide, seed
        self._compiled: dict[str, Callable[[Arrays], Arrays]] = {}
        self._errors: dict[tuple[str, str, str], list[np.ndarray]] = {}

        def posed(local: tf.Tensor, betas: tf.Tensor) -> tf.Tensor:
            return forward_kinematics(local, body_joints(betas))[0]

        self._posed = tf.function(posed, reduce_retracing=True, autograph=False)

    def add(self, observed: ObservedClip) -> Iterator[None]:
        """Solves one clip, observed as it is, with each thing hidden in turn."""
        true = observed.truth["joints"]
        for (kind, name), mask in _hidden_masks().items():
            seen = dict(self._hide(observed.clip, true, observed.truth["twist"], seed=self._seed, hidden=mask))
            seen["joints"] = seen["joints"] + (seen.pop("root") + observed.path)[:, None]
            inputs = {key: seen.get(key, given) for key, given in observed.inputs.items()}
            inputs["joint_sigma"] = seen["joint_sigma"]
            for solver in self._solvers:
                local = self._answer(solver, inputs, observed.clip.fps)
                joints = self._posed(local, observed.truth["betas"]).numpy()
                error = metrics.root_aligned_mpjpe(joints[:, _SCORED], true[:, _SCORED])
                self._errors.setdefault((solver, kind, name), []).append(error)
            yield

    def _answer(self, name: str, inputs: Arrays, fps: float) -> np.ndarray:
        """Local rotations (T, 24, 3, 3) that a solver answers."""
        if name in self._filters:
            inputs = {**inputs, "joints": self._filters[name](inputs["joints"], fps=fps).astype(np.float32)}
        if name not in self._compiled:
            self._compiled[name] = compile_solver(self._solvers[name], inputs=inputs, motion=True)
        local = contract.local_rotations(self._compiled[name](inputs))
        if not np.isfinite(local).all():
            raise FloatingPointError(f"{name} gave NaN or infinity. Are the weights whole?")
        return local

    def rows(self) -> list[Row]:
        """The rows of the protocol."""
        rows = []
        for (solver, kind, hidden), errors in sorted(self._errors.items(), key=lambda item: self._place(item[0][0])):
            mpjpe, usual = (
                float(np.concatenate(some).mean()) for some in (errors, self._errors[solver, NOTHING, NOTHING])
            )
            row = {"solver": solver, "kind": kind, "hidden": hidden, "frames": sum(map(len, errors))}
            rows.append({**row, "mpjpe": mpjpe, "rise_mm": mpjpe - usual})
        return rows

    def _place(self, solver: str) -> int:
        return list(self._solvers).index(solver)
