import pathlib

import numpy as np
import pytest
from amass_files import amass, contents, write

from niki_tf import io, motion, rotations
from niki_tf.motion import quaternions

SHARED = pathlib.Path(__file__).parents[3] / "shared" / "mocap"


def turning(rate, fps, frames, axis=(0.0, 0.6, 0.8)):
    """A clip whose joints all turn about `axis` at `rate` radians a second, with rotation vectors of any length."""
    times = np.arange(frames) / fps
    poses = np.broadcast_to((rate * times)[:, None, None] * np.array(axis), [frames, 24, 3])
    return motion.Clip(poses=poses, trans=times[:, None] * [1.0, -2.0, 0.5], fps=fps)


def matrices(rotvec):
    return rotations.rotvec_to_matrix(np.asarray(rotvec, np.float64)).numpy()


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


def test_a_clip_with_times_becomes_an_even_one(rng):
    times = 5.0 + np.concatenate([[0.0], np.cumsum(rng.uniform(0.02, 0.06, 20))])
    poses = np.tile(0.5 * (times - 5.0)[:, None, None], [1, 24, 1]) * [0.0, 1.0, 0.0]
    clip = motion.Clip(poses=poses, trans=times[:, None] * [1.0, -2.0, 0.5], fps=30.0, times=times)
    even = motion.resample(clip, 50.0)
    wanted = np.arange(int(50.0 * (times[-1] - 5.0)) + 1) / 50.0
    assert (even.fps, even.times) == (50.0, None)
    np.testing.assert_allclose(even.trans[:, 0], 5.0 + wanted, atol=1e-5)
    np.testing.assert_allclose(even.poses[:, 3, 1], 0.5 * wanted, atol=1e-5)
