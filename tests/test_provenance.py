"""Files say their format, later ones are refused in a line, and weights that ship are those that were released."""

import hashlib
import json
import pathlib
import shutil
import zipfile

import numpy as np
import pytest
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from niki_tf import body, export, provenance, solvers
from niki_tf.export.saved_model import STAMP
from niki_tf.export.tflite import stamp_of
from niki_tf.model_files import METADATA, read_parts
from niki_tf.solvers import keras_files, zoo

_GOLDEN = pathlib.Path(__file__).with_name("solvers") / "golden_0_4.zip"
"""What `tools/reliability/golden.py` wrote at version 0.4; later versions must read it and give its answers."""
_LATER = json.dumps({provenance.KEY: provenance.FORMAT + 1}).encode()


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    folder = tmp_path_factory.mktemp("golden")
    with zipfile.ZipFile(_GOLDEN) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def answers(golden):
    with np.load(golden / "answers.npz") as file:
        return dict(file)


def _check(found, answers, kind):
    for name, value in found.items():
        if f"{kind}/{name}" in answers:
            np.testing.assert_allclose(value, answers[f"{kind}/{name}"], atol=2e-5, err_msg=name)


@pytest.mark.parametrize("kind", ["analytic", "mlp", "one_stage"])
def test_keras_files_of_a_former_version(golden, answers, kind):
    found = solvers.load(golden / kind).ik(answers["joints"])
    del found["expected_error"]  # its calibration belongs to the package, and is fitted anew with weights
    _check(found, answers, kind)


@pytest.mark.slow
def test_exports_of_a_former_version(golden, answers):
    joints = answers["joints"]
    _check(export.load_saved_model(golden / "mlp" / "saved_model" / "1")(joints=joints), answers, "mlp")
    pytest.importorskip("ai_edge_litert")
    found = export.load_litert(golden / "mlp" / "model.tflite")(joints=joints)
    assert "tflite/body_pose" in answers
    _check(found, answers, "tflite")


def test_a_model_says_its_format(tmp_path):
    zoo.save(solvers.Analytic(body.mannequin_joints()), tmp_path)
    told = json.loads(read_parts(tmp_path / "model.keras")[METADATA])
    assert told[provenance.KEY] == provenance.FORMAT
    assert "keras_version" in told


def test_a_later_keras_file_is_refused(golden, tmp_path):
    parts = read_parts(golden / "analytic" / "model.keras")
    keras_files.write_parts(tmp_path / "model.keras", {**parts, METADATA: _LATER})
    with pytest.raises(ValueError, match=r"model.keras must be of format 1 or earlier; got '2'.* Update niki-tf"):
        solvers.load(tmp_path)


@pytest.mark.parametrize(
    "told", [b"", b"no stamp", b"[]", b'{"niki_tf_format": true}', b'{"niki_tf_format": -1}', _LATER]
)
def test_stamps_that_are_refused(told):
    with pytest.raises(ValueError, match=r"^file must be of format 1 or earlier; got '[^']*', .* Update"):
        provenance.check_bytes(told, "file")


def test_files_without_a_stamp_are_read():
    provenance.check({}, "file")
    provenance.check_bytes(b"{}", "file")


def test_later_exports_are_refused(golden, tmp_path):
    shutil.copytree(golden / "mlp" / "saved_model" / "1", tmp_path / "1")
    (tmp_path / "1" / STAMP).write_bytes(_LATER)
    with pytest.raises(ValueError, match=r"1 must be of format 1 or earlier; got '2'"):
        export.load_saved_model(tmp_path / "1")
    pytest.importorskip("ai_edge_litert")
    path = golden / "mlp" / "model.tflite"
    assert json.loads(stamp_of(path)) == provenance.stamp()
    model = flatbuffer_utils.read_model(str(path))
    _put(model, _LATER)
    flatbuffer_utils.write_model(model, str(tmp_path / "later.tflite"))
    with pytest.raises(ValueError, match=r"later.tflite must be of format 1 or earlier; got '2'"):
        export.load_litert(tmp_path / "later.tflite")


def _put(model: schema.ModelT, stamp: bytes) -> None:
    (entry,) = [entry for entry in model.metadata if entry.name == provenance.KEY.encode()]
    model.buffers[entry.buffer].data = np.frombuffer(stamp, np.uint8)


def test_bytes_that_are_no_tflite_file_have_no_stamp(tmp_path):
    (tmp_path / "none.tflite").write_bytes(b"TFL3 and nothing else")
    assert stamp_of(tmp_path / "none.tflite") == stamp_of(tmp_path / "missing") == b"{}"


def test_all_weights_that_ship_are_listed(repo):
    models = repo / "saved_models"
    listed = dict(reversed(line.split()) for line in (models / provenance.SUMS).read_text().splitlines())
    files = [path for path in models.glob("*/*") if path.suffix in (".keras", ".tflite")]
    assert listed == {
        path.relative_to(models).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def test_weights_that_are_not_those_that_ship(tmp_path, golden, monkeypatch):
    for name in ("shipped", "own"):
        shutil.copytree(golden / "analytic", tmp_path / name)
    digest = hashlib.sha256((golden / "analytic" / "model.keras").read_bytes()).hexdigest()
    (tmp_path / provenance.SUMS).write_text(f"{digest}  shipped/model.keras\n")
    monkeypatch.setattr(provenance, "PLACES", (tmp_path,))
    assert isinstance(solvers.load("shipped"), solvers.Analytic)
    for name in ("shipped", "own"):
        zoo.save(solvers.Analytic(body.mannequin_joints(), refine=2), tmp_path / name)
    assert solvers.load("own").refine == 2
    for name in ("shipped", tmp_path / "shipped"):
        with pytest.raises(ValueError, match=r"model.keras must be the weights that ship, SHA-256 .*; got .* Fetch it"):
            solvers.load(name)
