"""tools/solve.py from joints to poses, table and picture."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, evaluation, io, motion, rotations, solvers
from niki_tf.solvers import zoo

PELVIS = body.mannequin_joints().joints[0]
"""AMASS's `trans` is added to it."""


@pytest.fixture
def eager(monkeypatch):
    """No graph of a solver is made, and no times are taken: that takes longer than to solve once."""
    monkeypatch.setattr(evaluation, "times_ms", lambda solve, observed: (2.0, 1.0))
    tf.config.run_functions_eagerly(run_eagerly=True)
    yield
    tf.config.run_functions_eagerly(run_eagerly=False)


def _rotations(clip):
    return rotations.rotvec_to_matrix(clip.poses)


def test_a_made_motion_without_noise_comes_back(run_tool, tiny_model, tmp_path):
    where = [f"--model={tiny_model}", f"--output={tmp_path}"]
    printed = run_tool("solve", *where, "--frames=4", "--noise_mm=0", "--seed=3")
    sent = motion.made_motion(3, frames=4)
    solved = io.load_clips(tmp_path / "analytic_poses.npz")[0]
    assert evaluation.rotation_error_deg(_rotations(solved), _rotations(sent)).max() < 0.1
    np.testing.assert_allclose(solved.trans, sent.trans - PELVIS, atol=1e-5)
    untrained = io.load_clips(tmp_path / "niki_poses.npz")[0]
    assert evaluation.rotation_error_deg(_rotations(untrained), _rotations(sent)).min() > 5.0
    assert cv2.imread(str(tmp_path / "side_by_side.png")).std() > 5
    for words in ("analytic", "NIKI", "MPJPE", "PA-MPJPE", "rotation error", "ms/frame", "4 frames", "true twist"):
        assert words in printed
    assert {file.name for file in tmp_path.iterdir()} == {
        "analytic_poses.npz",
        "niki_poses.npz",
        "side_by_side.png",
    }


@pytest.mark.usefixtures("eager")
def test_given_joints_are_solved_as_they_are(run_tool, tiny_model, tmp_path):
    joints = body.mannequin_joints().joints + np.linspace([0, 0, 0], [1, 1, 1], 3)[:, None]
    np.savez(tmp_path / "joints.npz", joints=joints, joint_sigma=np.zeros([3, 29]))
    printed = run_tool(
        "solve",
        f"--input={tmp_path / 'joints.npz'}",
        f"--model={tiny_model}",
        f"--output={tmp_path / 'out'}",
        "--frames=2",
        "--video",
    )
    solved = io.load_clips(tmp_path / "out" / "analytic_poses.npz")[0]
    np.testing.assert_allclose(solved.poses, np.zeros([2, 24, 3]), atol=1e-3)
    np.testing.assert_allclose(solved.trans, joints[:2, 0] - PELVIS, atol=1e-5)
    assert "distance to observation" in printed
    assert "MPJPE" not in printed
    assert cv2.VideoCapture(str(tmp_path / "out" / "side_by_side.mp4")).read()[0]


@pytest.mark.usefixtures("eager")
def test_a_motion_file_is_observed_and_solved_with_or_without_the_finish(run_tool, tiny_model, tmp_path):
    io.save_clip(tmp_path / "motion.npz", motion.made_motion(1, frames=3))
    solve = ("solve", f"--input={tmp_path / 'motion.npz'}", f"--model={tiny_model}", f"--output={tmp_path}")
    assert "3 frames, 30 mm of noise" in run_tool(*solve)
    finished = io.load_clips(tmp_path / "niki_poses.npz")[0].poses
    run_tool(*solve, "--nofinish")
    assert np.abs(io.load_clips(tmp_path / "niki_poses.npz")[0].poses - finished).max() > 1e-5  # far off, so few steps


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model={tmp}"], "`solver` must hold model.keras"),
        (["--model={tmp}/none"], "`solver` must be one of analytic"),
        (["--input={tmp}/absent.npz"], "there is no file"),
        (["--input={tmp}/text.npz"], "cannot be read"),
        (["--input={tmp}/single.npy"], "holds a single one"),
        (["--input={tmp}/few.npz"], r"`joints` must have shape .* got \(2, 24, 3\)"),
        (["--input={tmp}/other.npz"], "must hold good motion files"),
        (["--output={tmp}/text.npz"], "`output` must be a folder"),
        (["motion.npz"], "A file goes into --input"),
    ],
)
def test_bad_values_end_in_one_clear_line(run_tool, tmp_path, arguments, message):
    (tmp_path / "text.npz").write_text("not an archive")
    np.save(tmp_path / "single.npy", np.zeros(3))
    np.savez(tmp_path / "few.npz", joints=np.zeros([2, 24, 3]))
    np.savez(tmp_path / "other.npz", something=np.zeros(3))
    given = [argument.format(tmp=tmp_path) for argument in arguments]
    with pytest.raises(SystemExit, match=f"^solve.*{message}"):
        run_tool("solve", "--model=analytic", f"--output={tmp_path / 'out'}", *given)


@pytest.mark.usefixtures("eager")
def test_a_model_that_needs_the_twist_and_joints_without(run_tool, tmp_path):
    needy = solvers.TwistSwing(
        body.mannequin_joints(), hidden_dim=8, num_couplings=2, rotation_hidden_dim=8, num_rotation_couplings=2
    )
    zoo.save(needy, tmp_path / "needy")
    np.savez(tmp_path / "joints.npz", joints=np.zeros([2, 29, 3]))
    where = [f"--model={tmp_path / 'needy'}", f"--output={tmp_path / 'out'}"]
    with pytest.raises(SystemExit, match=r"^solve: `input` must hold `twist` \(T, 23, 2\) for NIKI"):
        run_tool("solve", *where, f"--input={tmp_path / 'joints.npz'}")
    printed = run_tool("solve", *where, "--frames=2")
    assert "so is NIKI" in printed


@pytest.mark.usefixtures("eager")
def test_joints_of_another_skeleton_are_solved(run_tool, tmp_path, rng):
    points = rng.normal(size=[2, 17, 3])
    points[0, 3] = np.nan
    np.save(tmp_path / "coco.npy", points)
    np.savez(tmp_path / "coco.npz", joints=points, fps=25.0, betas=np.full(10, 0.5))
    solve = ("solve", "--skeleton=coco_17", "--model=analytic", f"--output={tmp_path / 'out'}")
    printed = run_tool(*solve, f"--input={tmp_path / 'coco.npy'}", "--frames=1")
    assert "1 frames of coco_17, 16.0 joints seen a frame, solved by analytic; mean distance of a joint" in printed
    assert cv2.imread(str(tmp_path / "out" / "poses.png")).shape == (400, 400, 3)
    given = {"joint_sigma": np.full(17, 0.02), "betas": np.zeros([2, 10])}
    np.savez(tmp_path / "both.npz", joints=points, **given)
    assert "1 frames of coco_17" in run_tool(*solve, f"--input={tmp_path / 'both.npz'}", "--frames=1")
    np.save(tmp_path / "one.npy", points[1])
    assert "1 frames of coco_17, 17.0 joints" in run_tool(*solve, f"--input={tmp_path / 'one.npy'}")
    run_tool(*solve, f"--input={tmp_path / 'coco.npz'}")
    (solved,) = io.load_clips(tmp_path / "out" / "niki_poses.npz", fps=25)
    assert (len(solved), solved.fps) == (2, 25.0)
    np.testing.assert_allclose(solved.betas, 0.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "`input` must be a file of coco_17 joints; got none"),
        (["--input={tmp}/absent.npy"], "`path` must be an .npy or .npz file; there is no file"),
        (["--input={tmp}/text.npy"], "`path` must be an .npy file of numbers; .* cannot be read"),
        (["--input={tmp}/other.npz"], "`path` must hold `joints`; .*other.npz holds poses"),
        (["--input={tmp}/short.npy"], r"`joints` must have shape \(T, 17, 3\) for coco_17; got \(2, 33, 3\)"),
    ],
)
def test_bad_joints_of_another_skeleton_end_in_one_clear_line(run_tool, tmp_path, arguments, message):
    (tmp_path / "text.npy").write_text("text")
    np.savez(tmp_path / "other.npz", poses=np.zeros(3))
    np.save(tmp_path / "short.npy", np.zeros([2, 33, 3]))
    given = [argument.format(tmp=tmp_path) for argument in arguments]
    with pytest.raises(SystemExit, match=f"^solve: {message}"):
        run_tool("solve", "--skeleton=coco_17", "--model=analytic", f"--output={tmp_path / 'out'}", *given)
