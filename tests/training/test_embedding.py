"""The fit of the error embedding: normal afterwards, drawn errors finite, no answer changed."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, data, solvers
from niki_tf.training import embedding

SIZES = {"num_couplings": 2, "hidden_dim": 16}


def _batches(frames=None):
    return data.batches(
        data.load_sources(["made"], made_frames=400),
        body_joints=body.mannequin_joints(),
        batch_size=64 if frames is None else 8,
        seed=0,
        augment=data.Augmentation(),
        corrupt=data.Corruption(absent=0.0),
        frames=frames,
    )


@pytest.fixture(scope="module")
def fitted():
    """A solver of random weights before and after, and the losses of the fit."""
    before = solvers.OneStage(body.mannequin_joints(), **SIZES)
    after = before.with_embedding_flow(2, 16)
    return before, after, list(embedding.fit(after, _batches(), steps=150, learning_rate=1e-2))


def test_the_embedding_becomes_normal(fitted):
    before, after, losses = fitted
    assert np.mean(losses[-20:]) < np.mean(losses[:20]) - 0.05
    pose, z, counted = embedding.embeddings(after, next(iter(_batches())))
    assert counted.shape == [64]
    normal = after.embedding_flow.bijector(pose).inverse(z).numpy()
    assert np.abs(normal.std(0) - 1.0).mean() < 0.25
    assert not after.embedding_flow.trainable


def test_no_answer_changes_and_what_is_drawn_comes_back(fitted, rng):
    before, after, _ = fitted
    joints = rng.normal(size=[5, 29, 3])
    one, other = before.ik(joints), after.ik(joints)
    for name in ("global_orient", "body_pose", "transl"):
        np.testing.assert_array_equal(one[name], other[name])
    assert np.abs(one["z"] - other["z"]).max() > 0.01
    seen = after.sample_observations(one["global_orient"], one["body_pose"], count=3, seed=1)
    assert seen["joints"].shape == [3, 5, 29, 3]
    assert np.ptp(seen["joints"], axis=0).max() > 1e-4
    back = after.ik(seen["joints"], joint_sigma=seen["joint_sigma"], padding=seen["padding"])
    np.testing.assert_allclose(back["z"], seen["z"], atol=1e-3)
    np.testing.assert_allclose(back["body_pose"], np.broadcast_to(one["body_pose"], [3, 5, 23, 3, 3]), atol=1e-4)


def test_what_has_no_such_flow_says_so(fitted):
    before, _, _ = fitted
    upright = tf.eye(3, batch_shape=[24])
    with pytest.raises(ValueError, match="has an embedding that is not normal: fit it with `niki-tf fit_embedding`"):
        before.sample_observations(upright[:1], upright[1:])
    with pytest.raises(ValueError, match="`solver` must have an EmbeddingFlow"):
        next(embedding.fit(before, _batches(), steps=1))
    with pytest.raises(ValueError, match="`count` must be 1 or more; got 0"):
        fitted[1].sample_observations(upright[:1], upright[1:], count=0)


def test_it_is_left_alone_by_training_and_taken_off(fitted):
    before, after, _ = fitted
    assert len(after.trainable_variables) == len(before.trainable_variables)
    bare = after.with_embedding_flow(0)
    for one, other in zip(bare.get_weights(), before.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [solvers.Temporal, solvers.TwistSwing])
def test_other_solvers_are_fitted_too(kind):
    more = {solvers.Temporal: {"num_temporal_pairs": 1, "temporal_hidden_dim": 16}}.get(
        kind, {"num_rotation_couplings": 2, "rotation_hidden_dim": 16}
    )
    solver = kind(body.mannequin_joints(), **SIZES, **more).with_embedding_flow(2, 16)
    frames = 6 if kind is solvers.Temporal else None
    losses = list(embedding.fit(solver, _batches(frames), steps=40, learning_rate=1e-2))
    assert np.mean(losses[-5:]) < losses[0]
