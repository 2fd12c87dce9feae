"""tools/convert_checkpoint.py on MoveNet's files, which need no torch; the weights are tested in tests/convert."""

import pytest

from niki_tf import assets, vision


def test_movenet_knows_no_body(run_tool, tmp_path):
    with pytest.raises(SystemExit, match="convert_checkpoint: `body` must be given: MoveNet knows none"):
        run_tool("convert_checkpoint", f"--checkpoint={tmp_path / 'x.json'}", f"--output={tmp_path / 'out'}")


def test_what_is_no_movenet_is_named(run_tool, tmp_path):
    (tmp_path / "x.json").write_text("{}")
    (tmp_path / "x.bin").write_bytes(b"")
    arguments = [f"--checkpoint={tmp_path / 'x.json'}", f"--output={tmp_path / 'out'}", "--body=mannequin"]
    with pytest.raises(SystemExit, match=r"convert_checkpoint: .*x.json: no whole graph model of TensorFlow.js"):
        run_tool("convert_checkpoint", *arguments)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_fetched_files_become_a_network_of_images(run_tool, tmp_path):
    try:
        layers = [assets.path_of(name) for name in ("movenet_layers", "movenet_weights")][0]
    except FileNotFoundError as error:
        pytest.skip(str(error))
    printed = run_tool("convert_checkpoint", f"--checkpoint={layers}", f"--output={tmp_path}", "--body=mannequin")
    assert "network of images: mobilenet_v2" in printed
    assert "weights left as they were made: narrow" in printed
    assert vision.load_image_model(tmp_path / "image").image_size == 192
