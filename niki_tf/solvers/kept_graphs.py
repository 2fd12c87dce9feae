"""Calls of a solver as graphs that are made once and kept, of any batch and any number of frames."""

import collections
import threading
import zlib
from collections.abc import Callable, Hashable, Mapping, Sequence

import keras
import tensorflow as tf

from niki_tf.fitting import for_xla

MOST = 8
"""Graphs that are kept at a time; the one that was not asked for longest is forgotten for another."""

_Tensors = Mapping[str, tf.Tensor]


class KeptGraphs:
    """The graphs of one solver; any number of threads may run them, and one at a time makes them.

    A graph reads weights where they are, so that changed ones show, unless it is one of `freeze`. What it was made with
    otherwise, such as the number of steps of a finish, belongs to its key.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._graphs: collections.OrderedDict[Hashable, tf.types.experimental.ConcreteFunction] = (
            collections.OrderedDict()
        )
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
    ) -> dict[str, tf.Tensor]:
        """What `function` gives for `inputs`, by a graph whose leading axes are of any size.

        Args:
            function: dict of tensors -> dict of tensors.
            inputs: by name.
            inner: number of last axes of each input that have a fixed size.
            key: all that the function's answer depends on besides the inputs and the weights.
        """
        specs = {name: _free(tensor, inner[name]) for name, tensor in inputs.items()}
        whole = _whole_key(key, specs)
        with self._lock:
            if self._frozen:
                fixed = _whole_key(key, _fixed(inputs))
                whole = fixed if fixed in self._frozen else whole
            graph = self._graphs.get(whole)
            if graph is None:
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

        Args:
            function: see `run`.
            inputs: see `run`.
            key: see `run`.
            weights: all that `function` reads.
        """
        specs = _fixed(inputs)
        whole = _whole_key(key, specs)
        with self._lock:
            self.thaw(weights)
            if whole in self._frozen:
                return
            frozen = _with_constants(function, weights)
            graph = tf.function(frozen, input_signature=[specs], autograph=False, jit_compile=True)
            graph = graph.get_concrete_function()
            graph(inputs)  # XLA compiles
            self._frozen[whole] = _checksum(weights)
            self._keep(whole, graph)

    def thaw(self, weights: Sequence[keras.Variable]) -> None:
        """Forgets what `freeze` made if the weights are others now."""
        with self._lock:
            if self._frozen and {*self._frozen.values()} != {_checksum(weights)}:
                self.clear()

    def _keep(self, key: Hashable, graph: tf.types.experimental.ConcreteFunction) -> None:
        """Keeps a graph as the one that was asked for last."""
        self._graphs[key] = graph
        self._graphs.move_to_end(key)
        while len(self._graphs) > MOST:
            forgotten, _ = self._graphs.popitem(last=False)
            self._frozen.pop(forgotten, None)


def are_wanted() -> bool:
    """Whether calls go through graphs: not within another graph, nor under `tf.config.run_functions_eagerly`."""
    return tf.executing_eagerly() and not tf.config.functions_run_eagerly()


def _whole_key(key: Hashable, specs: Mapping[str, tf.TensorSpec]) -> Hashable:
    return key, tuple(sorted(specs.items(), key=lambda item: item[0]))


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


def _fixed(tensors: _Tensors) -> dict[str, tf.TensorSpec]:
    """The specifications of tensors of the shapes of these."""
    return {name: tf.TensorSpec(tensor.shape, tensor.dtype) for name, tensor in tensors.items()}


def _free(tensor: tf.Tensor, inner: int) -> tf.TensorSpec:
    """The specification of tensors like this one, of leading axes of any size."""
    leading = tensor.shape.rank - inner
    return tf.TensorSpec([None] * leading + tensor.shape[leading:], tensor.dtype)
