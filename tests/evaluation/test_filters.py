import sys

import numpy as np
import pytest

from niki_tf import body, evaluation, skeletons
from niki_tf.solvers import zoo


def test_one_euro_by_hand():
    found = evaluation.one_euro(np.array([0.0, 1.0]), fps=30.0, min_cutoff=1.0, beta=0.0)
    share = 1.0 / (1.0 + 30.0 / (2.0 * np.pi))
    np.testing.assert_allclose(found, [0.0, share])


def test_one_euro_follows_the_speed_by_hand():
    points, fps, beta = np.array([2.0, 3.0, 5.0]), 30.0, 0.5
    speed, wanted = 0.0, [points[0]]

    def gain(cutoff):
        return 1.0 / (1.0 + fps / (2.0 * np.pi * cutoff))

    for point in points[1:]:
        speed += gain(1.0) * ((point - wanted[-1]) * fps - speed)
        wanted.append(wanted[-1] + gain(1.0 + beta * abs(speed)) * (point - wanted[-1]))
    np.testing.assert_allclose(evaluation.one_euro(points, fps=fps, min_cutoff=1.0, beta=beta), wanted)


def test_one_euro_is_smooth_at_rest_and_quick_in_motion(rng):
    noise = 0.01 * rng.normal(size=300)
    assert evaluation.one_euro(noise, fps=30.0)[30:].std() < 0.6 * noise.std()
    ramp = np.linspace(0.0, 40.0, 300)
    slow, quick = (evaluation.one_euro(ramp, fps=30.0, beta=beta)[-1] for beta in (0.0, 2.0))
    assert ramp[-1] - quick < 0.3 * (ramp[-1] - slow)


def test_one_euro_does_not_look_ahead(rng):
    points = rng.normal(size=[20, 2, 3])
    other = points.copy()
    other[10:] += 1.0
    np.testing.assert_array_equal(evaluation.one_euro(points, fps=30.0)[:10], evaluation.one_euro(other, fps=30.0)[:10])


@pytest.mark.parametrize("frames", [1, 2, 5, 40])
def test_savitzky_golay_keeps_a_straight_line_whatever_the_length(frames):
    line = np.arange(frames)[:, None] * np.array([0.1, -0.2])
    np.testing.assert_allclose(evaluation.savitzky_golay(line, fps=30.0), line, atol=1e-9)


def test_savitzky_golay_needs_scipy_and_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.signal", None)
    with pytest.raises(ModuleNotFoundError, match="needs SciPy"):
        evaluation.savitzky_golay(np.zeros([9, 3]), fps=30.0)


@pytest.mark.parametrize("finish", ["", "+finish"])
@pytest.mark.parametrize("end", ["", *evaluation.FILTERS])
def test_the_parts_of_a_solver_s_name_are_found(finish, end):
    parsed = zoo.parse_name(f"saved+models/mlp{finish}{end}", filters=evaluation.FILTERS)
    assert parsed == ("saved+models/mlp", end, bool(finish))


def _centred(joints):
    return joints - joints[:, list(skeletons.TRUNK)].mean(1, keepdims=True)


def test_whittaker_reduces_the_noise_of_motion_longer_than_a_window(rng):
    times = np.arange(41)[:, None, None] / 30.0
    motion = body.mannequin_joints().joints + 0.1 * np.sin(4.0 * times + np.arange(29)[:, None])
    noisy = motion + 0.03 * rng.normal(size=motion.shape)
    found = evaluation.whittaker(noisy, fps=30.0)
    left, before = (_centred(joints) - _centred(motion) for joints in (found, noisy))
    assert left.std() < 0.6 * before.std()
    np.testing.assert_allclose(found[0], evaluation.whittaker(noisy[:16], fps=30.0)[0], atol=1e-6)


@pytest.mark.parametrize("name", ["+one_euro", "+savgol", "+whittaker"])
@pytest.mark.parametrize(
    ("points", "fps", "message"),
    [
        (np.zeros([0, 29, 3]), 30.0, r"`points` must be frames .* got shape \(0, 29, 3\)"),
        (np.float64(1.0), 30.0, r"`points` must be frames"),
        (np.full([4, 29, 3], np.nan), 30.0, r"`points` must be frames .* with NaN, infinity or more.*Fill"),
        (np.zeros([4, 29, 3]), 0.0, "`fps` must be one finite number, above 0; got 0.0. It is in frames per second"),
        (np.zeros([4, 29, 3]), np.nan, "`fps` must be one finite number, above 0; got nan"),
    ],
)
def test_what_cannot_be_filtered_is_named(name, points, fps, message):
    with pytest.raises(ValueError, match=message):
        evaluation.FILTERS[name](points, fps=fps)


def test_the_smoother_wants_joints():
    with pytest.raises(ValueError, match=r"`points` must have shape \(T, 29, 3\); got \(29, 3, 4\)"):
        evaluation.whittaker(np.zeros([29, 3, 4]), fps=30.0)
