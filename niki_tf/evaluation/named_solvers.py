"""The solvers that a program names: `analytic`, or a folder that holds model.keras; `+finish` ends both exactly."""

import functools
import pathlib

import numpy as np
import tensorflow as tf

from niki_tf import solvers
from niki_tf.solvers import windows

ANALYTIC = "analytic"
"""The name of the solver that needs no file."""

FINISH = "+finish"
"""The end of a name that asks for the exact finish."""

_FINISH_STEPS = 4


def check_solver(name):
    """Raises ValueError if `name` is neither `analytic` nor a folder that holds model.keras; loads nothing.

    Either can end in `+finish`.
    """
    base = name.removesuffix(FINISH)
    folder = pathlib.Path(base)
    wanted = f"`{ANALYTIC}` or a folder that holds model.keras, `{FINISH}` after it for the exact finish"
    if base == ANALYTIC or (folder / "model.keras").is_file():
        return
    if not folder.is_dir():
        raise ValueError(f"`solver` must be {wanted}; got {name!r}, and there is no such folder. Check the spelling.")
    raise ValueError(f"`solver` must be {wanted}; the folder {base!r} has no model.keras. Is its training finished?")


def load_solver(name, *, skeleton):
    """The solver that a program's user named, ready for the body whose rest skeleton is given.

    Args:
        name: `analytic` or a folder that holds model.keras; with `+finish` after it, the solver's answer is refined by
            four Gauss-Newton steps.
        skeleton: RestSkeleton of the body to solve for. Weights know a body by its bone vectors.

    Returns:
        a solver.

    Raises:
        ValueError: `name` is neither.
    """
    check_solver(name)
    base = name.removesuffix(FINISH)
    solver = solvers.Analytic(skeleton) if base == ANALYTIC else solvers.load(base).with_skeleton(skeleton)
    if name != base:
        solver.refine = _FINISH_STEPS
    return solver


def compiled(solver, *, inputs, motion=False):
    """The solver as one graph for any number of frames.

    Args:
        solver: any solver.
        inputs: dict of arrays with the names and shapes of those to come, for instance the first frames, (N, ...).
        motion: the N frames follow each other in time; a solver that sees time is given them in windows. Otherwise such
            a solver takes windows, (N, T, ...), and `frame_mask` (N, T) with them.

    Returns:
        a function of such a dict, of any N, that gives the solver's dict as NumPy arrays.
    """
    over_time = getattr(solver, "temporal", False)
    axes = 2 if over_time and not motion else 1
    shapes = {name: np.shape(array)[axes:] for name, array in inputs.items()}
    if over_time:
        shapes["frame_mask"] = ()
    leading = [None, None] if over_time else [None]
    signature = {name: tf.TensorSpec([*leading, *shape], tf.float32) for name, shape in shapes.items()}
    graph = tf.function(solver, input_signature=[signature], autograph=False)

    def solve(inputs):
        answer = graph({name: tf.convert_to_tensor(array, tf.float32) for name, array in inputs.items()})
        return {name: tensor.numpy() for name, tensor in answer.items()}

    return functools.partial(windows.solve_motion, solve) if over_time and motion else solve
