"""The scripts of tools/examples/, run from another folder as a user would."""

import json
import subprocess
import sys

import numpy as np
import pytest
import stand_in

from niki_tf import body, export, solvers

SKELETON = body.mannequin_skeleton()


@pytest.fixture
def joints(tmp_path, rng):
    array = (SKELETON.joints + 0.05 * rng.normal(size=[3, 29, 3])).astype(np.float32)
    np.save(tmp_path / "joints.npy", array)
    return array


@pytest.fixture
def run_example(repo, tmp_path):
    def run(name, *arguments):
        command = [sys.executable, repo / "tools" / "examples" / name, *arguments]
        found = subprocess.run(list(map(str, command)), cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert found.returncode == 0, found.stderr[-2000:]
        return found.stdout

    return run


def test_predict(run_example, joints, tiny_model, tmp_path):
    assert run_example("predict.py", tiny_model, "joints.npy", "poses.npy") == "3 frames\n"
    poses = np.load(tmp_path / "poses.npy")
    answer = solvers.load(tiny_model).ik(joints)
    np.testing.assert_allclose(poses[:, :1], answer["global_orient"], atol=1e-4)
    np.testing.assert_allclose(poses[:, 1:], answer["body_pose"], atol=1e-4)


def test_serve(run_example, joints):
    solver = solvers.Analytic(SKELETON)

    def answer(signature, **inputs):
        assert signature == "ik"
        found = {name: tensor.numpy() for name, tensor in solver(inputs).items()}
        return found | {"valid": np.ones(len(inputs["joints"]), bool)}

    with stand_in.rest(answer, model="analytic") as address:
        said = run_example("ask_server.py", address, "analytic", "joints.npy")
    before, knee = said.split("first knee: ")
    assert before == "3 of 3 frames valid; "
    np.testing.assert_allclose(json.loads(knee), solver.ik(joints)["body_pose"][0, 3], atol=1e-3)


def test_litert(run_example, joints, tmp_path):
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    solver = solvers.Analytic(SKELETON)
    (tmp_path / "model.tflite").write_bytes(export.litert(solver))
    said = [json.loads(line) for line in run_example("run_litert.py", "model.tflite", "joints.npy").splitlines()]
    np.testing.assert_allclose(said, solver.ik(joints)["body_pose"][:, 3], atol=1e-3)
