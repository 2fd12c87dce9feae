"""One motion as requests to a server: batches of frames, or of windows for models that see time."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from tqdm import tqdm

from niki_tf import contract
from niki_tf.export import reasons
from niki_tf.inference import windows
from niki_tf.motion.observed_motion import ObservedMotion
from niki_tf.solvers import zoo
from niki_tf.solvers.window_solver import WindowSolver

_Arrays = dict[str, np.ndarray]
_Ask = Callable[..., _Arrays]

_SIGNATURE = "ik_full"
_READ = (*contract.POSE, "transl")
"""Outputs that are kept of the answers, beside `valid` and `reason`."""


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
        dict of global_orient (T, 1, 3, 3), body_pose (T, 23, 3, 3), transl (T, 3), valid (T,) and reason (T,), the
        `contract.Reason`, 0 of models that do not tell it.
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


def warnings(reason: np.ndarray) -> list[str]:
    """A line for each reason (T,) that frames have, with its cure; see `contract.Reason`.

    Example:
        >>> import numpy as np
        >>> from niki_tf.cli import client_requests
        >>> client_requests.warnings(np.array([0, 16, 16]))
        ['2 of 3 frames: no joint was seen, so the pose is a guess.']
    """
    found = [(int(number), int(count)) for number, count in zip(*np.unique(reason, return_counts=True), strict=True)]
    return [f"{count} of {len(reason)} frames: {reasons.text(number)}." for number, count in found if number]


def _in_batches(ask: _Ask, inputs: _Arrays, batch_size: int) -> _Arrays:
    parts = []
    for start in tqdm(range(0, len(inputs["joints"]), batch_size), unit="request", leave=False, disable=None):
        some = slice(start, start + batch_size)
        parts.append(ask(_SIGNATURE, **{name: array[some] for name, array in inputs.items()}))
    parts = [_with_reason(part) for part in parts]
    return {name: np.concatenate([part[name] for part in parts]) for name in (*_READ, "valid", "reason")}


def _with_reason(answer: _Arrays) -> _Arrays:
    """The answer, with a `reason` of zeros where a former export has none."""
    return {"reason": np.zeros(len(answer["valid"]), np.int32), **answer}


def _in_windows(ask: _Ask, inputs: _Arrays, batch_size: int, window: int) -> _Arrays:
    """As `windows.solve_motion` of a callable here; a frame is valid if all windows that hold it are.

    Its reason is that of the last window that holds it and has one.
    """
    step, at_once = max(window // 4, 1), max(batch_size // window, 1)
    told: list[_Arrays] = []

    def solve(some: Mapping[str, Any]) -> _Arrays:
        answer = ask(_SIGNATURE, **{name: array for name, array in some.items() if name != "frame_mask"})
        told.append(_with_reason(answer))
        return answer

    answer = windows.solve_motion(solve, inputs, frames=window, step=step, at_once=at_once)
    valid, reason = (np.concatenate([one[name] for one in told]) for name in ("valid", "reason"))
    places, _, _ = windows.cut(len(inputs["joints"]), frames=window, step=step)
    frames = {"valid": np.ones(len(inputs["joints"]), bool), "reason": np.zeros(len(inputs["joints"]), np.int32)}
    for place, is_valid, why in zip(places, valid, reason, strict=True):
        frames["valid"][place] &= is_valid
        frames["reason"][place] = why or frames["reason"][place]
    return {**{name: answer[name] for name in _READ}, **frames}
