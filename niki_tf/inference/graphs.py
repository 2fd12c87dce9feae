"""Solvers as one graph, for any number of frames."""

import functools
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar, cast

import numpy as np
import tensorflow as tf

from niki_tf import contract
from niki_tf.fitting import gauss_newton
from niki_tf.inference import windows
from niki_tf.solvers.window_solver import WindowSolver

ArrayFunction = Callable[..., dict[str, np.ndarray]]
"""A function from a dictionary of arrays to one of arrays."""

_Make = TypeVar("_Make", bound=Callable[..., Any])


def kept_with_owner(most: int) -> Callable[[_Make], _Make]:
    """As `functools.lru_cache(most)` for each first argument, with which what was made goes, too.

    What is made may refer to its owner: a cache that is not the owner's own would keep both for ever.
    """

    def decorate(make: _Make) -> _Make:
        @functools.wraps(make)
        def kept(owner: Any, *key: Hashable) -> Any:
            caches = vars(owner).setdefault("_kept_with_owner", {})
            if make not in caches:
                caches.setdefault(make, functools.lru_cache(most)(functools.partial(make, owner)))
            return caches[make](*key)

        return cast(_Make, kept)

    return decorate


def array_function(function: Callable[[dict[str, tf.Tensor]], Mapping[str, tf.Tensor]]) -> ArrayFunction:
    """A function of tensors as one graph for any number of frames, from arrays to arrays."""
    return _of_arrays(tf.function(function, autograph=False, reduce_retracing=True))


def compile_solver(
    solver: Callable[..., Mapping[str, tf.Tensor]], *, inputs: Mapping[str, Any], motion: bool = False
) -> Callable[[Mapping[str, Any]], dict[str, np.ndarray]]:
    """The solver as one graph for any number of frames, and made for many (`gauss_newton.for_many`).

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
    signature = _specs(shapes, leading)
    if not (motion and isinstance(solver, WindowSolver)):
        return _of_arrays(tf.function(gauss_newton.for_many()(solver), input_signature=[signature], autograph=False))
    estimate = tf.function(solver.estimate, input_signature=[signature], autograph=False)
    found = {name: contract.ANSWER[name] for name in estimate.get_concrete_function().structured_outputs}
    estimated = _specs(found, leading)
    complete = gauss_newton.for_many()(solver.complete)
    complete = tf.function(complete, input_signature=[signature, estimated], autograph=False)
    stages = windows.Stages(_of_arrays(estimate), _of_arrays(complete))
    return functools.partial(windows.solve_motion, stages, frames=solver.frames, step=solver.step)


def _specs(shapes: Mapping[str, Any], leading: list[None]) -> dict[str, tf.TensorSpec]:
    """Specifications of float32 tensors with inner axes `shapes` by name."""
    return {name: tf.TensorSpec([*leading, *shape], tf.float32) for name, shape in shapes.items()}


def _of_arrays(graph: Callable[..., Mapping[str, tf.Tensor]]) -> ArrayFunction:
    """The function of dictionaries of tensors as one of dictionaries of arrays."""

    def run(*inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        tensors = [{name: tf.convert_to_tensor(value, tf.float32) for name, value in some.items()} for some in inputs]
        return {name: value.numpy() for name, value in graph(*tensors).items()}

    return run
