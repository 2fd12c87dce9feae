"""Where the body stands: fitted to all joints by their weight, smoothed over time, whatever is absent."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import skeletons, solvers
from niki_tf.body import kinematics, mannequin_joints
from niki_tf.fitting import joint_weights, root_path

BODY_JOINTS = mannequin_joints()


def _tensor(array):
    return tf.constant(array, tf.float32)


def test_it_is_the_mean_by_precision(rng):
    joints, posed = rng.normal(size=[2, 5, 29, 3])
    sigma = rng.uniform(0.0, 0.2, [5, 29])
    found = root_path.translation(_tensor(joints), _tensor(posed), _tensor(sigma))
    weights = 1.0 / (sigma**2 + 0.02**2)
    wanted = np.einsum("tj,tjx->tx", weights / weights.sum(-1, keepdims=True), joints - posed)
    np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize("absent", [[0], [0, 7, 28], list(range(20))], ids=str)
def test_an_absent_joint_the_pelvis_too_changes_nothing(absent, rng):
    posed, sigma = rng.normal(size=[29, 3]), np.zeros(29)
    joints = posed + [1.0, -2.0, 3.0]
    joints[absent], sigma[absent] = 0.0, skeletons.ABSENT
    found = root_path.translation(_tensor(joints), _tensor(posed), _tensor(sigma))
    np.testing.assert_allclose(found, [1.0, -2.0, 3.0], atol=2e-3)


def _walk(frames):
    """A path (frames, 3), metres, as smooth as a walk."""
    times = np.arange(frames) / 30.0
    return np.stack([1.2 * times, 0.9 + 0.02 * np.cos(12.0 * times), 0.03 * np.sin(6.0 * times)], -1)


def test_over_time_noise_is_averaged_and_clean_motion_stays(rng):
    path, posed = _walk(16), rng.normal(size=[1, 16, 29, 3])
    noise = 0.03 * rng.normal(size=[1, 16, 29, 3])
    sigma = tf.zeros([1, 16, 29])
    clean, noisy = (_tensor(posed + path[:, None] + size * noise) for size in (0.0, 1.0))
    found = root_path.smoothed_translation(clean, _tensor(posed), sigma)
    np.testing.assert_allclose(found[0], path, atol=2e-3)
    smoothed, each = (
        np.linalg.norm(function(noisy, _tensor(posed), sigma)[0] - path, axis=-1).mean()
        for function in (root_path.smoothed_translation, root_path.translation)
    )
    assert smoothed < 0.7 * each
    assert each < 0.5 * np.linalg.norm(noise[0, :, 0], axis=-1).mean()


def test_filler_frames_and_frames_that_were_not_seen_do_not_count(rng):
    path, posed = _walk(16), rng.normal(size=[1, 16, 29, 3])
    joints, sigma = posed + path[:, None], np.zeros([1, 16, 29])
    joints[0, 5], sigma[0, 5] = 50.0, skeletons.ABSENT
    joints[0, 12:] = -50.0
    mask = _tensor((np.arange(16) < 12)[None])
    found = root_path.smoothed_translation(_tensor(joints), _tensor(posed), _tensor(sigma), mask)
    np.testing.assert_allclose(found[0, :12], path[:12], atol=8e-3)


def test_the_mean_of_trusted_joints_is_trusted_and_of_absent_ones_absent():
    sigma = tf.constant(np.stack([np.zeros(29), np.full(29, 0.1), np.full(29, skeletons.ABSENT)]), tf.float32)
    found = root_path._sigma_of_mean(sigma).numpy()[:, 0]
    precision = 29 * joint_weights.precision(tf.constant([0.0, 0.1])).numpy()
    np.testing.assert_allclose(found[:2], [0.0, np.sqrt(1 / precision[1] - 1 / precision[0])], atol=1e-6)
    assert found[2] >= skeletons.ABSENT


@pytest.mark.parametrize("over_time", [False, True], ids=["one_stage", "temporal"])
def test_a_solver_puts_the_body_where_the_joints_are(over_time, rng):
    kind = solvers.Temporal if over_time else solvers.OneStage
    solver = kind(BODY_JOINTS, num_couplings=2, hidden_dim=8, **({"num_temporal_pairs": 1} if over_time else {}))
    betas, turns = np.tile(rng.normal(size=10), [1, 6, 1]), np.tile(np.eye(3), [1, 6, 24, 1, 1])
    posed, _ = kinematics.forward_kinematics(_tensor(turns), BODY_JOINTS(_tensor(betas)))
    near, far = (solver.ik(posed + place, betas=betas) for place in ([0.0, 0.0, 0.0], [3.0, 0.5, -2.0]))
    np.testing.assert_allclose(far["transl"] - near["transl"], np.tile([3.0, 0.5, -2.0], [1, 6, 1]), atol=1e-4)
    local = tf.concat([near["global_orient"], near["body_pose"]], -3)
    answer, _ = kinematics.forward_kinematics(local, BODY_JOINTS(_tensor(betas)))
    fitted = root_path.smoothed_translation if over_time else root_path.translation
    np.testing.assert_allclose(near["transl"], fitted(posed, answer, tf.zeros([1, 6, 29])), atol=1e-5)


def test_steady_times_are_what_none_are(rng):
    joints = tf.constant(rng.normal(size=[1, 12, 29, 3]), tf.float32)
    sigma = np.zeros([1, 12, 29], np.float32)
    sigma[:, 4:6] = skeletons.ABSENT
    given = joints, 0.9 * joints, tf.constant(sigma)
    steady = root_path.smoothed_translation(*given, times=tf.range(12.0)[None] / 30)
    np.testing.assert_allclose(steady, root_path.smoothed_translation(*given), atol=1e-5)
