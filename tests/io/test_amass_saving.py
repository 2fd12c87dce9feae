import numpy as np
import pytest
from amass_files import amass, contents, write

from niki_tf import io, motion


def test_saved_clip_comes_back_exactly(tmp_path):
    clip = motion.made_motion(3, frames=50)
    io.save_clip(tmp_path / "new" / "walk.npz", clip)
    (back,) = io.load_clips(tmp_path)
    np.testing.assert_array_equal(back.poses, clip.poses)
    np.testing.assert_array_equal(back.trans, clip.trans)
    assert (back.fps, back.name, len(back)) == (30.0, "new/walk", 50)
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["walk.npz"]


def test_failed_save_leaves_the_old_file_and_no_rest(tmp_path, monkeypatch):
    clip = motion.made_motion(3, frames=5)
    io.save_clip(tmp_path / "a.npz", clip)
    before = (tmp_path / "a.npz").read_bytes()

    def break_off(file, **arrays):
        file.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", break_off)
    with pytest.raises(OSError, match="disk full"):
        io.save_clip(tmp_path / "a.npz", clip)
    assert (tmp_path / "a.npz").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]


def solved_from(path, seed=5):
    """Another motion with the frames and the rate of the file `path`."""
    (before,) = io.load_clips(path, fps=None)
    rng = np.random.default_rng(seed)
    new = {"poses": rng.normal(size=before.poses.shape), "trans": rng.normal(size=before.trans.shape)}
    return motion.Clip(**new, fps=before.fps, betas=before.betas)


@pytest.mark.parametrize("columns", [66, 72, 156, 165])
@pytest.mark.parametrize("key", ["mocap_framerate", "mocap_frame_rate"])
def test_a_clip_goes_into_a_copy_of_its_original(tmp_path, columns, key):
    arrays = amass(columns, gender="male", **{"mocap_framerate": None}) | {key: np.float64(59.94)}
    arrays |= {"dmpls": np.ones([40, 8]), "labels": np.array(["LASI", "RASI"]), "pickled": np.array({"a": [1]}, object)}
    original = write(tmp_path / "in.npz", **arrays)
    before = original.read_bytes()
    clip = solved_from(original)
    io.save_clip(tmp_path / "out.npz", clip, original=original)
    found, body = contents(tmp_path / "out.npz"), 72 if columns == 72 else 66
    assert set(found) == {*arrays, "trans_convention"}
    np.testing.assert_allclose(found["poses"][:, :body], clip.poses.reshape(40, -1)[:, :body])
    np.testing.assert_array_equal(found["poses"][:, body:], arrays["poses"][:, body:])
    np.testing.assert_allclose(found["trans"], clip.trans)
    for name in set(arrays) - {"poses", "trans", "pickled"}:
        np.testing.assert_array_equal(found[name], arrays[name])
        assert found[name].dtype == np.asarray(arrays[name]).dtype
    assert found["poses"].dtype == arrays["poses"].dtype
    assert found["pickled"].item() == {"a": [1]}
    assert original.read_bytes() == before
    (back,) = io.load_clips(tmp_path / "out.npz", fps=None)
    np.testing.assert_allclose(back.poses[:, :22], clip.poses[:, :22], rtol=1e-6)
    assert (back.fps, back.trans_convention) == (59.94, "transl")


def test_the_original_itself_can_be_replaced(tmp_path):
    original = write(tmp_path / "a.npz", **amass(165))
    fingers = contents(original)["poses"][:, 66:]
    io.save_clip(original, solved_from(original), original=original)
    np.testing.assert_array_equal(contents(original)["poses"][:, 66:], fingers)


def test_a_solved_pose_is_not_rounded_to_half_precision(tmp_path):
    half = amass(165)["poses"].astype(np.float16)
    original = write(tmp_path / "in.npz", **amass(165, poses=half))
    clip = solved_from(original)
    io.save_clip(tmp_path / "out.npz", clip, original=original)
    found = contents(tmp_path / "out.npz")["poses"]
    np.testing.assert_array_equal(found[:, :66], clip.poses.reshape(40, -1)[:, :66])
    np.testing.assert_array_equal(found[:, 66:], half[:, 66:])


def test_parts_of_the_pose_follow(tmp_path):
    arrays = amass(165)
    poses = arrays["poses"]
    parts = {"root_orient": poses[:, :3], "pose_body": poses[:, 3:66], "pose_hand": poses[:, 75:]}
    for kept in (arrays, {name: array for name, array in arrays.items() if name != "poses"}):
        original = write(tmp_path / "in.npz", **kept, **parts)
        clip = solved_from(original)
        io.save_clip(tmp_path / "out.npz", clip, original=original)
        found = contents(tmp_path / "out.npz")
        assert ("poses" in found) == ("poses" in kept)
        np.testing.assert_allclose(found["root_orient"], clip.poses[:, 0])
        np.testing.assert_allclose(found["pose_body"], clip.poses[:, 1:22].reshape(40, 63))
        np.testing.assert_array_equal(found["pose_hand"], parts["pose_hand"])


def test_another_shape_and_rate_are_written(tmp_path):
    original = write(tmp_path / "in.npz", **amass(165, betas=np.arange(300.0), rate=np.array(30)))
    (before,) = io.load_clips(original, fps=None)
    clip = motion.Clip(poses=before.poses, trans=before.trans, fps=29.97, betas=-np.ones(10))
    io.save_clip(tmp_path / "out.npz", clip, original=original)
    found = contents(tmp_path / "out.npz")
    assert found["mocap_framerate"] == pytest.approx(29.97)
    np.testing.assert_array_equal(found["betas"], [-1] * 10 + [0] * 290)


UNEVEN = np.cumsum([0.0, 0.02, 0.04, 0.03, 0.05, 0.02, 0.04])


def test_times_of_uneven_frames_come_back_and_go_with_their_motion(tmp_path):
    clip = motion.Clip(poses=np.zeros([7, 24, 3]), trans=np.zeros([7, 3]), fps=6 / UNEVEN[-1], times=UNEVEN)
    io.save_clip(tmp_path / "a.npz", clip)
    (back,) = io.load_clips(tmp_path / "a.npz", fps=None)
    np.testing.assert_array_equal(back.times, UNEVEN)
    few = motion.Clip(poses=back.poses[:4], trans=back.trans[:4], fps=3 / UNEVEN[3], times=UNEVEN[:4])
    io.save_clip(tmp_path / "few.npz", few, original=tmp_path / "a.npz")
    np.testing.assert_array_equal(io.load_clips(tmp_path / "few.npz", fps=None)[0].times, UNEVEN[:4])
    even = motion.Clip(poses=back.poses, trans=back.trans, fps=30)
    io.save_clip(tmp_path / "even.npz", even, original=tmp_path / "a.npz")
    (found,) = io.load_clips(tmp_path / "even.npz", fps=None)
    assert (found.times, found.fps) == (None, 30.0)
    with pytest.raises(ValueError, match="`clip` must have the 7 frames of `original`; got 4"):
        io.save_clip(tmp_path / "b.npz", motion.resample(few, few.fps), original=tmp_path / "a.npz")


@pytest.mark.parametrize(
    "times",
    [UNEVEN[:6], 1000 * UNEVEN, UNEVEN[::-1], np.arange(7) * UNEVEN[-1] / 6, UNEVEN * np.nan, np.array(["a"] * 7)],
)
def test_times_that_are_none_of_the_frames_are_left_alone(tmp_path, times):
    write(tmp_path / "a.npz", **amass(frames=7, rate=6 / UNEVEN[-1]), times=times)
    assert io.load_clips(tmp_path / "a.npz", fps=None)[0].times is None


@pytest.mark.parametrize(
    ("held", "betas", "written"),
    [
        (np.arange(16.0), np.arange(10.0), None),  # what a body of ten knows of it: the file's stay
        (np.arange(10.0), np.append(np.arange(10.0), np.zeros(6)), None),
        (np.arange(10.0), np.arange(16.0), np.arange(16.0)),
        (np.arange(16.0), np.ones(10), np.append(np.ones(10), np.zeros(6))),
        (None, np.ones(3), np.append(np.ones(3), np.zeros(7))),
    ],
)
def test_betas_of_another_number_than_the_original_s(tmp_path, held, betas, written):
    original = write(tmp_path / "in.npz", **amass(165, betas=held))
    (before,) = io.load_clips(original)
    clip = motion.Clip(poses=before.poses, trans=before.trans, betas=betas)
    io.save_clip(tmp_path / "out.npz", clip, original=original)
    np.testing.assert_array_equal(contents(tmp_path / "out.npz")["betas"], held if written is None else written)


def test_an_original_must_have_the_same_frames_and_be_motion(tmp_path):
    original = write(tmp_path / "in.npz", **amass(165, rate=120.0))
    (clip,) = io.load_clips(original)
    with pytest.raises(ValueError, match="`clip` must have the 40 frames of `original`; got 10.*120 frames per second"):
        io.save_clip(tmp_path / "out.npz", clip, original=original)
    write(tmp_path / "joints.npz", joints=np.zeros([40, 29, 3]))
    with pytest.raises(ValueError, match="without `poses`"):
        io.save_clip(tmp_path / "out.npz", clip, original=tmp_path / "joints.npz")
    assert not (tmp_path / "out.npz").exists()


def test_an_original_that_goes_on_is_cut_to_the_frames_of_the_clip(tmp_path):
    arrays = amass(165, betas=np.arange(40.0), dmpls=np.arange(320.0).reshape(40, 8), labels=np.arange(40).astype(str))
    arrays |= {"markers": np.zeros([40, 5, 3], np.int16), "pickled": np.array([None] * 40), "table": np.zeros([5, 40])}
    original = write(tmp_path / "in.npz", **arrays)
    whole = solved_from(original)
    few = motion.Clip(poses=whole.poses[:7], trans=whole.trans[:7], fps=whole.fps, betas=whole.betas)
    io.save_clip(tmp_path / "out.npz", few, original=original)
    found = contents(tmp_path / "out.npz")
    np.testing.assert_array_equal(found["poses"][:, 66:], arrays["poses"][:7, 66:])
    np.testing.assert_allclose(found["poses"][:, :66], few.poses.reshape(7, 72)[:, :66])
    np.testing.assert_array_equal(found["dmpls"], arrays["dmpls"][:7])
    assert (found["markers"].shape, found["markers"].dtype) == ((7, 5, 3), np.int16)
    assert (found["trans"].shape, found["table"].shape) == ((7, 3), (5, 40))
    for name in ("betas", "labels", "pickled", "gender"):
        np.testing.assert_array_equal(found[name], arrays[name])
    with pytest.raises(ValueError, match="`clip` must have the 7 frames of `original`; got 40"):
        io.save_clip(tmp_path / "again.npz", whole, original=tmp_path / "out.npz")


@pytest.mark.parametrize(("columns", "kept"), [(None, 72), (66, 66), (72, 72), (156, 66), (165, 66)])
def test_columns_of_a_new_file(tmp_path, columns, kept):
    clip = motion.made_motion(3, frames=8)
    io.save_clip(tmp_path / "a.npz", clip, columns=columns)
    found = contents(tmp_path / "a.npz")
    assert found["poses"].shape == (8, columns or 72)
    np.testing.assert_array_equal(found["poses"][:, :kept], clip.poses.reshape(8, -1)[:, :kept])
    assert not found["poses"][:, kept:].any()
    assert set(found) == {"poses", "trans", "trans_convention", "betas", "mocap_framerate", "gender"}
    assert str(found["gender"]) == "neutral"


def test_columns_are_checked(tmp_path):
    clip = motion.made_motion(3, frames=8)
    with pytest.raises(
        ValueError, match="`columns` must be one of 66, 72, 156, 165, and None with an `original`; got 63"
    ):
        io.save_clip(tmp_path / "a.npz", clip, columns=63)
    io.save_clip(tmp_path / "a.npz", clip)
    with pytest.raises(ValueError, match="None with an `original`; got 165"):
        io.save_clip(tmp_path / "b.npz", clip, original=tmp_path / "a.npz", columns=165)


def test_save_wants_an_npz_name(tmp_path):
    with pytest.raises(ValueError, match="`path` must end in .npz; got .*a.npy"):
        io.save_clip(tmp_path / "a.npy", motion.made_motion(0, frames=2))
