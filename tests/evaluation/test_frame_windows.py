"""Windows about measured frames: inside one clip, the frame in the middle if it can be, joints as the body has them."""

import numpy as np
import tensorflow as tf

from niki_tf import rotations
from niki_tf.evaluation.protocols import frame_windows

LENGTHS = (40, 7, 16)


def test_a_window_lies_in_the_clip_of_its_frame_and_holds_it():
    around = frame_windows.frame_windows_of(LENGTHS, stride=3)
    measured = np.arange(sum(LENGTHS))[::3]
    clips = np.repeat(np.arange(3), LENGTHS)
    assert around.frames.shape == (len(measured), 16)
    np.testing.assert_array_equal(around.measured(around.frames), measured)
    np.testing.assert_array_equal(clips[around.frames], np.repeat(clips[measured][:, None], 16, 1))


def test_the_frames_of_a_window_follow_each_other_and_filler_comes_last():
    around = frame_windows.frame_windows_of(LENGTHS, stride=3)
    steps = np.diff(around.frames, axis=1)
    np.testing.assert_array_equal(steps, (around.present[:, 1:] > 0).astype(int))
    counts = around.present.sum(1)
    np.testing.assert_array_equal(counts, np.where(np.isin(around.frames[:, 0], range(40, 47)), 7, 16))


def test_a_frame_has_as_many_before_as_after_unless_a_clip_ends():
    around = frame_windows.frame_windows_of([40], stride=1)
    np.testing.assert_array_equal(around.middle[8:33], np.full(25, 8))
    np.testing.assert_array_equal(around.middle[:8], np.arange(8))
    np.testing.assert_array_equal(around.middle[33:], np.arange(9, 16))


def test_some_of_the_frames():
    around = frame_windows.frame_windows_of(LENGTHS, stride=3)
    some = around.of(slice(2, 5))
    np.testing.assert_array_equal(some.measured(some.frames), [6, 9, 12])
    assert some.present.shape == (3, 16)


def test_posed_joints_are_those_of_the_body(poser, rng):
    poses, betas = 0.4 * rng.normal(size=[2, 3, 24, 3]), rng.normal(size=[2, 10])
    poses, betas = poses.astype(np.float32), betas.astype(np.float32)
    found = frame_windows.posed_joints(poser.body_joints)(tf.constant(poses), tf.constant(betas)).numpy()
    for window, local, shape in zip(found, poses, betas, strict=True):
        truth = poser.truth(rotations.rotvec_to_matrix(local), betas=np.repeat(shape[None], 3, 0))
        np.testing.assert_allclose(window, truth["joints"], atol=1e-5)
