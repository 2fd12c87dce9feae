import numpy as np
import pytest

from niki_tf import io, motion
from niki_tf.fitting import expected_error


@pytest.fixture
def folder(tmp_path):
    for seed in range(2):
        io.save_clip(tmp_path / "motion" / f"{seed}.npz", motion.made_motion(seed, frames=70))
    return tmp_path / "motion"


@pytest.mark.slow
def test_it_fits_every_way_and_keeps_other_solvers(run_tool, folder, tmp_path, monkeypatch):
    known = {**expected_error.read()}
    monkeypatch.setattr(expected_error, "calibrations", lambda: known)
    output = tmp_path / "some.npz"
    other = expected_error.read()["Temporal"]
    expected_error.write({"Temporal": other}, output)
    printed = run_tool(
        "fit_expected_error", f"--motion={folder}", "--solver=analytic", "--steps=20", f"--output={output}"
    )
    names = {f"Analytic{end}{way}" for end in ("", "+finish") for way in ("", "+motion")}
    found = expected_error.read(output)
    assert set(found) == {"Temporal", *names}
    np.testing.assert_allclose(found["Temporal"].hidden, other.hidden, atol=1e-3)
    assert all(np.isfinite(getattr(found[name], part)).all() for name in names for part in expected_error.PARTS)
    assert "2 parts of clips; 5 calibrations written to" in printed


def test_a_solver_that_is_not_there_stops_before_anything_is_written(run_tool, folder, tmp_path):
    with pytest.raises(SystemExit, match="^fit_expected_error: `solver` must be one of"):
        run_tool("fit_expected_error", f"--motion={folder}", "--solver=none", f"--output={tmp_path / 'some.npz'}")
    assert not (tmp_path / "some.npz").exists()
