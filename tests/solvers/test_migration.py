"""Files written before version 0.2 load and compute the very same, and today's are left as they are."""

import pathlib
import shutil
import zipfile

import keras
import numpy as np
import pytest

from niki_tf import body, solvers
from niki_tf.fitting import gauss_newton_windows
from niki_tf.solvers.migration import migrated

_FORMER = pathlib.Path(__file__).with_name("former_models.zip")
"""Tiny models of version 0.1 with random weights, and their answers (see the names in `answers.npz`)."""


@pytest.fixture(scope="module")
def former(tmp_path_factory):
    folder = tmp_path_factory.mktemp("former")
    with zipfile.ZipFile(_FORMER) as archive:
        archive.extractall(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ["analytic", "mlp", "one_stage", "twist_swing", "temporal", "recurrent", "optimiser"])
def test_a_former_file_gives_its_former_answers(name, former, tmp_path, monkeypatch):
    monkeypatch.setattr(gauss_newton_windows, "_ANSWER_SHARE", 0.01)  # the finish has smoothed rotations since 0.4
    shutil.copy(former / f"{name}.keras", tmp_path / "model.keras")
    solver = solvers.load(tmp_path)
    with np.load(former / "answers.npz") as answers:
        found = solver({"joints": answers["joints"]})
        expected = {key.split("/")[1]: answers[key] for key in answers.files if key.startswith(f"{name}/")}
    assert set(found) == set(expected) | {"transl", "state", "expected_error"}  # which version 0.1 did not give
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, atol=1e-5, err_msg=key)  # processors round differently


def test_today_s_file_is_read_as_it_is(tmp_path):
    path = tmp_path / "model.keras"
    solvers.save(solvers.MLP(body.mannequin_joints(), hidden_dim=4, num_layers=1), tmp_path)
    with migrated(path) as current:
        assert current == path


def test_the_temporary_file_goes_with_the_context(former):
    with migrated(former / "recurrent.keras") as file:
        assert keras.saving.load_model(file).name.startswith("recurrent")
    assert not file.exists()
