import io
import json
import zipfile

import h5py
import keras
import numpy as np
import pytest

from niki_tf import body, model_files, solvers
from niki_tf.solvers import zoo


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mlp")
    zoo.save(solvers.MLP(body.mannequin_joints(), hidden_dim=8, num_layers=2), folder)
    return folder


@pytest.fixture
def parts(folder):
    return model_files.read_parts(folder / "model.keras")


def load(folder, parts):
    with zipfile.ZipFile(folder / "model.keras", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return zoo.load(str(folder))


def with_config(parts, change):
    config = json.loads(parts["config.json"])
    change(config)
    return {**parts, "config.json": json.dumps(config).encode()}


def test_a_model_comes_back(folder, parts, tmp_path):
    again = load(tmp_path, parts)
    for one, other in zip(zoo.load(str(folder)).get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def foreign(config):
    config["config"]["dtype"] = {"class_name": "Sequential", "module": "keras", "config": {}, "registered_name": None}


def deep(config):
    for _ in range(40):
        config["config"] = {"a": config["config"]}


CONFIGS = {
    "couplings": (lambda c: c["config"].update(num_couplings=10**6), "`num_couplings` 1000000, of at most 256"),
    "refine": (lambda c: c["config"].update(refine=10**9), "`refine` 1000000000, of at most 1000"),
    "negative": (lambda c: c["config"].update(num_layers=-1), "`num_layers` -1"),
    "text": (lambda c: c["config"].update(hidden_dim="8"), "`hidden_dim` that is no whole number"),
    "wide": (lambda c: c["config"].update(hidden_dim=9000), "`hidden_dim` 9000 with .* weights in 8 arrays"),
    "layers": (lambda c: c["config"].update(num_layers=200), "`num_layers` 200 and"),
    "foreign class": (foreign, "the class Sequential, which is none of this package's"),
    "shapes": (lambda c: c.update(build_config={"input_shape": [9, 9]}), "the class MLP with shapes to build"),
    "deep": (deep, "too long or too deep"),
    "unknown argument": (lambda c: c["config"].update(nothing=1), "must be a model that loads; got .*nothing"),
}


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_configuration_out_of_bounds_is_refused_before_it_is_built(parts, tmp_path, monkeypatch, kind):
    change, message = CONFIGS[kind]
    if kind != "unknown argument":
        monkeypatch.setattr(keras.saving, "load_model", None)
    with pytest.raises(ValueError, match=rf"model\.keras.*{message}") as error:
        load(tmp_path, with_config(parts, change))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", [b"", b"[]", b'"a"', b"{", b"[" * 100_000, b'{"config": 3}', b"\xff", b'{"a": NaN}'])
def test_a_configuration_that_is_none_is_named(parts, tmp_path, text):
    with pytest.raises(
        ValueError, match=r"model\.keras: config.json must be the configuration of a model; got .*Fetch"
    ):
        load(tmp_path, {**parts, "config.json": text})


def test_a_class_of_a_long_name_is_told_in_one_short_line(parts, tmp_path):
    config = json.loads(parts["config.json"]) | {"class_name": "x\n" * 10**5}
    with pytest.raises(ValueError, match=r"model\.keras is a x x x") as caught:
        load(tmp_path, {**parts, "config.json": json.dumps(config).encode()})
    assert len(str(caught.value)) < 400


def test_a_foreign_model_is_refused_before_it_is_built(tmp_path, monkeypatch):
    keras.Sequential([keras.Input([2]), keras.layers.Dense(3)]).save(tmp_path / "model.keras")
    monkeypatch.setattr(keras.saving, "load_model", None)
    with pytest.raises(ValueError, match=r"`solver` must be a solver; .*model\.keras is a Sequential"):
        zoo.load(str(tmp_path))


def test_a_file_that_is_no_zip_is_not_said_to_be_missing(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"model\.keras must be a whole \.keras file; got 10 bytes that are no zip"):
        zoo.load(str(tmp_path))


def test_bombs_are_refused_by_the_directory(parts, tmp_path):
    for bomb in ({**parts, "config.json": bytes(17 * 2**20)}, {**parts, "assets/a": b"a"}):
        with pytest.raises(
            ValueError, match=r"model\.keras must be .*; got (17,825,792 bytes|an archive with 'assets/a')"
        ):
            load(tmp_path, bomb)


def linked(file):
    file["again"] = h5py.SoftLink("/")


def elsewhere(file):
    file.create_dataset("a", shape=[4], dtype="u1", external=[("/etc/passwd", 0, 4)])


def unwritten(file):
    file.create_dataset("a", shape=[10**9], dtype="f4")


def packed(file):
    file.create_dataset("a", data=np.zeros(10**6, np.float32), compression="gzip")


@pytest.mark.parametrize(
    ("change", "message"),
    [(linked, "links"), (elsewhere, "another way"), (unwritten, "without its bytes"), (packed, "another way")],
)
def test_weights_that_are_not_simply_there_are_refused(parts, tmp_path, change, message):
    buffer = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(buffer, "r+") as file:
        change(file)
    with pytest.raises(ValueError, match=rf"model\.keras must be a whole model of this package; got .*{message}"):
        load(tmp_path, {**parts, "model.weights.h5": buffer.getvalue()})


def test_cut_weights_are_named(parts, tmp_path):
    with pytest.raises(ValueError, match=r"model\.keras must be a whole model of this package; got OSError"):
        load(tmp_path, {**parts, "model.weights.h5": parts["model.weights.h5"][:900]})
