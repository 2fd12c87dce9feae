"""The network of expected errors learns the mean of the errors, for joints and states apart."""

import numpy as np
import tensorflow as tf

from niki_tf.fitting.expected_error import PARTS
from niki_tf.training import expected_error


def _made(rng, count=1500):
    """Features (N, 24, 3), states (N, 24), errors whose mean follows from them, and that mean."""
    features = 3.0 * rng.standard_normal([count, 24, 3]) + 5.0
    states = rng.choice(3, size=[count, 24], p=[0.9, 0.08, 0.02])
    features[..., 2] = states == 2
    mean = 0.01 * np.exp(0.2 * (features[..., 0] - 5.0) + 1.5 * features[..., 2]) * np.linspace(0.5, 2.0, 24)
    return features, states, mean * rng.exponential(size=mean.shape), mean


def test_it_learns_the_mean(rng):
    features, states, errors, mean = _made(rng)
    network = expected_error.fit(features, errors, states, steps=500)
    features, states, _, mean = _made(rng)
    found = network(tf.constant(features, tf.float32)).numpy()[:, 1:]
    ratio = found / mean[:, 1:]
    assert 0.98 < ratio.mean() < 1.02
    assert ratio.std() < 0.1
    assert 0.9 < ratio[states[:, 1:] == 2].mean() < 1.1


def test_a_feature_that_is_always_the_same_does_no_harm(rng):
    features, states, errors, _ = _made(rng, count=100)
    features[..., 1] = 7.0
    network = expected_error.fit(features, errors, states, steps=5)
    assert all(np.isfinite(getattr(network, part)).all() for part in PARTS)
    assert not network.skip[1].any()
    assert not network.hidden[1].any()


def test_the_same_seed_gives_the_same_network(rng):
    features, states, errors, _ = _made(rng, count=50)
    one, same, other = (expected_error.fit(features, errors, states, steps=3, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.hidden, same.hidden)
    assert np.abs(one.hidden - other.hidden).max() > 0.01
