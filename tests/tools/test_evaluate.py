"""tools/evaluate.py from motion files to tables, figure and rows."""

import csv
import functools
import hashlib
import json
import shutil

import cv2
import pytest
import tensorflow as tf

from niki_tf import body, evaluation, io, solvers
from niki_tf.evaluation import results
from niki_tf.evaluation.protocols import common
from niki_tf.motion import made_motion
from niki_tf.solvers import zoo


@pytest.fixture
def motion_with_a_bad_file(motion, tmp_path):
    for file in motion.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "bad.npz").write_text("not an archive")
    return tmp_path


@pytest.fixture
def eager():
    """No graphs are made: that takes longer than these few frames do."""
    tf.config.run_functions_eagerly(run_eagerly=True)
    yield
    tf.config.run_functions_eagerly(run_eagerly=False)


@pytest.fixture
def two_levels(monkeypatch):
    """The noise protocol measures at two levels of noise."""
    noise = evaluation.PROTOCOLS["noise"]
    few = noise._replace(rows=functools.partial(noise.rows, levels_mm=(0, 30)))
    monkeypatch.setitem(evaluation.PROTOCOLS, "noise", few)


def test_rows_table_and_figure(run_tool, motion_with_a_bad_file, tiny_model, tmp_path):
    printed = run_tool(
        "evaluate",
        f"--motion={motion_with_a_bad_file}",
        "--skip_bad",
        "--stride=3",
        "--solver=analytic",
        f"--solver={tiny_model}",
        f"--output={tmp_path / 'new' / 'out'}",
        "--seed=1",
        "--batch_size=3",
    )
    rows = json.loads((tmp_path / "new" / "out" / "noise.json").read_text())
    assert [row["solver"] for row in rows] == 7 * ["analytic"] + 7 * [str(tiny_model)]
    assert [row["noise_mm"] for row in rows] == 2 * [0, 10, 20, 30, 50, 70, 100]
    assert {row["frames"] for row in rows} == {4}
    assert rows[0]["mpjpe"] < 0.1 < 5.0 < rows[1]["mpjpe"] < rows[6]["mpjpe"]
    with (tmp_path / "new" / "out" / "noise.csv").open(newline="") as file:
        assert [float(row["pve"]) for row in csv.DictReader(file)] == [row["pve"] for row in rows]
    assert cv2.imread(str(tmp_path / "new" / "out" / "noise.png")).std() > 5
    for row in (rows[3], rows[9]):
        for metric in ("mpjpe", "pa_mpjpe", "pve", "rotation_deg"):
            assert f"{row[metric]:.1f}" in printed
    assert "noise.png" in printed
    assert "given the true one" in printed


@pytest.fixture(scope="module")
def over_time(tmp_path_factory):
    """A folder with an untrained solver that sees time."""
    folder = tmp_path_factory.mktemp("models") / "over_time"
    zoo.save(solvers.Recurrent(body.mannequin_joints(), hidden_dim=4), folder)
    return folder


@pytest.mark.usefixtures("eager", "two_levels")
def test_noise_with_a_filter_and_a_solver_that_sees_time(run_tool, motion, over_time, tmp_path):
    names = ["analytic+savgol9", str(over_time)]
    run_tool("evaluate", f"--motion={motion}", "--stride=5", *(f"--solver={n}" for n in names), f"--output={tmp_path}")
    rows = json.loads((tmp_path / "noise.json").read_text())
    assert [row["solver"] for row in rows] == [name for name in names for _ in range(2)]
    assert {row["frames"] for row in rows} == {2}
    assert rows[0]["mpjpe"] > 0.1  # without a filter, analytic is exact here


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_occlusion_gives_rows_curve_and_video(run_tool, motion, tiny_model, over_time, tmp_path):
    names = ["analytic+one_euro", str(tiny_model), str(over_time)]
    printed = run_tool(
        "evaluate",
        "--protocol=xocc",
        f"--motion={motion}",
        *(f"--solver={name}" for name in names),
        "--alignment=17",
        f"--output={tmp_path}",
        "--stride=2",
        "--video",
    )
    rows = json.loads((tmp_path / "xocc.json").read_text())
    assert [row["solver"] for row in rows if row["joints"] == "all"] == names
    assert {row["frames"] for row in rows} == {5}
    with (tmp_path / "xocc.csv").open(newline="") as file:
        assert [float(row["accel"]) for row in csv.DictReader(file)] == [row["accel"] for row in rows]
    assert all(f"{row['pa_mpjpe']:.1f}" in printed for row in rows)
    assert cv2.imread(str(tmp_path / "xocc.png")).std() > 5
    video = cv2.VideoCapture(str(tmp_path / "xocc.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 5


@pytest.mark.usefixtures("eager")
def test_clean_joints_are_observed_as_they_are(run_tool, motion, tmp_path):
    printed = run_tool("evaluate", "--protocol=xocc", f"--motion={motion}", "--clean", f"--output={tmp_path}")
    rows = json.loads((tmp_path / "xocc.json").read_text())
    assert [row["joints"] for row in rows] == ["all", "visible"]
    assert rows[0]["mpjpe"] < 0.1
    assert "every joint observed as it is" in printed


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("protocol", ["collisions", "occlusion_levels"])
def test_protocols_of_the_same_clips(run_tool, motion, protocol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    printed = run_tool(
        "evaluate",
        f"--protocol={protocol}",
        f"--motion={motion}",
        "--solver=analytic",
        "--solver=analytic+savgol",
        "--stride=2",
        f"--output={tmp_path}",
        "--record=it",
    )
    rows = json.loads((tmp_path / f"{protocol}.json").read_text())
    recorded = json.loads((tmp_path / "saved_models" / "results.json").read_text())["it"]["rows"]
    assert [row["solver"] for row in recorded] == [row["solver"] for row in rows]
    numbers, decimals = {"collisions": ("pairs_percent", 2), "occlusion_levels": ("mpjpe", 1)}[protocol]
    names = [*dict.fromkeys(row["solver"] for row in rows)]
    assert names == ["analytic", "analytic+savgol"] + ["truth"] * (protocol == "collisions")
    assert f"{rows[0][numbers]:.{decimals}f}" in printed
    assert "joints hidden" in printed
    assert "given the observed one" in printed
    assert cv2.imread(str(tmp_path / f"{protocol}.png")).std() > 5


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_one_joint_after_the_other_is_hidden(run_tool, tmp_path, monkeypatch):
    monkeypatch.setattr(common, "CLIP_FRAMES", 3)
    io.save_clip(tmp_path / "clip.npz", made_motion(0, frames=3))
    printed = run_tool("evaluate", "--protocol=sensitivity", f"--motion={tmp_path}", f"--output={tmp_path}")
    rows = json.loads((tmp_path / "sensitivity.json").read_text())
    assert [len(rows), rows[0]["frames"], rows[0]["hidden"]] == [36, 3, "nothing"]
    assert all(f"{row['mpjpe']:.1f}" in printed for row in rows)
    assert cv2.imread(str(tmp_path / "sensitivity.png")).std() > 5


def test_the_error_score_is_of_single_frames(run_tool, motion, over_time, tmp_path):
    with pytest.raises(SystemExit, match="`solvers` must solve single frames; .*over_time sees time"):
        run_tool(
            "evaluate", "--protocol=error_score", f"--motion={motion}", f"--solver={over_time}", f"--output={tmp_path}"
        )


@pytest.mark.usefixtures("eager")
def test_an_estimator_s_errors_absent_joints_and_the_finish(run_tool, motion, tiny_model, tmp_path):
    printed = run_tool(
        "evaluate",
        f"--motion={motion}",
        f"--solver={tiny_model}",
        f"--solver={tiny_model}+finish",
        "--noise=estimator",
        "--sigma",
        "--absent=0.2",
        f"--output={tmp_path}",
        "--stride=2",
    )
    rows = json.loads((tmp_path / "noise.json").read_text())
    assert [(row["solver"], row["factor"]) for row in rows] == [
        (f"{tiny_model}{ending}", factor) for ending in ("", "+finish") for factor in (0.5, 1, 1.5)
    ]
    assert "an estimator's errors (sigma given), 20 % of joints absent: 5 frames" in printed
    assert "Columns are factors of an estimator's errors" in printed
    assert f"{rows[4]['mpjpe']:.1f}" in printed
    assert cv2.imread(str(tmp_path / "noise.png")).std() > 5


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_error_score_rows_and_tables(run_tool, motion, tiny_model, tmp_path):
    printed = run_tool(
        "evaluate",
        "--protocol=error_score",
        f"--motion={motion}",
        "--solver=analytic",
        f"--solver={tiny_model}",
        f"--output={tmp_path}",
        "--notwist",
    )
    rows = json.loads((tmp_path / "error_score.json").read_text())
    assert [row["solver"] for row in rows] == 3 * ["analytic"] + 5 * [str(tiny_model)]
    assert {row["frames"] for row in rows} == {10}
    with (tmp_path / "error_score.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    assert [float(row["auroc_30"]) for row in written] == [row["auroc_30"] for row in rows]
    assert [row["score"] for row in written if not row["rank_joint"]] == ["residual_max", "z", "residual_max"]
    for row in rows:
        assert f"{row['auroc_10']:.3f}" in printed
    assert "no solver is given the twist" in printed
    assert "None" not in printed
    assert sorted(file.name for file in tmp_path.iterdir()) == ["error_score.csv", "error_score.json"]


@pytest.mark.usefixtures("eager")
def test_round_trip_rows_and_table(run_tool, motion, tiny_model, tmp_path):
    printed = run_tool(
        "evaluate", "--protocol=round_trip", f"--motion={motion}", f"--solver={tiny_model}", f"--output={tmp_path}"
    )
    (row,) = json.loads((tmp_path / "round_trip.json").read_text())
    assert row["frames"] == 10
    for column in ("mean_mm", "max_mm", "mean_deg", "max_deg"):
        assert f"{row[column]:.4f}" in printed
    with pytest.raises(SystemExit, match="analytic has no `fk`"):
        run_tool("evaluate", "--protocol=round_trip", f"--motion={motion}", f"--output={tmp_path}")


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_joint_sets_rows_and_records(run_tool, tiny_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "saved_models").mkdir()
    io.save_clip(tmp_path / "motion" / "clip.npz", made_motion(0, frames=60))
    printed = run_tool(
        "evaluate",
        "--protocol=joint_sets",
        f"--motion={tmp_path / 'motion'}",
        "--skeleton=lsp_14",
        *("--solver=analytic", "--solver=analytic+finish+renamed"),
        "--betas=zeros",
        "--record=joint_sets_zeros",
    )
    rows = json.loads((tmp_path / "output" / "evaluation" / "joint_sets.json").read_text())
    assert [(row["skeleton"], row["solver"], row["noise_mm"]) for row in rows] == [
        ("lsp_14", f"analytic{end}", level) for end in ("", "+finish+renamed") for level in (0, 20)
    ]
    assert "Joint-set protocol: 60 frames" in printed
    assert "; betas are given as zeros." in printed
    assert all(f"{row['pa_mpjpe']:.1f}" in printed for row in rows)
    recorded = json.loads((tmp_path / "saved_models" / "results.json").read_text())["joint_sets_zeros"]
    assert [row["solver"] for row in recorded["rows"]] == [row["solver"] for row in rows]
    assert recorded["options"]["skeleton"] == ["lsp_14"]
    assert "--skeleton=lsp_14 --solver=analytic" in recorded["command"]
    assert recorded["motion"] == {"clips": 1, "frames": 60}


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    ("protocol", "arguments", "caption"),
    [
        ("gaps", ["--gaps=2,3", "--parts=all,joint", "--noise_mm=0,5", "--stream"], "Gap protocol: 2 frames"),
        ("half_body", [], "Half-body protocol, noise of rotations: 60 frames"),
        ("denoising", [], "Denoising protocol, joint noise: 60 frames"),
        ("rates", ["--rates=15"], "Frame-rate protocol, 30 mm of noise: 60 frames"),
    ],
)
def test_protocols_of_what_was_not_seen(run_tool, tmp_path, monkeypatch, protocol, arguments, caption):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "saved_models").mkdir()
    io.save_clip(tmp_path / "motion" / "clip.npz", made_motion(0, frames=60))
    given = [f"--protocol={protocol}", "--trans=pelvis", "--solver=analytic+one_euro", *arguments, "--record=it"]
    printed = run_tool("evaluate", f"--motion={tmp_path / 'motion'}", *given)
    output = tmp_path / "output" / "evaluation"
    rows = json.loads((output / f"{protocol}.json").read_text())
    with (output / f"{protocol}.csv").open(newline="") as file:
        assert [float(row["mpjpe"]) for row in csv.DictReader(file)] == [row["mpjpe"] for row in rows]
    assert cv2.imread(str(output / f"{protocol}.png")).std() > 5
    assert caption in printed
    assert all(f"{row['mpjpe']:.1f}" in printed for row in rows)
    recorded = json.loads((tmp_path / "saved_models" / "results.json").read_text())["it"]
    assert {row["solver"] for row in recorded["rows"]} == {row["solver"] for row in rows}
    assert " ".join(arguments) in recorded["command"]
    assert recorded["options"]["trans"] == "pelvis"


@pytest.mark.usefixtures("eager", "two_levels")
def test_betas_can_be_given_as_zeros(run_tool, motion, tmp_path):
    arguments = [f"--motion={motion}", "--solver=analytic+finish", "--stride=5", f"--output={tmp_path}"]
    assert "betas are given as zeros" in run_tool("evaluate", *arguments, "--betas=zeros")
    zeros = json.loads((tmp_path / "noise.json").read_text())
    assert "betas are" not in run_tool("evaluate", *arguments)
    assert zeros[0]["mpjpe"] > 1.0 > json.loads((tmp_path / "noise.json").read_text())[0]["mpjpe"]


@pytest.mark.usefixtures("eager", "two_levels")
def test_betas_can_be_found(run_tool, motion, tmp_path):
    arguments = [f"--motion={motion}", "--solver=analytic+finish", "--stride=5", f"--output={tmp_path}"]
    assert "betas are found from the joints" in run_tool("evaluate", *arguments, "--betas=found")
    assert json.loads((tmp_path / "noise.json").read_text())[0]["mpjpe"] < 1.0


@pytest.mark.usefixtures("eager")
def test_bones_rows_table_and_records(run_tool, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "saved_models").mkdir()
    bones = evaluation.PROTOCOLS["bones"]
    few = bones._replace(rows=functools.partial(bones.rows, levels_mm=(0, 20), bodies=2))
    monkeypatch.setitem(evaluation.PROTOCOLS, "bones", few)
    io.save_clip(tmp_path / "motion" / "clip.npz", made_motion(0, frames=60))
    printed = run_tool("evaluate", "--protocol=bones", f"--motion={tmp_path / 'motion'}", "--record=bones")
    rows = json.loads((tmp_path / "output" / "evaluation" / "bones.json").read_text())
    found = [row for row in rows if row["solver"] == "bone_shape"]
    assert [row["people"] for row in found[::2]] == ["adult", "child", "giant", "adult_absent", "adult_10_frames"]
    with (tmp_path / "output" / "evaluation" / "bones.csv").open(newline="") as file:
        assert [float(row["mean_mm"]) for row in csv.DictReader(file)] == [row["mean_mm"] for row in rows]
    assert "Bone protocol, joint noise: 120 frames" in printed
    assert all(f"{row['median_mm']:.2f}" in printed for row in rows)
    recorded = json.loads((tmp_path / "saved_models" / "results.json").read_text())["bones"]
    assert [row["median_mm"] for row in recorded["rows"]] == pytest.approx([row["median_mm"] for row in rows], abs=1e-6)
    assert "weights_sha256" not in recorded
    assert "solver" not in recorded["options"]
    block = "bones metric=median_mm columns=0,20 decimals=2 solvers=bone_shape:adult,bone_shape:child"
    table = results.table(block, {"bones": recorded["rows"]})
    assert table.startswith("| solver | people | 0 | 20 |")
    assert f"| bone_shape | child | {found[2]['median_mm']:.2f} | {found[3]['median_mm']:.2f} |" in table


@pytest.mark.usefixtures("eager", "two_levels")
def test_rows_are_recorded_beside_their_solvers(run_tool, motion, tmp_path, monkeypatch):
    folder = tmp_path / "saved_models" / "tiny"
    zoo.save(solvers.OneStage(body.mannequin_joints(), num_couplings=2, hidden_dim=8), folder)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(folder, tmp_path / "runs" / "unshipped")
    names = ["saved_models/tiny", "analytic+savgol9", "saved_models/tiny+finish", "runs/unshipped"]
    printed = run_tool(
        "evaluate",
        f"--motion={motion}/clip*",
        *(f"--solver={name}" for name in names),
        "--stride=5",
        "--notwist",
        "--record=without_twist",
    )
    rows = json.loads((tmp_path / "output" / "evaluation" / "noise.json").read_text())
    of_tiny, of_analytic = (
        json.loads((place / "results.json").read_text())["without_twist"] for place in (folder, folder.parent)
    )
    assert [row["solver"] for row in of_tiny["rows"]] == 2 * ["tiny"] + 2 * ["tiny+finish"]
    assert [row["solver"] for row in of_analytic["rows"]] == 2 * ["analytic+savgol9"] + 2 * ["unshipped"]
    assert [row["mpjpe"] for row in of_tiny["rows"]] == pytest.approx([row["mpjpe"] for row in rows[:2] + rows[4:6]])
    assert of_tiny["weights_sha256"] == hashlib.sha256((folder / "model.keras").read_bytes()).hexdigest()
    assert "weights_sha256" not in of_analytic
    solvers_given = " ".join(f"--solver={name}" for name in names)
    assert of_tiny["command"] == (
        f"python tools/evaluate.py '--motion=MOCAP/{motion.name}/clip*' --stride=5 {solvers_given} --notwist "
        "--record=without_twist"
    )
    assert of_tiny["motion"] == {"clips": 2, "frames": 2}
    assert of_tiny["options"] == of_analytic["options"]
    assert of_tiny["options"] == {
        **{"stride": 5, "seed": 0, "noise": "isotropic", "sigma": False, "absent": 0.0},
        **{"twist": False, "betas": "true", "body": "mannequin"},
    }
    assert "saved_models/tiny/results.json" in printed


@pytest.mark.usefixtures("eager", "two_levels")
def test_a_file_of_something_else_is_not_overwritten_by_a_record(run_tool, motion, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "saved_models").mkdir()
    (tmp_path / "saved_models" / "results.json").write_text("mine")
    with pytest.raises(SystemExit, match="^evaluate: saved_models/results.json must hold the records"):
        run_tool("evaluate", f"--motion={motion}", "--stride=5", "--record=noise")
    assert (tmp_path / "saved_models" / "results.json").read_text() == "mine"
