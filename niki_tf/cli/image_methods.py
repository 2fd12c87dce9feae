"""Methods that say what pose images show: solvers behind one network of images, and models of images by themselves."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from niki_tf import contract, vision
from niki_tf.body import BodyPoser
from niki_tf.data.image_sets import Example, ImageSet
from niki_tf.inference.graphs import array_function, compile_solver
from niki_tf.solvers.solver import Solver
from niki_tf.solvers.window_solver import WindowSolver
from niki_tf.training import image_joints

Arrays = dict[str, np.ndarray]
Method = Callable[["Seen"], tuple[np.ndarray, np.ndarray]]
"""Images -> rotations (N, 24, 3, 3) and betas (N, B)."""

_GIVEN = ("image", "image_center", "focal")
_KNOWN = ("rotations", "betas", "image_center", "focal")
_AT_ONCE = 36
"""Images that a network sees at a time."""


class Seen(NamedTuple):
    """Images that follow each other, and what the network says of them."""

    given: Arrays
    """image (N, S, S, 3), image_center (N, 2) and focal (N,)."""
    said: Arrays
    """Those of `contract.INPUTS` and `contract.HEAT`, and camera (N, 3)."""


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
        self._network = _in_parts(array_function(lambda batch: _said(network, batch)))
        self._methods: dict[str, Method] = {}
        for name, model in models.items():
            if isinstance(model, vision.ImageJoints):
                raise ValueError(f"`image_solver` must be a model of images that gives poses; {name} gives joints.")
            self._methods[name] = _by_itself(model)
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
        given = {name: np.stack([np.float32(one[name]) for one in like]) for name in _GIVEN[1:]}
        given = {name: np.broadcast_to(value, [len(images), *value.shape[1:]]) for name, value in given.items()}
        given = {"image": np.asarray(images, np.float32), **given}
        return Seen(given, self._network(given))

    def answer(self, name: str, seen: Seen) -> tuple[np.ndarray, np.ndarray]:
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


def _said(network: vision.ImageJoints, batch: Mapping[str, Any]) -> dict[str, Any]:
    found = network(image_joints.model_inputs(batch))
    return {name: found[name] for name in (*contract.INPUTS, *contract.HEAT, "camera")}


def _in_parts(function: Callable[[Arrays], Arrays]) -> Callable[[Arrays], Arrays]:
    """A function of arrays that is asked for a part of the images at a time."""

    def ask(given: Arrays) -> Arrays:
        starts = range(0, len(given["image"]), _AT_ONCE)
        parts = [function({name: value[start : start + _AT_ONCE] for name, value in given.items()}) for start in starts]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    return ask


def _by_itself(model: vision.ImageModel) -> Method:
    ask = _in_parts(array_function(lambda batch: model(image_joints.model_inputs(batch))))

    def method(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
        answer = ask(seen.given)
        return contract.local_rotations(answer), answer["betas"]

    return method


def _behind(solver: Solver) -> Method:
    compiled: list[Callable[[Arrays], Arrays]] = []
    taken = [*contract.INPUTS, *(name for name in contract.HEAT if name in solver.extra_inputs)]

    def method(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
        inputs = {name: seen.said[name] for name in taken}
        if not compiled:
            compiled.append(compile_solver(solver, inputs=inputs, motion=True))
        return contract.local_rotations(compiled[0](inputs)), inputs["betas"]

    return method
