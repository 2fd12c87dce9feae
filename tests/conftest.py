import gc
import importlib
import os
import pathlib
import random
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, motion
from niki_tf.solvers import kept_graphs

# Most graphs of the tests run once or twice: making them faster takes longer than they do.
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
_are_wanted, kept_graphs.are_wanted = kept_graphs.are_wanted, lambda: False

ROOT = pathlib.Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tools" / "reliability")]


def pytest_collection_modifyitems(items):
    """The slow tests come first, so that no long one is left for the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """A skip is a failure in the files and folders that NIKI_TF_MUST_RUN names, whose needs are there."""
    report = yield
    must_run = [ROOT / path for path in os.environ.get("NIKI_TF_MUST_RUN", "").split()]
    if report.skipped and not hasattr(report, "wasxfail") and {item.path, *item.path.parents} & set(must_run):
        report.outcome, report.longrepr = "failed", f"{item.nodeid} must run here: {report.longrepr[2]}"
    return report


def pytest_collection_finish():
    """What is imported by now stays; full collections need not look through all of it again and again."""
    gc.freeze()


@pytest.fixture(autouse=True)
def _seed():
    """Seeds what Keras draws its seeds from; TensorFlow's own seed would throw its compiled operations away."""
    random.seed(0)
    np.random.seed(0)


@pytest.fixture(autouse=True)
def _memory(request):
    """After a slow test solvers loaded by name go, and operations, which TensorFlow keeps for each name of a weight."""
    yield
    if request.node.get_closest_marker("slow"):
        importlib.import_module("niki_tf.inference.solve")._loaded.cache_clear()
        gc.collect()
        tf.random.set_seed(0)


@pytest.fixture
def with_graphs(monkeypatch):
    """Solvers keep graphs, as they do outside of the tests."""
    monkeypatch.setattr(kept_graphs, "are_wanted", _are_wanted)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def repo():
    return ROOT


@pytest.fixture(scope="session")
def parity(repo):
    """Folder of the numbers recorded from the published code."""
    return _shared(repo, "parity")


@pytest.fixture(scope="session")
def mocap(repo):
    """Folder of the motion that records are measured on."""
    return _shared(repo, "mocap")


def _shared(repo, name):
    folder = repo.parent / "shared" / name
    if not folder.exists():
        pytest.skip(f"what developers have is not at {folder}")
    return folder


_CORNERS = np.array([[-1, -1, -1], [1, -1, 1], [-1, 1, 1], [1, 1, -1]]) * 0.03
_SIDES = np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]])


@pytest.fixture(scope="session")
def toy_body():
    body_joints = body.mannequin_joints()
    carrier = np.minimum(np.arange(29), 23)
    carrier[24:] = [15, 22, 23, 10, 11]
    return body.BodyData(
        v_template=(body_joints.joints[:, None] + _CORNERS).reshape(-1, 3),
        shapedirs=np.repeat(body_joints.directions, 4, 0),
        lbs_weights=np.repeat(np.eye(24)[carrier], 4, 0),
        faces=np.concatenate([_SIDES + 4 * joint for joint in range(29)]),
        joints=body_joints.joints,
        joint_directions=body_joints.directions,
    )


@pytest.fixture(scope="session")
def poser(toy_body):
    return body.BodyPoser(toy_body)


@pytest.fixture(scope="session")
def clips():
    random = np.random.default_rng(3)
    poses = [0.4 * random.normal(size=[frames, 24, 3]) for frames in (7, 4)]
    return [motion.Clip(poses=pose, trans=random.normal(size=[len(pose), 3])) for pose in poses]
