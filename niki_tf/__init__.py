"""Neural inverse kinematics with invertible networks (NIKI, CVPR 2023) in TensorFlow and Keras.

`niki_tf.solve(joints)` leads from 29 joints to poses, `niki_tf.solve_picture(path)` from a photograph to those of the
people in it; `niki_tf.load("one_stage")` is a solver, as a Keras model.
The rooms (`niki_tf.body`, `niki_tf.solvers`, ...) are imported when they are first used.
"""

import importlib
from typing import Any

_ROOMS = (
    "assets",
    "body",
    "camera",
    "contract",
    "convert",
    "data",
    "drawing",
    "evaluation",
    "export",
    "files",
    "fitting",
    "flows",
    "inference",
    "io",
    "motion",
    "report",
    "rotations",
    "shapes",
    "skeletons",
    "solvers",
    "training",
    "vision",
)
_FUNCTIONS = {
    "load": "niki_tf.solvers.zoo",
    "solve": "niki_tf.inference.solve",
    "solve_picture": "niki_tf.inference.solve_picture",
}

__all__ = [*_FUNCTIONS, *_ROOMS]
__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    """The room or function `name`, imported at its first use."""
    if name in _ROOMS:
        return importlib.import_module(f"niki_tf.{name}")
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(_FUNCTIONS[name]), name)
    raise AttributeError(f"niki_tf has no attribute {name!r}; it has {', '.join(__all__)}.")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
