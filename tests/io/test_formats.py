"""Which file is read by what."""

import numpy as np
import pytest

from niki_tf import io, motion


def test_the_ending_is_found_in_any_case(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros([2, 3, 3]))
    (tmp_path / "a.npy").rename(tmp_path / "a.NPY")
    assert len(io.read_keypoints(str(tmp_path / "a.NPY"))[0]) == 2


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("a.cvs", "Did you mean .csv?"),
        ("a.jsn", "Did you mean .json?"),
        ("a.fbx", "a.fbx'. Write it as one of these."),
        ("a", "a'. Write it as one of these."),
    ],
)
def test_unknown_endings_are_told_the_known(tmp_path, name, hint):
    (tmp_path / name).write_text("x")
    with pytest.raises(ValueError, match=r"`path` must end in one of \.npy, \.npz, \.json,.*\.bvh; got ") as error:
        io.read_keypoints(tmp_path / name)
    assert str(error.value).endswith(hint)


def test_nothing_there(tmp_path):
    with pytest.raises(ValueError, match=r"`path` must be a file or a folder; got '.*absent\.csv', where nothing is"):
        io.read_keypoints(tmp_path / "absent.csv")


def test_a_file_with_the_ending_of_another_kind(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros([2, 3, 3]))
    for ending in io.FORMATS:
        if ending not in ("", ".npy", ".c3d", ".bvh"):
            wrong = tmp_path / f"wrong{ending}"
            wrong.write_bytes((tmp_path / "a.npy").read_bytes())
            with pytest.raises(ValueError, match=rf"wrong\{ending}"):
                io.read_keypoints(wrong)


def test_skeletons_with_motion_are_one_person(tmp_path):
    joint = "{ OFFSET 0 0 0 CHANNELS 3 Xposition Yposition Zrotation End Site { OFFSET 0 9 0 } }"
    text = f"HIERARCHY\nROOT Hips {joint}\nMOTION\nFrames: 2\nFrame Time: 0.02\n5 90 0\n5 91 0\n"
    (tmp_path / "a.bvh").write_text(text)
    (person,) = io.read_keypoints(tmp_path / "a.bvh")
    assert (person.names, person.fps) == (("Hips", "Hips_end"), 50.0)
    np.testing.assert_allclose(person.positions[:, 1], [[5, 99, 0], [5, 100, 0]])


def test_rotations_and_keypoints_are_told_apart(tmp_path):
    io.save_clip(tmp_path / "poses.npz", motion.made_motion(0, frames=3))
    np.savez(tmp_path / "parts.npz", root_orient=np.zeros([3, 3]), pose_body=np.zeros([3, 63]))
    np.savez(tmp_path / "joints.npz", joints=np.zeros([3, 24, 3]))
    np.savez(tmp_path / "both.npz", joints=np.zeros([3, 24, 3]), poses=np.zeros([3, 72]))
    np.savez(tmp_path / "shape.npz", betas=np.zeros(10))
    np.save(tmp_path / "poses.npy", np.zeros([3, 72]))
    (tmp_path / "damaged.npz").write_bytes(b"PK")
    names = [
        "poses.npz",
        "parts.npz",
        "joints.npz",
        "both.npz",
        "shape.npz",
        "poses.npy",
        "damaged.npz",
        "absent.npz",
        ".",
    ]
    assert [io.is_motion(tmp_path / name) for name in names] == [True, True, *[False] * 7]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"joints": np.full([2, 17, 3], 1e30)},
            r"positions must be between -1e.12 and 1e.12; got 1e.30. Check its unit",
        ),
        ({"betas": np.full(10, 1e38)}, "`betas` must be between -1000 and 1000; got 1e.38"),
        ({"joint_sigma": np.full(17, np.nan)}, "`joint_sigma` must be 0 or more, metres; got NaN"),
        ({"joint_sigma": np.full(17, -1.0)}, "`joint_sigma` must be 0 or more, metres"),
    ],
)
def test_numbers_that_are_none_of_a_person_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **{"joints": np.zeros([2, 17, 3]), **arrays})
    with pytest.raises(ValueError, match=rf"a\.npz.*{message}"):
        io.read_keypoints(tmp_path / "a.npz")
