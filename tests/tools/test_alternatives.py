"""tools/benchmarks/alternatives.py: the files that other programs are given, the arguments, the table."""

import json
import os
import pathlib
import pickle
import subprocess
import sys

import h5py
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from niki_tf import body, motion, rotations
from niki_tf.solvers import zoo

ROOT = pathlib.Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "tools" / "benchmarks"


@pytest.fixture
def files(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import alternatives_files

    return alternatives_files


@pytest.fixture
def child(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import alternatives_child

    return alternatives_child


@pytest.fixture(scope="module")
def mannequin():
    return body.mannequin()


@pytest.fixture
def folder(files, mannequin, tmp_path):
    """Of the files, as the programs are given them."""
    files.write_files(tmp_path, body=mannequin, prior=zoo.load("map_fit"))
    return tmp_path


def run(*words):
    command = [sys.executable, str(BENCHMARKS / "alternatives.py"), *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})


def test_the_body_that_is_written_is_read_with_the_same_joints(files, folder, mannequin):
    read = body.load_body(folder / files.SMPLFITTER_BODY)
    np.testing.assert_allclose(read.joints, mannequin.joints, atol=1e-6)
    np.testing.assert_allclose(read.joint_directions, mannequin.joint_directions, atol=1e-6)
    order = files.vertex_order(mannequin)
    assert set(order) == set(range(len(mannequin.v_template)))
    for name in ("v_template", "shapedirs", "posedirs", "lbs_weights"):
        np.testing.assert_array_equal(getattr(read, name), getattr(mannequin, name)[order])
    np.testing.assert_array_equal(order[read.faces], mannequin.faces)


def test_both_programs_find_the_same_body(files, folder):
    other = folder / files.KEYPOINTS2BODY_FOLDER / "smpl" / "SMPL_NEUTRAL.pkl"
    assert other.read_bytes() == (folder / files.SMPLFITTER_BODY).read_bytes()
    assert not np.load(folder / "smpl" / "kid_template.npy").any()


def test_the_prior_and_the_mean_are_those_of_map_fit(files, folder):
    models = folder / files.KEYPOINTS2BODY_FOLDER
    mixture = pickle.loads((models / "gmm_08.pkl").read_bytes())
    solver, fresh = zoo.load("map_fit"), zoo.load("map_fit")
    fresh.set_prior(mixture["weights"], mixture["means"], mixture["covars"])
    poses = mixture["means"].astype(np.float32)
    np.testing.assert_allclose(fresh.prior(poses), solver.prior(poses), atol=2e-3)
    with h5py.File(models / "neutral_smpl_mean_params.h5") as file:
        assert file["pose"].shape == (72,)
        np.testing.assert_allclose(file["pose"][3:], mixture["weights"] @ mixture["means"], atol=1e-6)
        assert not file["shape"][:].any()


def test_a_body_that_does_not_fit_the_format_is_refused(files, mannequin):
    fields = ("v_template", "shapedirs", "lbs_weights", "faces", "joints", "joint_directions")
    arrays = {name: getattr(mannequin, name) for name in fields}
    twice = {name: np.concatenate([arrays[name]] * 2) for name in ("v_template", "shapedirs", "lbs_weights")}
    with pytest.raises(ValueError, match="at most 6890 vertices"):
        files.smpl_arrays(body.BodyData(**arrays | twice))
    with pytest.raises(ValueError, match="tips among its vertices"):
        files.smpl_arrays(body.BodyData(**arrays | {"joints": arrays["joints"] + 1.0}))
    other = np.random.default_rng(0).normal(size=arrays["joint_directions"].shape)
    with pytest.raises(ValueError, match="follow from its vertices"):
        files.smpl_arrays(body.BodyData(**arrays | {"joint_directions": other}))


def test_swings_turn_bones_the_shortest_way(child):
    rng = np.random.default_rng(0)
    rest, observed = rng.normal(size=[24, 3]), rng.normal(size=[5, 24, 3])
    swings = child._swings(rest, observed)
    for place, wanted in enumerate(observed):
        for joint in range(24):
            turned = swings[place, joint] @ rest[joint]
            np.testing.assert_allclose(np.cross(turned, wanted[joint]), 0.0, atol=1e-9)
            angle = np.arccos(rest[joint] @ wanted[joint] / np.linalg.norm(rest[joint]) / np.linalg.norm(wanted[joint]))
            assert Rotation.from_matrix(swings[place, joint]).magnitude() == pytest.approx(angle)


def test_bones_of_joints_that_end_a_limb_are_those_they_end(child, mannequin):
    starts, ends = child._bones((-1, 0, 0, 0, *range(1, 21)))
    assert (starts[0], ends[0]) == (0, 1)
    assert (starts[23], ends[23]) == (20, 23)


def test_a_long_motion_goes_to_and_fro(child):
    joints = np.arange(6.0).reshape(2, 3, 1, 1) + np.zeros([1, 1, 24, 3])
    long = child.long_motion({"joints": joints, "betas": np.zeros([2, 10])}, 6)
    assert long["joints"][0, :, 0, 0].tolist() == [0, 1, 2, 1, 0, 1]
    assert long["betas"].shape == (1, 10)


def test_errors_leave_out_what_failed(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import alternatives_motion

    truth = alternatives_motion.motions([motion.made_motion(seed, frames=8) for seed in range(3)], 2, 4)
    lost = truth["rotations"].copy()
    lost[1, 2, 5] = np.nan
    found = alternatives_motion.errors({0: truth["rotations"], 30: lost, 50: np.full_like(lost, np.nan)}, truth)
    assert (found["frames"], found["failed"]) == (8, 9)
    assert max(found[name] for name in ("0 mm", "30 mm", "deg at 0", "deg at 30")) < 0.1
    assert found["50 mm"] is None


def test_single_frames_are_spread_and_seen_with_noise(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import alternatives_motion

    clips = [motion.made_motion(seed, frames=8) for seed in range(3)]
    truth = alternatives_motion.single_frames(clips, 4)
    poses = np.concatenate([clip.poses for clip in clips])[[3, 9, 15, 21]].astype(np.float32)
    np.testing.assert_allclose(truth["rotations"][:, 0], rotations.rotvec_to_matrix(poses), atol=1e-6)
    assert len(np.unique(truth["betas"][:, 0])) == 4
    seen = alternatives_motion.observe(truth, 20)
    assert np.std(seen["joints"] - truth["joints"]) == pytest.approx(0.02, rel=0.1)
    hips = (seen["joints"] @ seen["turns"])[:, 0, 1] - (seen["joints"] @ seen["turns"])[:, 0, 2]
    assert (hips[:, 0] > np.abs(hips[:, 1:]).max(-1)).all(), "it faces +z, with the left hip at +x"
    with pytest.raises(ValueError, match="`frames` must be at most"):
        alternatives_motion.single_frames(clips, 25)
    with pytest.raises(ValueError, match="`motions` must be at most"):
        alternatives_motion.motions(clips, 1, 9)


@pytest.mark.slow
def test_own_rows_alone(tmp_path):
    rows = ["--method=analytic", "--method=one_stage+finish, LiteRT", "--frames=3", "--noise_mm=0", "--noise_mm=30"]
    done = run(*rows, "--notimes", f"--output={tmp_path}")
    assert done.returncode == 0, done.stderr[-2000:]
    analytic, finish = json.loads((tmp_path / "alternatives.json").read_text())
    assert [finish[name] for name in ("joints", "betas", "frames", "failed")] == [29, "true", 3, 0]
    assert finish["0 mm"] < 1.0 < finish["30 mm"] < analytic["30 mm"]
    assert (tmp_path / "alternatives.csv").read_text().startswith("method,joints,betas,frames,failed,0 mm,30 mm")
    assert "| analytic | 24 | true | 3 | 0 |" in done.stdout


@pytest.mark.slow
def test_wrong_arguments_are_told():
    done = run("--method=magic")
    assert done.returncode == 1
    assert "`method` must be one of analytic" in done.stderr


@pytest.mark.slow
def test_the_other_programs_answer(tmp_path):
    python = os.environ.get("NIKI_ALTERNATIVES_PYTHON")
    if not python:
        pytest.skip("NIKI_ALTERNATIVES_PYTHON names no Python with smplfitter and keypoints2body")
    names = ("smplfitter", "smplfitter, vertices", "keypoints2body, world", "keypoints2body, sequence")
    sizes = ["--frames=2", "--motions=1", "--length=2", "--noise_mm=0"]
    done = run(*(f"--method={name}" for name in names), *sizes, f"--reference={python}", f"--output={tmp_path}")
    assert done.returncode == 0, done.stderr[-2000:]
    rows = json.loads((tmp_path / "alternatives.json").read_text())
    assert [row["failed"] for row in rows] == [0] * 6
    assert rows[0]["0 mm"] < 0.1, "smplfitter meets clean joints of a body that it is told"
    assert max(row["0 mm"] for row in rows if row["betas"] == "true") < 10.0, "all were given the same body"
    times = json.loads((tmp_path / "alternatives_times.json").read_text())
    assert min(row[name] or 1.0 for row in times for name in ("ms a frame, one", "ms a frame, bulk")) > 0.0
