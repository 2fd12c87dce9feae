"""Temporal couplings: exactly invertible for every length, blind to padding frames."""

import functools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from niki_tf import flows

SIZE = 6
SIZES = {"num_couplings": 4, "hidden_dim": 8, "num_temporal_pairs": 2, "temporal_hidden_dim": 8}
SMALL = {"num_couplings": 2, "num_temporal_pairs": 1}
VARIANTS = {
    "interleaved": {"split": "interleaved"},
    "halves": {"split": "halves"},
    "no neighbour mean": {"split": "halves", "neighbour_mean": False},
    "translation bounded": {"split": "halves", "tanh_on": "translation"},
}


@functools.cache
def _flow(**options):
    """A flow whose weights are random and large enough that every part shows, one for all tests: none changes it."""
    flow = flows.TemporalFlow(SIZE, **SIZES | options)
    for number, variable in enumerate(flow.weights):
        variable.assign(0.3 * keras.random.normal(variable.shape, seed=number))
    return flow


@pytest.fixture(params=flows.SPLITS)
def flow(request):
    return _flow(split=request.param)


def _windows(rng, frames, count=3):
    return tf.constant(rng.normal(size=[count, frames, SIZE]))


@pytest.mark.slow
@pytest.mark.parametrize("split", flows.SPLITS)
def test_there_and_back_for_every_length(split, rng):
    flow = _flow(split=split, **SMALL)
    there, back = (
        tf.function(getattr(flow.bijector(), direction), [tf.TensorSpec([None, None, SIZE], tf.float64)])
        for direction in ("inverse", "forward")
    )
    for frames in range(1, 34):
        x = _windows(rng, frames)
        y = there(x)
        assert np.abs(y - x).max() > 0.1
        np.testing.assert_allclose(back(y), x, atol=1e-11, err_msg=str(frames))


@pytest.mark.slow
@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_log_det_is_that_of_the_jacobian(options, rng):
    flow, entries = _flow(**options, **SMALL), 3 * SIZE
    mask = np.float64([[1, 1, 1], [1, 1, 0]])
    x = _windows(rng, 3, count=2)
    copies, masks = tf.stack([x] * entries), tf.constant(np.stack([mask] * entries))
    for direction in ("inverse", "forward"):
        with tf.GradientTape() as tape:
            tape.watch(copies)
            y = tf.reshape(getattr(flow.bijector(frame_mask=masks), direction)(copies), [entries, 2, entries])
            total = tf.einsum("inj,ij->", y, tf.eye(entries, dtype=tf.float64))  # of each copy one entry
        jacobian = np.reshape(tape.gradient(total, copies), [entries, 2, entries]).swapaxes(0, 1)
        bijector = flow.bijector(frame_mask=tf.constant(mask))
        found = getattr(bijector, f"{direction}_log_det_jacobian")(x, event_ndims=2)
        np.testing.assert_allclose(found, np.linalg.slogdet(jacobian)[1], atol=1e-10)
        assert np.abs(found).max() > 1e-2


def test_every_frame_depends_on_every_other(flow, rng):
    copies = tf.stack([_windows(rng, 5, count=1)[0]] * 5)
    with tf.GradientTape() as tape:
        tape.watch(copies)
        squares = tf.reduce_sum(flow.bijector().inverse(copies) ** 2, -1)
        total = tf.linalg.trace(squares)  # of each copy one frame
    assert (np.abs(tape.gradient(total, copies)).max(-1) > 1e-9).all()


def test_padding_frames_change_nothing(flow, rng):
    x = _windows(rng, 7).numpy()
    mask = np.ones([3, 7])
    mask[0, 4:], mask[1, 1:] = 0.0, 0.0
    other = np.where(mask[..., None] > 0, x, 1e3 * rng.normal(size=x.shape))
    for direction in ("inverse", "forward"):
        bijectors = (flow.bijector(frame_mask=tf.constant(mask)) for _ in range(2))
        first, second = (getattr(b, direction)(tf.constant(v)) for b, v in zip(bijectors, (x, other), strict=True))
        np.testing.assert_array_equal(first[mask > 0], second[mask > 0])


def test_padded_interleaved_windows_equal_short_ones(rng):
    flow, x = _flow(**SMALL), _windows(rng, 7)
    mask = tf.constant([[1.0] * 4 + [0.0] * 3] * 3, tf.float64)
    found, short = flow.bijector(frame_mask=mask).inverse(x)[:, :4], flow.bijector().inverse(x[:, :4])
    np.testing.assert_allclose(found, short, atol=1e-12)


def test_a_single_frame_passes_through_the_spatial_part_alone(flow, rng):
    x = _windows(rng, 1)
    np.testing.assert_allclose(flow.bijector().inverse(x), flow.spatial.bijector().inverse(tf.identity(x)), atol=1e-12)
    alone = tf.constant([[1.0, 0.0]] * 3, tf.float64)
    x = _windows(rng, 2)
    found = flow.bijector(frame_mask=alone).inverse(x)[:, 0]
    np.testing.assert_allclose(found, flow.spatial.bijector().inverse(x[:, 0]), atol=1e-12)


def test_a_window_may_begin_anywhere(flow, rng):
    network, kept = flow.attention[0], _windows(rng, 4)
    mask, times, moved = tf.ones([3, 4], tf.float64), tf.constant([0, 3, 4, 9]), tf.constant([1, 6])
    first, later = (network(kept, times + begin, moved + begin, mask) for begin in (0, 100))
    for one, other in zip(first, later, strict=True):
        np.testing.assert_array_equal(one, other)


def test_splits_take_turns(rng):
    x = _windows(rng, 5)
    for split, moved in (("interleaved", [1, 3]), ("halves", [2, 3, 4])):
        network = _flow(split=split).attention[0]
        first, second = (flows.TemporalCoupling(network, split=split, swap=swap).inverse(x) for swap in (False, True))
        for y, wanted in ((first, moved), (second, sorted({*range(5)} - {*moved}))):
            changed = np.abs(y - x).max((0, 2)) > 1e-9
            assert np.flatnonzero(changed).tolist() == wanted


@pytest.mark.slow
@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_every_weight_gets_a_gradient(options, rng):
    flow, x = _flow(**options), _windows(rng, 7)
    weights = [variable.value for variable in flow.trainable_variables]
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(flow.bijector().inverse(x) * rng.normal(size=x.shape))
    # What a key adds to all scores of a query alike changes nothing: such an offset is the one weight without use.
    pairs = zip(flow.trainable_variables, tape.gradient(total, weights), strict=True)
    useless = [variable.path for variable, g in pairs if g is None or np.abs(g).max() < 1e-12]
    assert len(useless) == 2 * len(flow.attention)
    assert all(path.endswith("bias") for path in useless)


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_config_gives_the_same_layer(options):
    flow = _flow(condition=3, **options, **SMALL)
    again = flows.TemporalFlow.from_config(json.loads(json.dumps(flow.get_config())))
    assert again.get_config() == flow.get_config()
    assert [w.shape for w in again.weights] == [w.shape for w in flow.weights]


def _network(**options):
    """A temporal conditioner with large random weights."""
    network = flows.TemporalFlow(SIZE, **SIZES | SMALL | options).attention[0]
    for number, variable in enumerate(network.weights):
        variable.assign(keras.random.normal(variable.shape, seed=number))
    return network


def _coefficients(network, kept):
    """Log-scale and translation of three frames after the kept ones."""
    count = kept.shape[1]
    return network(kept, tf.range(count), tf.range(count, count + 3), tf.ones(kept.shape[:2], tf.float64))


def test_the_neighbour_mean_is_there_by_default_where_the_scale_is_bounded():
    for name, wanted in (("halves", True), ("no neighbour mean", False), ("translation bounded", False)):
        flow = _flow(**VARIANTS[name])
        assert flow.neighbour_mean == wanted
        assert [network.neighbour_mean for network in flow.attention] == [wanted] * 4
        assert [hasattr(network, "head_shares") for network in flow.attention] == [wanted] * 4


def test_the_neighbour_mean_is_a_mean_of_the_kept_frames(rng):
    with_mean, without = _network(), _network(neighbour_mean=False)
    shared = [variable for variable in with_mean.weights if variable is not with_mean.head_shares]
    for variable, other in zip(without.weights, shared, strict=True):
        variable.assign(other)
    kept = _windows(rng, 4)
    (scale, translation), (same_scale, plain) = (_coefficients(network, kept) for network in (with_mean, without))
    np.testing.assert_array_equal(scale, same_scale)
    mean = (translation - plain) / (1.0 - np.exp(scale))
    assert np.all(mean > kept.numpy().min(1, keepdims=True))
    assert np.all(mean < kept.numpy().max(1, keepdims=True))
    one = kept[:, :1]
    scale, translation = _coefficients(with_mean, one)
    expected = _coefficients(without, one)[1] + (1.0 - np.exp(scale)) * one
    np.testing.assert_allclose(translation, expected, atol=1e-12)


@pytest.mark.parametrize("tanh_on", ["scale", "translation"])
def test_without_the_neighbour_mean_the_translation_is_the_network_s(tanh_on, rng, monkeypatch):
    network, outputs = _network(neighbour_mean=False, tanh_on=tanh_on), []
    call = network.out.call
    monkeypatch.setattr(network.out, "call", lambda *args, **how: outputs.append(call(*args, **how)) or outputs[-1])
    for found, expected in zip(_coefficients(network, _windows(rng, 4)), outputs[0], strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("tanh_on", ["scale", "translation"])
def test_tanh_bounds_what_it_should(tanh_on, rng):
    network = _network(tanh_on=tanh_on)
    for variable in network.out.weights:
        variable.assign(5.0 * variable)
    scale, translation = _coefficients(network, 100.0 * _windows(rng, 4))
    within, beyond = (scale, translation) if tanh_on == "scale" else (translation, scale)
    assert np.abs(within).max() <= 1.0
    assert np.abs(beyond).max() > 10.0


def test_a_bounded_translation_has_no_neighbour_mean():
    message = '`neighbour_mean` must be False where `tanh_on` is "translation": the translation would not be bounded'
    with pytest.raises(ValueError, match=message):
        _flow(tanh_on="translation", neighbour_mean=True)
    with pytest.raises(ValueError, match=message):
        flows.TemporalConditioner(SIZE, hidden_dim=8, tanh_on="translation")


def test_bad_settings_are_named():
    with pytest.raises(ValueError, match="`num_temporal_pairs` must be 1 to 2, .*; got 3"):
        _flow(num_temporal_pairs=3)
    with pytest.raises(ValueError, match="`split` must be one of interleaved, halves; got 'thirds'"):
        _flow(split="thirds")
    with pytest.raises(ValueError, match="`hidden_dim` must be a multiple of `heads`, 8; got 6"):
        _flow(temporal_hidden_dim=6)
