import functools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from niki_tf import flows, rotations
from niki_tf.flows import masks


def _strong(layer):
    """Random weights large enough that every part of the mapping shows."""
    for variable in layer.weights:
        variable.assign(0.3 * keras.random.normal(variable.shape, seed=len(variable.shape)))
    return layer


def _jacobian(function, x, given, *, outputs):
    """Derivatives (N, outputs, entries of x) of function(x, given): of each of so many copies, one entry's gradient."""
    copies, given = (value if value is None else tf.tile(value, [outputs, 1]) for value in (x, given))
    with tf.GradientTape() as tape:
        tape.watch(copies)
        y = tf.reshape(function(copies, given), [outputs, -1, outputs])
        total = tf.einsum("inj,ij->", y, tf.eye(outputs, dtype=tf.float64))
    return np.reshape(tape.gradient(total, copies), [outputs, *x.shape]).swapaxes(0, 1)


def _coupling(**options):
    network = _strong(flows.Conditioner(3, kept=3, condition=options.pop("condition", 0), hidden_dim=8))
    return lambda c: flows.AffineCoupling(network, kept=3, condition=c, **options)


def _flow(size, **options):
    flow = _strong(flows.Flow(size, hidden_dim=8, num_couplings=4, **options))
    return flow.bijector


def _composition():
    axes = tf.constant([[0.3, 1.0, -0.2], [1.0, 0.1, 0.4]])
    return lambda c: flows.TwistComposition(tf.cast(axes, tf.float64))


# name: (constructor that binds a condition, size of the vector, size of the condition)
BIJECTORS = {
    "coupling": (lambda: _coupling(), 6, 0),
    "coupling, conditioned": (lambda: _coupling(condition=2), 6, 2),
    "coupling, swapped": (lambda: _coupling(condition=2, swap=True), 6, 2),
    "flow": (lambda: _flow(6), 6, 0),
    "flow, conditioned": (lambda: _flow(6, condition=2), 6, 2),
    "flow, odd size": (lambda: _flow(5, condition=2), 5, 2),
    "flow, given mask": (lambda: _flow(6, condition=2, mask=[True, True, False, True, False, True]), 6, 2),
    "twist composition": (lambda: _composition(), 22, 0),
    "flow, translation bounded": (lambda: _flow(6, condition=2, tanh_on="translation"), 6, 2),
}


@functools.cache
def _maker(name):
    """The constructor that binds a condition, of the same weights for all tests: none changes them."""
    return BIJECTORS[name][0]()


@pytest.fixture(params=BIJECTORS, ids=list(BIJECTORS))
def case(request, rng):
    _, size, conditions = BIJECTORS[request.param]
    condition = tf.constant(rng.normal(size=[4, conditions])) if conditions else None
    return _maker(request.param), condition, tf.constant(rng.normal(size=[4, size]))


def test_round_trip_with_fresh_bijectors(case):
    make, condition, x = case
    y = make(condition).inverse(x)
    assert np.abs(y - x).max() > 0.1
    np.testing.assert_allclose(make(condition).forward(tf.identity(y)), x, atol=1e-12)


@pytest.mark.parametrize("direction", ["forward", "inverse"])
def test_log_det_is_that_of_the_jacobian(case, direction):
    make, condition, x = case
    jacobian = _jacobian(lambda x, c: getattr(make(c), direction)(x), x, condition, outputs=x.shape[-1])
    _, expected = np.linalg.slogdet(jacobian)
    found = getattr(make(condition), f"{direction}_log_det_jacobian")(tf.identity(x), event_ndims=1)
    np.testing.assert_allclose(np.broadcast_to(found, expected.shape), expected, atol=1e-10)


@pytest.mark.parametrize("name", [name for name in BIJECTORS if name != "twist composition"])
def test_volume_changes(name, rng):
    _, size, conditions = BIJECTORS[name]
    condition = tf.constant(rng.normal(size=[4, conditions])) if conditions else None
    x = tf.constant(rng.normal(size=[4, size]))
    assert np.abs(_maker(name)(condition).inverse_log_det_jacobian(x, event_ndims=1)).max() > 1e-3


def test_true_swing_and_twist_compose_to_the_rotation_without_remainder(rng):
    axes = tf.constant(rng.normal(size=[5, 3, 3]))
    matrix = rotations.rotvec_to_matrix(tf.constant(rng.normal(size=[5, 4, 3])))
    swing, twist = rotations.matrix_to_swing_twist(matrix[:, 1:], axes)
    swing = tf.concat([matrix[:, :1], swing], 1)
    flat = [tf.reshape(x, [5, -1]) for x in (rotations.matrix_to_6d(swing), twist, rotations.matrix_to_6d(matrix))]
    found = flows.TwistComposition(axes).inverse(tf.concat(flat[:2], -1))
    np.testing.assert_allclose(found[:, :24], flat[2], atol=1e-12)
    np.testing.assert_allclose(found[:, 24:], 0.0, atol=1e-12)


def test_output_moves_with_every_input_and_every_condition(case):
    make, condition, x = case
    outputs = x.shape[-1]
    jacobians = [_jacobian(lambda x, c: make(c).inverse(x), x, condition, outputs=outputs)]
    if condition is not None:
        jacobians.append(_jacobian(lambda c, x: make(c).inverse(x), condition, x, outputs=outputs))
    for jacobian in jacobians:
        assert (np.abs(jacobian).max(axis=(0, 1)) > 1e-6).all()


def test_leading_axes_are_free(case):
    make, condition, x = case
    whole = make(condition).inverse(x)
    apart = make(None if condition is None else condition[:, None]).inverse(x[:, None])
    np.testing.assert_allclose(apart[:, 0], whole, atol=1e-12)
    one = make(None if condition is None else condition[0]).inverse(x[0])
    np.testing.assert_allclose(one, whole[0], atol=1e-12)


def test_graph_equals_eager(case):
    make, condition, x = case
    graph = tf.function(lambda x: make(condition).inverse(x))
    np.testing.assert_allclose(graph(x), make(condition).inverse(x), atol=1e-12)


@pytest.mark.parametrize("swap", [False, True])
def test_coupling_leaves_the_kept_half(swap, rng):
    x = tf.constant(rng.normal(size=[4, 6]))
    y = _coupling(swap=swap)(None).inverse(x)
    kept, moved = (slice(3, 6), slice(0, 3)) if swap else (slice(0, 3), slice(3, 6))
    np.testing.assert_array_equal(y[:, kept], x[:, kept])
    assert (np.abs(y[:, moved] - x[:, moved]) > 1e-6).all()


def test_flow_is_a_tfp_chain_and_an_invertible_layer(rng):
    flow = _strong(flows.Flow(6, condition=2, num_couplings=4, hidden_dim=8))
    x, c = tf.constant(rng.normal(size=[4, 6])), tf.constant(rng.normal(size=[4, 2]))
    kinds = [type(step).__name__ for step in flow.bijector(c).bijectors]
    assert kinds == ["Permute", *4 * ["AffineCoupling"], "Permute"]
    assert isinstance(flow.bijector(c), tfp.bijectors.Bijector)
    np.testing.assert_allclose(flow(x, c), flow.bijector(c).inverse(tf.identity(x)))


def test_first_step_keeps_the_odd_entries(rng):
    flow = _strong(flows.Flow(6, num_couplings=1, hidden_dim=8))
    x = tf.constant(rng.normal(size=[4, 6]))
    moved = np.abs(flow(x) - x).max(0) > 0
    assert moved.tolist() == [True, False, True, False, True, False]


def test_even_steps_keep_what_the_mask_says_and_odd_steps_the_rest(rng):
    mask, x = [True, True, False, True, False, True], tf.constant(rng.normal(size=[4, 6]))
    one, two = (_strong(flows.Flow(6, num_couplings=count, hidden_dim=8, mask=mask)) for count in (1, 2))
    one.set_weights(two.conditioners[0].get_weights())
    between = one(x)
    assert (between == x).numpy().all(0).tolist() == mask
    assert (two(x) == between).numpy().all(0).tolist() == [not kept for kept in mask]


def test_alternating_mask_is_the_default(rng):
    x = tf.constant(rng.normal(size=[4, 6]))
    default, named = (flows.Flow(6, num_couplings=3, hidden_dim=8, mask=mask) for mask in (None, 3 * [False, True]))
    named.set_weights(_strong(default).get_weights())
    np.testing.assert_array_equal(named(x), default(tf.identity(x)))


@pytest.mark.parametrize("mask", [[True] * 6, [False] * 6, [True, False], [0.5, 1, 0, 1, 0, 1], [[True, False] * 3]])
def test_a_bad_mask_is_named(mask):
    with pytest.raises(ValueError, match="`mask` must"):
        flows.Flow(6, num_couplings=2, hidden_dim=8, mask=mask)


@pytest.mark.parametrize(
    ("size", "condition", "expected"), [(176, 0, 14_194_176), (176, 10, 14_358_016), (190, 0, 14_653_376)]
)
def test_weights_counted_with_masked_halves(size, condition, expected):
    flow = flows.Flow(size, condition=condition)
    assert flow.masked_weights == expected
    masked = 2 * 16 * (512 * size // 2 + (512 + 1) * size // 2)
    assert flow.count_params() == expected - masked


@pytest.mark.parametrize("tanh_on", ["scale", "translation"])
def test_tanh_bounds_what_it_should(tanh_on, rng):
    network = flows.Conditioner(3, kept=3, condition=0, hidden_dim=8, tanh_on=tanh_on)
    for variable in network.weights:
        variable.assign(5.0 * keras.random.normal(variable.shape, seed=len(variable.shape)))
    scale, translation = network(tf.constant(100 * rng.normal(size=[4, 3])))
    within, beyond = (scale, translation) if tanh_on == "scale" else (translation, scale)
    assert np.abs(within).max() <= 1
    assert np.abs(beyond).max() > 10


def test_dropout_acts_in_training_only(rng):
    flow = _strong(flows.Flow(6, num_couplings=4, hidden_dim=8, dropout=0.5))
    x = tf.constant(rng.normal(size=[4, 6]))
    np.testing.assert_array_equal(flow(x), flow(tf.identity(x)))
    assert np.abs(flow(x, training=True) - flow(x)).max() > 1e-6


@pytest.mark.parametrize(("needs", "given", "message"), [(2, None, "none"), (2, 3, "got 3"), (0, 2, "got 2")])
def test_a_wrong_condition_is_named(needs, given, message):
    flow = flows.Flow(6, condition=needs, num_couplings=2, hidden_dim=8)
    with pytest.raises(ValueError, match=f"`condition` must end in {needs} entries; .*{message}"):
        flow.bijector(None if given is None else tf.zeros([4, given]))


def test_bad_settings_are_named():
    with pytest.raises(ValueError, match="`tanh_on` must be"):
        flows.Flow(6, tanh_on="both")
    with pytest.raises(ValueError, match="`num_couplings`"):
        flows.Flow(6, num_couplings=0)


def test_config_gives_the_same_layer():
    mask = [True, False, False, True, True, False, True]
    flow = flows.Flow(7, condition=2, num_couplings=3, hidden_dim=8, tanh_on="translation", dropout=0.1, mask=mask)
    again = flows.Flow.from_config(json.loads(json.dumps(flow.get_config())))
    assert again.get_config() == flow.get_config()
    assert again.get_config()["mask"] == mask
    assert flows.Flow(7, num_couplings=3, hidden_dim=8).get_config()["mask"] is None
    assert [w.shape for w in again.weights] == [w.shape for w in flow.weights]


def test_kept_first_brings_the_kept_entries_to_the_front():
    assert masks.kept_first(masks.alternating(5, first=False)).tolist() == [1, 3, 0, 2, 4]
    assert masks.kept_first([True, False, False, True]).tolist() == [0, 3, 1, 2]


@pytest.mark.parametrize("given", [[None, [True, False]], (None, None)])
def test_one_mask_for_each_flow_passes(given):
    assert masks.check_masks(given, 2) == list(given)


@pytest.mark.parametrize(
    ("given", "got"), [([None], "1 entries"), ([None] * 3, "3 entries"), ("ab", "2 entries"), (None, "NoneType")]
)
def test_masks_for_another_number_of_flows_are_named(given, got):
    with pytest.raises(ValueError, match=rf"`masks` must be a list of 2, one mask or None for each flow; got {got}\."):
        masks.check_masks(given, 2)
