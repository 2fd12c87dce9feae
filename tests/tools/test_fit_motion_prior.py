import json
import pathlib

import numpy as np
import pytest
from window_makers import made

from niki_tf import io, motion, solvers
from niki_tf.solvers import zoo

CONFIGS = pathlib.Path(__file__).parents[2] / "configs"
TINY = ["--examples=2", "--batch_size=2", "--num_layers=1", "--hidden_dim=12", "--steps=2"]


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A folder with a small temporal solver."""
    folder = tmp_path_factory.mktemp("models") / "first"
    zoo.save(made("temporal"), folder)
    return folder


@pytest.fixture
def walks(tmp_path):
    for number in range(2):
        io.save_clip(tmp_path / "walks" / f"walk_{number}.npz", motion.made_motion(number, frames=70))
    return tmp_path / "walks"


@pytest.mark.slow
def test_the_flag_file_trains_two_steps(run_tool, tmp_path, first):
    folder, config = tmp_path / "motion", CONFIGS / "temporal_prior.flags"
    left_out = CONFIGS / "left_out.flags"
    lines = [line.strip() for line in left_out.read_text().splitlines()]
    for number, line in enumerate(line for line in lines if line.startswith("--leave_out=")):
        io.save_clip(folder / f"{line.partition('=')[2]}.npz", motion.made_motion(number, frames=20))
    io.save_clip(folder / "kept.npz", motion.made_motion(99, frames=70))
    flags = [f"--flagfile={config}", f"--flagfile={left_out}", f"--source={folder}"]
    flags += [f"--first={first}", f"--workdir={tmp_path / 'run'}"]
    assert "step 2: loss" in run_tool("fit_motion_prior", *flags, *TINY[:-1], "--max_steps=2")


@pytest.mark.slow
def test_it_trains_goes_on_and_ends(run_tool, tmp_path, first):
    workdir = tmp_path / "run"
    command = ["fit_motion_prior", "--source=made", f"--first={first}", f"--workdir={workdir}", *TINY, "--save_every=1"]
    assert "step 1: loss" in run_tool(*command, "--max_steps=1")
    examples = sorted((workdir / "examples").iterdir())
    assert [path.name for path in examples] == ["000000.npz", "000001.npz"]
    times = [path.stat().st_mtime_ns for path in examples]
    printed = run_tool(*command, "--max_steps=0")
    assert "step 2: loss" in printed
    assert str(workdir / "model.keras") in printed
    solver = zoo.load(workdir)
    assert isinstance(solver, solvers.TemporalPrior)
    assert (solver.precision, solver.prior.hidden_dim, solver.prior.num_layers) == ("float32", 12, 1)
    written = (workdir / "model.keras").read_bytes()
    assert "step 2: nothing left to train" in run_tool(*command)
    assert [path.stat().st_mtime_ns for path in examples] == times
    assert len((workdir / "model.keras").read_bytes()) == pytest.approx(len(written), rel=0.01)
    assert json.loads((workdir / "run.json").read_text())["flags"]["examples"] == 2
    other = [f"--workdir={tmp_path / 'other'}", f"--initial={workdir}", "--learning_rate=1e-9", "--max_steps=1"]
    run_tool(*command, *other)
    run_tool(*command, *other[:-1])
    for before, after in zip(solver.get_weights(), zoo.load(tmp_path / "other").get_weights(), strict=True):
        np.testing.assert_allclose(after, before, rtol=2e-3, atol=1e-6)
    with pytest.raises(SystemExit, match="^fit_motion_prior: `examples` was 2 when the run in .* got 3"):
        run_tool(*command, "--examples=3")


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--first=analytic", "`first` must be a temporal solver; got analytic, Analytic"),
        ("--initial=analytic", "`initial` must be a temporal_prior with .*; got analytic, Analytic"),
        ("--initial=temporal_prior", "`initial` must be a temporal_prior with .*; got temporal_prior, TemporalPrior"),
        ("--first=none_such", "`solver` must be one of .*got 'none_such'"),
        ("--leave_out=walk_7", "`leave_out` must be names of files of the sources; got walk_7, which is none"),
        ("--hidden_dim=13", "`hidden_dim` must be a multiple of the 6 `heads`; got 13"),
        ("--steps=0", "`steps` must be 1 or more; got 0"),
        ("--source=none_such", "no such file"),
    ],
)
def test_what_cannot_be_is_one_line_before_anything_is_written(run_tool, tmp_path, walks, first, flag, message):
    workdir = tmp_path / "run"
    command = ["fit_motion_prior", f"--source={walks}", f"--first={first}", f"--workdir={workdir}", *TINY, flag]
    with pytest.raises(SystemExit, match=rf"^fit_motion_prior: .*{message}") as stopped:
        run_tool(*command)
    assert "\n" not in str(stopped.value)
    assert not workdir.exists()


def test_arguments_that_are_no_flags_are_named(run_tool, tmp_path):
    with pytest.raises(SystemExit, match="takes flags only; got more"):
        run_tool("fit_motion_prior", "--source=made", f"--workdir={tmp_path}", "more")
