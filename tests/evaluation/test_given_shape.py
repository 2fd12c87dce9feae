"""The shape that solvers are given: the true one, zeros, or what is found from the frames around."""

import functools

import numpy as np
import pytest

from niki_tf import evaluation, motion, skeletons, solvers
from niki_tf.evaluation.protocols import common, given_shape, joint_errors, window_observer


def test_zeros_are_given_for_betas_and_the_answer_poses_the_true_body(both, watched):
    alone, windows, rows = both(levels_mm=(0,), betas="zeros")
    usual_alone, usual_windows, usual_rows = both(levels_mm=(0,))
    for seen, usual in ((alone, usual_alone), (windows, usual_windows)):
        np.testing.assert_array_equal(seen[0]["betas"], np.zeros_like(usual[0]["betas"]))
        assert np.abs(usual[0]["betas"]).max() > 1.0
        np.testing.assert_array_equal(seen[0]["joints"], usual[0]["joints"])
    assert rows == usual_rows  # these solvers do not use the betas


@pytest.fixture
def shapes(monkeypatch):
    """The joints, without padding, that shapes are found from; what is found is the number of the call."""
    calls = []

    def estimate(joints, joint_sigma, *, body_joints):
        calls.append((joints, joint_sigma))
        return type("Found", (), {"betas": np.full(body_joints.num_betas, float(len(calls)))})

    monkeypatch.setattr(given_shape.bone_shape, "estimate_shape", estimate)
    return calls


def test_betas_are_found_from_the_frames_around_and_given_to_all_solvers(both, shapes):
    alone, windows, _ = both(levels_mm=(0, 20), betas="found", stride=2)
    assert [len(joints) for joints, _ in shapes] == 2 * [7, 7, 7, 7, 4, 4]  # once for both solvers
    for level, (single, window) in enumerate(zip(alone, windows, strict=True)):
        found = np.repeat(np.arange(1.0, 7.0)[:, None] + 6 * level, 10, 1)
        np.testing.assert_array_equal(single["betas"], found)
        np.testing.assert_array_equal(window["betas"], np.repeat(found[:, None], 16, 1))


def test_the_frames_that_betas_are_found_from_move_the_same_body_with_the_same_level_of_errors(both, shapes):
    (clean, noisy), (around, _), _ = both(levels_mm=(0, 20), betas="found")
    for number, middle in enumerate([*range(7), *range(4)]):
        (at_zero, none), (at_twenty, _) = shapes[number], shapes[11 + number]
        np.testing.assert_allclose(at_zero[middle], clean["joints"][number], atol=1e-5)
        np.testing.assert_allclose(at_twenty[middle], noisy["joints"][number], atol=1e-5)  # these errors are its own
        np.testing.assert_allclose(at_zero, around["joints"][number, : len(at_zero)], atol=1e-5)
        assert (at_twenty - at_zero)[:, 1:].std() == pytest.approx(0.02 * 2**0.5, rel=0.2)
        assert not none.any()


def test_joints_that_are_absent_do_not_tell_the_shape(both, shapes):
    both(levels_mm=(0,), betas="found", errors=evaluation.JointErrors(absent=0.3))
    absent = np.concatenate([sigma for _, sigma in shapes]) == skeletons.ABSENT
    assert 0.2 < absent.mean() < 0.4


def test_long_clips_give_sixty_frames(toy_body, shapes):
    clip = motion.made_motion(0, frames=70)
    around = window_observer.WindowObserver(
        [clip],
        toy_body.body_joints(),
        joint_errors.RandomErrors.draw(1, seed=0),
        functools.partial(joint_errors.observe, errors=joint_errors.ISOTROPIC),
        stride=70,
        seed=0,
        size=common.CLIP_FRAMES,
    )
    around.move_to(slice(1), np.zeros([1, 10], np.float32))
    assert around.found_betas(10).shape == (1, 10)
    assert shapes[0][0].shape == (60, 29, 3)


@pytest.mark.usefixtures("eager")
def test_found_betas_are_nearly_as_good_as_true_ones(clips, toy_body):
    solver = {"finish": solvers.Analytic(toy_body.body_joints(), refine=4)}
    settings = {"body": toy_body, "levels_mm": (0,), "seed": 5}
    found = evaluation.noise_rows(clips, solvers=solver, betas="found", **settings)
    assert found[0]["mpjpe"] < 0.3


@pytest.mark.usefixtures("eager")
def test_a_solver_that_uses_the_betas_is_worse_with_zeros(clips, toy_body):
    solver = {"finish": solvers.Analytic(toy_body.body_joints(), refine=4)}
    settings = {"body": toy_body, "levels_mm": (0,), "seed": 5}
    without = evaluation.noise_rows(clips, solvers=solver, betas="zeros", **settings)
    assert without[0]["mpjpe"] > 1.0 > evaluation.noise_rows(clips, solvers=solver, **settings)[0]["mpjpe"]
