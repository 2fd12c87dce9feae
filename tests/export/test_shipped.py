"""The exports that ship beside model.keras: the same model, and small enough for a repository."""

import pathlib

import numpy as np
import pytest

from niki_tf import body, export, solvers

MODELS = pathlib.Path(__file__).resolve().parents[2] / "saved_models"
SHIPPED = sorted({path.parent.name for pattern in ("*/1", "*/*.tflite") for path in MODELS.glob(pattern)})
NONE = pytest.param(None, marks=pytest.mark.skip(reason="no exported model lies in saved_models/"))

AT_MOST_APART = {"model.tflite": 1e-4, "model_float16.tflite": 0.2, "model_int8.tflite": 0.5}
"""Largest difference of an entry of a rotation matrix; a frame of noise may be close to degenerate."""


@pytest.mark.parametrize("name", SHIPPED or [NONE])
def test_it_is_the_model_beside_it(name):
    joints = body.mannequin_joints().joints + 0.03 * np.random.default_rng(0).normal(size=[16, 29, 3])
    expected = {key: tensor.numpy() for key, tensor in solvers.load(MODELS / name).ik(joints).items()}
    if (MODELS / name / "1").is_dir():
        answer = export.load_saved_model(MODELS / name / "1")(joints=joints)
        for key, array in expected.items():
            np.testing.assert_allclose(answer[key], array, rtol=1e-4, atol=1e-4, err_msg=key)
    for path in (MODELS / name).glob("*.tflite"):
        pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
        pose = export.load_litert(path)(joints=joints)["body_pose"]
        np.testing.assert_allclose(pose, expected["body_pose"], atol=AT_MOST_APART[path.name], err_msg=path.name)


def test_an_interpreter_that_knows_no_signatures_runs_ik():
    litert = pytest.importorskip("ai_edge_litert.interpreter", reason="ai-edge-litert is not installed")
    for path in MODELS.glob("*/*.tflite"):
        (joints,) = litert.Interpreter(model_path=str(path)).get_input_details()
        assert joints["shape_signature"].tolist()[-2:] == [29, 3], path.name


def test_the_whole_folder_stays_below_60_mb():
    assert sum(path.stat().st_size for path in MODELS.rglob("*") if path.is_file()) < 60e6
