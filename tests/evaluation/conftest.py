import pytest
import tensorflow as tf
from quick_solvers import Watching, crude

from niki_tf import evaluation
from niki_tf.evaluation.protocols import noise


@pytest.fixture
def eager():
    """No graphs are made: that takes longer than a few frames do. One run of each protocol is left as it is."""
    tf.config.run_functions_eagerly(run_eagerly=True)
    yield
    tf.config.run_functions_eagerly(run_eagerly=False)


@pytest.fixture
def watched(clips, toy_body, monkeypatch, eager):
    """A function of a JointErrors and settings: what a solver is given, batch by batch and level by level, and rows."""

    def watch(errors, **settings):
        seen = []

        def solve(given):
            seen.append(given)
            return {name: value.numpy() for name, value in crude(given).items()}

        monkeypatch.setattr(noise, "compile_solver", lambda solver, inputs: solve)
        return seen, evaluation.noise_rows(clips, solvers={"a": crude}, body=toy_body, errors=errors, **settings)

    return watch


@pytest.fixture
def both(clips, toy_body, monkeypatch, eager):
    """A function of settings: what a solver of single frames and one that sees time are given, batch by batch."""

    def see(**settings):
        watching, alone = Watching(), []

        def compiled(solver, inputs):
            if solver is watching:
                return solver
            return lambda seen: alone.append(seen) or {n: v.numpy() for n, v in crude(seen).items()}

        monkeypatch.setattr(noise, "compile_solver", compiled)
        rows = evaluation.noise_rows(clips, solvers={"a": crude, "t": watching}, body=toy_body, seed=5, **settings)
        return alone, watching.given, rows

    return see
