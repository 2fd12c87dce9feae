import pathlib

import numpy as np
import pytest

from niki_tf import io, motion, rotations
from niki_tf.motion import quaternions

SHARED = pathlib.Path(__file__).parents[3] / "shared" / "mocap"


def amass(columns=72, frames=40, rate=30.0, seed=0, **changes):
    """Arrays of a motion file; a key changed to None is left out."""
    rng = np.random.default_rng(seed)
    arrays = {
        "poses": rng.normal(0, 0.4, [frames, columns]),
        "trans": rng.normal(size=[frames, 3]),
        "mocap_framerate": rate,
        "betas": rng.normal(size=16),
        "gender": "female",
    } | changes
    return {key: array for key, array in arrays.items() if array is not None}


def write(path, **arrays):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)
    return path


def turning(rate, fps, frames, axis=(0.0, 0.6, 0.8)):
    """A clip whose joints all turn about `axis` at `rate` radians a second, with rotation vectors of any length."""
    times = np.arange(frames) / fps
    poses = np.broadcast_to((rate * times)[:, None, None] * np.array(axis), [frames, 24, 3])
    return motion.Clip(poses=poses, trans=times[:, None] * [1.0, -2.0, 0.5], fps=fps)


def matrices(rotvec):
    return rotations.rotvec_to_matrix(np.asarray(rotvec, np.float64)).numpy()


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


def contents(path):
    with np.load(path, allow_pickle=True) as file:
        return {name: file[name] for name in file.files}


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


@pytest.mark.parametrize(("columns", "joints"), [(66, 22), (72, 24), (156, 22), (165, 22)])
@pytest.mark.parametrize("key", ["mocap_framerate", "mocap_frame_rate"])
def test_every_layout(tmp_path, columns, joints, key):
    arrays = amass(columns, **{"mocap_framerate": None} | {key: np.array(30)})
    write(tmp_path / "clip.npz", **arrays)
    (clip,) = io.load_clips(tmp_path / "clip.npz")
    body = arrays["poses"][:, : 3 * joints].reshape(-1, joints, 3)
    np.testing.assert_allclose(clip.poses[:, :joints], body, rtol=1e-6)
    assert not clip.poses[:, joints:].any()
    assert clip.poses.dtype == clip.trans.dtype == clip.betas.dtype == np.float32
    np.testing.assert_allclose(clip.betas, arrays["betas"], rtol=1e-6)


@pytest.mark.parametrize("number", [1, 10, 16, 300])
@pytest.mark.parametrize("row", [False, True])
def test_betas_of_any_number(tmp_path, number, row):
    betas = np.arange(1.0, number + 1)
    write(tmp_path / "a.npz", **amass(betas=betas[None] if row else betas))
    (clip,) = io.load_clips(tmp_path)
    np.testing.assert_array_equal(clip.betas, betas)
    io.save_clip(tmp_path / "b.npz", clip)
    np.testing.assert_array_equal(contents(tmp_path / "b.npz")["betas"], np.pad(betas, (0, max(10 - number, 0))))


def test_root_and_body_without_poses(tmp_path):
    arrays = amass(165)
    poses = arrays.pop("poses")
    parts = {"root_orient": poses[:, :3], "pose_body": poses[:, 3:66], "pose_hand": poses[:, 75:]}
    write(tmp_path / "a.npz", **arrays, **parts)
    (clip,) = io.load_clips(tmp_path)
    np.testing.assert_allclose(clip.poses[:, :22].reshape(-1, 66), poses[:, :66], rtol=1e-6)
    assert not clip.poses[:, 22:].any()
    write(tmp_path / "a.npz", **arrays, **parts | {"pose_body": poses[:, 3:60]})
    with pytest.raises(
        ValueError, match=r"a\.npz: `pose_body` must be numbers of shape \(40, 63\); got float64 \(40, 57\)"
    ):
        io.load_clips(tmp_path)


def test_every_file_at_its_own_rate(tmp_path):
    write(tmp_path / "a.npz", **amass(rate=59.94))
    write(tmp_path / "b.npz", **amass(rate=120))
    assert [(clip.fps, len(clip)) for clip in io.load_clips(tmp_path, fps=None)] == [(59.94, 40), (120.0, 40)]


def test_half_precision_and_missing_or_short_betas(tmp_path):
    write(tmp_path / "a.npz", **amass(poses=np.full([4, 72], 0.1, np.float16), trans=np.zeros([4, 3]), betas=None))
    write(tmp_path / "b.npz", **amass(betas=np.ones(4)))
    first, second = io.load_clips(tmp_path)
    np.testing.assert_array_equal(first.poses, np.float32(np.float16(0.1)))
    assert not first.betas.any()
    np.testing.assert_array_equal(second.betas, [1, 1, 1, 1])


def test_folder_pattern_and_shape_files(tmp_path):
    for name in ("cmu__1", "cmu__2", "other__1", "deep/cmu__3"):
        write(tmp_path / f"{name}.npz", **amass())
    write(tmp_path / "deep" / "shape.npz", betas=np.zeros(16), gender="male")
    assert [c.name for c in io.load_clips(tmp_path)] == ["cmu__1", "cmu__2", "deep/cmu__3", "other__1"]
    assert [c.name for c in io.load_clips(str(tmp_path / "cmu__*"))] == ["cmu__1", "cmu__2"]
    assert [c.name for c in io.load_clips(tmp_path / "de*")] == ["cmu__3"]
    with pytest.raises(ValueError, match="0 bad, 1 without `poses`"):
        io.load_clips(tmp_path / "deep" / "shape.npz")


def test_whole_ratio_picks_frames(tmp_path):
    arrays = amass(rate=120.0, frames=41)
    write(tmp_path / "a.npz", **arrays)
    (clip,) = io.load_clips(tmp_path)
    np.testing.assert_allclose(clip.poses.reshape(-1, 72), arrays["poses"][::4], rtol=1e-6)
    np.testing.assert_allclose(clip.trans, arrays["trans"][::4], rtol=1e-6)
    assert (len(clip), clip.fps) == (11, 30.0)


@pytest.mark.parametrize(("fps", "frames", "wanted"), [(100.0, 201, 61), (59.0, 119, 61), (25.0, 51, 61), (20.0, 1, 1)])
def test_resampling_constant_turning_is_exact(fps, frames, wanted):
    clip = motion.resample(turning(2.0, fps, frames), 30.0)
    exact = turning(2.0, 30.0, wanted)
    assert (len(clip), clip.fps) == (wanted, 30.0)
    np.testing.assert_allclose(matrices(clip.poses), matrices(exact.poses), atol=2e-6)
    np.testing.assert_allclose(clip.trans, exact.trans, atol=1e-6)


def test_resampling_takes_the_short_way_over_pi():
    near = np.pi - 0.1
    poses = np.zeros([2, 24, 3])
    poses[0, :, 1], poses[1, :, 1] = near, -near
    middle = motion.resample(motion.Clip(poses=poses, trans=np.zeros([2, 3]), fps=1.0), 2.0).poses[1]
    np.testing.assert_allclose(matrices(middle), matrices(np.tile([0, np.pi, 0], [24, 1])), atol=1e-6)


def test_quaternions_agree_with_those_of_the_graph():
    rng = np.random.default_rng(0)
    rotvec = rng.normal(size=[200, 3]) * 10.0 ** rng.uniform(-6, 0.4, [200, 1])
    a, b = quaternions.rotvec_to_quaternion_wxyz(rotvec), quaternions.rotvec_to_quaternion_wxyz(rotvec[::-1])
    np.testing.assert_allclose(a, rotations.rotvec_to_quaternion_wxyz(rotvec), atol=1e-12)
    np.testing.assert_allclose(matrices(quaternions.quaternion_wxyz_to_rotvec(a)), matrices(rotvec), atol=1e-9)
    product = rotations.quaternion_wxyz_to_matrix(quaternions.multiply(a, b))
    np.testing.assert_allclose(product, matrices(rotvec) @ matrices(rotvec[::-1]), atol=1e-9)
    turned = (matrices(rotvec) @ rotvec[::-1, :, None])[..., 0]
    np.testing.assert_allclose(quaternions.rotate(a, rotvec[::-1]), turned, atol=1e-9)


BAD_ARRAYS = {
    "columns": (
        amass(columns=63),
        r"`poses`.*\(T, 66\) or \(T, 72\) or \(T, 156\) or \(T, 165\).*got float64 \(40, 63\)",
    ),
    "no_frames": (amass(frames=0), r"`poses`.*got float64 \(0, 72\)"),
    "nan": (amass(poses=np.full([40, 72], np.nan)), "`poses` must be finite; got 2880"),
    "infinite_trans": (amass(trans=np.full([40, 3], np.inf)), "`trans` must be finite"),
    "short_trans": (amass(trans=np.zeros([39, 3])), r"`trans`.*\(40, 3\).*got float64 \(39, 3\)"),
    "no_trans": (amass(trans=None), "must have the key `trans`; got only"),
    "no_rate": (amass(mocap_framerate=None), "must have the key `mocap_framerate` or `mocap_frame_rate`"),
    "zero_rate": (amass(rate=0.0), "`mocap_framerate` must be one positive number.*got 0"),
    "two_rates": (amass(rate=[30.0, 60.0]), "`mocap_framerate` must be one positive number"),
    "text": (amass(poses=np.full([40, 72], "x")), "`poses` must be numbers"),
    "pickle": (amass(poses=np.array([None, {}], object)), "`poses`, which cannot be read: an array of objects"),
    "far": (amass(trans=np.full([40, 3], 1e30)), "`trans` must be between -1e.07 and 1e.07; got 1e.30"),
    "turns": (amass(poses=np.full([40, 72], 1e30)), "`poses` must be between -10000 and 10000; got 1e.30"),
    "shape": (amass(betas=np.full([10], 1e38)), "`betas` must be between -1000 and 1000; got 1e.38"),
    "betas": (amass(betas=np.zeros([2, 16])), r"`betas`.*got float64 \(2, 16\)"),
}


@pytest.mark.parametrize("kind", BAD_ARRAYS)
def test_bad_arrays_are_named(tmp_path, kind):
    arrays, message = BAD_ARRAYS[kind]
    write(tmp_path / "bad.npz", **arrays)
    with pytest.raises(ValueError, match=rf"bad\.npz.*{message}"):
        io.load_clips(tmp_path)


def damaged(content):
    """Kinds of files that are no whole .npz file, made from a good one."""
    middle = len(content) // 3
    return {
        "empty": b"",
        "cut": content[:middle],
        "noise": bytes(range(256)) * 8,
        "flipped": content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :],
    }


@pytest.mark.parametrize("kind", ["empty", "cut", "noise", "flipped"])
def test_damaged_files_are_named_or_skipped(tmp_path, kind):
    good = write(tmp_path / "good.npz", **amass())
    (tmp_path / "bad.npz").write_bytes(damaged(good.read_bytes())[kind])
    with pytest.raises(ValueError, match=r"bad\.npz.*must be a .*got .*skip_bad"):
        io.load_clips(tmp_path)
    clips = io.load_clips(tmp_path, skip_bad=True)
    assert [clip.name for clip in clips] == ["good"]
    assert len(clips.skipped) == 1
    assert "bad.npz" in clips.skipped[0]


def test_bare_array_under_the_wrong_name(tmp_path):
    with open(tmp_path / "bad.npz", "wb") as file:
        np.save(file, np.zeros([40, 72]))
    with pytest.raises(ValueError, match=r"bad\.npz must be a whole \.npz file"):
        io.load_clips(tmp_path)


def test_skipping_all_files_is_an_error(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.npz").write_bytes(b"")
    with pytest.raises(ValueError, match=r"2 \.npz files: 2 bad, 0 without `poses`.*a\.npz"):
        io.load_clips(tmp_path, skip_bad=True)


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no .npz file there"):
        io.load_clips(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        io.load_clips(tmp_path / "absent")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"poses": np.zeros([4, 72])},
            r"`poses` must be numbers of shape \(T, 24, 3\).*got float64 \(4, 72\)\. .*reshape \(T, 72\)",
        ),
        ({"trans": np.zeros([3, 3])}, r"`trans` must have the 4 frames of `poses`; got 3\. Give one position"),
        ({"betas": np.zeros([4, 10])}, r"`betas` must be numbers of shape \(T,\), T >= 1; got float64 \(4, 10\)"),
        (
            {"trans": np.full([4, 3], np.nan)},
            "`trans` must be finite; got 12 numbers that are not. Leave out or repair",
        ),
        ({"times": np.zeros(4)}, "`times` must increase from frame to frame; sort the frames"),
        ({"times": np.arange(3)}, r"`times` must be numbers of shape \(4,\); got int64 \(3,\)"),
        ({"fps": -1.0}, "`fps` must be one positive number of frames per second; got -1"),
    ],
)
def test_clip_checks_its_fields(changes, message):
    with pytest.raises(ValueError, match=message):
        motion.Clip(**{"poses": np.zeros([4, 24, 3]), "trans": np.zeros([4, 3])} | changes)


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/mocap")
def test_real_motion_is_read():
    clips = io.load_clips(SHARED / "val")
    assert (len(clips), sum(map(len, clips))) == (37, 4551)
    assert {clip.fps for clip in clips} == {30.0}
