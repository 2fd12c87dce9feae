"""Motion as solvers see it."""

import numpy as np
import pytest

from niki_tf import evaluation, motion, rotations
from niki_tf.motion import observed_motion


def test_without_noise_the_joints_are_the_body_s(clips, poser):
    clip = motion.Clip(poses=clips[0].poses, trans=clips[0].trans, betas=np.full(10, 0.5))
    scene = observed_motion.observe(clip, poser=poser, noise_mm=0, seed=0)
    true = rotations.rotvec_to_matrix(clip.poses).numpy()
    truth = poser.truth(true, betas=np.full([7, 10], 0.5))
    np.testing.assert_allclose(scene.joints, truth["joints"] + clip.trans[:, None], atol=1e-6)
    np.testing.assert_allclose(scene.inputs["joints"], truth["joints"], atol=1e-6)
    np.testing.assert_allclose(scene.inputs["twist"], truth["twist"], atol=1e-6)
    errors = evaluation.answer_errors({"global_orient": true[:, :1], "body_pose": true[:, 1:]}, scene, poser=poser)
    assert {name: values.shape for name, values in errors.items()} == dict.fromkeys(errors, (7,))
    assert max(values.max() for values in errors.values()) < 1e-3


def test_noise_has_the_size_asked_for_and_follows_the_seed(clips, poser):
    clean, noisy, again, other = (
        observed_motion.observe(clips[0], poser=poser, noise_mm=level, seed=seed).joints
        for level, seed in ((0, 0), (40, 0), (40, 0), (40, 1))
    )
    assert np.std(noisy - clean) == pytest.approx(0.04, rel=0.1)
    np.testing.assert_array_equal(noisy, again)
    assert np.abs(noisy - other).max() > 0.01


def test_a_scene_can_be_cut(clips, poser):
    scene = observed_motion.observe(clips[0], poser=poser, noise_mm=10, seed=0)
    cut = scene.first(3)
    np.testing.assert_array_equal(cut.joints, scene.joints[:3])
    np.testing.assert_array_equal(cut.true_rotations, scene.true_rotations[:3])
    assert {len(array) for array in cut.inputs.values()} == {3}
    assert len(scene.first(None).joints) == 7


def test_given_joints_are_taken_as_they_are(poser):
    random = np.random.default_rng(0)
    arrays = {"joints": random.normal(size=[4, 29, 3]), "joint_sigma": np.full(29, 0.1), "betas": np.arange(10.0)}
    scene = observed_motion.from_joints(arrays, num_betas=10)
    assert scene.true_rotations is None
    np.testing.assert_allclose(scene.joints, arrays["joints"], atol=1e-6)
    np.testing.assert_array_equal(scene.inputs["joints"][:, 0], np.zeros([4, 3]))
    np.testing.assert_array_equal(scene.inputs["betas"], np.tile(np.arange(10.0), [4, 1]))
    assert scene.inputs["joint_sigma"].shape == (4, 29)
    still = np.broadcast_to(np.eye(3), [4, 24, 3, 3])
    errors = evaluation.answer_errors({"global_orient": still[:, :1], "body_pose": still[:, 1:]}, scene, poser=poser)
    rest = poser.body_joints(np.arange(10.0, dtype=np.float32)[None]).numpy()
    expected = evaluation.root_aligned_mpjpe(np.repeat(rest, 4, 0), arrays["joints"])
    np.testing.assert_allclose(errors["to_observation"], expected, rtol=1e-4)
    assert sorted(errors) == ["to_observation"]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"poses": np.zeros([4, 72])}, r"`joints` \(T, 29, 3\) is missing; got poses"),
        ({"joints": np.zeros([4, 24, 3])}, r"`joints` must have shape \('T', 29, 3\); got \(4, 24, 3\).*SMPL_29"),
        ({"joints": np.float32(1.0)}, r"`joints` must have shape"),
        ({"joints": np.full([4, 29, 3], np.nan)}, "`joints` must be finite"),
        ({"joints": np.zeros([4, 29, 3]), "betas": np.zeros([4, 9])}, r"`betas` must have shape .* got \(4, 9\)"),
        ({"joints": np.zeros([4, 29, 3]), "twist": np.zeros([23, 2])}, r"`twist` must have shape .* got \(23, 2\)"),
    ],
)
def test_joints_that_do_not_fit_are_named(arrays, message):
    with pytest.raises(ValueError, match=message):
        observed_motion.from_joints(arrays, num_betas=10)


def test_times_are_per_frame(clips, poser):
    scene = observed_motion.observe(clips[0], poser=poser, noise_mm=0, seed=0)
    calls = []

    def solve(inputs):
        calls.append(len(inputs["joints"]))

    single, bulk = evaluation.times_ms(solve, scene)
    assert calls == [1] + 7 * [1] + 2 * [7]
    assert single > 0
    assert bulk > 0
