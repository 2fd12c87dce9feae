import csv
import dataclasses

import numpy as np
import pytest

from niki_tf import body, io, motion, skeletons
from niki_tf.motion import made_motion


@pytest.fixture
def folders(tmp_path):
    """Two folders of motion without a fault that share nothing."""
    for seed in range(3):
        io.save_clip(tmp_path / "a" / f"x__{seed // 2}__{seed}.npz", made_motion(seed, frames=300))
        io.save_clip(tmp_path / "b" / f"y__{seed}.npz", made_motion(seed + 3, frames=300))
    return tmp_path


def arguments(folders, *names):
    return [*(f"--motion={folders / name}" for name in names), f"--output={folders / 'out'}"]


def rows_of(folders):
    with (folders / "out" / "check_motion.csv").open() as file:
        return list(csv.DictReader(file))


def test_motion_without_a_fault_passes(run_tool, folders):
    printed = run_tool("check_motion", *arguments(folders, "a", "b"))
    assert "Faults: 0" in printed
    assert (folders / "out" / "faults.txt").read_text() == ""
    rows = rows_of(folders)
    assert [(row["subject"], row["clip"], row["clips"], row["frames"]) for row in rows[:5]] == [
        ("all", "all", "3", "900"),
        ("x/0", "all", "2", "600"),
        ("x/0", "x__0__0", "1", "300"),
        ("x/0", "x__0__1", "1", "300"),
        ("x/1", "all", "1", "300"),
    ]
    assert rows[-1]["motion"] == "limit"
    assert rows[-1]["slide m/s"] == "0.25"
    assert [line.split()[0] for line in printed.splitlines()[1:4]] == [str(folders / "a"), "x/0", "x__0__0"]
    assert {row["copies"] for row in rows} == {"0"}


def test_faults_are_named_and_end_with_status_1(run_tool, folders, capsys):
    clip = made_motion(7, frames=300)
    poses = clip.poses.copy()
    poses[100:130, skeletons.SMPL_24.index("left_elbow")] = [0.0, 0.6, 0.0]
    io.save_clip(folders / "a" / "x__9__1.npz", dataclasses.replace(clip, poses=poses))
    with pytest.raises(SystemExit) as stopped:
        run_tool("check_motion", *arguments(folders, "a"), "--limit_jump=170")
    assert stopped.value.code == 1
    printed = capsys.readouterr().out
    line = "x__9__1: wrong way 10.00 %, limit 1, worst at frame 100"
    assert f"Faults: 1\n\n{line}\n" in printed
    assert (folders / "out" / "faults.txt").read_text() == f"{line}\n"
    assert run_tool("check_motion", *arguments(folders, "a"), "--limit_jump=170", "--limit_wrong_way=10")


def test_a_mirrored_copy_in_another_folder_is_named(run_tool, folders, capsys):
    clip = made_motion(4, frames=300)
    poses = clip.poses[50:170, skeletons.SMPL_24.mirror] * np.float32([1, -1, -1])
    copy = dataclasses.replace(clip, poses=poses, trans=clip.trans[50:170] * np.float32([-1, 1, 1]))
    io.save_clip(folders / "a" / "x__1__9.npz", copy)
    with pytest.raises(SystemExit) as stopped:
        run_tool("check_motion", *arguments(folders, "a", "b"))
    assert stopped.value.code == 1
    line = f"x__1__9: repeats y__1 of {folders / 'b'}, mirrored: 120 frames from frame 0, there from 50, 0.0 mm apart"
    assert line in capsys.readouterr().out
    assert {row["clip"]: row["copies"] for row in rows_of(folders) if row["copies"] == "1"}.keys() == {
        "all",
        "x__1__9",
        "y__1",
    }
    assert run_tool("check_motion", *arguments(folders, "a", "b"), "--limit_copies=1")


def test_what_cannot_be_told_is_a_dash_and_faults_begin_with_the_worst(run_tool, tmp_path, capsys):
    for frames in (10, 1, 5):
        io.save_clip(tmp_path / "short" / f"{frames:02d}.npz", made_motion(0, frames=frames))
    with pytest.raises(SystemExit):
        run_tool("check_motion", *arguments(tmp_path, "short"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split()[:3] == ["-", "3", "16"]  # the subject of names without / or __
    (alone,) = (line for line in lines if line.startswith("    01 "))
    assert alone.split()[1:6] == ["1", "1", "-", "-", "-"]
    assert alone.split()[6:8] == ["0.00", "-"]
    assert alone.split()[-1] == "-"  # copies, of one folder
    faults = [line for line in lines if "limit 15" in line]
    assert faults == [f"{frames:02d}: frames {frames}, limit 15" for frames in (1, 5, 10)]


def test_the_distance_of_copies_is_in_millimetres(run_tool, tmp_path):
    clip = made_motion(4, frames=90)
    poses = clip.poses.copy()
    poses[:, skeletons.SMPL_24.index("spine1"), 0] += 0.02  # about 4 mm, over the arms and the head
    io.save_clip(tmp_path / "a" / "x.npz", clip)
    io.save_clip(tmp_path / "b" / "y.npz", dataclasses.replace(clip, poses=poses))
    assert run_tool("check_motion", *arguments(tmp_path, "a", "b"), "--copy_mm=1")
    with pytest.raises(SystemExit):
        run_tool("check_motion", *arguments(tmp_path, "a", "b"), "--copy_mm=10")


def test_the_person_has_the_shape_of_the_file(run_tool, tmp_path):
    clip = motion.Clip(poses=np.zeros([20, 24, 3]), trans=np.zeros([20, 3]))
    betas = np.float32([0, 0, 2, 0, 0, 0, 0, 0, 0, 0])
    io.save_clip(tmp_path / "a" / "long_legs.npz", dataclasses.replace(clip, betas=betas))
    run_tool("check_motion", *arguments(tmp_path, "a"), "--ground=-1.2")
    toes = body.mannequin_joints()(betas[None]).numpy()[0, skeletons.SMPL_29.index("left_big_toe"), 1]
    assert float(rows_of(tmp_path)[0]["below ground cm"]) == pytest.approx(100 * (-1.2 - toes), abs=1e-3)


def test_a_limit_of_frames_and_a_given_ground(run_tool, folders, capsys):
    with pytest.raises(SystemExit):
        run_tool("check_motion", *arguments(folders, "b"), "--limit_frames=301", "--ground=0.3")
    printed = capsys.readouterr().out
    assert "y__0: frames 300, limit 301" in printed
    assert "y__0: below ground 2" in printed  # toes are 1 or 2 cm above 0, so 28 or 29 cm below


@pytest.mark.parametrize(("clips", "said"), [(10, "more of"), (51, "and 41 more of this kind")])
def test_many_faults_and_many_clips_are_shortened(run_tool, tmp_path, capsys, clips, said):
    clip = made_motion(0, frames=20)
    for number in range(clips):
        io.save_clip(tmp_path / "many" / f"z__{number:02d}.npz", clip)
    with pytest.raises(SystemExit):
        run_tool("check_motion", *arguments(tmp_path, "many"), "--limit_frames=30")
    printed = capsys.readouterr().out
    assert printed.count("frames 20, limit 30") == 10
    assert (said in printed) == (clips > 10)
    assert ("    z__" in printed.split("Faults")[0]) == (clips == 10)
    assert len((tmp_path / "out" / "faults.txt").read_text().splitlines()) == clips


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--motion={tmp}/absent"], "absent: no such file or folder"),
        (["--motion={tmp}/a", "--motion={tmp}/a"], "`motion` must name different folders"),
        (["--motion={tmp}/a", "stray"], "flags only; got stray"),
        (["--motion={tmp}/a", "--output={tmp}/a/x__0__0.npz"], "`output` must be a folder"),
    ],
)
def test_bad_values_end_in_one_clear_line(run_tool, folders, given, message):
    with pytest.raises(SystemExit, match=f"^check_motion.*{message}") as stopped:
        run_tool("check_motion", f"--output={folders / 'out'}", *(text.format(tmp=folders) for text in given))
    assert "\n" not in stopped.value.code
