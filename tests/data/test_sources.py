import numpy as np
import pytest

from niki_tf import body, data, io
from niki_tf.motion import Clip
from niki_tf.motion.joint_positions import joint_positions


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(("cmu__1", "cmu__2", "other__1")):
        clip = Clip(poses=np.full([10 + number, 24, 3], 0.25 * number), trans=np.zeros([10 + number, 3]))
        io.save_clip(tmp_path / f"{name}.npz", clip)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "path", "weight"),
    [
        ("amass/CMU=0.6", "amass/CMU", 0.6),
        ("amass", "amass", 1.0),
        ("made=3", "made", 3.0),
        ("a=b/c=1e-2", "a=b/c", 0.01),
        ("dir/cmu__*=0.5", "dir/cmu__*", 0.5),
    ],
)
def test_source_texts(text, path, weight):
    assert data.parse_source(text) == data.Source(path, weight)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a=b", "must be PATH or PATH=WEIGHT.*got 'a=b'"),
        ("a=", "got 'a='"),
        ("a=0", "must be a positive number; got 0.0"),
        ("a=-1", "positive"),
        ("a=nan", "positive"),
        ("a=inf", "positive"),
        ("=1", "got nothing"),
        ("", "got nothing"),
    ],
)
def test_bad_source_texts(text, message):
    with pytest.raises(ValueError, match=message):
        data.parse_source(text)


def test_frames_are_laid_end_to_end(folder):
    motion = data.load_sources([f"{folder}/other__*=1", data.Source(f"{folder}/cmu__*", 3.0)])
    np.testing.assert_array_equal(motion.starts, [0, 12])
    np.testing.assert_array_equal(motion.counts, [12, 21])
    np.testing.assert_allclose(motion.probabilities, [0.25, 0.75])
    np.testing.assert_array_equal(motion.clips, [0] * 12 + [1] * 10 + [2] * 11)
    np.testing.assert_array_equal(motion.poses[:, 5, 1], [0.5] * 12 + [0.0] * 10 + [0.25] * 11)
    assert (len(motion), motion.poses.shape, motion.poses.dtype) == (33, (33, 24, 3), np.float16)
    assert [source.weight for source in motion.sources] == [1.0, 3.0]


def test_made_source_mixes_with_files(folder):
    motion = data.load_sources([str(folder), "made=4"], made_frames=1401, seed=5)
    np.testing.assert_array_equal(motion.counts, [33, 1401])
    np.testing.assert_allclose(motion.probabilities, [0.2, 0.8])
    lengths = np.bincount(motion.clips)[3:]
    np.testing.assert_array_equal(lengths, [600, 101] + [1] * 700)
    again = data.load_sources(["made"], made_frames=1401, seed=5)
    np.testing.assert_array_equal(motion.poses[33:], again.poses)
    other = data.load_sources(["made"], made_frames=1401, seed=6)
    assert np.abs(again.poses - other.poses).mean() > 0.05


def test_made_bodies_are_on_the_ground():
    made = data.load_sources(["made"], made_frames=600)
    lowest = made.pelvis[:, 1] + joint_positions(made.poses, body.mannequin_joints().joints)[..., 1].min(1)
    np.testing.assert_allclose(lowest[:300], 0.02, atol=0.03)
    np.testing.assert_allclose(lowest[300:], 0.0, atol=0.01)  # poses are float16


def test_folder_called_made_is_reachable(folder, monkeypatch):
    folder.joinpath("cmu__1.npz").rename(folder / "made.npz")
    folder.joinpath("made").mkdir()
    folder.joinpath("made.npz").rename(folder / "made" / "clip.npz")
    monkeypatch.chdir(folder)
    np.testing.assert_array_equal(data.load_sources(["./made"]).counts, [10])


def test_skipped_files_are_counted(folder):
    (folder / "bad.npz").write_bytes(b"")
    with pytest.raises(ValueError, match="bad.npz"):
        data.load_sources([str(folder)])
    motion = data.load_sources([str(folder)], skip_bad=True)
    assert len(motion.skipped) == 1
    np.testing.assert_array_equal(motion.counts, [33])


def test_bad_lists_of_sources(folder):
    with pytest.raises(ValueError, match="each once; got .*Add the weights up"):
        data.load_sources([f"{folder}=1", f"{folder}/=2"])
    with pytest.raises(ValueError, match="each once; got made"):
        data.load_sources(["made=1", "made=2"])
    with pytest.raises(ValueError, match="one or more sources.*got none"):
        data.load_sources([])
    with pytest.raises(ValueError, match="`made_frames` must be 2 or more; got 1"):
        data.load_sources(["made"], made_frames=1)
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        data.load_sources([f"{folder}/absent=1"])


def test_two_frames_of_made_motion_are_enough_and_one_is_not():
    assert len(data.load_sources(["made"], made_frames=2)) == 2
    with pytest.raises(ValueError, match="`made_frames` must be 2 or more; got 1"):
        data.load_sources(["made"], made_frames=1)


def test_the_pelvis_is_where_each_convention_says(tmp_path):
    trans = np.arange(12.0).reshape(4, 3)
    for name in ("transl", "pelvis"):
        clip = Clip(poses=np.zeros([4, 24, 3]), trans=trans, trans_convention=name)
        io.save_clip(tmp_path / f"{name}.npz", clip)
    rest = body.mannequin_joints().joints[0]
    assert 0.2 < np.linalg.norm(rest) < 1.5
    found = data.load_sources([f"{tmp_path}/transl.npz", f"{tmp_path}/pelvis.npz"]).pelvis
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:4], trans + rest, rtol=1e-6)
    np.testing.assert_array_equal(found[4:], trans)


def test_files_without_a_convention_are_read_as_told(tmp_path):
    trans = np.arange(6.0).reshape(2, 3)
    np.savez(tmp_path / "a.npz", poses=np.zeros([2, 72]), trans=trans, mocap_framerate=30.0)
    np.testing.assert_array_equal(data.load_sources([str(tmp_path)], trans="pelvis").pelvis, trans)
    assert np.all(np.abs(data.load_sources([str(tmp_path)]).pelvis - trans).max(1) > 0.2)


def test_clips_begin_where_the_one_before_ends(folder):
    motion = data.load_sources([str(folder)])
    np.testing.assert_array_equal(motion.beginnings, [0] * 10 + [10] * 11 + [21] * 12)
    assert motion.beginnings.dtype == np.int64


def test_files_are_left_out_by_name(folder):
    motion = data.load_sources([f"{folder}=1", "made=2"], made_frames=20, leave_out=["cmu__2"])
    np.testing.assert_array_equal(motion.counts, [22, 20])
    np.testing.assert_array_equal(motion.poses[:22, 5, 1], [0.0] * 10 + [0.5] * 12)
    np.testing.assert_array_equal(motion.ends[:22], [9] * 10 + [21] * 12)
    everything = data.load_sources([str(folder)], leave_out=[])
    assert len(everything) == 33


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["cmu__3"], "`leave_out` must be names of files of the sources; got cmu__3, which is none"),
        (["cmu__1", "cmu__1.npz"], "got cmu__1.npz, which is none"),
        (["cmu__1", "cmu__2"], "`leave_out` must leave a clip of each source; got cmu__1, cmu__2"),
    ],
)
def test_bad_names_of_files_to_leave_out(folder, names, message):
    with pytest.raises(ValueError, match=message):
        data.load_sources([f"{folder}/cmu__*", f"{folder}/other__1.npz"], leave_out=names)


def test_a_smaller_share_of_the_clips_is_part_of_a_larger_one_and_made_motion_stays(tmp_path):
    for number in range(10):
        clip = Clip(poses=np.zeros([5 + number, 24, 3]), trans=np.zeros([5 + number, 3]))
        io.save_clip(tmp_path / f"cmu__{number}.npz", clip)

    def lengths(share, seed=0):
        motion = data.load_sources([f"{tmp_path}=1", "made=1"], made_frames=20, clip_share=share, seed=seed)
        assert motion.counts[1] == 20
        return {int(n) for n in np.unique(motion.clips[: motion.counts[0]], return_counts=True)[1]}

    few, some, every = lengths(0.1), lengths(0.3), lengths(1.0)
    assert (len(few), len(some), len(every)) == (1, 3, 10)
    assert few < some < every
    assert len({frozenset(lengths(0.3, seed=seed)) for seed in range(4)}) > 1


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1, float("nan")])
def test_a_share_of_the_clips_that_is_none(share):
    with pytest.raises(ValueError, match=r"`clip_share` must be above 0 and at most 1, which is all clips; got"):
        data.load_sources(["made"], clip_share=share)
