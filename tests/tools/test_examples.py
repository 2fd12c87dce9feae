"""The scripts of tools/examples/, run from another folder as a user would."""

import json
import runpy
import subprocess
import sys

import numpy as np
import pytest
import stand_in
import tensorflow as tf

from niki_tf import body, solvers

SKELETON = body.mannequin_joints()


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


@pytest.mark.slow
def test_predict(repo, joints, tiny_model, tmp_path, monkeypatch, capsys):
    script = str(repo / "tools" / "examples" / "predict.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [script, str(tiny_model), "joints.npy", "poses.npy"])
    runpy.run_path(script, run_name="__main__")  # a process of its own takes seconds to import TensorFlow
    assert capsys.readouterr().out == "3 frames\n"
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


def test_without_a_server_it_says_so(repo, joints, tmp_path):
    script = repo / "tools" / "examples" / "ask_server.py"
    command = [sys.executable, str(script), "localhost:1", "one_stage", "joints.npy"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert found.returncode == 1
    assert found.stderr.startswith("http://localhost:1/v1/models/one_stage:predict does not answer")
    assert found.stderr.count("\n") == 1


def test_litert(run_example, joints, tmp_path):
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")

    @tf.function(input_signature=[tf.TensorSpec([None, 29, 3], name="joints")])
    def ik(joints):  # converted in no time; real solvers are tested in tests/export/
        return {"body_pose": joints[:, :23, None] * tf.eye(3), "valid": joints[:, 0, 0] < 10.0}

    tf.saved_model.save(tf.Module(), tmp_path / "toy", signatures={"ik": ik})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "toy"), signature_keys=["ik"])
    (tmp_path / "model.tflite").write_bytes(converter.convert())
    joints[1, 0, 0] = 20.0
    np.save(tmp_path / "joints.npy", joints)
    first, second, third = run_example("run_litert.py", "model.tflite", "joints.npy").splitlines()
    assert second == "not valid"
    for said, frame in ((first, joints[0]), (third, joints[2])):
        np.testing.assert_allclose(json.loads(said), np.diag(frame[3]), atol=1e-3)
