"""Corruption of single frames and of windows: whole shapes whatever is switched on."""

import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, data, skeletons
from niki_tf.data import corruption

COUNT, FRAMES = 400, 3
SWITCHES = list(itertools.product([False, True], repeat=3))


@pytest.mark.parametrize("settings", [data.Augmentation, data.Corruption])
@pytest.mark.parametrize("value", [np.nan, np.inf, -0.01, "0.5", None])
def test_settings_that_are_no_sizes_are_named(settings, value):
    for field in dataclasses.fields(settings):
        with pytest.raises(ValueError, match=f"`{field.name}` must be a (finite )?number from 0 .*; got {value!r}"):
            settings(**{field.name: value})


def test_shares_are_at_most_one_and_other_sizes_may_be_more():
    for settings in (data.Augmentation, data.Corruption):
        for field in dataclasses.fields(settings):
            if field.metadata["help"].startswith(("Share", "Probability")):
                assert getattr(settings(**{field.name: 1.0}), field.name) == 1.0
                with pytest.raises(ValueError, match=f"`{field.name}` must be a number from 0 to 1; got 1.5"):
                    settings(**{field.name: 1.5})
            else:
                assert getattr(settings(**{field.name: 1.5}), field.name) == 1.5


def _streams():
    return data.RandomStreams(0, tf.constant(0, tf.int64), batch_size=COUNT, shard=(0, 1))


def _corrupted(frames, *, absent, estimator, occluded):
    """Shape of a sigma, the graph of a corruption, and what it gives."""
    inner = [] if frames is None else [frames]
    settings = data.Corruption(
        absent=0.5 * absent, estimator=0.4 * estimator, occluded=0.4 * occluded, sigma_given=0.5, noise=0.05
    )
    joints = tf.constant(np.random.default_rng(0).normal(size=[COUNT, *inner, 29, 3]), tf.float32)
    twist = tf.ones([COUNT, *inner, 23, 2])

    @tf.function(autograph=False)
    def corrupt(step):
        streams = data.RandomStreams(0, step, batch_size=COUNT, shard=(0, 1))
        noisy, sigma, hidden = corruption.corrupt(streams, joints, settings)
        return noisy, sigma, hidden, corruption.corrupt_twist(streams, twist, hidden, settings)

    graph = corrupt.get_concrete_function(tf.TensorSpec([], tf.int64))
    return [COUNT, *inner, 29], graph, graph(tf.constant(0, tf.int64))


@pytest.mark.slow
@pytest.mark.parametrize("frames", [None, FRAMES], ids=["frames", "windows"])
@pytest.mark.parametrize(("absent", "estimator", "occluded"), SWITCHES)
def test_shapes_are_whole_whatever_is_switched_on(frames, absent, estimator, occluded):
    whole, graph, found = _corrupted(frames, absent=absent, estimator=estimator, occluded=occluded)
    for tensors in (graph.structured_outputs, found):
        assert [tensor.shape.as_list() for tensor in tensors] == [[*whole, 3], whole, whole, [*whole[:-1], 23, 2]]
    noisy, sigma, hidden, _ = found
    assert (noisy.dtype, sigma.dtype, hidden.dtype) == (tf.float32, tf.float32, tf.bool)
    noisy, sigma, hidden = noisy.numpy(), sigma.numpy(), hidden.numpy()
    np.testing.assert_array_equal(noisy[..., 0, :], 0.0)
    assert np.isfinite(noisy).all()
    assert (sigma == skeletons.ABSENT).any() == absent
    assert hidden.any() == occluded
    known = (sigma > 0).all(tuple(range(1, sigma.ndim)))
    assert 0.3 < known.mean() < 0.8
    spread = np.where(sigma == skeletons.ABSENT, np.nan, sigma)
    differs = (np.nanmax(spread, -1) > np.nanmin(spread, -1)).any()  # from joint to joint, in some example
    assert differs == (estimator or occluded)


def test_batches_of_windows_are_whole():
    batch = data.batches(
        data.load_sources(["made"], made_frames=60),
        body_joints=body.mannequin_joints(),
        batch_size=2,
        seed=0,
        augment=data.Augmentation(),
        corrupt=data.Corruption(absent=0.5, estimator=0.5, occluded=0.5),
        frames=FRAMES,
    ).element_spec
    assert batch["joint_sigma"].shape.as_list() == [2, FRAMES, 29]
    assert batch["noisy"].shape.as_list() == [2, FRAMES, 29, 3]
    assert batch["noisy_twist"].shape.as_list() == [2, FRAMES, 23, 2]


def test_without_noise_joints_are_the_true_ones():
    joints = tf.constant(np.random.default_rng(0).normal(size=[COUNT, 29, 3]), tf.float32)
    settings = data.Corruption(noise=0.0, absent=0.0, estimator=0.0, occluded=0.0)
    noisy, _, hidden = corruption.corrupt(_streams(), joints, settings)
    np.testing.assert_allclose(noisy, joints - joints[:, :1], atol=1e-6)
    assert not np.any(hidden)


@pytest.mark.parametrize("source", ["estimator", "occluded"])
def test_the_sigma_differs_from_joint_to_joint_unless_noise_is_isotropic(source):
    joints = tf.constant(np.random.default_rng(0).normal(size=[COUNT, 29, 3]), tf.float32)
    for share in (0.0, 1.0):
        settings = data.Corruption(**{"absent": 0.0, "estimator": 0.0, "occluded": 0.0, source: share}, sigma_given=1.0)
        _, sigma, _ = corruption.corrupt(_streams(), joints, settings)
        spread = np.std(np.log(sigma), axis=-1)
        assert (spread > 0.3).all() if share else (spread < 1e-5).all()
