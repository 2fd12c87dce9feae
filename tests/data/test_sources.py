import numpy as np
import pytest

from niki_tf import data, io
from niki_tf.motion import Clip


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
