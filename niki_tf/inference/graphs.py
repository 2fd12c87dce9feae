"""Solvers as one graph, for any number of frames."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from niki_tf.inference import windows
from niki_tf.solvers.window_solver import WindowSolver

ArrayFunction = Callable[..., dict[str, np.ndarray]]
"""A function from a dictionary of arrays to one of arrays."""


def array_function(function: Callable[[dict[str, tf.Tensor]], Mapping[str, tf.Tensor]]) -> ArrayFunction:
    """A function of tensors as one graph for any number of frames, from arrays to arrays."""
    graph = tf.function(function, autograph=False, reduce_retracing=True)

    def run(inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        tensors = {name: tf.convert_to_tensor(value, tf.float32) for name, value in inputs.items()}
        return {name: value.numpy() for name, value in graph(tensors).items()}

    return run


def compile_solver(
    solver: Callable[..., Mapping[str, tf.Tensor]], *, inputs: Mapping[str, Any], motion: bool = False
) -> Callable[[Mapping[str, Any]], dict[str, np.ndarray]]:
    """The solver as one graph for any number of frames.

    Args:
        solver: any solver.
        inputs: dict of arrays with the names and shapes of those to come, for instance the first frames, (N, ...).
        motion: the N frames follow each other in time; a solver that sees time is given them in windows. Otherwise such
            a solver takes windows, (N, T, ...), and `frame_mask` (N, T) with them.

    Returns:
        a function of such a dict, of any N, that gives the solver's dict as NumPy arrays.
    """
    over_time = isinstance(solver, WindowSolver)
    axes = 2 if over_time and not motion else 1
    shapes = {name: np.shape(array)[axes:] for name, array in inputs.items()}
    if over_time:
        shapes["frame_mask"] = ()
    leading = [None, None] if over_time else [None]
    signature = {name: tf.TensorSpec([*leading, *shape], tf.float32) for name, shape in shapes.items()}
    graph = tf.function(solver, input_signature=[signature], autograph=False)

    def solve(inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        answer = graph({name: tf.convert_to_tensor(array, tf.float32) for name, array in inputs.items()})
        return {name: tensor.numpy() for name, tensor in answer.items()}

    if not (motion and isinstance(solver, WindowSolver)):
        return solve
    return functools.partial(windows.solve_motion, solve, frames=solver.frames, step=solver.step)
