"""Calls of a solver as graphs that are made once and kept, of any batch and any number of frames."""

import collections
import threading
import zlib
from collections.abc import Callable, Hashable, Mapping, Sequence

import keras
import tensorflow as tf

from niki_tf import for_xla

MOST = 8
"""Graphs that are kept at a time; the one that was not asked for longest is forgotten for another."""

_Tensors = Mapping[str, tf.Tensor]
_Shape = tuple[int | None, ...]
_Graph = Callable[[_Tensors], dict[str, tf.Tensor]]


class KeptGraphs:
    """The graphs of one solver; any number of threads may run them, and one at a time makes them.

    A graph reads weights where they are, so that changed ones show, unless it is one of `freeze`. What it was made with
    otherwise, such as the number of steps of a finish, belongs to its key.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._graphs: collections.OrderedDict[Hashable, _Graph] = collections.OrderedDict()
        self._frozen: dict[Hashable, int] = {}

    def __len__(self) -> int:
        return len(self._graphs)

    def clear(self) -> None:
        """Forgets all graphs."""
        with self._lock:
            self._graphs.clear()
            self._frozen.clear()

    def run(
        self,
        function: Callable[[_Tensors], dict[str, tf.Tensor]],
        inputs: _Tensors,
        *,
        inner: Mapping[str, int],
        key: Hashable,
        many: bool = False,
    ) -> dict[str, tf.Tensor]:
        """What `function` gives for `inputs`, by a graph whose leading axes are of any size.

        Args:
            function: dict of tensors -> dict of tensors.
            inputs: by name.
            inner: number of last axes of each input that have a fixed size.
            key: all that the function's answer depends on besides the inputs and the weights.
            many: whether the function makes a graph for many examples, which is another one.
        """
        shapes = {name: tuple(tensor.shape) for name, tensor in inputs.items()}
        with self._lock:
            whole = _whole_key(key, inputs, shapes)
            if whole not in self._frozen:
                shapes = {name: _free(shape, inner[name]) for name, shape in shapes.items()}
                whole = _whole_key((key, many), inputs, shapes)
            graph = self._graphs.get(whole)
            if graph is None:
                specs = {name: tf.TensorSpec(shapes[name], tensor.dtype) for name, tensor in inputs.items()}
                graph = tf.function(function, input_signature=[specs], autograph=False).get_concrete_function()
            self._keep(whole, graph)
        return graph(inputs)

    def freeze(
        self,
        function: Callable[[_Tensors], dict[str, tf.Tensor]],
        inputs: _Tensors,
        *,
        key: Hashable,
        weights: Sequence[keras.Variable],
    ) -> None:
        """Makes a graph by XLA for inputs of these very shapes, which `run` takes from now on; some seconds' work.

        Weights are constants of it, as they are now: to hand over hundreds of them takes longer than a small network.
        No gradients pass through.

        Args:
            function: see `run`.
            inputs: see `run`.
            key: see `run`.
            weights: all that `function` reads.
        """
        whole = _whole_key(key, inputs, {name: tuple(tensor.shape) for name, tensor in inputs.items()})
        with self._lock:
            self.thaw(weights)
            if whole in self._frozen:
                return
            frozen = _with_constants(function, weights)
            specs = {name: tf.TensorSpec(tensor.shape, tensor.dtype) for name, tensor in inputs.items()}
            graph = tf.function(frozen, input_signature=[specs], autograph=False, jit_compile=True)
            graph = _flat(graph.get_concrete_function())
            graph(inputs)  # XLA compiles
            self._frozen[whole] = _checksum(weights)
            self._keep(whole, graph)

    def thaw(self, weights: Sequence[keras.Variable]) -> None:
        """Forgets what `freeze` made if the weights are others now."""
        with self._lock:
            if self._frozen and {*self._frozen.values()} != {_checksum(weights)}:
                self.clear()

    def _keep(self, key: Hashable, graph: _Graph) -> None:
        """Keeps a graph as the one that was asked for last."""
        self._graphs[key] = graph
        self._graphs.move_to_end(key)
        while len(self._graphs) > MOST:
            forgotten, _ = self._graphs.popitem(last=False)
            self._frozen.pop(forgotten, None)


def are_wanted() -> bool:
    """Whether calls go through graphs: not within another graph, nor under `tf.config.run_functions_eagerly`."""
    return tf.executing_eagerly() and not tf.config.functions_run_eagerly()


def _whole_key(key: Hashable, inputs: _Tensors, shapes: Mapping[str, _Shape]) -> Hashable:
    return key, *sorted((name, inputs[name].dtype, shape) for name, shape in shapes.items())


def _flat(graph: tf.types.experimental.ConcreteFunction) -> _Graph:
    """The graph without what is done around a call for gradients, which takes a tenth as long as a small network."""
    names = sorted(graph.structured_outputs)

    def run(inputs: _Tensors) -> dict[str, tf.Tensor]:
        given = [tensor for _, tensor in sorted(inputs.items(), key=lambda item: item[0])]
        return dict(zip(names, graph.inference_fn.call_flat(*given, *graph.captured_inputs), strict=True))

    return run


def _with_constants(
    function: Callable[[_Tensors], dict[str, tf.Tensor]], weights: Sequence[keras.Variable]
) -> Callable[[_Tensors], dict[str, tf.Tensor]]:
    """The function with the weights' present values in their place, as a graph for XLA."""
    values = [weight.numpy() for weight in weights]

    def frozen(inputs: _Tensors) -> dict[str, tf.Tensor]:
        constants = [(weight, tf.constant(value)) for weight, value in zip(weights, values, strict=True)]
        with keras.StatelessScope(state_mapping=constants), for_xla.for_xla():
            return function(inputs)

    return frozen


def _checksum(weights: Sequence[keras.Variable]) -> int:
    """A number that tells weights from others."""
    total = 0
    for weight in weights:
        total = zlib.crc32(weight.numpy().tobytes(), total)
    return total


def _free(shape: _Shape, inner: int) -> _Shape:
    """The shape with leading axes of any size."""
    leading = len(shape) - inner
    return (None,) * leading + shape[leading:]
