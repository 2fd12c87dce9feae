import json

import numpy as np
import pytest

from niki_tf import body, solvers
from niki_tf.solvers import zoo


@pytest.fixture
def model(tmp_path):
    zoo.save(solvers.OneStage(body.mannequin_joints(), num_couplings=2, hidden_dim=8), tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.slow
def test_it_fits_and_writes_the_model(run_tool, tmp_path, model, rng):
    workdir = tmp_path / "run"
    sizes = ["--steps=3", "--batch_size=16", "--embedding_couplings=2", "--embedding_hidden_dim=8"]
    printed = run_tool("fit_embedding", f"--model={model}", "--source=made", f"--workdir={workdir}", *sizes)
    assert "60,000 frames, 3 steps: loss" in printed
    before, after = zoo.load(model), zoo.load(workdir)
    assert after.embedding_flow.num_couplings == 2
    joints = rng.normal(size=[4, 29, 3])
    np.testing.assert_allclose(after.ik(joints)["body_pose"], before.ik(joints)["body_pose"], atol=2e-2)  # float16
    assert json.loads((workdir / "run.json").read_text())["flags"]["steps"] == 3


def test_what_is_not_invertible_stops_before_anything_is_written(run_tool, tmp_path):
    with pytest.raises(SystemExit, match="^fit_embedding: `model` must be an invertible solver; got mlp, MLP"):
        run_tool("fit_embedding", "--model=mlp", "--source=made", f"--workdir={tmp_path / 'run'}")
    assert not (tmp_path / "run").exists()
