"""Networks traced once: the same numbers and gradients as when each is traced for itself."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import flows
from niki_tf.shared_traces import shared_traces


def _strong(flow):
    """The flow with weights that matter."""
    rng = np.random.default_rng(0)
    for weight in flow.trainable_variables:
        weight.assign(weight.numpy() + rng.normal(0.0, 0.1, weight.shape))
    return flow


def _spatial(**settings):
    return _strong(flows.Flow(6, condition=2, hidden_dim=8, num_couplings=4, **settings))


def _temporal():
    settings = {"num_couplings": 4, "num_temporal_pairs": 2, "temporal_hidden_dim": 8}
    return _strong(flows.TemporalFlow(6, condition=2, hidden_dim=8, **settings))


def _traced(flow, *, training):
    """A function that gives the joints' answer and the gradients of all weights, and the graph that it makes."""

    def step(x, condition):
        with shared_traces(), tf.GradientTape() as tape:
            pose = flow.transform(tf.convert_to_tensor(x), condition, training=training)
            back = flow.transform(pose, condition, direction="forward", training=training)
            loss = tf.reduce_sum(pose**2) + tf.reduce_sum((back - 2.0 * x) ** 2)
        return pose, tape.gradient(loss, [weight.value for weight in flow.trainable_variables])

    return step


@pytest.mark.parametrize("make", [_spatial, _temporal])
def test_numbers_and_gradients_are_those_of_networks_traced_alone(make, rng):
    flow, shape = make(), [3, 5, 6]
    x, condition = rng.normal(size=shape), rng.normal(size=[3, 5, 2])
    alone = _traced(flow, training=True)  # eagerly, where nothing is shared
    together = tf.function(alone, autograph=False)
    answers = (tf.nest.flatten(step(x, condition)) for step in (together, alone))
    for found, wanted in zip(*answers, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


def test_networks_of_a_shape_are_traced_once(rng, monkeypatch):
    calls = []
    call = flows.Conditioner.call
    monkeypatch.setattr(flows.Conditioner, "call", lambda self, *a, **k: calls.append(self.name) or call(self, *a, **k))
    x, condition = np.zeros([3, 6]), np.zeros([3, 2])
    tf.function(_traced(_spatial(mask=[True] * 2 + [False] * 4), training=True)).get_concrete_function(x, condition)
    assert sorted(calls) == ["conditioner_0", "conditioner_1"]  # even and odd steps, whose sizes differ; eight calls


def test_dropout_is_drawn_anew_for_every_network(rng):
    flow = _spatial(dropout=0.5)
    for other in flow.conditioners[1:]:
        other.set_weights(flow.conditioners[0].get_weights())
    x, condition = rng.normal(size=[4, 6]), np.zeros([4, 2])
    step = tf.function(_traced(flow, training=True), autograph=False)
    assert np.abs(step(x, condition)[0] - step(x, condition)[0]).max() > 1e-3
    without = tf.function(_traced(flow, training=False), autograph=False)
    np.testing.assert_array_equal(without(x, condition)[0], without(x, condition)[0])


def test_new_weights_show_through(rng):
    flow, x, condition = _spatial(), rng.normal(size=[3, 6]), np.zeros([3, 2])
    step = tf.function(_traced(flow, training=False), autograph=False)
    before = step(x, condition)[0]
    flow.conditioners[2].translation[-1].bias.assign_add([1.0, 1.0, 1.0])
    assert np.abs(step(x, condition)[0] - before).max() > 0.1
    np.testing.assert_allclose(step(x, condition)[0], flow.transform(tf.convert_to_tensor(x), condition), atol=1e-9)
