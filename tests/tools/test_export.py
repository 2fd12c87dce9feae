"""tools/export.py from a folder with model.keras to the files that leave the house."""

import pytest

from niki_tf import export

pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed")
pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")


def test_both_formats_are_written(run_tool, tmp_path):
    printed = run_tool("export", "--model=analytic", f"--output={tmp_path}", "--quantize=int8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "model_int8.tflite"]
    saved, lite = export.load_saved_model(tmp_path / "1"), export.load_litert(tmp_path / "model_int8.tflite")
    assert {"ik", "ik_full"} == set(lite.shapes) == set(saved.shapes) - {"serving_default"}
    assert "model_int8.tflite" in printed


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
    with pytest.raises(SystemExit, match=f"^export.py.*{message}"):
        run_tool("export", f"--model={tiny_model}", f"--output={tmp_path / 'out'}", *given)
    assert not list((tmp_path / "out").glob("*"))
