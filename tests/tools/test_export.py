"""tools/export.py from a folder with model.keras to the files that leave the house."""

import pytest

from niki_tf import body, export, solvers, vision
from niki_tf.solvers import zoo

pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed")


@pytest.fixture
def litert(monkeypatch):
    """No LiteRT file is made: the conversions themselves, seconds each, are tested in tests/export/."""
    monkeypatch.setattr(export, "litert", lambda solver, *, quantize, body: f"{quantize} {solver.refine}".encode())


@pytest.mark.slow
@pytest.mark.usefixtures("litert")
def test_both_formats_are_written(run_tool, tmp_path):
    zoo.save(solvers.MLP(body.mannequin_joints(), hidden_dim=8, num_layers=1), tmp_path / "mlp")
    output = tmp_path / "out"
    printed = run_tool(
        "export", f"--model={tmp_path / 'mlp'}", f"--output={output}", "--quantize=none", "--quantize=int8"
    )
    assert sorted(path.name for path in output.iterdir()) == ["1", "model.tflite", "model_int8.tflite"]
    assert (output / "model.tflite").read_bytes() == b"none 0"
    assert (output / "model_int8.tflite").read_bytes() == b"int8 0"
    assert set(export.load_saved_model(output / "1").shapes) == {"serving_default", "ik", "ik_full", "ik_known"}
    assert "model_int8.tflite" in printed


@pytest.mark.usefixtures("litert")
def test_a_model_is_written_with_its_finish(run_tool, tmp_path):
    run_tool("export", "--model=analytic+finish", f"--output={tmp_path}", "--format=litert")
    assert [path.name for path in tmp_path.iterdir()] == ["model.tflite"]
    assert (tmp_path / "model.tflite").read_bytes() == b"none 4"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model={tmp}/absent"], "there is no such folder"),
        (["--mesh"], "`mesh` is for the body of a file; got --body=none"),
        (["--body={tmp}/absent.npz"], "absent.npz"),
        (["now"], "takes flags only"),
    ],
)
def test_bad_values_end_in_one_clear_line(run_tool, tiny_model, tmp_path, arguments, message):
    given = [argument.format(tmp=tmp_path) for argument in arguments]
    with pytest.raises(SystemExit, match=f"^export.*{message}"):
        run_tool("export", f"--model={tiny_model}", f"--output={tmp_path / 'out'}", *given)
    assert not list((tmp_path / "out").glob("*"))


@pytest.mark.slow
def test_a_model_of_images_is_written(run_tool, tmp_path):
    model = vision.ImageJoints(body.mannequin_joints(), backbone="mobilenet_v2", image_size=32)
    zoo.save(model, tmp_path / "seen")
    flags = [f"--model={tmp_path / 'seen'}", f"--output={tmp_path / 'out'}"]
    run_tool("export", *flags, "--format=keras", "--quantize=float16")
    run_tool("export", *flags, "--format=litert", "--quantize=int8")
    assert isinstance(vision.load_image_model(tmp_path / "out"), vision.ImageJoints)
    small = export.load_litert(tmp_path / "out" / "model_int8.tflite")
    assert small.shapes["seen"] == {"image": (None, 32, 32, 3)}
    assert (tmp_path / "out" / "model_int8.tflite").stat().st_size < 5e6
    with pytest.raises(SystemExit, match="export: `model` must be a solver for --body, --mesh and --format=web"):
        run_tool("export", *flags, "--body=mannequin")


def test_a_web_page_is_refused_before_any_work(run_tool, monkeypatch, tmp_path):
    command = ["export", "--model=analytic", f"--output={tmp_path / 'web'}", "--format=web"]
    with pytest.raises(SystemExit, match="export: `quantize` must be none or float16 for a web page; got 'int8'"):
        run_tool(*command, "--quantize=int8")
    with pytest.raises(SystemExit, match="export: `body` must be the mannequin, which a web page draws"):
        run_tool(*command, "--body=SMPL.npz")
    monkeypatch.setenv("NIKI_TF_ASSETS", str(tmp_path))
    with pytest.raises(SystemExit, match="not fetched yet: python tools/get_assets.py blazepose litert three"):
        run_tool(*command)
    assert not any((tmp_path / "web").rglob("*"))
