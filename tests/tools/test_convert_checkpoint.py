import hashlib
import json

import masked_twin
import numpy as np
import pytest

from niki_tf import body, solvers, vision

torch = pytest.importorskip("torch")


@pytest.fixture
def checkpoints(tmp_path, rng):
    """Files of both models, tiny; the one-stage one with a body of its own."""
    models = {
        "one_stage": masked_twin.random_one_stage(rng, num_couplings=2) | masked_twin.random_body(rng),
        "twist_swing": masked_twin.random_twist_swing(rng, num_couplings=(2, 2)),
    }
    paths = {}
    for name, arrays in models.items():
        paths[name] = tmp_path / f"{name}.pth"
        torch.save({key: torch.from_numpy(array.copy()) for key, array in arrays.items()}, paths[name])
    return models, paths


def test_one_stage_model_and_its_camera_network(run_tool, checkpoints, tmp_path):
    models, paths = checkpoints
    output = tmp_path / "new" / "folder"
    printed = run_tool("convert_checkpoint", f"--checkpoint={paths['one_stage']}", f"--output={output}")
    solver = solvers.load(output)
    assert solver.ik(np.zeros([2, 29, 3], np.float32))["z"].shape == (2, 32)
    template = models["one_stage"]["regressor.smpl_layer.v_template"]
    np.testing.assert_allclose(solver.body_joints.joints[24], template[411], rtol=1e-6)
    np.testing.assert_array_equal(
        vision.load(output / "camera").get_weights()[0].T, models["one_stage"]["regressor.camnet.camera_net.0.weight"]
    )
    assert "OneStage, 43 tensors; rest skeleton: the checkpoint's own body" in printed
    assert "regressor.smpl_layer.posedirs (207, 20670): moves the surface, not the joints" in printed
    assert sorted(p.relative_to(output).as_posix() for p in output.rglob("*") if p.is_file()) == [
        "camera/model.keras",
        "conversion.json",
        "model.keras",
    ]


def test_twist_swing_model_for_another_body(run_tool, checkpoints, tmp_path):
    models, paths = checkpoints
    printed = run_tool(
        "convert_checkpoint", f"--checkpoint={paths['twist_swing']}", f"--output={tmp_path}", "--body=mannequin"
    )
    solver = solvers.load(tmp_path)
    assert isinstance(solver, solvers.TwistSwing)
    np.testing.assert_array_equal(solver.body_joints.joints, body.mannequin_joints().joints)
    assert "camera network: none in the checkpoint" in printed
    assert not (tmp_path / "camera").exists()
    report = json.loads((tmp_path / "conversion.json").read_text())
    assert [tensor["name"] for tensor in report["tensors"]] == list(models["twist_swing"])
    assert report["sha256"] == hashlib.sha256(paths["twist_swing"].read_bytes()).hexdigest()
    assert report["checkpoint"] == "twist_swing.pth"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--checkpoint={tmp}/absent.pth"], "no checkpoint .*absent.pth"),
        (["--checkpoint={tmp}/broken.pth"], "broken.pth: no PyTorch file"),
        (["--body={tmp}/absent.npz"], "no body file .*absent.npz"),
        (["--body="], "no body file"),
        ([], "`body_joints` must be given: the checkpoint holds no body .*--body=mannequin"),
        (["--body=mannequin", "--output={tmp}/broken.pth/folder"], "`output` must be a folder"),
        (["stray"], "takes flags only; got stray"),
    ],
)
def test_bad_values_end_in_one_clear_line(run_tool, checkpoints, tmp_path, arguments, message):
    (tmp_path / "broken.pth").write_bytes(b"no checkpoint")
    given = [f"--checkpoint={checkpoints[1]['twist_swing']}", f"--output={tmp_path / 'output'}"]
    with pytest.raises(SystemExit, match=f"^convert_checkpoint.*{message}") as stopped:
        run_tool("convert_checkpoint", *given, *(argument.format(tmp=tmp_path) for argument in arguments))
    assert "\n" not in stopped.value.code
    assert not (tmp_path / "output").exists()


def test_a_missing_tensor_is_named_and_nothing_is_written(run_tool, checkpoints, tmp_path):
    arrays = dict(checkpoints[0]["twist_swing"])
    del arrays["regressor.flow_s2r.s.1.3.bias"]
    torch.save({key: torch.from_numpy(array) for key, array in arrays.items()}, tmp_path / "short.pth")
    arguments = (f"--checkpoint={tmp_path / 'short.pth'}", f"--output={tmp_path / 'output'}", "--body=mannequin")
    with pytest.raises(SystemExit, match=r"Tensors missing: regressor.flow_s2r.s.1.3.bias\.$"):
        run_tool("convert_checkpoint", *arguments)
    assert not (tmp_path / "output").exists()
