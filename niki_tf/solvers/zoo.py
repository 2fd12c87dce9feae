"""Solvers by name and on disk: `analytic`, a shipped solver, or a folder that holds model.keras."""

import functools
import os
import pathlib
from collections.abc import Iterable
from typing import NamedTuple

import keras
import numpy as np

from niki_tf import body, files, model_files, provenance
from niki_tf.body.body_joints import BodyJoints
from niki_tf.solvers import keras_files
from niki_tf.solvers.analytic import Analytic
from niki_tf.solvers.joint_completion import JointCompletion
from niki_tf.solvers.map_fit import MapFit
from niki_tf.solvers.migration import migrated
from niki_tf.solvers.mlp import MLP
from niki_tf.solvers.one_stage import OneStage
from niki_tf.solvers.recurrent import Recurrent
from niki_tf.solvers.solver import Solver
from niki_tf.solvers.temporal import Temporal, TemporalTwistSwing
from niki_tf.solvers.temporal_prior import TemporalPrior
from niki_tf.solvers.twist_swing import TwistSwing

KINDS: dict[str, type[Solver]] = {
    "analytic": Analytic,
    "mlp": MLP,
    "one_stage": OneStage,
    "twist_swing": TwistSwing,
    "temporal": Temporal,
    "temporal_twist_swing": TemporalTwistSwing,
    "temporal_prior": TemporalPrior,
    "recurrent": Recurrent,
    "map_fit": MapFit,
}
"""The kinds of solvers by the names that programs and folders give them."""

ANALYTIC = "analytic"
"""The name of the solver that needs no file."""

FINISH = "+finish"
"""The end of a name that asks for the exact finish."""

FINISH_STEPS = 4
"""Steps of the exact finish: on training clips three leave 0.2 mm on clean joints, four 0.14, more change little."""

_ROUNDING = 1e-12
"""Metres; bodies that differ by less are the same."""

_FILE = "model.keras"
_COMPLETION = "joint_completion"
"""The shipped weights that all share in `niki_tf.solve`."""
_NO_SOLVERS = (_COMPLETION, "image_backbone")
"""Shipped models that are no solvers; `vision.load_image_model` loads the latter."""


def shipped() -> dict[str, pathlib.Path]:
    """Folders of the solvers that come with the package, by name."""
    return {name: folder for name, folder in provenance.shipped().items() if name not in _NO_SOLVERS}


def find(name: str | os.PathLike) -> pathlib.Path | None:
    """The folder that `name` means: one that holds model.keras, or else that of a shipped solver; None for `analytic`.

    Raises:
        ValueError: it is none of them.
    """
    text = os.fspath(name)
    if text == ANALYTIC:
        return None
    folder = pathlib.Path(text)
    if (folder / _FILE).is_file():
        return folder
    if text in shipped():
        return shipped()[text]
    names = ", ".join([ANALYTIC, *shipped()])
    if text and folder.is_dir():
        raise ValueError(f"`solver` must hold {_FILE}; got the folder {text!r} without one. Is its training finished?")
    raise ValueError(
        f"`solver` must be one of {names}, or a folder that holds {_FILE}; got {text!r}, and there is no such folder. "
        "Check the spelling."
    )


class SolverName(NamedTuple):
    """The parts of a name such as `folder+finish+savgol9`."""

    base: str
    """`analytic`, a shipped solver or a folder."""
    filter: str
    """The filter of the joints in front of the solver, with its plus sign; empty for none."""
    finish: bool
    """Whether the name asks for the exact finish."""


def parse_name(name: str | os.PathLike, *, filters: Iterable[str] = ()) -> SolverName:
    """The parts of a solver's name: base, then `+finish`, then a filter, the last two optional; checks nothing.

    Args:
        name: of a solver.
        filters: the ends of names that ask for a filter, such as the keys of `evaluation.FILTERS`.

    Example:
        >>> from niki_tf.solvers import zoo
        >>> tuple(zoo.parse_name("saved_models/mlp+finish+savgol9", filters=["+savgol", "+savgol9"]))
        ('saved_models/mlp', '+savgol9', True)
    """
    if not isinstance(name, str | os.PathLike) or not isinstance(os.fspath(name), str):
        raise ValueError(f"`solver` must be a name or a folder; got {name!r}. Such as one_stage.")
    text = os.fspath(name)
    found = next((end for end in filters if text.endswith(end)), "")
    text = text.removesuffix(found)
    return SolverName(text.removesuffix(FINISH), found, text.endswith(FINISH))


def check_solver(name: str) -> None:
    """Raises ValueError if `name`, which may end in `+finish`, is no solver; loads nothing."""
    find(parse_name(name).base)


def load(name: str | os.PathLike, *, body_joints: BodyJoints | None = None) -> Solver:
    """The solver called `name`.

    Args:
        name: `analytic`, a shipped solver such as `one_stage`, or a folder that holds model.keras, written by any
            version of this package; with `+finish` after it, answers are refined by four Gauss-Newton steps.
        body_joints: `BodyJoints` of the body to solve for; the one that the weights know if None.

    Raises:
        ValueError: there is no such solver, the file is something else or of a later format, or it ships and its
            SHA-256 is not the one that was released.

    Example:
        >>> import niki_tf
        >>> niki_tf.load("analytic+finish").refine
        4
    """
    parsed = parse_name(name)
    folder = find(parsed.base)
    if folder is None:
        solver: Solver = Analytic(body_joints or body.mannequin_joints())
    else:
        solver = _read(folder / _FILE)
        if body_joints is not None and not _are_equal(body_joints, solver.body_joints):
            solver = solver.for_body(body_joints)
    if parsed.finish:
        solver.refine = FINISH_STEPS
    return solver


def _are_equal(first: BodyJoints, second: BodyJoints) -> bool:
    """Whether both are of one body but for rounding, so that a solver of the first need not be made anew."""
    pairs = ((getattr(first, name), getattr(second, name)) for name in ("joints", "directions"))
    return all(one.shape == other.shape and np.abs(one - other).max() < _ROUNDING for one, other in pairs)


def _read(path: pathlib.Path) -> Solver:
    provenance.check_weights(path)
    with migrated(path) as current:
        return model_files.load(current, name=path, kind=Solver, what="`solver` must be a solver")


@functools.cache
def joint_completion() -> JointCompletion:
    """The guess of joints that a joint set does not tell, which comes with the package."""
    path = provenance.shipped()[_COMPLETION] / _FILE
    provenance.check_weights(path)
    return model_files.load(path, name=path, kind=JointCompletion, what="the package must hold a joint completion")


def save(solver: keras.Model, folder: str | os.PathLike, *, half: bool = False) -> None:
    """Writes `solver` to `folder`/model.keras, whole or not at all.

    Args:
        solver: any Keras model of the package.
        folder: is made if it is not there.
        half: store weights as float16, half the size; loaded, they are float32 again.

    Raises:
        ValueError: a weight is too large for `half`; nothing is written.
    """
    with files.atomic_write(pathlib.Path(folder) / _FILE) as beside:
        solver.save(beside)
        if half:
            keras_files.halve_weights(beside)
        keras_files.stamp(beside)
