"""Motion in files of every ending, read back by other means than those that wrote it."""

import ctypes
import dataclasses
import json
import os
import pathlib
import struct
import sys

import cv2
import numpy as np
import pytest

import niki_tf
from niki_tf import body, io, motion
from niki_tf.inference import saving
from niki_tf.io import bvh, bvh_pose
from niki_tf.motion import observed_motion, pieces
from niki_tf.skeletons import axes


@pytest.fixture(scope="module")
def joints(toy_body):
    clip = motion.made_motion(1, frames=8)
    return observed_motion.observe(clip, poser=body.BodyPoser(toy_body), noise_mm=0, seed=0).joints


@pytest.fixture(scope="module")
def solved(joints):
    return niki_tf.solve(joints, betas=np.linspace(-0.5, 0.5, 10), fps=25, solver="analytic")


def test_amass_files_say_which_axis_is_up(solved, tmp_path):
    for up in ("y", "z", "-x"):
        (clip,) = io.load_clips(solved.save(tmp_path / "a.npz", up=up), fps=None)
        assert (clip.up, clip.fps) == (up, 25.0)
        local = niki_tf.rotations.rotvec_to_matrix(clip.poses).numpy()
        rest = solved.rest_joints
        posed, _ = body.kinematics.forward_kinematics(local, np.tile(rest, [8, 1, 1]))
        there = posed.numpy() + clip.trans[:, None]
        np.testing.assert_allclose(there @ axes.Y_UP[up].T, solved.joints(), atol=1e-5)


def test_what_an_original_holds_besides_is_kept(solved, tmp_path):
    fingers = np.random.default_rng(0).normal(size=[8, 156]).astype(np.float32)
    held = {"poses": fingers, "trans": np.zeros([8, 3]), "mocap_framerate": 25.0, "gender": "female", "mark": [7]}
    np.savez(tmp_path / "was.npz", **held)
    solved.save(tmp_path / "is.npz", original=tmp_path / "was.npz")
    with np.load(tmp_path / "is.npz") as new:
        np.testing.assert_array_equal(new["poses"][:, 66:], fingers[:, 66:])
        assert (str(new["gender"]), new["mark"].tolist(), str(new["up"])) == ("female", [7], "y")


def test_all_betas_are_written(solved, tmp_path):
    for betas in (np.arange(16.0), np.arange(4.0)):
        many = dataclasses.replace(solved, betas=np.tile(betas, [8, 1]))
        with np.load(many.save(tmp_path / "a.npz")) as new:
            np.testing.assert_array_equal(new["betas"], betas if len(betas) > 10 else np.pad(betas, (0, 6)))


def test_bvh_has_the_joints_in_its_unit_and_axes(solved, tmp_path):
    for options, scale, turn in (({}, 100.0, np.eye(3)), ({"unit": 1.0, "up": "z"}, 1.0, axes.Y_UP["z"].T)):
        rig = bvh.read_bvh(solved.save(tmp_path / "a.bvh", bone_names="unity", **options))
        posed = bvh_pose.world_pose(rig).positions[:, [rig.names.index("Hips"), rig.names.index("LeftHand")]]
        np.testing.assert_allclose(posed / scale, solved.joints()[:, [0, 20]] @ turn.T, atol=1e-4)


def test_the_users_own_rig_comes_back_in_its_unit_and_axes(solved, tmp_path):
    rig = bvh.read_bvh(solved.save(tmp_path / "rig.bvh", bone_names="mixamo", unit=0.001, up="z"))
    keypoints = bvh_pose.keypoints(rig)
    again = niki_tf.solve(
        keypoints.positions, skeleton=niki_tf.skeletons.from_names(keypoints.names), solver="analytic", smoothing="off"
    )
    assert (again.layout.unit, again.layout.up) == (0.001, "z")
    back = bvh.read_bvh(again.save(tmp_path / "back.bvh", rig=rig))
    assert (back.names, back.channels, back.frame_time) == (rig.names, rig.channels, rig.frame_time)
    apart = np.linalg.norm(bvh_pose.world_pose(back).positions - bvh_pose.world_pose(rig).positions, axis=-1)
    assert apart.mean() < 10.0  # millimetres


def test_a_rig_of_mirrored_joints_is_refused(joints, tmp_path):
    found = niki_tf.solve(joints * [-1, 1, 1], mirror=True, solver="analytic")
    rig = bvh.read_bvh(found.save(tmp_path / "rig.bvh"))
    with pytest.raises(ValueError, match="`rig` must be of a motion solved from its joints in right-handed axes"):
        found.save(tmp_path / "back.bvh", rig=rig)


def test_glb_holds_the_body_and_its_bones(solved, toy_body, tmp_path):
    content = solved.save(tmp_path / "a.glb", body=toy_body, bone_names="vrm").read_bytes()
    length = struct.unpack("<I", content[12:16])[0]
    nodes = json.loads(content[20 : 20 + length])["nodes"]
    assert content[:4] == b"glTF"
    assert {"hips", "leftLowerLeg", "body"} <= {node["name"] for node in nodes}


def test_videos_play_at_their_rate(solved, toy_body, tmp_path):
    av = pytest.importorskip("av", reason="PyAV is not installed")
    path = solved.save(tmp_path / "a.mp4", body=toy_body, image_size=65)
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        images = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
        assert (stream.codec_context.name, stream.average_rate) == ("h264", 25)
    assert len(images) == 8
    assert images[0].shape == (64, 64, 3)
    assert all(image.std() > 5.0 for image in images)


def test_without_pyav_a_video_says_what_to_install(solved, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match=r"PyAV, which is not installed: pip install \"niki-tf\[video\]\""):
        solved.save(tmp_path / "a.mp4")
    assert not list(tmp_path.iterdir())


def test_a_picture_shows_four_moments_of_any_body(solved, toy_body, tmp_path):
    for posed in (toy_body, body.Body(toy_body)):
        image = cv2.imread(str(solved.save(tmp_path / "a.png", body=posed, image_size=64)))
        assert image.shape == (64, 256, 3)
        assert all(panel.std() > 5.0 for panel in np.split(image, 4, 1))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.fbx", {}, r"`path` must end in .npz, .bvh, .glb, .mp4, .png; got .*a.fbx"),
        ("a.npz", {"rig": None}, "`rig` is no option of .npz files, which have original, columns, up"),
        ("a.npz", {"up": "w"}, "`up` must be one of x, y, z"),
        ("a.bvh", {"bone_names": "no"}, "`bone_names` must be one of"),
    ],
)
def test_bad_options_are_named_and_nothing_is_written(solved, tmp_path, name, options, message):
    with pytest.raises(ValueError, match=message):
        solved.save(tmp_path / name, **options)
    assert not list(tmp_path.iterdir())


def _long(solved, frames):
    """The motion of 8 frames again and again."""
    again = np.arange(frames) % len(solved)
    arrays = {name: getattr(solved, name)[again] for name in ("rotations", "betas", "transl", "residual", "state")}
    return dataclasses.replace(solved, **arrays, times=np.arange(frames) / solved.fps)


def test_forms_of_rotations_go_on_from_piece_to_piece(solved):
    frames = pieces.FRAMES + 9
    long, again = _long(solved, frames), np.arange(frames) % len(solved)
    for form in ("rotation_vectors", "quaternions_wxyz", "rotations_6d"):
        np.testing.assert_allclose(getattr(long, form), getattr(solved, form)[again], atol=1e-5, err_msg=form)
    np.testing.assert_allclose(long.joints(), solved.joints()[again], atol=1e-5)


def _most_memory(save, path):
    """Bytes by which memory is larger at its largest while a file is written than before."""
    ctypes.CDLL(None).malloc_trim(0)  # what earlier tests left free would be used unseen
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins again
    before, _ = _resident()
    save(path)
    return _resident()[1] - before


def _resident():
    """Bytes of memory now and at the most."""
    lines = dict(line.split(":", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines())
    return tuple(1024 * int(lines[name].split()[0]) for name in ("VmRSS", "VmHWM"))


@pytest.mark.slow
@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="only Linux tells the peak of a while")
@pytest.mark.parametrize("ending", ["npz", "bvh", "glb"])
def test_memory_hardly_grows_with_the_length_of_the_motion(solved, tmp_path, ending):
    short, long = 1000, 20000
    _long(solved, short).save(tmp_path / f"first.{ending}")  # what stays from the first time on is not counted
    most = [_most_memory(_long(solved, frames).save, tmp_path / f"{frames}.{ending}") for frames in (short, long)]
    held = _long(solved, 1).rotations.nbytes
    assert (most[1] - most[0]) / (long - short) < 4.5 * held  # bytes a frame, of 864 that its rotations are


def test_betas_that_do_not_fit_a_file_are_left_out(solved):
    assert saving._of_length(np.ones(4), 10).tolist() == [1.0] * 4 + [0.0] * 6
    assert saving._of_length(np.ones(12), 10).tolist() == [1.0] * 10
