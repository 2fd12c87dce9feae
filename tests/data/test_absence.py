"""Which joints and frames are not seen in training of the prior of motion."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import data, skeletons
from niki_tf.data import absence

MASK = tf.ones([4000, 64])


def _streams(count, *, seed=0, step=1):
    return data.RandomStreams(seed, tf.constant(step, tf.int64), batch_size=count, shard=(0, 1))


@pytest.fixture(scope="module")
def lost():
    return absence.random_absence(_streams(4000), MASK).numpy()


def _is_skipped(whole):
    """Whether windows (n, T) of lost frames keep every second to fifth frame from the first on."""
    patterns = np.array([np.arange(64) % every != 0 for every in range(2, 6)])
    return (whole[:, None] == patterns).all(-1).any(-1)


def test_kinds_have_their_shares(lost):
    whole, some = lost.all(-1), lost.any(-1)
    nothing = ~some.any(-1)
    skipped = _is_skipped(whole)
    frames = (whole == some).all(-1) & ~nothing & ~skipped
    throughout = (lost == lost[:, :1]).all((1, 2)) & ~nothing
    parts = ~nothing & ~skipped & ~frames & ~throughout
    shares = [kind.mean() for kind in (nothing, frames, skipped, throughout, parts)]
    np.testing.assert_allclose(shares, [0.20, 0.36, 0.05, 0.22, 0.17], atol=0.025)
    runs = (np.diff(whole[frames].astype(int), axis=1, prepend=0) == 1).sum(1)
    assert set(runs) == {1, 2}
    assert 0.06 < (runs == 2).mean() < 0.06 / 0.36


def test_gaps_are_of_every_length_and_sometimes_at_an_end(lost):
    whole = lost.all(-1) & ~_is_skipped(lost.all(-1))[:, None]
    lengths = whole.sum(1)[(np.diff(whole.astype(int), axis=1, prepend=0) == 1).sum(1) == 1]
    assert set(range(1, 33)) <= set(lengths)
    at_an_end = whole[:, 0] | whole[:, -1]
    assert 0.1 < at_an_end.sum() / whole.any(1).sum() < 0.3


def test_every_joint_is_lost_alone_and_every_limb_as_a_whole(lost):
    groups = {tuple(np.flatnonzero(window)) for window in lost[:, 0][(lost == lost[:, :1]).all((1, 2))]}
    names = skeletons.SMPL_29.names
    limb = {names.index(f"left_{name}") for name in ("hip", "knee", "ankle", "foot", "big_toe")}
    assert tuple(sorted(limb)) in groups
    headset = {names.index(name) for name in ("head", "left_wrist", "right_wrist")}
    assert tuple(joint for joint in range(29) if joint not in headset) in groups
    alone = (lost.any(1).sum(-1) == 1).nonzero()[0]
    assert len(set(np.argmax(lost[alone].any(1), -1))) > 20


def test_something_is_seen_in_two_frames_that_are_no_padding():
    lengths = np.arange(4000) % 64 + 1
    mask = (np.arange(64) < lengths[:, None]).astype(np.float32)
    lost = absence.random_absence(_streams(4000), tf.constant(mask))
    seen = (~lost.numpy()).any(-1) & (mask > 0)
    np.testing.assert_array_equal(absence.frames_seen(lost, tf.constant(mask)), seen.sum(1))
    assert np.all(seen.sum(1) >= np.minimum(lengths, 2))
    assert not lost.numpy()[lengths == 1].any()
    assert lost.numpy()[lengths == 2].any()


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_short_windows_keep_what_they_need(frames):
    lost = absence.random_absence(_streams(500), tf.ones([500, frames])).numpy()
    assert lost.shape == (500, frames, 29)
    assert (~lost).any(-1).sum(1).min() == min(frames, 2)
    assert lost.any() == (frames > 1)


def test_numbers_depend_on_seed_and_step_alone(lost):
    few = [
        absence.random_absence(_streams(100, seed=seed, step=step), MASK[:100]).numpy()
        for seed, step in ((0, 1), (0, 1), (0, 2), (1, 1))
    ]
    np.testing.assert_array_equal(few[0], few[1])
    assert np.any(few[0] != few[2])
    assert np.any(few[0] != few[3])


def test_shards_share_the_windows_of_a_batch():
    whole = absence.random_absence(_streams(8), MASK[:8]).numpy()
    streams = data.RandomStreams(0, tf.constant(1, tf.int64), batch_size=8, shard=(1, 2))
    np.testing.assert_array_equal(absence.random_absence(streams, MASK[:4]), whole[4:])


def test_legs_and_tips():
    names = {name for name, lost in zip(skeletons.SMPL_29.names, absence.legs_and_tips(), strict=True) if lost}
    sides = {
        f"{side}_{name}"
        for side in ("left", "right")
        for name in ("hip", "knee", "ankle", "foot", "big_toe", "hand", "middle_tip")
    }
    assert names == sides | {"head_top"}
