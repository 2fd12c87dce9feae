"""Numbers and times of frames."""

import numpy as np
import pytest

from niki_tf.io import frame_times


@pytest.mark.parametrize(
    ("numbers", "places"),
    [
        ([0, 1, 2], [0, 1, 2]),
        ([4, 6, 10], [0, 1, 3]),
        ([3, 1, 1, 2], [2, 0, 0, 1]),
        ([1700000000000, 1700000000033, 1700000000067], [0, 1, 2]),
        ([0.5, 1.0, 2.0], [0, 1, 2]),
        ([7], [0]),
        ([5, 5], [0, 0]),
    ],
)
def test_places(numbers, places):
    assert frame_times.places(numbers).tolist() == places


@pytest.mark.parametrize("rate", [12.5, 23.976, 29.97, 30, 50, 59.94, 120, 239.76, 1000])
@pytest.mark.parametrize("decimals", [4, 6])
def test_even_times_give_the_rate(rate, decimals):
    times = np.round(7.0 + np.arange(500) / rate, decimals)
    found, uneven = frame_times.rate_and_times(times)
    assert uneven is None
    assert found == pytest.approx(rate, rel=1e-4)


def test_whole_rates_are_exact_in_spite_of_rounding():
    assert frame_times.rate_and_times(np.round(np.arange(20) / 30, 3)) == (30.0, None)
    assert frame_times.rate_and_times(np.round(np.arange(200) / 60, 3)) == (60.0, None)


def test_a_dropped_frame_makes_times_uneven():
    times = np.delete(np.arange(60) / 30, 20)
    rate, uneven = frame_times.rate_and_times(times)
    np.testing.assert_array_equal(uneven, times)
    assert rate == pytest.approx(30)


@pytest.mark.parametrize("times", [[0.0, 1.0, 1.0], [0.0, 2.0, 1.0], [0.0, np.nan, 1.0]])
def test_times_must_increase(times):
    with pytest.raises(ValueError, match="increase from frame to frame"):
        frame_times.rate_and_times(np.array(times))
    with pytest.raises(ValueError, match="increase from frame to frame"):
        frame_times.rate_and_times(frame_times.to_seconds(np.array(times)))


def test_a_single_frame_has_no_rate():
    assert frame_times.rate_and_times(np.array([3.0])) == (None, None)


@pytest.mark.parametrize("scale", [1.0, 1e3, 1e6, 1e9])
@pytest.mark.parametrize("rate", [2, 30, 500])
def test_the_unit_of_times_follows_from_their_step(scale, rate):
    seconds = np.arange(50) / rate
    np.testing.assert_allclose(frame_times.to_seconds(seconds * scale), seconds)


def test_values_in_between_are_linear():
    np.testing.assert_allclose(frame_times.at_places(np.array([0.0, 1.0, 4.0]), np.array([0, 1, 3])), [0, 1, 2.5, 4])
