"""One trace for all networks of one shape, in a graph that has many of them."""

import contextlib
import contextvars
import json
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

_Traces = dict[str, Any]
_TRACES: contextvars.ContextVar[_Traces | None] = contextvars.ContextVar("traces", default=None)


@contextlib.contextmanager
def shared_traces() -> Iterator[None]:
    """While a graph is traced within this context, networks of one configuration are traced once, as one function."""
    token = _TRACES.set({})
    try:
        yield
    finally:
        _TRACES.reset(token)


def run(network: keras.layers.Layer, *inputs: tf.Tensor, **options: bool) -> tuple[tf.Tensor, ...]:
    """The outputs of `network.call(*inputs)`; within `shared_traces`, by one function for all of its configuration.

    A network that holds more than its weights, such as the seeds of dropout, is called as it is.

    Args:
        network: built.
        inputs: what its `call` takes.
        options: the same, but known when the graph is made, such as `training`.
    """
    traces = _TRACES.get()
    if traces is None or tf.executing_eagerly() or len(network.variables) > len(network.weights):
        return network.call(*inputs, **options)  # as it is, also where it draws random numbers
    key = json.dumps({**network.get_config(), "name": "", **options})
    if key not in traces:
        traces[key] = _function(network, options)
    return traces[key]([tf.convert_to_tensor(weight) for weight in network.weights], *inputs)


def _function(first: keras.layers.Layer, options: dict[str, bool]) -> Any:
    """The calls of a network as a function of its weights and inputs."""

    @tf.function(autograph=False)
    def traced(weights: list[tf.Tensor], *inputs: tf.Tensor) -> tuple[tf.Tensor, ...]:
        with keras.StatelessScope(state_mapping=list(zip(first.weights, weights, strict=True))):
            return first.call(*inputs, **options)

    return traced
