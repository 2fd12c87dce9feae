"""Motion whose frames are not even, at a steady rate and in files: a body that turns evenly still does."""

import dataclasses

import glb_reader
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import niki_tf
from niki_tf import body, io
from niki_tf.inference import steady
from niki_tf.io import bvh, bvh_pose

RATE = 2.0
"""Radians a second, about y."""
TIMES = 5.0 + np.cumsum([0, 0.04, 0.02, 0.04, 0.06, 0.04, 0.04, 0.4, 0.04, 0.01, 0.04])
PATH = np.array([1.0, -2.0, 0.5])
"""Metres a second."""


def _turns(seconds):
    return Rotation.from_rotvec(RATE * np.outer(seconds, [0, 1, 0])).as_matrix()


@pytest.fixture(scope="module")
def turning():
    """A motion whose root turns and goes evenly, while its frames come as they like."""
    still = niki_tf.solve(np.tile(body.mannequin_joints().joints, [len(TIMES), 1, 1]), times=TIMES, solver="analytic")
    local = np.tile(np.eye(3, dtype=np.float32), [len(TIMES), 24, 1, 1])
    local[:, 0] = _turns(TIMES - TIMES[0])
    return dataclasses.replace(still, rotations=local, transl=np.outer(TIMES - TIMES[0], PATH).astype(np.float32))


def test_a_steady_motion_is_where_it_was_at_every_time(turning):
    found = steady.steady(turning)
    assert found.fps == pytest.approx(25.0)
    np.testing.assert_allclose(np.diff(found.times), 0.04, atol=1e-9)
    assert found.times[0] == TIMES[0]
    assert 0.0 <= found.times[-1] - TIMES[-1] < 0.04
    seconds = np.minimum(found.times, TIMES[-1]) - TIMES[0]
    np.testing.assert_allclose(found.rotations[:, 0], _turns(seconds), atol=1e-5)
    np.testing.assert_allclose(found.transl, np.outer(seconds, PATH), atol=1e-5)
    lengths = {len(getattr(found, name)) for name in ("betas", "residual", "state", "expected_error", "rotations")}
    assert lengths == {len(found.times)}


def test_an_even_motion_stays_as_it_is(turning):
    for times in (np.arange(11) / 25, np.round(np.arange(11) / 30, 3), TIMES[:1]):
        even = dataclasses.replace(turning, times=times)
        assert steady.uneven_times(even) is None
        assert steady.steady(even) is even


def test_a_pause_does_not_make_frames_without_end():
    times = np.array([0.0, 0.02, 0.04, 0.06, 1e6])
    assert steady.steady_rate(times) == pytest.approx(40 / 1e6)
    assert steady.steady_rate(times[:4]) == pytest.approx(50.0)


def test_npz_holds_the_times_and_they_are_read_again(turning, tmp_path):
    path = turning.save(tmp_path / "a.npz")
    (clip,) = io.load_clips(path, fps=None)
    np.testing.assert_allclose(clip.times, TIMES)
    assert clip.fps == pytest.approx(10 / (TIMES[-1] - TIMES[0]))
    (clip,) = io.load_clips(path, fps=50)
    seconds = np.arange(len(clip)) / 50
    assert (clip.times, clip.fps, len(clip)) == (None, 50.0, int((TIMES[-1] - TIMES[0]) * 50) + 1)
    np.testing.assert_allclose(Rotation.from_rotvec(clip.poses[:, 0]).as_matrix(), _turns(seconds), atol=1e-5)
    np.testing.assert_allclose(clip.trans, np.outer(seconds, PATH), atol=1e-5)


def test_bvh_goes_at_a_steady_rate(turning, tmp_path):
    rig = bvh.read_bvh(turning.save(tmp_path / "a.bvh", unit=1.0))
    assert rig.fps == pytest.approx(25.0)
    posed = bvh_pose.world_pose(rig)
    seconds = np.minimum(np.arange(len(rig.values)) / 25, TIMES[-1] - TIMES[0])
    np.testing.assert_allclose(posed.rotations[:, 0], _turns(seconds), atol=1e-5)
    np.testing.assert_allclose(posed.positions[:, 0] - posed.positions[0, 0], np.outer(seconds, PATH), atol=1e-5)


def test_glb_has_a_key_at_each_time(turning, toy_body, tmp_path):
    shown = glb_reader.play(turning.save(tmp_path / "a.glb", body=toy_body))
    np.testing.assert_allclose(shown["times"], TIMES - TIMES[0], atol=1e-6)
    np.testing.assert_allclose(shown["rotations"][:, 0], _turns(TIMES - TIMES[0]), atol=1e-5)


def test_videos_last_as_long_as_the_motion(turning, toy_body, tmp_path):
    av = pytest.importorskip("av", reason="PyAV is not installed")
    with av.open(str(turning.save(tmp_path / "a.mp4", body=toy_body, image_size=16))) as file:
        stream = file.streams.video[0]
        assert float(stream.average_rate) == pytest.approx(25.0, rel=1e-3)
        assert len(list(file.decode(video=0))) == len(steady.steady(turning))


def test_what_is_done_is_told(turning, toy_body, tmp_path, caplog):
    for name, told in {"a.npz": "`times` holds their seconds", "a.bvh": "at a steady 25 frames", "a.glb": ""}.items():
        caplog.clear()
        turning.save(tmp_path / name, **{"body": toy_body} if name == "a.glb" else {})
        assert (told in caplog.text) if told else not caplog.text
    dataclasses.replace(turning, times=np.arange(11) / 25).save(tmp_path / "a.bvh")
    assert not caplog.text
