"""One motion as requests to a server: batches of frames, or of windows for models that see time."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from tqdm import tqdm

from niki_tf import contract
from niki_tf.inference import windows
from niki_tf.motion.observed_motion import ObservedMotion
from niki_tf.solvers import zoo
from niki_tf.solvers.window_solver import WindowSolver

_Arrays = dict[str, np.ndarray]
_Ask = Callable[..., _Arrays]

_SIGNATURE = "ik_full"
_READ = (*contract.POSE, "transl", "valid")
"""Outputs that are kept of the answers."""


def window_of(model: str) -> int:
    """Frames of a window of the solver of this name, 0 of one that sees single frames or is not known."""
    kind = zoo.KINDS.get(model.removesuffix(zoo.FINISH))
    return kind.frames if kind is not None and issubclass(kind, WindowSolver) else 0


def asked(ask: _Ask, observed: ObservedMotion, *, batch_size: int, window: int) -> _Arrays:
    """The answer for all frames of a motion; zeros are sent for what is not known.

    Args:
        ask: function (signature, **arrays) -> dict of arrays, such as `export.rest_server` gives.
        observed: the motion, T frames.
        batch_size: frames of a request, whole windows.
        window: frames of a window, of which one begins every quarter; 0 if the model sees single frames.

    Returns:
        dict of global_orient (T, 1, 3, 3), body_pose (T, 23, 3, 3), transl (T, 3) and valid (T,).
    """
    frames = len(observed)
    shapes = contract.input_shapes(observed.inputs["betas"].shape[-1])
    unknown = {
        name: np.zeros([frames, *(size or 0 for size in shape)])
        for name, shape in shapes.items()
        if name not in observed.inputs
    }
    inputs = {**observed.inputs, **unknown}
    return _in_windows(ask, inputs, batch_size, min(window, frames)) if window else _in_batches(ask, inputs, batch_size)


def _in_batches(ask: _Ask, inputs: _Arrays, batch_size: int) -> _Arrays:
    parts = []
    for start in tqdm(range(0, len(inputs["joints"]), batch_size), unit="request", leave=False, disable=None):
        some = slice(start, start + batch_size)
        parts.append(ask(_SIGNATURE, **{name: array[some] for name, array in inputs.items()}))
    return {name: np.concatenate([part[name] for part in parts]) for name in _READ}


def _in_windows(ask: _Ask, inputs: _Arrays, batch_size: int, window: int) -> _Arrays:
    """As `windows.solve_motion` of a callable here; a frame is valid if all windows that hold it are."""
    step, at_once = max(window // 4, 1), max(batch_size // window, 1)
    valid: list[np.ndarray] = []

    def solve(some: Mapping[str, Any]) -> _Arrays:
        answer = ask(_SIGNATURE, **{name: array for name, array in some.items() if name != "frame_mask"})
        valid.append(answer["valid"])
        return answer

    answer = windows.solve_motion(solve, inputs, frames=window, step=step, at_once=at_once)
    frames = np.ones(len(inputs["joints"]), bool)
    places, _, _ = windows.cut(len(frames), frames=window, step=step)
    frames[places[~np.concatenate(valid)]] = False
    return {**{name: answer[name] for name in _READ if name != "valid"}, "valid": frames}
