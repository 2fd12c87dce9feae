"""Long motion solved in pieces is what it is as a whole, with one shape."""

import numpy as np
import pytest

import niki_tf
from niki_tf import body, motion
from niki_tf.inference import long_motion
from niki_tf.inference.points import PointsAnswer
from niki_tf.motion import observed_motion
from niki_tf.motion.observed_points import ObservedPoints


def _observed(frames, betas=None):
    points = np.arange(frames, dtype=np.float32)[:, None, None] * np.ones([1, 2, 3], np.float32)
    return ObservedPoints(points, np.zeros([frames, 2]), betas, np.zeros(3), np.arange(frames) / 30, 30.0)


def _answer(part, frames):
    """What is kept of a piece shows which frames it was solved from."""
    number, betas = part.points[:, 0, 0], part.betas
    if betas is None:
        betas = np.full([len(number), 3], number.mean())
    return PointsAnswer(
        number[:, None, None, None], part.points[:, 0], part.points[..., 0], betas, "shape", number, number
    )


@pytest.mark.parametrize("frames", [10, 300, 301, 429, 1000])
def test_pieces_make_the_whole(frames):
    solved = long_motion.solve_pieces(_observed(frames, np.ones([frames, 3])), _answer, whole=300)
    np.testing.assert_array_equal(solved.transl[:, 0], np.arange(frames))
    for array in (solved.local, solved.transl, solved.residual, solved.betas):
        assert len(array) == frames
    np.testing.assert_array_equal(solved.state, np.arange(frames))
    np.testing.assert_array_equal(solved.expected_error, np.arange(frames))


def test_one_shape_is_found_from_all_of_the_motion():
    asked = []

    def solve(part, frames):
        asked.append((len(part.points), part.betas is None, frames))
        return _answer(part, frames)

    solved = long_motion.solve_pieces(_observed(1000), solve, whole=300)
    assert solved.shape == "shape"
    np.testing.assert_allclose(solved.betas, 499.5, atol=1.0)
    assert asked[0][:2] == (256, True)
    assert not any(unknown for _, unknown, _ in asked[1:])
    assert [frames.start for _, _, frames in asked[1:]] == [0, 172, 344, 516, 688, 860]


@pytest.mark.slow
def test_a_motion_that_is_solved_in_pieces_is_the_same(monkeypatch, toy_body):
    clip = motion.made_motion(2, frames=330)
    joints = observed_motion.observe(clip, poser=body.BodyPoser(toy_body), noise_mm=3, seed=0).joints
    whole = niki_tf.solve(joints, solver="analytic")
    steps = long_motion.piece_steps
    monkeypatch.setattr(long_motion, "piece_steps", lambda *seen, **more: steps(*seen, **{**more, "whole": 256}))
    pieces = niki_tf.solve(joints, solver="analytic")
    assert np.ptp(pieces.betas, axis=0).max() == 0.0
    np.testing.assert_allclose(pieces.shape.size, whole.shape.size, atol=0.003)
    assert np.linalg.norm(pieces.joints() - whole.joints(), axis=-1).mean() < 0.002


@pytest.mark.parametrize("cuts", [[20], [40, 350], [300, 310]])
def test_shots_share_nothing(cuts):
    asked = []

    def solve(part, frames):
        asked.append(frames)
        return _answer(part, frames)

    solved = long_motion.solve_pieces(_observed(700, np.ones([700, 3])), solve, cuts=cuts, whole=300)
    np.testing.assert_array_equal(solved.transl[:, 0], np.arange(700))
    for cut in cuts:
        assert all(frames.stop <= cut or frames.start >= cut for frames in asked)


def test_two_shots_have_one_shape_which_all_frames_tell():
    solved = long_motion.solve_pieces(_observed(40), _answer, cuts=[12])
    assert (solved.shape, len(solved.local)) == ("shape", 40)
    np.testing.assert_allclose(solved.betas, 19.5)


@pytest.mark.slow
def test_a_cut_harms_no_frame():
    """Two shots glued are as each by itself, and a note tells where the cut is."""
    poser = body.BodyPoser(body.mannequin())
    shots = [motion.observe(motion.made_motion(n, frames=30), poser=poser, noise_mm=20, seed=n).joints for n in (1, 5)]
    given = {"betas": np.zeros(10), "ground": "off"}  # the ground is one for all shots
    whole = niki_tf.solve(np.concatenate(shots), **given)
    alone = [niki_tf.solve(shot, **given) for shot in shots]
    np.testing.assert_allclose(whole.rotations, np.concatenate([part.rotations for part in alone]), atol=1e-4)
    assert whole.notes == ("Cuts were found at frames 30: nothing is smoothed across them.",)
    assert not alone[0].notes
