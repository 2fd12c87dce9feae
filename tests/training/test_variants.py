"""The paper's own variants: every combination of what the text, the figures and the published code differ in trains."""

import functools
import itertools

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, data, solvers, training
from niki_tf.data import pipeline
from niki_tf.data.random_streams import RandomStreams

SKELETON = body.mannequin_joints()
OPTIONS = {
    "tanh_on": ("scale", "translation"),
    "canonical": (True, False),
    "condition": ("bones", "betas", "none"),
    "share": (1.0, 0.25),
}
OVER_TIME = {"split": ("interleaved", "halves")}
TWO_FLOWS = {"twist_known": (True, False), "compose_twist": (True, False), "twist_hidden_dim": (8, 0)}
SMOOTHED = {"smooth_joints": (True, False), "neighbour_mean": (None, False)}
FRAME = {"num_couplings": 2, "hidden_dim": 8}
TWIST = {**FRAME, "num_rotation_couplings": 2, "rotation_hidden_dim": 8, "dropout": 0.5}
WINDOW = {"num_temporal_pairs": 1, "temporal_hidden_dim": 8}
KINDS = {
    "one_stage": (solvers.OneStage, FRAME, OPTIONS, {"takes_twist": (False, True)}),
    "twist_swing": (solvers.TwistSwing, TWIST, OPTIONS, TWO_FLOWS),
    "temporal": (solvers.Temporal, {**FRAME, **WINDOW}, OPTIONS | OVER_TIME, SMOOTHED),
    "temporal_twist_swing": (
        solvers.TemporalTwistSwing,
        {**TWIST, **WINDOW, "twist_hidden_dim": 8},
        OPTIONS | OVER_TIME,
        {},
    ),
}
"""Name -> class, sizes, the options of the paper's variants, and others of ours."""


def combinations(options):
    """All combinations of `options`, name -> values."""
    return [dict(zip(options, values, strict=True)) for values in itertools.product(*options.values())]


def pairs(chosen):
    """All pairs of two options with their values."""
    return set(itertools.combinations(chosen.items(), 2))


def pairwise(options):
    """Few combinations in which every pair of values of two options occurs."""
    possible, few = combinations(options), []
    left = set().union(*map(pairs, possible))
    while left:
        few.append(max(possible, key=lambda chosen: len(left & pairs(chosen))))
        left -= pairs(few[-1])
    return few


def _cases(choose):
    return [
        pytest.param(name, chosen, id="-".join([name, *map(str, chosen.values())]))
        for name, (_, _, options, others) in KINDS.items()
        for chosen in choose(options, others)
    ]


PAIRWISE = _cases(lambda options, others: pairwise(options | others))
EXHAUSTIVE = _cases(lambda options, others: combinations(options))


@functools.cache
def batch_of(step, frames):
    """Four examples, made once for all solvers."""
    return pipeline.example_batch(
        RandomStreams(0, tf.constant(step, tf.int64), batch_size=4, shard=(0, 1)),
        data.load_sources(["made"], made_frames=100),
        SKELETON,
        data.Augmentation(),
        data.Corruption(),
        frames=frames,
        noise_sizes={"padding": 60, "embedding": 78},
    )


def _train_two_steps(name, chosen):
    kind, sizes, *_ = KINDS[name]
    options = {key: value for key, value in chosen.items() if key != "share"}
    solver, losses = kind(SKELETON, **sizes | options), []
    for step in range(2):
        batch = dict(batch_of(step, 4 if solver.event_axes == 2 else None))
        if solver.needs_twist:
            batch["noisy_twist"] = batch["twist"]
        with tf.GradientTape() as tape:
            total, terms = training.invertible(
                solver, batch, training.LossWeights(), boundary_share=chosen.get("share", 1.0)
            )
        weights = [variable.value for variable in solver.trainable_variables]
        gradients = tape.gradient(total, weights)
        losses.append({"total": total, **terms})
        assert all(gradient is not None for gradient in gradients)
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.assign_sub(1e-3 * gradient)
    return solver, losses


def _check(name, chosen):
    solver, losses = _train_two_steps(name, chosen)
    assert all(np.isfinite(value) for terms in losses for value in terms.values())
    assert all(np.isfinite(weight).all() for weight in solver.get_weights())


@pytest.mark.slow
@pytest.mark.parametrize(("name", "chosen"), PAIRWISE)
def test_every_pair_of_options_trains_two_steps(name, chosen):
    _check(name, chosen)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("name", "chosen"), EXHAUSTIVE)
def test_every_combination_trains_two_steps(name, chosen):
    _check(name, chosen)


def test_pairwise_means_every_pair():
    for _, _, options, others in KINDS.values():
        possible, few = combinations(options | others), pairwise(options | others)
        assert set().union(*map(pairs, possible)) == set().union(*map(pairs, few))
        assert len(few) <= len(possible) / 2


@pytest.mark.parametrize("neighbour_mean", [None, False])
def test_the_translation_in_time_is_bounded_where_the_tanh_is_on_it(neighbour_mean, rng):
    kind, sizes, *_ = KINDS["temporal"]
    solver = kind(SKELETON, **sizes, tanh_on="translation", neighbour_mean=neighbour_mean)
    solver.set_weights([weight + 3.0 * rng.normal(size=weight.shape) for weight in solver.get_weights()])
    kept = tf.constant(10.0 * rng.normal(size=[2, 3, 176]), tf.float32)
    for network in solver.flow.attention:
        scale, translation = network(kept, tf.range(0, 6, 2), tf.range(1, 6, 2), tf.ones([2, 3]))
        assert np.abs(translation).max() <= 1.0
        assert np.abs(scale).max() > 1.0
