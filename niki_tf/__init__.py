"""Neural inverse kinematics with invertible networks (NIKI, CVPR 2023) in TensorFlow and Keras.

`niki_tf.body`, `niki_tf.solvers` and the other rooms are imported when they are first used.
"""

import importlib

_ROOMS = (
    "body",
    "camera",
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
    "rotations",
    "shapes",
    "skeletons",
    "solvers",
    "training",
    "vision",
)

__all__ = [*_ROOMS]
__version__ = "0.1.0"


def __getattr__(name):
    """The room `name`, imported at its first use."""
    if name in _ROOMS:
        return importlib.import_module(f"niki_tf.{name}")
    raise AttributeError(f"niki_tf has no attribute {name!r}; the rooms are {', '.join(_ROOMS)}.")


def __dir__():
    return sorted([*__all__, "__version__"])
