import builtins
import json

import numpy as np
import pytest

from niki_tf import io, skeletons, solvers
from niki_tf.motion import made_motion


@pytest.fixture
def motion(tmp_path):
    folder = tmp_path / "motion"
    for seed in range(2):
        io.save_clip(folder / f"clip{seed}.npz", made_motion(seed, frames=40))
    return folder


def test_the_prior_knows_the_motion_and_its_mirror_image(run_tool, motion, tmp_path):
    pytest.importorskip("sklearn")
    workdir = tmp_path / "run"
    printed = run_tool(
        "fit_pose_prior",
        f"--source={motion}",
        f"--workdir={workdir}",
        "--components=2",
        "--poses=80",
        "--shrinkage=0.2",
    )
    solver = solvers.load(workdir)
    assert isinstance(solver, solvers.MapFit)
    assert (solver.components, solver.steps) == (2, 300)
    poses = np.concatenate([clip.poses for clip in io.load_clips(motion)])[:, 1:]
    mirror = [j - 1 for j in skeletons.SMPL_24.mirror[1:]]
    mirrored = poses[:, mirror] * np.float32([1, -1, -1])
    own, other, wrong, none = (
        float(np.mean(solver.prior(x.reshape(-1, 69)))) for x in (poses, mirrored, -poses, 0 * poses + 1)
    )
    assert abs(own - other) < 5.0
    assert max(own, other) + 10 < min(wrong, none)
    assert printed.startswith("160 poses, 2 Gaussians (")
    assert f"model written to {workdir / 'model.keras'}" in printed
    run = json.loads((workdir / "run.json").read_text())
    assert (run["flags"]["components"], run["flags"]["shrinkage"]) == (2, 0.2)
    assert sorted(path.name for path in workdir.iterdir()) == ["model.keras", "resolved.flags", "run.json"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--source={tmp}/absent"], "absent: no such file or folder"),
        (["--source={tmp}/absent=much"], "`source` must be PATH or PATH=WEIGHT"),
        (["--poses=3", "--components=4"], "`poses` must be 4 or more, one a Gaussian; got 3"),
        (["--workdir={tmp}/motion/clip0.npz"], "clip0.npz"),
        (["stray"], "flags only; got stray"),
    ],
)
def test_bad_values_end_in_one_clear_line(run_tool, motion, tmp_path, arguments, message):
    pytest.importorskip("sklearn")
    given = [f"--source={motion}", f"--workdir={tmp_path / 'run'}", "--components=1", "--poses=10"]
    with pytest.raises(SystemExit, match=f"^fit_pose_prior.*{message}") as stopped:
        run_tool("fit_pose_prior", *given, *(argument.format(tmp=tmp_path) for argument in arguments))
    assert "\n" not in stopped.value.code
    assert not (tmp_path / "run").exists()


def test_without_scikit_learn_it_says_what_to_install(run_tool, motion, tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SystemExit, match=r'needs scikit-learn; pip install -e "\.\[prior\]"'):
        run_tool("fit_pose_prior", f"--source={motion}", f"--workdir={tmp_path / 'run'}")
