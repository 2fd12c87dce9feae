"""The flow that makes an embedding normal: exact both ways, zero to zero, log-determinants by differentiation."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf.flows import EmbeddingFlow

SIZE, POSE = 6, 5


@pytest.fixture
def flow(rng):
    flow = EmbeddingFlow(SIZE, condition=POSE, num_couplings=4, hidden_dim=8)
    for variable in flow.weights:
        variable.assign(rng.normal(0.0, 0.5, variable.shape))
    return flow


@pytest.fixture
def given(rng):
    return [tf.constant(rng.normal(size=[7, size]), tf.float64) for size in (SIZE, POSE)]


def test_the_way_back_is_exact(flow, given):
    z, pose = given
    normal = flow.bijector(pose).inverse(z)
    assert np.abs(normal.numpy() - z.numpy()).max() > 0.5
    np.testing.assert_allclose(flow.bijector(pose).forward(normal + 0), z, atol=1e-4)


def test_zero_stays_zero_whatever_the_pose(flow, given):
    z, pose = given
    for direction in ("forward", "inverse"):
        assert not np.any(getattr(flow.bijector(pose), direction)(tf.zeros_like(z)))
    other = flow.bijector(pose[::-1]).inverse(z)
    assert np.abs(other.numpy() - flow.bijector(pose).inverse(z).numpy()).max() > 0.1


def test_log_determinants_are_those_of_the_jacobian(flow, given):
    z, pose = given
    with tf.GradientTape() as tape:
        tape.watch(z)
        normal = flow.bijector(pose).inverse(z)
    jacobian = tape.batch_jacobian(normal, z).numpy()
    expected = np.linalg.slogdet(jacobian)[1]
    found = flow.bijector(pose).inverse_log_det_jacobian(z, event_ndims=1)
    np.testing.assert_allclose(found, expected, atol=1e-4)
