"""The examples in the docstrings run and give what they say."""

import doctest
import importlib
import pkgutil

import pytest
import tensorflow as tf

import niki_tf


def _modules():
    """All modules by their full name: some functions hide the module that they live in."""
    found = pkgutil.walk_packages(niki_tf.__path__, prefix="niki_tf.")
    names = ["niki_tf", *(module.name for module in found)]
    return [importlib.import_module(name) for name in names if not name.startswith(("niki_tf.cli", "niki_tf.__main__"))]


def _examples(module):
    return [test for test in doctest.DocTestFinder(exclude_empty=True).find(module) if test.examples]


WITH_EXAMPLES = [module for module in _modules() if _examples(module)]
SLOW = ("niki_tf.export.tflite", "niki_tf.export.signatures")
"""Examples that convert a model."""


@pytest.fixture
def eager():
    """No graphs are made but where an example asks for one: that takes longer than the few frames do."""
    tf.config.run_functions_eagerly(run_eagerly=True)
    yield
    tf.config.run_functions_eagerly(run_eagerly=False)


@pytest.mark.usefixtures("eager")
@pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`:UserWarning")
@pytest.mark.parametrize(
    "module",
    [
        pytest.param(module, id=module.__name__, marks=[pytest.mark.slow] if module.__name__ in SLOW else [])
        for module in WITH_EXAMPLES
    ],
)
def test_examples(module):
    runner, said = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE), []
    for example in _examples(module):
        runner.run(example, out=said.append)
    assert not runner.failures, "".join(said)


def test_every_room_has_an_example():
    rooms = {module.__name__.split(".")[1] for module in WITH_EXAMPLES}
    assert rooms >= {"body", "data", "evaluation", "export", "flows", "solvers"}
