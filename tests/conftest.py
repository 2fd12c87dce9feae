import gc
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest
import tensorflow as tf

# Most graphs of the tests run once or twice: making them faster takes longer than they do.
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})

ROOT = pathlib.Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tools"))


def pytest_collection_modifyitems(items):
    """The slow tests come first, so that no long one is left for the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish():
    """What is imported by now stays; full collections need not look through all of it again and again."""
    gc.freeze()


@pytest.fixture(autouse=True)
def _seed():
    keras.utils.set_random_seed(0)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def repo():
    return ROOT


@pytest.fixture(scope="session")
def parity(repo):
    """Folder of the numbers recorded from the published code."""
    folder = repo.parent / "shared" / "parity"
    if not folder.exists():
        pytest.skip(f"recorded numbers are not at {folder}")
    return folder
