"""What speed.py times: solvers, and the flow of one_stage alone, with their inputs and weights."""

import pathlib
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from niki_tf import body, flows, skeletons, solvers
from niki_tf.flows import TemporalConditioner
from niki_tf.solvers import zoo

_WINDOW = 16
_NOISE_M = 0.05
"""Standard deviation of the joints about the rest pose."""
_KINDS = {"one_stage": solvers.OneStage, "twist_swing": solvers.TwistSwing, "temporal": solvers.Temporal}
_SIZE, _CONDITION = 176, 16
"""Entries of the vector and of the condition of one_stage's flow."""


class FlowModel(keras.Model):
    """A flow as a model: `vector` (N, 176) and `condition` (N, 16) -> `pose` (N, 176).

    Args:
        flow: of one_stage.
    """

    def __init__(self, flow: flows.Flow) -> None:
        super().__init__()
        self.flow, self.built = flow, True

    def call(self, inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The pose's end of the flow."""
        return {"pose": self.flow(inputs["vector"], inputs["condition"])}

    def build(self, input_shape: Any = None) -> None:
        """Nothing to do."""


class Subject(NamedTuple):
    """A model and what is given to it.

    Attributes:
        model: takes and returns dictionaries.
        over_time: whether it takes windows.
        file: the model.keras that it was read from, or None.
    """

    model: keras.Model
    over_time: bool = False
    file: pathlib.Path | None = None

    @property
    def is_flow(self) -> bool:
        """Whether it is a flow alone."""
        return isinstance(self.model, FlowModel)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the inputs, after the leading axes."""
        if self.is_flow:
            return {"vector": (_SIZE,), "condition": (_CONDITION,)}
        twist = {"twist": (skeletons.NUM_TWISTS, 2)} if self.model.needs_twist else {}
        return {"joints": (skeletons.NUM_JOINTS, 3), **twist}

    def inputs(self, batch: int, *, in_windows: bool = True) -> dict[str, np.ndarray]:
        """Arrays of a batch: noisy joints of the rest pose, twists of zero; windows of frames for what sees time."""
        leading = [batch, _WINDOW] if self.over_time and in_windows else [batch]
        rng = np.random.default_rng(0)
        arrays = {name: 0.3 * rng.normal(size=[*leading, *shape]) for name, shape in self.shapes().items()}
        if not self.is_flow:
            joints = body.mannequin_joints().joints
            arrays["joints"] = joints + _NOISE_M * rng.normal(size=[*leading, *joints.shape])
        if "twist" in arrays:
            arrays["twist"][...] = [1.0, 0.0]
        return {name: array.astype(np.float32) for name, array in arrays.items()}

    def about(self) -> dict[str, Any]:
        """Weights that take part, weights that are stored, operations a frame, and frames of an example."""
        weights = self.model.count_params()
        frames = _WINDOW if self.over_time else 1
        stored = {} if self.file is None else {"bytes": self.file.stat().st_size}
        return {"weights": weights, "stored": weights, "flops": flops(self.model), "frames": frames, **stored}


def subject(name: str, size: str) -> Subject:
    """The subject that a name and a size mean."""
    parsed = zoo.parse_name(name)
    keras.utils.set_random_seed(0)
    if parsed.base == "flow":
        widths = {} if size == "published" else {"hidden_dim": zoo.load("one_stage").flow.hidden_dim}
        return Subject(FlowModel(flows.Flow(_SIZE, condition=_CONDITION, **widths)))
    if size == "published":
        solver = _KINDS[parsed.base](body.mannequin_joints(), refine=zoo.FINISH_STEPS * parsed.finish)
    else:
        solver = zoo.load(name)
    folder = zoo.find(parsed.base) if size == "shipped" else None
    return Subject(solver, solver.event_axes == 2, folder and folder / "model.keras")


def flops(model: keras.Model) -> float:
    """Operations of the matrix products of a frame; a temporal coupling sees every other frame."""
    halved = {id(layer) for one in _of_kind(model, TemporalConditioner) for layer in _dense(one)}
    sizes = {id(layer): layer.kernel.shape.num_elements() for layer in _dense(model)}
    return sum(size if one in halved else 2 * size for one, size in sizes.items())


def _dense(layer: keras.layers.Layer) -> list[keras.layers.Dense]:
    return _of_kind(layer, keras.layers.Dense)


def _of_kind(layer: keras.layers.Layer, kind: type) -> list[Any]:
    return [one for one in layer._flatten_layers() if isinstance(one, kind)]
