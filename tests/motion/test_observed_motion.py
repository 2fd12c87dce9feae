"""Motion as solvers see it."""

import numpy as np
import pytest

from niki_tf import evaluation, motion, rotations, skeletons


@pytest.mark.parametrize("convention", motion.TRANS_CONVENTIONS)
def test_without_noise_the_joints_are_the_body_s(clips, poser, convention):
    clip = motion.Clip(poses=clips[0].poses, trans=clips[0].trans, betas=np.full(10, 0.5), trans_convention=convention)
    pelvis = poser.body_joints(clip.betas[None]).numpy()[0, 0] if convention == "transl" else np.zeros(3)
    observed = motion.observe(clip, poser=poser, noise_mm=0, seed=0)
    true = rotations.rotvec_to_matrix(clip.poses).numpy()
    truth = poser.truth(true, betas=np.full([7, 10], 0.5))
    np.testing.assert_allclose(observed.joints, truth["joints"] + (clip.trans + pelvis)[:, None], atol=1e-6)
    np.testing.assert_allclose(observed.origin, observed.joints[0, 0], atol=1e-6)
    np.testing.assert_allclose(observed.inputs["joints"], observed.joints - observed.origin, atol=1e-6)
    np.testing.assert_allclose(observed.inputs["twist"], truth["twist"], atol=1e-6)
    errors = evaluation.answer_errors({"global_orient": true[:, :1], "body_pose": true[:, 1:]}, observed, poser=poser)
    assert {name: values.shape for name, values in errors.items()} == dict.fromkeys(errors, (7,))
    assert max(values.max() for values in errors.values()) < 1e-3


@pytest.mark.parametrize("number", [3, 16])
def test_betas_are_those_that_the_body_has(clips, poser, number):
    clip = motion.Clip(poses=clips[0].poses, trans=clips[0].trans, betas=np.arange(1.0, number + 1))
    found = motion.observe(clip, poser=poser, noise_mm=0, seed=0).inputs["betas"]
    np.testing.assert_array_equal(found, np.tile(np.pad(clip.betas, (0, 10))[:10], [7, 1]))


def test_noise_has_the_size_asked_for_and_follows_the_seed(clips, poser):
    clean, noisy, again, other = (
        motion.observe(clips[0], poser=poser, noise_mm=level, seed=seed).joints
        for level, seed in ((0, 0), (40, 0), (40, 0), (40, 1))
    )
    assert np.std(noisy - clean) == pytest.approx(0.04, rel=0.1)
    np.testing.assert_array_equal(noisy, again)
    assert np.abs(noisy - other).max() > 0.01


def test_a_motion_can_be_cut(clips, poser):
    observed = motion.observe(clips[0], poser=poser, noise_mm=10, seed=0)
    cut = observed.first(3)
    np.testing.assert_array_equal(cut.joints, observed.joints[:3])
    np.testing.assert_array_equal(cut.true_rotations, observed.true_rotations[:3])
    assert {len(array) for array in cut.inputs.values()} == {3}
    assert len(observed.first(None).joints) == 7


def test_given_joints_stay_as_they_are(poser):
    random = np.random.default_rng(0)
    arrays = {"joints": random.normal(size=[4, 29, 3]), "joint_sigma": np.full(29, 0.1), "betas": np.arange(10.0)}
    observed = motion.from_joints(arrays, num_betas=10)
    assert observed.true_rotations is None
    np.testing.assert_allclose(observed.joints, arrays["joints"], atol=1e-6)
    np.testing.assert_allclose(observed.inputs["joints"], observed.joints - observed.joints[0, 0], atol=1e-6)
    np.testing.assert_array_equal(observed.inputs["betas"], np.tile(np.arange(10.0), [4, 1]))
    assert observed.inputs["joint_sigma"].shape == (4, 29)
    still = np.broadcast_to(np.eye(3), [4, 24, 3, 3])
    errors = evaluation.answer_errors({"global_orient": still[:, :1], "body_pose": still[:, 1:]}, observed, poser=poser)
    rest = poser.body_joints(np.arange(10.0, dtype=np.float32)[None]).numpy()
    expected = evaluation.root_aligned_mpjpe(np.repeat(rest, 4, 0), arrays["joints"])
    np.testing.assert_allclose(errors["to_observation"], expected, rtol=1e-4)
    assert sorted(errors) == ["to_observation"]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"poses": np.zeros([4, 72])}, r"`joints` \(T, 29, 3\) is missing; got poses"),
        ({"joints": np.zeros([4, 24, 3])}, r"`joints` must have shape \(T, 29, 3\); got \(4, 24, 3\).*SMPL_29"),
        ({"joints": np.float32(1.0)}, r"`joints` must have shape"),
        ({"joints": np.zeros([0, 29, 3])}, r"`joints` must hold at least one frame; got shape \(0, 29, 3\)"),
        ({"joints": np.full([4, 29, 3], np.inf)}, "`joints` must be finite"),
        ({"joints": np.zeros([4, 29, 3]), "betas": np.zeros([4, 9])}, r"`betas` must have shape .* got \(4, 9\)"),
        (
            {"joints": np.zeros([4, 29, 3]), "betas": np.zeros([3, 10])},
            r"`betas` must have shape \(T, 10\) or \(10,\), T = 4 as in `joints`; got \(3, 10\)",
        ),
        ({"joints": np.zeros([4, 29, 3]), "twist": np.zeros([23, 2])}, r"`twist` must have shape .* got \(23, 2\)"),
        ({"joints": np.zeros([4, 29, 3]), "twist": np.full([4, 23, 2], "x")}, "`twist` must be finite numbers.*repair"),
    ],
)
def test_joints_that_do_not_fit_are_named(arrays, message):
    with pytest.raises(ValueError, match=message):
        motion.from_joints(arrays, num_betas=10)


def test_betas_may_be_given_once():
    joints, betas = np.zeros([4, 29, 3]), np.arange(10.0)
    for once in (betas, betas[None]):
        found = motion.from_joints({"joints": joints, "betas": once}, num_betas=10)
        np.testing.assert_array_equal(found.inputs["betas"], np.tile(betas, [4, 1]))


def test_times_are_per_frame(clips, poser):
    observed = motion.observe(clips[0], poser=poser, noise_mm=0, seed=0)
    calls = []

    def solve(inputs):
        calls.append(len(inputs["joints"]))

    single, bulk = evaluation.times_ms(solve, observed)
    assert calls == [1] + 7 * [1] + 2 * [7]
    assert single > 0
    assert bulk > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"joints": np.zeros([4, 24, 3])}, r"`joints` must have shape \(T, 29, 3\); got \(4, 24, 3\).*SMPL_29"),
        ({"inputs": {"betas": np.zeros([4, 10])}}, r"`joints` \(\.\.\., 29, 3\) is missing; got betas"),
        ({"inputs": {"joint": np.zeros([4, 29, 3])}}, "`joint` is no input of a solver; the inputs are joints"),
        (
            {"inputs": {"joints": np.zeros([3, 29, 3])}},
            r"`inputs\['joints'\]` must have shape \(T, 29, 3\), T = 4 as in `joints`; got \(3, 29, 3\)",
        ),
        (
            {"inputs": {"joints": np.zeros([4, 29, 3]), "betas": np.zeros(10)}},
            r"`inputs\['betas'\]` must have shape \(T, B\), T = 4 as in `joints`; got \(10,\)",
        ),
        ({"fps": 0.0}, "`fps` must be one positive number of frames per second; got 0"),
        (
            {"true_rotations": np.zeros([4, 23, 3, 3])},
            r"`true_rotations` must have shape \(T, 24, 3, 3\), T = 4 as in `joints`; got \(4, 23, 3, 3\)",
        ),
    ],
)
def test_an_observed_motion_checks_its_fields(changes, message):
    fields = {"joints": np.zeros([4, 29, 3]), "inputs": {"joints": np.zeros([4, 29, 3])}, "fps": 25.0} | changes
    with pytest.raises(ValueError, match=message):
        motion.ObservedMotion(**fields)


def test_joints_without_a_frame_rate_that_can_be_are_refused():
    with pytest.raises(ValueError, match="`fps` must be one positive number"):
        motion.from_joints({"joints": np.zeros([4, 29, 3])}, num_betas=10, fps=-1.0)


def test_absent_joints_may_hold_anything(rng):
    joints = rng.normal(size=[3, 29, 3])
    sigma = np.zeros([3, 29])
    sigma[0, [0, 7]] = skeletons.ABSENT
    lost = np.where((sigma >= skeletons.ABSENT)[..., None], np.nan, joints)
    observed = motion.from_joints({"joints": lost, "joint_sigma": sigma}, num_betas=10)
    mean = joints[0, [j for j in range(29) if j not in (0, 7)]].mean(0)
    np.testing.assert_allclose(observed.joints[0, 0], mean, rtol=1e-5)
    np.testing.assert_allclose(observed.joints[1:], joints[1:], rtol=1e-6)
    for given in ({}, {"joint_sigma": np.zeros(29)}, {"joint_sigma": np.zeros([3, 29])}):  # a NaN is absent
        again = motion.from_joints({"joints": lost, **given}, num_betas=10)
        np.testing.assert_array_equal(again.joints, observed.joints)
        np.testing.assert_array_equal(again.inputs["joint_sigma"], observed.inputs["joint_sigma"])


def test_absent_points_are_at_the_mean_of_the_two_that_were_seen(rng):
    joints = rng.normal(size=[3, 29, 3])
    joints[1, 2:] = np.nan
    given = motion.observed_points.from_points(
        {"joints": joints}, point_set=skeletons.POINT_SETS["smpl_29"], num_betas=10
    )
    np.testing.assert_allclose(given.points[1, 2:] + given.origin, np.tile(joints[1, :2].mean(0), [27, 1]), atol=1e-6)


def test_motion_of_the_rate_that_is_wanted_stays_as_it_is(rng):
    clip = motion.Clip(poses=rng.normal(size=[4, 24, 3]), trans=rng.normal(size=[4, 3]), fps=30)
    same = motion.resample(clip, 30)
    np.testing.assert_array_equal(same.poses, clip.poses)
    np.testing.assert_array_equal(same.trans, clip.trans)


def test_resampled_positions_lie_on_the_lines_between_the_frames(rng):
    trans = rng.normal(size=[4, 3])
    clip = motion.Clip(poses=np.zeros([4, 24, 3]), trans=trans, fps=30)
    between = motion.resample(clip, 20).trans
    np.testing.assert_allclose(between, [trans[0], 0.5 * (trans[1] + trans[2]), trans[3]], atol=1e-6)
