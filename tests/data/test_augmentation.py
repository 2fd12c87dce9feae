"""Windows of motion with the path of the pelvis."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.spatial.transform import Rotation

from niki_tf import data, rotations
from niki_tf.data import augmentation

LENGTHS = (9, 3, 7)
MIRROR = np.array([-1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def motion():
    """Clips on random paths; a joint of the trunk turns by the number of the frame, another tells mirrored frames."""
    rng = np.random.default_rng(5)
    poses = np.zeros([sum(LENGTHS), 24, 3], np.float16)
    poses[:, 0] = rng.normal(size=[len(poses), 3])
    poses[:, 3, 0] = 0.01 * np.arange(len(poses))
    poses[:, 6, 1] = 0.1
    return data.MotionSet(
        poses=poses,
        pelvis=rng.normal(size=[len(poses), 3]).astype(np.float32),
        clips=np.repeat([0, 1, 2], LENGTHS),
        ends=np.repeat(np.cumsum(LENGTHS) - 1, LENGTHS),
        starts=np.array([0]),
        counts=np.array([len(poses)]),
        probabilities=np.array([1.0]),
        sources=(),
    )


def _windows(motion, *, frames=5, count=200, whole=False, **settings):
    streams = data.RandomStreams(0, tf.constant(0, tf.int64), batch_size=count, shard=(0, 1))
    settings = data.Augmentation(**{"natural": 1.0, **settings})
    return augmentation.augmented_motion(streams, motion, settings, frames=frames, whole=whole)


def _times(windows):
    """Numbers (n, T) of the frames of the motion that are shown."""
    return np.round(rotations.matrix_to_rotvec(windows.local[:, :, 3]).numpy()[..., 0] * 100).astype(int)


def _mirrored(windows):
    return rotations.matrix_to_rotvec(windows.local[:, 0, 6]).numpy()[:, 1] < 0


@pytest.mark.parametrize("reverse", [0.0, 1.0])
def test_whole_windows_lie_inside_clips_that_are_long_enough(motion, reverse):
    windows = _windows(motion, whole=True, reverse=reverse)
    there, times = windows.present.numpy(), _times(windows)
    long_enough = np.array(LENGTHS)[motion.clips[times[:, 0]]] >= 5
    assert there[long_enough].all()
    steps = np.diff(times[long_enough], axis=1)
    assert set(steps.ravel()) == {-1 if reverse else 1}
    np.testing.assert_array_equal(motion.clips[times[long_enough, 0]], motion.clips[times[long_enough, -1]])
    short = np.sort(times[~long_enough], axis=1)
    assert len(short) > 5
    np.testing.assert_array_equal(short, np.tile([9, 10, 11, 11, 11], [len(short), 1]))
    assert set(there[~long_enough].sum(1)) == {3}
    starts = set(times[long_enough].min(1))
    assert starts == {0, 1, 2, 3, 4, 12, 13, 14}


def test_other_windows_begin_anywhere(motion):
    windows = _windows(motion)
    assert set(_times(windows)[:, 0]) == set(range(19))
    assert not windows.present.numpy().all()


@pytest.mark.parametrize("reverse", [0.0, 1.0])
def test_the_path_goes_as_in_the_clip_seen_from_the_root(motion, reverse):
    windows = _windows(motion, reverse=reverse)
    times, mirrored = _times(windows), _mirrored(windows)
    assert 50 < mirrored.sum() < 150
    root = Rotation.from_rotvec(motion.poses[times, 0].reshape(-1, 3).astype(float)).as_matrix().reshape(200, 5, 3, 3)
    wanted = np.einsum("ntji,ntj->nti", root[:, :-1], np.diff(motion.pelvis[times], axis=1))
    wanted = np.where(mirrored[:, None, None], MIRROR * wanted, wanted)
    found = np.einsum("ntji,ntj->nti", windows.local[:, :-1, 0], np.diff(windows.path, axis=1))
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_paths_begin_over_the_origin_at_their_height_in_every_direction(motion):
    windows = _windows(motion)
    np.testing.assert_allclose(windows.path[..., 1], motion.pelvis[_times(windows), 1], atol=1e-6)
    np.testing.assert_allclose(windows.path.numpy()[:, 0, [0, 2]], 0.0, atol=1e-6)
    directions = windows.path.numpy()[:, 1, [0, 2]]
    quadrants = {tuple(signs) for signs in np.sign(directions[np.abs(directions).min(1) > 1e-3])}
    assert len(quadrants) == 4


def test_padding_stands_still(motion):
    windows = _windows(motion)
    there = windows.present.numpy()
    moved = np.linalg.norm(np.diff(windows.path, axis=1), axis=-1)
    assert moved[~there[:, 1:]].max() < 1e-6
    assert moved[there[:, 1:]].min() > 0.01


def test_windows_alone_are_the_same_windows(motion):
    streams = data.RandomStreams(0, tf.constant(0, tf.int64), batch_size=20, shard=(0, 1))
    settings = data.Augmentation()
    local, present = augmentation.augmented_windows(streams, motion, settings, frames=4)
    both = _windows(motion, frames=4, count=20, natural=settings.natural)
    np.testing.assert_array_equal(local, both.local)
    np.testing.assert_array_equal(present, both.present)
