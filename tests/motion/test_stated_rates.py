"""Frame rates that files state, in every reader, and what resampling may ask for."""

import json

import numpy as np
import pytest

from niki_tf import io, motion
from niki_tf.inference import rates
from niki_tf.motion.clip import checked_rate, resample, stated_rate, stated_time

POSES = {"poses": np.zeros([5, 72]), "trans": np.zeros([5, 3])}
JOINTS = np.random.default_rng(0).normal(size=[5, 17, 3])

BVH = """HIERARCHY
ROOT Hips
{
 OFFSET 0 0 0
 CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
 End Site
 {
  OFFSET 0 1 0
 }
}
MOTION
Frames: 2
Frame Time: 30
0 0 0 0 0 0
0 0 0 0 0 0
"""
TRC = (
    "PathFileType\t4\t(X/Y/Z)\tx.trc\nDataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\n0.0083\t120\t2\t1\tm\n"
    "Frame#\tTime\tLASI\t\t\n\t\tX1\tY1\tZ1\n1\t0.0\t1\t2\t3\n2\t0.01\t1\t2\t3\n"
)
FILES = {
    "a.npz": (
        lambda path: np.savez(path, joints=JOINTS, fps=0.0083),
        r"`fps` .*got 0.0083.*write 120.482 in its place",
    ),
    "b.json": (
        lambda path: path.write_text(json.dumps({"joints": JOINTS.tolist(), "fps": 4000})),
        "`fps` .*got 4000. Write the number",
    ),
    "c.bvh": (
        lambda path: path.write_text(BVH),
        "`Frame Time` must be 0.001 to 0.2 .*got 30. .*write 0.0333333 in its",
    ),
    "d.trc": (lambda path: path.write_text(TRC), "`DataRate` .*got 0.0083"),
}


@pytest.mark.parametrize("name", FILES)
def test_keypoints_of_a_rate_that_is_none_are_refused_with_the_cure(tmp_path, name):
    write, message = FILES[name]
    write(tmp_path / name)
    with pytest.raises(ValueError, match=rf"{name}.*{message}"):
        io.read_keypoints(tmp_path / name)


@pytest.mark.parametrize("key", ["mocap_framerate", "mocap_frame_rate"])
@pytest.mark.parametrize(
    ("rate", "cure"), [(0.0083, "seconds of a frame, write 120.482"), (1001.0, "Write the"), (4.99, "Write the")]
)
def test_motion_of_a_rate_that_is_none_is_refused_with_the_cure(tmp_path, key, rate, cure):
    np.savez(tmp_path / "a.npz", **POSES, **{key: rate})
    with pytest.raises(
        ValueError, match=rf"a\.npz: `{key}` must be 5 to 1000 frames per second; got {rate:g}\. .*{cure}"
    ):
        io.load_clips(tmp_path / "a.npz")


@pytest.mark.parametrize("rate", [5.0, 30, 1000.0])
def test_rates_that_motion_is_recorded_at_are_read(tmp_path, rate):
    np.savez(tmp_path / "a.npz", **POSES, mocap_framerate=rate)
    assert io.load_clips(tmp_path / "a.npz", fps=None)[0].fps == rate
    assert stated_rate(rate, "`rate`") == rate == checked_rate(rate, "`rate`")
    stated_time(1.0 / rate, "`time`")


@pytest.mark.parametrize("rate", [0.5, 2.0, 2000.0])
def test_motion_that_was_saved_at_any_rate_is_read_again(tmp_path, rate):
    clip = motion.Clip(poses=np.zeros([5, 24, 3]), trans=np.zeros([5, 3]), fps=rate)
    io.save_clip(tmp_path / "a.npz", clip)
    assert io.load_clips(tmp_path / "a.npz", fps=None)[0].fps == rate


def test_a_time_far_from_the_others_is_named_before_memory_is_taken(tmp_path):
    times = np.array([0.0, 0.03, 0.07, 0.1, 1e10])
    np.savez(tmp_path / "a.npz", **POSES, mocap_framerate=30.0, times=times)
    with pytest.raises(
        ValueError, match=r"a\.npz: a clip must have at most 2,000,000 frames at 30 .*10,000,000,000 sec"
    ):
        io.load_clips(tmp_path / "a.npz")
    with pytest.raises(ValueError, match=r"`times` must span at most 66,667 seconds; got 10,000,000,000"):
        rates.steady_times(times)
    clip = motion.Clip(**{name: array.reshape(5, -1, 3).squeeze() for name, array in POSES.items()}, times=times / 1e8)
    assert len(resample(clip, 30.0)) == 3001
