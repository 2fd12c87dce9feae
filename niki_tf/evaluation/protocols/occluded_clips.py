"""Occluded clips, as the protocols of occlusion use them: what is observed, what solvers are given, posed answers."""

import dataclasses
import functools
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tqdm

from niki_tf import contract, rotations, skeletons
from niki_tf.body import BodyData, BodyPoser
from niki_tf.evaluation.filters import Filter
from niki_tf.evaluation.protocols import common, given_shape
from niki_tf.evaluation.protocols.common import Arrays
from niki_tf.inference.graphs import compile_solver
from niki_tf.motion.clip import Clip

Occlude = Callable[..., Mapping[str, Any]]
"""A function (clip, joints, twist, seed=) -> dict of joints, root, joint_sigma, twist and hidden (T, 29), such as
`niki_tf.data.occluded_motion`."""


@dataclasses.dataclass(frozen=True, eq=False)
class ObservedClip:
    """One clip: the truth and what solvers are given."""

    clip: Clip
    truth: Arrays
    """What `BodyPoser.truth` gives."""
    path: np.ndarray
    """(T, 3) metres, where joint 0 is in the world, to which the joints that solvers are given belong."""
    inputs: Arrays
    """What solvers are given."""
    hidden: np.ndarray
    """(T, 29), which joints are hidden."""


class ClipRunner:
    """Observes clips and poses the answers to them, a batch of frames at a time."""

    def __init__(
        self, body: BodyData, occlude: Occlude | None, *, seed: int, batch_size: int, twist: bool, betas: str
    ) -> None:
        self._poser, self._occlude, self._seed, self._batch_size = BodyPoser(body), occlude, seed, batch_size
        self._twist, self._betas = twist, betas

    def observe(self, clip: Clip) -> ObservedClip:
        """The clip as a camera at a random azimuth sees it, on a body of random shape."""
        camera, shape = np.random.default_rng([self._seed, zlib.crc32(clip.poses.tobytes())]).spawn(2)
        local = rotations.rotvec_to_matrix(clip.poses)
        turn = rotations.rotvec_to_matrix(np.array([0.0, camera.uniform(0.0, 2.0 * np.pi), 0.0], np.float32))
        local = np.concatenate([turn @ local[:, :1], local[:, 1:]], 1)
        betas = np.repeat(common.random_betas(shape, 1, num_betas=self._poser.num_betas), len(clip), 0)
        truth = self._batched(lambda some: self._poser.truth(local[some], betas=betas[some]), len(clip))
        path = (clip.trans - clip.trans[0]) @ turn.numpy().T
        if self._occlude is None:
            hidden = np.zeros([len(clip), skeletons.NUM_JOINTS], bool)
            inputs = {"joints": truth["joints"] + path[:, None], "twist": truth["twist"]}
        else:
            inputs = dict(self._occlude(clip, truth["joints"], truth["twist"], seed=self._seed))
            hidden = inputs.pop("hidden")
            inputs["joints"] = inputs["joints"] + (inputs.pop("root") + path)[:, None]
        if not self._twist:
            del inputs["twist"]
        find = functools.partial(given_shape.found_betas, inputs, self._poser.body_joints)
        inputs["betas"] = given_shape.given_betas(betas, self._betas, find=find)
        return ObservedClip(clip, truth, path, inputs, hidden)

    def solve(
        self, solve: Callable[[Arrays], Mapping[str, Any]], observed: ObservedClip, function: Filter | None
    ) -> Arrays:
        """The true body posed by the answer of `solve`: dict of rotations, joints, vertices and root.

        Joints and vertices have the root at the origin, `root` (T, 3) metres is its place in the world. How sure
        joints are that went through a `function` is not known: their sigma is 0.

        Raises:
            FloatingPointError: the answer holds numbers that are not finite.
        """
        clip, inputs = observed.clip, observed.inputs
        if function is not None:
            inputs = {**inputs, "joints": function(inputs["joints"], fps=clip.fps).astype(np.float32)}
            if "joint_sigma" in inputs:
                absent = inputs["joint_sigma"] >= skeletons.ABSENT
                inputs["joint_sigma"] = np.where(absent, inputs["joint_sigma"], np.float32(0.0))
        answer = solve(inputs)
        local = contract.local_rotations(answer)
        root = answer["transl"] + self._poser.body_joints(inputs["betas"]).numpy()[:, 0]
        if not (np.isfinite(local).all() and np.isfinite(root).all()):
            raise FloatingPointError(f"an answer to clip {clip.name} holds NaN or infinity. Are the weights whole?")
        betas = observed.truth["betas"]
        posed = self._batched(lambda some: self._poser.pose(local[some], betas=betas[some]), len(clip))
        return {"rotations": local, "root": root, **posed}

    def _batched(self, function: Callable[[slice], Arrays], count: int) -> Arrays:
        """The dictionaries that `function` gives for slices of `count` frames, concatenated."""
        parts = [function(some) for some in common.batches(count, self._batch_size)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def solved_clips(
    clips: Sequence[Clip],
    *,
    solvers: Mapping[str, common.Solver],
    runner: ClipRunner,
    filters: Mapping[str, Filter] | None = None,
    progress: bool = False,
) -> Iterator[tuple[ObservedClip, str, Arrays]]:
    """Each clip, each solver's name, and its posed answer as of `ClipRunner.solve`; a clip's answers follow each other.

    Args:
        clips: list of Clip.
        solvers: dict of name -> solver.
        runner: observes the clips and poses the answers.
        filters: dict of name -> filter, for the solvers whose joints are filtered.
        progress: show a progress bar.
    """
    compiled: dict[str, Callable[[Arrays], Arrays]] = {}
    with tqdm.tqdm(total=len(solvers) * sum(map(len, clips)), unit="frame", disable=not progress) as bar:
        for clip in clips:
            observed = runner.observe(clip)
            for name, solver in solvers.items():
                if name not in compiled:
                    compiled[name] = compile_solver(solver, inputs=observed.inputs, motion=True)
                yield observed, name, runner.solve(compiled[name], observed, (filters or {}).get(name))
                bar.update(len(clip))
