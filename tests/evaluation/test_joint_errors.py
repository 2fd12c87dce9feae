"""Errors of joints: noise, an estimator's, absence; their sizes, and that they come in the same order for everyone."""

import numpy as np
import pytest

from niki_tf import data, evaluation, skeletons
from niki_tf.data import estimator
from niki_tf.evaluation.protocols import common, joint_errors, noise


def test_noise_of_the_root_moves_all_other_joints(poser):
    truth = poser.truth(np.eye(3) + np.zeros([1, 24, 1, 1]), betas=np.zeros([1, 10]))
    error = np.zeros([1, 29, 3])
    error[0, 0], error[0, 4] = [0.1, 0.0, 0.0], [0.0, 0.2, 0.0]
    seen = common.observation(truth, noise=error)
    moved = seen["joints"] - truth["joints"]
    np.testing.assert_array_equal(seen["joints"][:, 0], np.zeros([1, 3]))
    np.testing.assert_allclose(moved[0, 4], [-0.1, 0.2, 0.0], atol=1e-7)
    np.testing.assert_allclose(moved[0, 5:], np.tile([-0.1, 0.0, 0.0], [24, 1]), atol=1e-7)
    assert sorted(seen) == ["betas", "joints", "twist"]


def test_an_estimator_s_errors_have_its_sizes_and_grow_with_the_factor():
    frames = 20000
    truth = {name: np.zeros([frames, *shape], np.float32) for name, shape in (("joints", [29, 3]), ("betas", [10]))}
    random = joint_errors.RandomErrors.draw(frames, seed=0)
    errors = evaluation.JointErrors(estimate=data.estimate, sigma=True)
    for factor in noise.FACTORS:
        seen = joint_errors.observe(truth, factor, random, errors=errors, twist=False)
        sizes = factor * estimator.deviation()[:, None] * [0.3, 0.4, 0.6]
        expected = np.sqrt(sizes**2 + sizes[0] ** 2)[1:]
        np.testing.assert_allclose(seen["joints"].std(0)[1:], expected, rtol=0.03)
        ratio = seen["joint_sigma"].mean(0) / np.sqrt((sizes**2).mean(-1))
        assert ratio.min() > 0.9
        assert ratio.max() < 1.1


def test_an_estimator_s_body_has_another_size(watched, monkeypatch):
    monkeypatch.setattr(estimator, "AXES", (0.0, 0.0, 1e-9))
    seen, _ = watched(evaluation.JointErrors(estimate=data.estimate))
    (plain,), _ = watched(joint_errors.ISOTROPIC, levels_mm=(0,))
    assert len(seen) == 3
    for level in seen:
        scale = np.linalg.norm(level["joints"], axis=(1, 2)) / np.linalg.norm(plain["joints"], axis=(1, 2))
        np.testing.assert_allclose(level["joints"], scale[:, None, None] * plain["joints"], atol=1e-5)
        assert 0.95 < scale.min() < 0.98
        assert 1.02 < scale.max() < 1.05


def test_sigma_is_given_only_when_asked_for(watched):
    withheld, _ = watched(evaluation.JointErrors(estimate=data.estimate))
    reported, _ = watched(evaluation.JointErrors(estimate=data.estimate, sigma=True))
    assert all("joint_sigma" not in given for given in withheld)
    for without, given in zip(withheld, reported, strict=True):
        np.testing.assert_array_equal(without["joints"], given["joints"])
        assert given["joint_sigma"].min() > 0.0


@pytest.mark.parametrize("estimate", [None, data.estimate], ids=["isotropic", "estimator"])
def test_errors_do_not_depend_on_the_batch_size(watched, estimate):
    errors = evaluation.JointErrors(estimate=estimate, sigma=estimate is not None, absent=0.3)
    settings = {"levels_mm": (10, 20, 30), "seed": 5}
    whole, rows = watched(errors, batch_size=64, **settings)
    chopped, others = watched(errors, batch_size=4, **settings)
    assert (len(whole), len(chopped)) == (3, 9)
    for level in range(3):
        for name, value in whole[level].items():
            parts = np.concatenate([given[name] for given in chopped[level::3]])
            np.testing.assert_allclose(parts, value, atol=1e-6, err_msg=name)
    for row, other in zip(rows, others, strict=True):
        assert other["mpjpe"] == pytest.approx(row["mpjpe"], rel=1e-5)
    again, _ = watched(errors, batch_size=64, **{**settings, "seed": 6})
    assert np.any(again[0]["joint_sigma"] != whole[0]["joint_sigma"])


def test_the_same_joints_are_absent_at_every_level_and_the_others_are_as_they_were(watched):
    settings = {"levels_mm": (0, 30), "seed": 5}
    plain, _ = watched(joint_errors.ISOTROPIC, **settings)
    seen, _ = watched(evaluation.JointErrors(absent=0.3), **settings)
    absent = seen[0]["joint_sigma"] == skeletons.ABSENT
    assert absent[:, 0].any()
    assert not absent[:, 0].all()
    assert 0.2 < absent.mean() < 0.4
    for given, whole in zip(seen, plain, strict=True):
        np.testing.assert_array_equal(given["joint_sigma"], np.where(absent, np.float32(skeletons.ABSENT), 0))
        np.testing.assert_array_equal(given["joints"][absent], np.zeros([absent.sum(), 3]))
        for frame, gone in enumerate(absent):
            present = whole["joints"][frame, ~gone]
            origin = present.mean(0) if gone[0] else np.zeros(3)
            np.testing.assert_allclose(given["joints"][frame, ~gone], present - origin, atol=1e-6)


def test_an_absent_root_does_not_show_through_the_others():
    joints = np.random.default_rng(0).normal(size=[1, 29, 3]).astype(np.float32)
    absent = np.zeros([1, 29], bool)
    absent[0, [0, 3, 20]] = True
    moved = joints + np.array([1.0, 2.0, -3.0], np.float32)
    first, second = (joint_errors.with_absent({"joints": places}, absent)["joints"] for places in (joints, moved))
    np.testing.assert_allclose(first, second, atol=1e-6)
    nobody = joint_errors.with_absent({"joints": joints}, np.ones([1, 29], bool))
    np.testing.assert_array_equal(nobody["joints"], np.zeros([1, 29, 3]))


def test_what_a_reported_sigma_was_stays_at_the_present_joints():
    seen = {"joints": np.zeros([1, 29, 3]), "joint_sigma": np.full([1, 29], 0.04, np.float32)}
    sigma = joint_errors.with_absent(seen, np.arange(29)[None] == 7)["joint_sigma"]
    assert sigma[0, 7] == skeletons.ABSENT
    np.testing.assert_array_equal(np.delete(sigma, 7), np.full(28, 0.04, np.float32))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sigma": True}, "`sigma` is reported by an estimator only"),
        ({"absent": 1.0}, r"`absent` must be a probability .*; got 1.0"),
        ({"absent": -0.1}, r"`absent` must be a probability .*; got -0.1"),
    ],
)
def test_errors_that_make_no_sense_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        evaluation.JointErrors(**change)


def test_random_bodies_and_noise_have_the_protocol_s_distribution():
    betas = common.random_bodies(20000, num_betas=12, seed=0)
    errors = common.random_noise(20000, seed=0)
    assert np.abs(betas).max() == 2.5
    assert np.std(betas[:, :10]) == pytest.approx(0.98, abs=0.01)
    np.testing.assert_array_equal(betas[:, 10:], np.zeros([20000, 2]))
    assert np.std(errors) == pytest.approx(1.0, abs=0.005)
    assert errors.shape == (20000, 29, 3)
    assert common.random_bodies(3, num_betas=4, seed=0).shape == (3, 4)


def test_the_streams_of_random_numbers_are_those_of_the_published_tables():
    noise_stream, absent_stream = (np.random.default_rng(7).spawn(count)[-1] for count in (2, 4))
    drawn = joint_errors.RandomErrors.draw(3, seed=7)
    np.testing.assert_array_equal(drawn.noise, noise_stream.standard_normal((3, 29, 3), np.float32))
    np.testing.assert_array_equal(drawn.absent, absent_stream.random((3, 29), np.float32))
    assert [stream.name for stream in common.Stream] == [
        *("SHAPE", "NOISE", "DISPLACEMENT", "ABSENT", "SCALE", "SIGMA", "WINDOWS", "MOTION", "LOST", "ROTATIONS"),
        "CONDITIONS",
    ]
