"""Solvers by name and on disk: `analytic`, or a folder that holds model.keras; `+finish` ends both exactly."""

import pathlib

import keras

from niki_tf import files
from niki_tf.solvers.analytic import Analytic
from niki_tf.solvers.map_fit import MapFit
from niki_tf.solvers.migration import migrated
from niki_tf.solvers.mlp import MLP
from niki_tf.solvers.one_stage import OneStage
from niki_tf.solvers.recurrent import Recurrent
from niki_tf.solvers.solver import Solver
from niki_tf.solvers.temporal import Temporal, TemporalTwistSwing
from niki_tf.solvers.twist_swing import TwistSwing

KINDS: dict[str, type[Solver]] = {
    "analytic": Analytic,
    "mlp": MLP,
    "one_stage": OneStage,
    "twist_swing": TwistSwing,
    "temporal": Temporal,
    "temporal_twist_swing": TemporalTwistSwing,
    "recurrent": Recurrent,
    "map_fit": MapFit,
}
"""The kinds of solvers by the names that programs and folders give them."""

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


def load_solver(name, *, body_joints):
    """The solver that a program's user named, ready for the body whose rest skeleton is given.

    Args:
        name: `analytic` or a folder that holds model.keras; with `+finish` after it, the solver's answer is refined by
            four Gauss-Newton steps.
        body_joints: BodyJoints of the body to solve for. Weights know a body by its bone vectors.

    Returns:
        a solver.

    Raises:
        ValueError: `name` is neither.
    """
    check_solver(name)
    base = name.removesuffix(FINISH)
    solver = Analytic(body_joints) if base == ANALYTIC else load(base).for_body(body_joints)
    if name != base:
        solver.refine = _FINISH_STEPS
    return solver


def load(folder):
    """The solver stored in `folder`/model.keras.

    Raises:
        ValueError: the folder holds no model.keras, or the file is not a solver.
    """
    path = pathlib.Path(folder) / "model.keras"
    if not path.is_file():
        raise ValueError(f"`folder` must hold a model.keras; {path} is not there. tools/train.py writes one.")
    with migrated(path) as current:
        solver = keras.saving.load_model(current)
    if not isinstance(solver, Solver):
        raise ValueError(f"`folder` must hold a solver; {path} is a {type(solver).__name__}.")
    return solver


def save(solver, folder):
    """Writes `solver` to `folder`/model.keras, whole or not at all."""
    with files.atomic_write(pathlib.Path(folder) / "model.keras") as beside:
        solver.save(beside)
