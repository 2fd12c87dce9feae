"""Solvers on disk: a folder that holds model.keras."""

import pathlib

import keras

from niki_tf import files
from niki_tf.solvers.solver import Solver


def load(folder):
    """The solver stored in `folder`/model.keras.

    Raises:
        ValueError: the folder holds no model.keras, or the file is not a solver.
    """
    path = pathlib.Path(folder) / "model.keras"
    if not path.is_file():
        raise ValueError(f"`folder` must hold a model.keras; {path} is not there. tools/train.py writes one.")
    solver = keras.saving.load_model(path)
    if not isinstance(solver, Solver):
        raise ValueError(f"`folder` must hold a solver; {path} is a {type(solver).__name__}.")
    return solver


def save(solver, folder):
    """Writes `solver` to `folder`/model.keras, whole or not at all."""
    with files.atomic_write(pathlib.Path(folder) / "model.keras") as beside:
        solver.save(beside)
