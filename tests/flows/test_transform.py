"""The way through a flow that makes no bijectors is that of its bijector."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from niki_tf import flows


def strong(layer):
    for variable in layer.weights:
        variable.assign(0.3 * keras.random.normal(variable.shape, seed=len(variable.shape)))
    return layer


def flow_and_condition(rng, **options):
    flow = strong(flows.Flow(7, condition=2, num_couplings=5, hidden_dim=8, **options))
    return flow, tf.constant(rng.normal(size=[4, 2]))


@pytest.mark.parametrize("direction", ["inverse", "forward"])
@pytest.mark.parametrize("mask", [None, [True, True, False, True, False, False, True]])
def test_steps_on_halves_are_those_of_the_bijector(direction, mask, rng):
    flow, condition = flow_and_condition(rng, mask=mask)
    x = tf.constant(rng.normal(size=[4, 7]))
    expected = getattr(flow.bijector(condition), direction)(x)
    found = flow.transform(x, condition, direction=direction)
    np.testing.assert_allclose(found, expected, atol=1e-13)
    assert np.abs(found - x).max() > 0.1


@pytest.mark.parametrize("direction", ["inverse", "forward"])
@pytest.mark.parametrize("split", flows.SPLITS)
def test_temporal_steps_are_those_of_the_bijector(direction, split, rng):
    sizes = {"num_couplings": 5, "num_temporal_pairs": 2, "hidden_dim": 8, "temporal_hidden_dim": 8}
    flow = strong(flows.TemporalFlow(7, condition=2, split=split, **sizes))
    x, condition = tf.constant(rng.normal(size=[2, 6, 7])), tf.constant(rng.normal(size=[2, 6, 2]))
    mask = tf.constant([[1.0] * 6, [1.0] * 4 + [0.0] * 2], tf.float64)
    expected = getattr(flow.bijector(condition, frame_mask=mask), direction)(x)
    found = flow.transform(x, condition, frame_mask=mask, direction=direction)
    np.testing.assert_allclose(found, expected, atol=1e-13)
    alone = flow.spatial.transform(x, condition, direction=direction)
    assert np.abs(found - alone).max() > 1e-3


@pytest.mark.parametrize("direction", ["inverse", "forward"])
def test_an_embedding_keeps_its_zero_and_its_scale(direction, rng):
    flow = strong(flows.EmbeddingFlow(6, condition=2, num_couplings=4, hidden_dim=8))
    condition, z = tf.constant(rng.normal(size=[4, 2])), tf.constant(rng.normal(size=[4, 6]))
    found, expected = flow.transform(z, condition, direction=direction), getattr(flow.bijector(condition), direction)(z)
    np.testing.assert_allclose(found, expected, atol=1e-13)
    np.testing.assert_array_equal(flow.transform(0 * z, condition, direction=direction), 0 * z)


@pytest.mark.parametrize("direction", ["inverse", "forward"])
@pytest.mark.parametrize("kind", [flows.Flow, flows.TemporalFlow, flows.EmbeddingFlow])
def test_a_graph_goes_when_nobody_has_it(kind, direction):
    sizes = {"num_temporal_pairs": 1} if kind is flows.TemporalFlow else {}
    flow = kind(6, condition=2, num_couplings=2, hidden_dim=8, **sizes)
    specs = [tf.TensorSpec([1, 4, size], tf.float64) for size in (6, 2)]
    graph = tf.function(flow.transform, autograph=False).get_concrete_function(*specs, direction=direction).graph
    alive = weakref.ref(graph)
    del graph
    gc.collect()
    assert alive() is None


def test_dropout_of_training_reaches_the_networks(rng):
    flow, condition = flow_and_condition(rng, dropout=0.5)
    x = tf.constant(rng.normal(size=[4, 7]))
    assert np.abs(flow.transform(x, condition, training=True) - flow.transform(x, condition)).max() > 1e-6


def test_a_graph_has_no_more_than_the_networks_and_three_operations_a_step():
    flow = flows.Flow(176, condition=16, num_couplings=8, hidden_dim=8)
    graph = tf.function(flow.transform, autograph=False)
    spec = [tf.TensorSpec([None, size], keras.config.floatx()) for size in (176, 16)]
    kinds = [op.type for op in graph.get_concrete_function(*spec).graph.get_operations()]
    assert kinds.count("MatMul") == 8 * 6
    assert kinds.count("StridedSlice") + kinds.count("Split") + kinds.count("SplitV") == 0
    assert kinds.count("GatherV2") == 3
