"""Methods that say what pose images show: solvers behind one network of images, and models of images by themselves."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from niki_tf import contract, vision
from niki_tf.body import BodyJoints, BodyPoser
from niki_tf.cli import image_answers
from niki_tf.cli.image_answers import Arrays, Poses
from niki_tf.data.image_sets import Example, ImageSet
from niki_tf.inference.graphs import compile_solver
from niki_tf.solvers import zoo
from niki_tf.solvers.analytic import Analytic
from niki_tf.solvers.solver import Solver
from niki_tf.solvers.window_solver import WindowSolver

Method = Callable[["Seen"], Poses]

_KNOWN = ("rotations", "betas", "image_center", "focal")


class Seen(NamedTuple):
    """Images that follow each other, and what the network says of them."""

    given: list[Example]
    """The images, each with its camera."""
    said: Arrays
    """Those of `contract.INPUTS` and `contract.HEAT`, and camera (N, 3)."""


def load_solvers(names: Mapping[str, str], body_joints: BodyJoints) -> dict[str, Solver]:
    """Solvers to stand behind a network of images; `analytic` is HybrIK there, which takes joints as they are told.

    Args:
        names: dict of name in tables -> name or folder, see `solvers.zoo.load`.
        body_joints: of the body that is posed.

    Raises:
        ValueError: see `solvers.zoo.load`.
    """
    loaded = {name: zoo.load(base, body_joints=body_joints) for name, base in names.items()}
    return {name: _unweighed(solver) if isinstance(solver, Analytic) else solver for name, solver in loaded.items()}


def _unweighed(solver: Analytic) -> Analytic:
    return Analytic.from_config({**solver.get_config(), "weighs_joints": False})


class Methods:
    """Methods by name, models by themselves first; each is compiled when it is first asked.

    Args:
        network: that solvers stand behind.
        solvers: dict of name -> solver.
        models: dict of name -> model of images that gives poses.

    Raises:
        ValueError: a model gives joints.
    """

    def __init__(
        self, network: vision.ImageJoints, *, solvers: Mapping[str, Solver], models: Mapping[str, vision.ImageModel]
    ) -> None:
        self._solvers = dict(solvers)
        self._network = image_answers.solver_inputs(network)
        self._methods: dict[str, Method] = {}
        for name, model in models.items():
            self._methods[name] = _by_itself(model, name)
        self._methods |= {name: _behind(solver) for name, solver in solvers.items()}

    @property
    def names(self) -> list[str]:
        """Of all methods."""
        return list(self._methods)

    @property
    def that_see_time(self) -> list[str]:
        """Names of the methods for which a single image is not enough."""
        return [name for name, solver in self._solvers.items() if isinstance(solver, WindowSolver)]

    def see(self, images: np.ndarray, *, like: Sequence[Example]) -> Seen:
        """What the network says of images (N, S, S, 3), whose cameras are those of N examples, or of one."""
        examples = list(like) * (len(images) if len(like) == 1 else 1)
        given: list[Example] = [{**one, "image": image} for one, image in zip(examples, images, strict=True)]
        return Seen(given, self._network(given))

    def answer(self, name: str, seen: Seen) -> Poses:
        """Rotations (N, 24, 3, 3) and betas (N, B) of a method.

        Raises:
            FloatingPointError: they are not finite.
        """
        local, betas = self._methods[name](seen)
        if not (np.isfinite(local).all() and np.isfinite(betas).all()):
            raise FloatingPointError(f"{name} gave NaN or infinity. Are the weights whole?")
        return local, betas

    def joints(self, name: str, poser: BodyPoser, *, like: Example) -> Callable[[np.ndarray], np.ndarray]:
        """A function of images (N, S, S, 3), of the camera of one example, to joints (N, 24, 3) of a method, metres."""

        def estimate(images: np.ndarray) -> np.ndarray:
            local, betas = self.answer(name, self.see(images, like=[like]))
            return poser.pose(local, betas=betas)["joints"][:, : local.shape[1]]

        return estimate


def chosen(images: ImageSet, *, count: int, seed: int) -> list[tuple[list[int], int]]:
    """Clips of a set and a frame of each, drawn whatever they show; frames of unknown pose or camera do not count.

    Args:
        images: the set.
        count: of the clips, at most.
        seed: of what is drawn.

    Returns:
        for each clip the numbers of its images, and which of them is the frame.

    Raises:
        ValueError: none of the set is known.
    """
    clips: dict[int, list[int]] = {}
    for number in range(len(images)):
        example = images[number]
        if all(np.isfinite(example[name]).all() for name in _KNOWN):
            clips.setdefault(int(example["clip"]), []).append(number)
    if not clips:
        raise ValueError(f"`images` must be a set that tells rotations, betas and cameras; {images.folder} has none.")
    rng = np.random.default_rng(seed)
    drawn = sorted(rng.choice(list(clips), min(count, len(clips)), replace=False))
    return [(clips[clip], int(rng.integers(len(clips[clip])))) for clip in drawn]


def _by_itself(model: vision.ImageModel, name: str) -> Method:
    ask = image_answers.poses(model, name=name)
    return lambda seen: ask(seen.given)


def _behind(solver: Solver) -> Method:
    compiled: list[Callable[[Arrays], Arrays]] = []
    taken = [*contract.INPUTS, *(name for name in contract.HEAT if name in solver.extra_inputs)]

    def method(seen: Seen) -> Poses:
        inputs = {name: seen.said[name] for name in taken}
        if not compiled:
            compiled.append(compile_solver(solver, inputs=inputs, motion=True))
        return contract.local_rotations(compiled[0](inputs)), inputs["betas"]

    return method
