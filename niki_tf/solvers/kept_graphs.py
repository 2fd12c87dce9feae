"""Calls of a solver as graphs that are made once and kept, of any batch and any number of frames."""

import collections
import threading
from collections.abc import Callable, Hashable, Mapping

import tensorflow as tf

MOST = 8
"""Graphs that are kept at a time; the one that was not asked for longest is forgotten for another."""

_Tensors = Mapping[str, tf.Tensor]


class KeptGraphs:
    """The graphs of one solver; any number of threads may run them, and one at a time makes them.

    A graph reads weights where they are, so that changed ones show. What it was made with otherwise, such as the number
    of steps of a finish, belongs to its key.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._graphs: collections.OrderedDict[Hashable, tf.types.experimental.PolymorphicFunction] = (
            collections.OrderedDict()
        )

    def __len__(self) -> int:
        return len(self._graphs)

    def clear(self) -> None:
        """Forgets all graphs."""
        with self._lock:
            self._graphs.clear()

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
        return self._graph(function, specs, (key, tuple(sorted(specs.items(), key=lambda item: item[0]))))(inputs)

    def _graph(
        self, function: Callable[[_Tensors], dict[str, tf.Tensor]], specs: dict[str, tf.TensorSpec], key: Hashable
    ) -> tf.types.experimental.PolymorphicFunction:
        with self._lock:
            graph = self._graphs.get(key)
            if graph is None:
                graph = tf.function(function, input_signature=[specs], autograph=False)
                graph.get_concrete_function()
                self._graphs[key] = graph
            self._graphs.move_to_end(key)
            while len(self._graphs) > MOST:
                self._graphs.popitem(last=False)
            return graph


def are_wanted() -> bool:
    """Whether calls go through graphs: not within another graph, nor under `tf.config.run_functions_eagerly`."""
    return tf.executing_eagerly() and not tf.config.functions_run_eagerly()


def _free(tensor: tf.Tensor, inner: int) -> tf.TensorSpec:
    """The specification of tensors like this one, of leading axes of any size."""
    leading = tensor.shape.rank - inner
    return tf.TensorSpec([None] * leading + tensor.shape[leading:], tensor.dtype)
