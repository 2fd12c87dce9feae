"""tools/solve.py: the demonstration, and files and folders from joints to poses."""

import errno
import json
import os
import sys

import cv2
import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, evaluation, files, io, motion, rotations, solvers
from niki_tf.cli import solve_files, solve_folders
from niki_tf.io import bvh
from niki_tf.skeletons import axes
from niki_tf.solvers import zoo

SKELETON = body.mannequin_joints()
ANALYTIC = solvers.Analytic(SKELETON)


@pytest.fixture
def eager(monkeypatch):
    """No graph of a solver is made, and no times are taken: that takes longer than to solve once."""
    monkeypatch.setattr(evaluation, "times_ms", lambda solve, observed: (2.0, 1.0))
    tf.config.run_functions_eagerly(run_eagerly=True)
    yield
    tf.config.run_functions_eagerly(run_eagerly=False)


@pytest.fixture
def analytic(monkeypatch):
    """Every solver is the analytic one, so that nothing is loaded."""
    monkeypatch.setattr(zoo, "load", lambda name, body_joints=None: ANALYTIC)


@pytest.fixture
def solve(run_tool, tmp_path, capsys):
    """A function of arguments that runs the program on tmp_path/in and gives its lines and its exit code."""

    def run(*arguments, source=tmp_path / "in", formats=("npz",)):
        code = 0
        chosen = [f"--format={ending}" for ending in formats]
        try:
            printed = run_tool("solve", f"--input={source}", f"--output={tmp_path / 'out'}", *chosen, *arguments)
        except SystemExit as stop:
            code, printed = stop.code, capsys.readouterr().out
        return [json.loads(line) for line in printed.splitlines()], code

    (tmp_path / "in").mkdir()
    return run


def _walk(frames=3):
    """(T, 29, 3) metres, y up: the mannequin at rest that goes to the front."""
    return SKELETON.joints + np.linspace([0, 0, 0], [0, 0, 1], frames)[:, None]


def _z_up(clip):
    """The clip with z up, as AMASS's are."""
    turn = axes.Y_UP["z"].T.astype(np.float32)
    poses = clip.poses.copy()
    poses[:, 0] = rotations.matrix_to_rotvec(turn @ rotations.rotvec_to_matrix(clip.poses[:, 0]).numpy())
    return motion.Clip(poses=poses, trans=clip.trans @ turn.T, fps=clip.fps, trans_convention="pelvis")


def test_the_demo_brings_a_made_motion_back(run_tool, tiny_model, tmp_path):
    where = [f"--model={tiny_model}", f"--output={tmp_path}"]
    printed = run_tool("solve", *where, "--frames=4", "--noise_mm=0", "--seed=3")
    sent = motion.made_motion(3, frames=4)
    solved = io.load_clips(tmp_path / "analytic_poses.npz")[0]
    turned = [rotations.rotvec_to_matrix(clip.poses) for clip in (solved, sent)]
    assert evaluation.rotation_error_deg(*turned).max() < 0.1
    np.testing.assert_allclose(solved.trans, sent.trans - SKELETON.joints[0], atol=1e-5)
    assert cv2.imread(str(tmp_path / "side_by_side.png")).std() > 5
    for words in ("analytic", "NIKI", "MPJPE", "PA-MPJPE", "rotation error", "ms/frame", "4 frames", "true twist"):
        assert words in printed
    names = {"analytic_poses.npz", "niki_poses.npz", "side_by_side.png"}
    assert {file.name for file in tmp_path.iterdir()} == names


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_the_demo_has_a_video_and_a_finish_that_can_be_left_out(run_tool, tiny_model, tmp_path):
    pytest.importorskip("av", reason="PyAV is not installed")
    demo = ("solve", f"--model={tiny_model}", f"--output={tmp_path}", "--frames=3")
    assert "3 frames, 30 mm of noise" in run_tool(*demo, "--format=mp4")
    finished = io.load_clips(tmp_path / "niki_poses.npz")[0].poses
    assert cv2.VideoCapture(str(tmp_path / "side_by_side.mp4")).read()[0]
    run_tool(*demo, "--finish=off")
    assert np.abs(io.load_clips(tmp_path / "niki_poses.npz")[0].poses - finished).max() > 1e-5


@pytest.mark.usefixtures("analytic")
def test_a_motion_file_comes_back_in_its_axes_with_all_it_holds(solve, tmp_path):
    clip = _z_up(motion.made_motion(3, frames=6))
    io.save_clip(tmp_path / "in" / "a.npz", clip, columns=156)
    with np.load(tmp_path / "in" / "a.npz") as held:
        np.savez(tmp_path / "in" / "a.npz", **{**held, "gender": "female", "marks": [1, 2]})
    ((line,), code) = solve()
    assert code == 0
    assert (line["frames"], line["fps"], line["unit"], line["up"], line["betas"]) == (6, 30.0, "m", "z", "told")
    assert (line["mpjpe_mm"] < 0.5, line["world_mm"] < 0.5) == (True, True)
    with np.load(line["outputs"][0]) as new:
        assert new["poses"].shape == (6, 156)
        assert (str(new["gender"]), new["marks"].tolist(), str(new["up"])) == ("female", [1, 2], "z")
        np.testing.assert_allclose(new["trans"], clip.trans - SKELETON.joints[0], atol=2e-3)


@pytest.mark.slow
@pytest.mark.usefixtures("analytic")
def test_noise_is_for_motion_and_only_if_asked_for(solve, tmp_path):
    io.save_clip(tmp_path / "in" / "a.npz", motion.made_motion(3, frames=3))
    clean, noisy = (solve(*more)[0][0]["mpjpe_mm"] for more in ([], ["--noise_mm=30"]))
    assert clean < 0.5 < 5.0 < noisy
    few = solve("--frames=2")[0][0]
    assert few["frames"] == 2
    assert io.load_clips(few["outputs"][0])[0].poses.shape == (2, 24, 3)


@pytest.mark.usefixtures("analytic")
def test_the_first_frames_of_a_motion_file_keep_its_fingers_and_axes(solve, tmp_path):
    io.save_clip(tmp_path / "in" / "a.npz", _z_up(motion.made_motion(3, frames=6)), columns=156)
    fingers = np.random.default_rng(0).normal(size=[6, 90]).astype(np.float32)
    with np.load(tmp_path / "in" / "a.npz") as held:
        arrays = {**held, "poses": np.concatenate([held["poses"][:, :66], fingers], 1), "gender": "female"}
        np.savez(tmp_path / "in" / "a.npz", **arrays)
    (line,), _ = solve("--frames=4")
    with np.load(line["outputs"][0]) as new:
        np.testing.assert_array_equal(new["poses"][:, 66:], fingers[:4])
        assert (str(new["gender"]), str(new["up"]), len(new["trans"])) == ("female", "z", 4)


@pytest.mark.usefixtures("analytic")
def test_a_folder_is_mirrored_bad_files_are_told_and_finished_ones_skipped(solve, tmp_path, capsys):
    (tmp_path / "in" / "deep").mkdir()
    np.save(tmp_path / "in" / "b.npy", 1000 * _walk() @ axes.Y_UP["z"])
    np.save(tmp_path / "in" / "deep" / "c.npy", _walk())
    (tmp_path / "in" / "a.bvh").write_text("not a rig")
    np.save(tmp_path / "in" / "d.npy", np.full([2, 29, 3], np.nan))
    (tmp_path / "in" / "notes.txt").write_text("left out")
    np.savez(tmp_path / "in" / "shape.npz", betas=np.zeros(16), gender="neutral")
    lines, code = solve()
    assert code == 1
    assert [os.path.basename(line["file"]) for line in lines] == ["a.bvh", "b.npy", "d.npy", "c.npy"]
    assert [line.get("unit") for line in lines] == [None, "mm", None, "m"]
    assert "it must begin with HIERARCHY" in lines[0]["error"]
    assert "at least one joint that was seen" in lines[2]["error"]
    found = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert found == {"b.npz", "deep/c.npz", "solved.jsonl"}
    (tmp_path / "out" / ".b.1.partial.npz").write_bytes(b"half")
    with (tmp_path / "out" / "solved.jsonl").open("a") as record:
        record.write('3\n[]\n{"options": {}}\n{"file": "half a li')
    (tmp_path / "in" / "a.bvh").unlink()
    (tmp_path / "in" / "d.npy").unlink()
    assert solve() == ([], 0)
    with files.sole_use(tmp_path / "out", name="output"):
        assert solve() == (
            [],
            f"solve: `output` must be a folder of one run at a time; another run is using {tmp_path}/"
            "out. Wait until it ends, stop it, or take another folder.",
        )
    assert not (tmp_path / "out" / ".b.1.partial.npz").exists()
    assert len(solve("--finish=off")[0]) == 2
    (tmp_path / "out" / "b.npz").unlink()
    assert [os.path.basename(line["file"]) for line in solve("--finish=off")[0]] == ["b.npy"]


@pytest.mark.usefixtures("analytic")
def test_what_is_stopped_keeps_what_is_finished(tmp_path):
    todo = [solve_folders.Job(tmp_path / f"{name}.npy", tmp_path / "out" / name) for name in "abc"]
    (tmp_path / "out").mkdir()
    said, solved = [], []

    def stopped(path, target):
        if path.stem == "b":
            raise KeyboardInterrupt
        path.write_text("")
        target.with_suffix(".npz").write_text("")
        solved.append(path.stem)
        return [{"file": str(path), "frames": 1, "outputs": [str(target.with_suffix(".npz"))]}]

    where = {"output": tmp_path / "out", "options": {"finish": "full"}, "say": said.append}
    with pytest.raises(KeyboardInterrupt):
        solve_folders.solve_all(todo, stopped, **where)
    assert (solved, said[0].startswith("Stopped; 1 files are finished")) == (["a"], True)
    solve_folders.solve_all([todo[0], todo[2]], stopped, **where)
    assert solved == ["a", "c"]


@pytest.mark.usefixtures("analytic")
def test_a_full_disk_ends_it_and_other_errors_do_not(tmp_path):
    todo = [solve_folders.Job(tmp_path / f"{name}.npy", tmp_path / name) for name in "abc"]
    tried = []

    def refused(path, target):
        tried.append(path.stem)
        number = errno.EISDIR if path.stem == "a" else errno.ENOSPC
        with files.atomic_write(target.with_suffix(".npz")):
            raise OSError(number, os.strerror(number))

    where = {"output": tmp_path, "options": {}, "say": lambda line: None}
    with pytest.raises(files.NotWrittenError, match="b.npz cannot be written: No space left on device"):
        solve_folders.solve_all(todo, refused, **where)
    assert tried == ["a", "b"]


def test_a_link_that_leads_out_of_the_output_folder_is_refused(tmp_path):
    (tmp_path / "in" / "below").mkdir(parents=True)
    np.save(tmp_path / "in" / "below" / "a.npy", np.zeros([2, 29, 3]))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "below").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="`output` must hold all that is written; .*below leads to .*elsewhere"):
        solve_folders.jobs(str(tmp_path / "in"), tmp_path / "out")


def test_files_of_one_name_do_not_share_outputs(tmp_path):
    for name in ("walk.bvh", "walk.c3d", "run.trc", ".hidden.npy", "out/old.npy"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    found = solve_folders.jobs(str(tmp_path), tmp_path / "out")
    assert [job.target.name for job in found] == ["run", "walk_bvh", "walk_c3d"]
    assert [job.path.name for job in solve_folders.jobs(f"{tmp_path}/*.trc", tmp_path / "out")] == ["run.trc"]
    frames = tmp_path / "clip"
    frames.mkdir()
    for number in range(2):
        person = {"person_id": [-1], "pose_keypoints_3d": [0.5] * 100}
        (frames / f"clip_{number:012d}_keypoints.json").write_text(json.dumps({"people": [person]}))
    assert [(job.path, job.target.name) for job in solve_folders.jobs(str(frames), tmp_path)] == [(frames, "clip")]
    assert frames in [job.path for job in solve_folders.jobs(str(tmp_path), tmp_path / "out")]


@pytest.mark.usefixtures("analytic")
@pytest.mark.slow
def test_people_skeletons_and_shapes(solve, tmp_path):
    crowd = np.stack([_walk()[:, :24], 0.7 * _walk()[:, :24] + [2.0, 0.0, 0.0]])
    np.savez(tmp_path / "in" / "two.npz", joints=crowd, fps=50.0)
    lines, code = solve(formats=("npz", "bvh", "glb"))
    assert (code, [line["person"] for line in lines], [line["fps"] for line in lines]) == (0, ["0", "1"], [50.0, 50.0])
    assert [line["size"] for line in lines] == [pytest.approx(1.0, abs=0.01), pytest.approx(0.7, abs=0.01)]
    assert any("a child?" in note for note in lines[1]["notes"])
    assert {os.path.basename(output) for output in lines[1]["outputs"]} == {"two_1.npz", "two_1.bvh", "two_1.glb"}
    np.save(tmp_path / "betas.npy", np.full([1, 300], 0.5))
    for betas, expected in (("0.3,0.2", [0.3, 0.2, 0.0]), ("zeros", [0.0] * 3), (tmp_path / "betas.npy", [0.5] * 3)):
        line = solve(f"--betas={betas}", f"--skeleton={'smpl_24'}")[0][0]
        assert line["betas"] == "told"
        np.testing.assert_allclose(io.load_clips(line["outputs"][0])[0].betas[:3], expected, atol=1e-6)


@pytest.mark.usefixtures("analytic")
@pytest.mark.slow
def test_a_rig_comes_back_as_that_rig(solve, tmp_path, run_tool):
    np.save(tmp_path / "in" / "a.npy", _walk())
    (line,), _ = solve("--bone_names=mixamo", formats=("bvh",))
    rig = bvh.read_bvh(line["outputs"][0])
    (tmp_path / "in" / "a.npy").unlink()
    os.replace(line["outputs"][0], tmp_path / "in" / "rig.bvh")
    (line,), _ = solve(formats=("bvh",))
    assert (line["unit"], line["up"]) == ("cm", "y")
    back = bvh.read_bvh(line["outputs"][0])
    assert (back.names, back.channels, len(back.values)) == (rig.names, rig.channels, 3)
    assert len(bvh.read_bvh(solve("--frames=2", formats=("bvh",))[0][0]["outputs"][0]).values) == 2
    (line,), _ = solve("--mirror", formats=("bvh",))
    assert any("not the file's own" in note for note in line["notes"])


@pytest.mark.usefixtures("analytic")
def test_uneven_times_are_told_and_come_back(solve, tmp_path):
    times = np.cumsum([0, 0.04, 0.02, 0.04, 0.06, 0.04])
    np.savez(tmp_path / "in" / "a.npz", joints=_walk(6), times=times, skeleton="smpl_29")
    (line,), _ = solve(formats=("npz", "bvh"))
    assert [note[:34] for note in line["notes"]] == ["The frames are not evenly spaced: "] * 2
    os.replace(tmp_path / "out" / "a.npz", tmp_path / "in" / "a.npz")
    (line,), _ = solve("--frames=5")
    np.testing.assert_allclose(io.load_clips(line["outputs"][0], fps=None)[0].times, times[:5])


@pytest.mark.usefixtures("analytic")
def test_an_input_is_never_overwritten(solve, tmp_path):
    (tmp_path / "out").mkdir()
    np.savez(tmp_path / "out" / "a.npz", joints=_walk())
    (line,), code = solve(source=tmp_path / "out" / "a.npz")
    assert (code, "would be overwritten" in line["error"]) == (1, True)
    assert "joints" in np.load(tmp_path / "out" / "a.npz")


@pytest.mark.usefixtures("analytic")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--input={tmp}/absent.npz"], "`input` must be a file, folder or pattern .* nothing is there"),
        (["--input={tmp}/empty"], "there are no files of these endings"),
        (["--skeleton=coco"], "`skeleton` must be one of smpl_24"),
        (["--betas=many"], "`betas` must be zeros, found, numbers"),
        (["--betas={tmp}/text.npz"], "`betas` must be zeros, found, numbers"),
        (["--unit=furlong"], "`unit` must be one of m, cm"),
        (["--output={tmp}/text.npz"], "`output` must be a folder"),
        (["motion.npz"], "A file goes into --input"),
    ],
)
def test_bad_values_end_in_one_clear_line(run_tool, tmp_path, arguments, message):
    (tmp_path / "text.npz").write_text("not an archive")
    (tmp_path / "empty").mkdir()
    np.save(tmp_path / "a.npy", _walk())
    given = [argument.format(tmp=tmp_path) for argument in arguments]
    with pytest.raises(SystemExit, match=f"^solve.*{message}"):
        run_tool("solve", f"--input={tmp_path / 'a.npy'}", f"--output={tmp_path / 'out'}", *given)


@pytest.mark.parametrize(("model", "message"), [("{tmp}", "hold model.keras"), ("{tmp}/none", "be one of analytic")])
def test_a_model_that_is_not_there_is_named(run_tool, tmp_path, model, message):
    np.save(tmp_path / "a.npy", _walk())
    where = [f"--input={tmp_path / 'a.npy'}", f"--output={tmp_path / 'out'}", f"--model={model.format(tmp=tmp_path)}"]
    with pytest.raises(SystemExit, match=f"^solve: `solver` must {message}"):
        run_tool("solve", *where)


@pytest.mark.usefixtures("analytic")
def test_without_pyav_no_work_is_begun(run_tool, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    np.save(tmp_path / "a.npy", _walk())
    with pytest.raises(SystemExit, match="^solve: videos are written by PyAV"):
        run_tool("solve", f"--input={tmp_path / 'a.npy'}", f"--output={tmp_path / 'out'}", "--format=mp4")


@pytest.mark.slow
def test_shipped_solvers_bring_joints_of_a_phone_to_files_of_every_format(solve, tmp_path):
    pytest.importorskip("av", reason="PyAV is not installed")
    sent = motion.made_motion(5, frames=40)
    poser = body.BodyPoser(body.mannequin())
    joints = motion.observe(sent, poser=poser, noise_mm=5, seed=0).joints
    np.save(tmp_path / "in" / "a.npy", 1000 * joints[:, :24] @ axes.Y_UP["-y"])
    (line,), code = solve(formats=("npz", "bvh", "glb", "mp4", "png"))
    assert (code, line["unit"], line["up"], line["frames"], len(line["outputs"])) == (0, "mm", "-y", 40, 5)
    assert line["residual_mm"] < 15.0
    (found,) = io.load_clips(line["outputs"][0])
    turned = [rotations.rotvec_to_matrix(clip.poses[:, 1:6]) for clip in (found, sent)]
    assert np.abs(turned[0] - turned[1]).max(-1).mean() < 0.1


@pytest.mark.slow
def test_a_motion_stays_where_it_is_when_it_is_solved_ten_times(tmp_path):
    sent = motion.made_motion(5, frames=60)
    io.save_clip(tmp_path / "0.npz", sent, columns=165)
    solver = solve_files.FileSolver(solve_files.Options(formats=("npz",)), body.mannequin())
    for turn in range(10):
        solver(tmp_path / f"{turn}.npz", tmp_path / f"{turn + 1}")
    (found,) = io.load_clips(tmp_path / "10.npz")
    moved = np.linalg.norm(found.trans - (sent.trans - SKELETON.joints[0]), axis=-1)
    assert moved.mean() < 0.001
    with np.load(tmp_path / "10.npz") as held:
        assert held["poses"].shape == (60, 165)


@pytest.mark.parametrize(("flags", "ground"), [([], None), (["--ground=feet"], "feet")])
def test_the_ground_is_asked_for(solve, analytic, tmp_path, monkeypatch, flags, ground):
    asked, whole = [], solve_files.person_tasks
    monkeypatch.setattr(
        solve_files, "person_tasks", lambda *a, **more: asked.append(more["ground"]) or whole(*a, **more)
    )
    np.save(tmp_path / "in" / "walk.npy", _walk())
    assert solve(*flags)[1] == 0
    assert asked == [ground]
