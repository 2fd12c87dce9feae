import json

import keras
import pytest

from niki_tf.solvers.joint_completion import JointCompletion


@pytest.mark.slow
def test_it_trains_and_writes_the_model(run_tool, tmp_path):
    workdir = tmp_path / "run"
    printed = run_tool(
        "fit_joint_completion", "--source=made", f"--workdir={workdir}", "--steps=3", "--batch_size=8", "--hidden_dim=8"
    )
    model = keras.saving.load_model(workdir / "model.keras")
    assert isinstance(model, JointCompletion)
    assert model.hidden_dim == 8
    assert "60,000 frames, 3 steps: absent joints" in printed
    assert json.loads((workdir / "run.json").read_text())["flags"]["steps"] == 3


def test_a_source_that_is_not_there_stops_before_anything_is_written(run_tool, tmp_path):
    with pytest.raises(SystemExit, match="^fit_joint_completion: `path` must be a folder.*no such file"):
        run_tool("fit_joint_completion", f"--source={tmp_path / 'none'}", f"--workdir={tmp_path / 'run'}")
    assert not (tmp_path / "run").exists()
