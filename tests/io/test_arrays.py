"""Keypoints in .npy and .npz files."""

import os

import numpy as np
import pytest

from niki_tf import io

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=[6, 17, 3])


def saved(path, content):
    np.savez(path, **content) if isinstance(content, dict) else np.save(path, content)
    return path


@pytest.mark.parametrize(
    "array",
    [
        POINTS,
        POINTS.astype(np.float16),
        POINTS.reshape(6, 51),
        POINTS[None],
        np.concatenate([POINTS, np.ones([6, 17, 1])], -1),
        np.concatenate([POINTS, np.ones([6, 17, 1])], -1).reshape(6, 68),
    ],
    ids=["plain", "half", "flat", "one person", "confidence", "flat confidence"],
)
def test_every_shape_of_a_motion(tmp_path, array):
    (found,) = io.read_keypoints(saved(tmp_path / "a.npy", array))
    np.testing.assert_allclose(found.positions, POINTS, atol=2e-3 if array.dtype == np.float16 else 0)
    assert found.positions.dtype == np.float64
    assert (found.fps, found.unit, found.up, found.skeleton, found.names, found.person) == (*(None,) * 5, "")


@pytest.mark.parametrize("array", [POINTS[0], POINTS[0].ravel(), POINTS[:1], POINTS[0].ravel()[None]])
def test_every_shape_of_a_frame(tmp_path, array):
    (found,) = io.read_keypoints(saved(tmp_path / "a.npy", array))
    np.testing.assert_array_equal(found.positions, POINTS[:1])


def test_confidence_of_zero_is_not_seen(tmp_path):
    array = np.concatenate([POINTS, np.full([6, 17, 1], 0.5)], -1)
    array[2, 3, 3], array[2, 4, 3] = 0, np.nan
    (found,) = io.read_keypoints(saved(tmp_path / "a.npy", array))
    missing = np.isnan(found.positions).all(-1)
    assert np.argwhere(missing).tolist() == [[2, 3], [2, 4]]
    np.testing.assert_array_equal(found.positions[~missing], POINTS[~missing])
    assert (found.confidence[2, 3], found.confidence[2, 4], found.confidence[0, 0]) == (0, 0, 0.5)


def test_people_have_an_axis(tmp_path):
    people = np.stack([POINTS, POINTS + 1, POINTS + 2])
    found = io.read_keypoints(saved(tmp_path / "a.npy", people))
    assert [one.person for one in found] == ["0", "1", "2"]
    np.testing.assert_array_equal(np.stack([one.positions for one in found]), people)


BAD_SHAPES = {
    "scalar": np.float64(3),
    "two columns": np.zeros([6, 17, 2]),
    "five axes": np.zeros([1, 1, 6, 17, 3]),
    "odd columns": np.zeros([6, 55]),
    "no frames": np.zeros([0, 17, 3]),
    "text": np.full([6, 17, 3], "x"),
    "complex": np.zeros([6, 17, 3], complex),
}


@pytest.mark.parametrize("kind", BAD_SHAPES)
def test_other_shapes_are_named(tmp_path, kind):
    shape = str(BAD_SHAPES[kind].shape).replace("(", r"\(").replace(")", r"\)")
    message = rf"a\.npy.*keypoints must .*\(T, J, 3\).*, of one frame or more; got.*{shape}"
    with pytest.raises(ValueError, match=message):
        io.read_keypoints(saved(tmp_path / "a.npy", BAD_SHAPES[kind]))


def test_points_of_a_picture_are_refused_with_a_cure(tmp_path):
    with pytest.raises(ValueError, match="Points in a picture are not enough"):
        io.read_keypoints(saved(tmp_path / "a.npy", np.zeros([6, 17, 2])))


def generated(joints=22, features=3, frames=40, dtype=np.float32):
    motion = RNG.normal(size=[3, joints, features, frames]).astype(dtype)
    texts = ["walks", "runs", "sits"]
    return {"motion": motion, "text": texts, "lengths": np.array([40, 25, 3]), "num_samples": 3, "num_repetitions": 1}


def test_generated_motion_has_its_own_length(tmp_path):
    content = generated()
    np.save(tmp_path / "results.npy", content)
    found = io.read_keypoints(tmp_path / "results.npy")
    assert [len(clip) for clip in found] == [40, 25, 3]
    for clip, motion in zip(found, content["motion"], strict=True):
        np.testing.assert_allclose(clip.positions, np.moveaxis(motion, -1, 0)[: len(clip)], rtol=1e-6)
        assert (clip.skeleton, clip.fps, clip.unit, clip.up) == ("smplh_22", 20.0, 1.0, "y")
    assert [clip.person for clip in found] == ["0", "1", "2"]


def test_generated_motion_of_kit_and_without_lengths(tmp_path):
    np.save(tmp_path / "results.npy", generated(joints=21))
    first = io.read_keypoints(tmp_path / "results.npy")[0]
    assert (first.skeleton, first.fps, first.unit) == ("kit_21", 12.5, 0.001)
    np.save(tmp_path / "bare.npy", generated()["motion"])
    assert [len(clip) for clip in io.read_keypoints(tmp_path / "bare.npy")] == [40, 40, 40]


def test_generated_rotations_and_wrong_lengths_are_named(tmp_path):
    np.save(tmp_path / "r.npy", generated(joints=25, features=6))
    with pytest.raises(ValueError, match=r"r\.npy.*`motion` must have shape \(N, J, 3, T\).*\(3, 25, 6, 40\)"):
        io.read_keypoints(tmp_path / "r.npy")
    np.save(tmp_path / "r.npy", generated() | {"lengths": np.array([40])})
    with pytest.raises(ValueError, match=r"`lengths` must have shape \(3,\).*got \(1,\)"):
        io.read_keypoints(tmp_path / "r.npy")


class Runs:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_nothing_pickled_is_run(tmp_path):
    marker = tmp_path / "ran"
    np.save(tmp_path / "a.npy", generated() | {"text": Runs(f"touch {marker}")})
    with pytest.raises(ValueError, match=r"a\.npy.*names `(posix|nt)\.system`.*nothing of it was run"):
        io.read_keypoints(tmp_path / "a.npy")
    assert not marker.exists()


def test_everything_that_an_npz_tells(tmp_path):
    content = {
        "joints": POINTS,
        "confidence": np.full([6, 17], 0.25),
        "joint_sigma": np.full(17, 0.02),
        "betas": np.arange(10.0),
        "fps": 59.94,
        "names": np.array([f"point{i}" for i in range(17)]),
        "skeleton": "h36m_17",
        "unit": "mm",
        "up": "Z",
        "pickled": np.array({"a": 1}),
    }
    (found,) = io.read_keypoints(saved(tmp_path / "a.npz", content))
    np.testing.assert_array_equal(found.positions, POINTS)
    np.testing.assert_array_equal(found.confidence, content["confidence"])
    np.testing.assert_array_equal(found.joint_sigma, content["joint_sigma"])
    np.testing.assert_array_equal(found.betas, content["betas"])
    assert found.names[:2] == ("point0", "point1")
    assert (found.fps, found.skeleton, found.unit, found.up) == (59.94, "h36m_17", 0.001, "z")


def test_times_of_an_npz(tmp_path):
    even = saved(tmp_path / "a.npz", {"joints": POINTS, "timestamps": 5 + np.arange(6) / 25})
    (found,) = io.read_keypoints(even)
    assert (found.fps, found.times) == (25.0, None)
    uneven = saved(tmp_path / "b.npz", {"joints": POINTS, "times": [0, 40, 80, 120, 200, 240]})
    (found,) = io.read_keypoints(uneven)
    assert found.fps == pytest.approx(25)
    np.testing.assert_allclose(found.times, [0, 0.04, 0.08, 0.12, 0.2, 0.24])


def test_persons_of_an_npz_have_their_own_shape(tmp_path):
    betas = np.array([[1.0] * 10, [2.0] * 10])
    content = {
        "joints": np.stack([POINTS, -POINTS]),
        "betas": betas,
        "persons": ["Ann", "Bob"],
        "joint_sigma": [0.1] * 17,
    }
    first, second = io.read_keypoints(saved(tmp_path / "a.npz", content))
    assert (first.person, second.person, first.betas[0], second.betas[0]) == ("Ann", "Bob", 1.0, 2.0)
    assert first.joint_sigma.shape == second.joint_sigma.shape == (17,)
    np.testing.assert_array_equal(second.positions, -POINTS)


@pytest.mark.parametrize("key", ["keypoints", "keypoints_3d", "positions", "posed_joints", "arr_0", "my_points"])
def test_points_under_other_names(tmp_path, key):
    (found,) = io.read_keypoints(saved(tmp_path / "a.npz", {key: POINTS, "label": np.zeros(6)}))
    np.testing.assert_array_equal(found.positions, POINTS)


BAD_NPZ = {
    "nothing": ({"other": np.zeros(3)}, r"`joints` must be there.*got other \(3,\). Name the points joints"),
    "two candidates": ({"a": POINTS, "b": POINTS}, r"got a \(6, 17, 3\), b \(6, 17, 3\)"),
    "confidence": ({"joints": POINTS, "confidence": np.ones([6, 16])}, r"`confidence` must have shape \(6, 17\)"),
    "names": ({"joints": POINTS, "names": ["a", "b"]}, "`names` must be 17, one for each point; got 2"),
    "fps": ({"joints": POINTS, "fps": 0}, "`fps` must be one positive number"),
    "unit": ({"joints": POINTS, "unit": "parsec"}, "`unit` must be m, cm, mm .*'parsec'"),
    "times": ({"joints": POINTS, "times": np.zeros(6)}, "times must be finite and increase"),
    "sigma": ({"joints": POINTS, "joint_sigma": np.zeros(5)}, r"`joint_sigma` must have shape \(6, 17\) or \(17,\)"),
    "infinite": ({"joints": np.full([6, 17, 3], np.inf)}, "positions must be finite, or NaN"),
    "pickled": ({"joints": np.array({"a": POINTS})}, "`joints` must be there"),
    "rotations": ({"poses": np.zeros([6, 72]), "trans": np.zeros([6, 3])}, "got rotations.*io.load_clips"),
    "parts": ({"root_orient": np.zeros([6, 3]), "pose_body": np.zeros([6, 63])}, "got rotations.*io.load_clips"),
}


@pytest.mark.parametrize("kind", BAD_NPZ)
def test_what_does_not_fit_is_named(tmp_path, kind):
    content, message = BAD_NPZ[kind]
    with pytest.raises(ValueError, match=rf"a\.npz.*{message}"):
        io.read_keypoints(saved(tmp_path / "a.npz", content))


@pytest.mark.parametrize("ending", ["npy", "npz"])
@pytest.mark.parametrize("part", [0, 0.01, 0.5, 0.99])
def test_files_that_were_cut_off_are_named(tmp_path, ending, part):
    whole = saved(tmp_path / f"a.{ending}", {"joints": POINTS} if ending == "npz" else POINTS).read_bytes()
    (tmp_path / f"cut.{ending}").write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(ValueError, match=rf"cut\.{ending}.*(whole|readable)"):
        io.read_keypoints(tmp_path / f"cut.{ending}")


@pytest.mark.parametrize("part", [0.02, 0.5, 0.95])
def test_generated_files_that_were_cut_off_are_named(tmp_path, part):
    np.save(tmp_path / "a.npy", generated())
    whole = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(ValueError, match=r"a\.npy.*whole"):
        io.read_keypoints(tmp_path / "a.npy")
