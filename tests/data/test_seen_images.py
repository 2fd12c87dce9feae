"""What a frozen network says of images, as training batches: the truth fits, windows stay in clips, files come back."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import rotations
from niki_tf.body import forward_kinematics, mannequin_joints
from niki_tf.data import seen_images
from niki_tf.data.seen_images import SeenImages


@pytest.fixture
def seen(rng):
    count = 12
    turns = rotations.rotvec_to_matrix(tf.constant(0.3 * rng.normal(size=[count, 24, 3]), tf.float32)).numpy()
    betas = rng.normal(size=[count, 10]).astype(np.float32)
    return SeenImages(
        joints=np.tile(np.arange(count, dtype=np.float32)[:, None, None], (1, 29, 3)),
        joint_sigma=rng.random([count, 29]).astype(np.float32),
        twist=rng.normal(size=[count, 23, 2]).astype(np.float32),
        betas=betas,
        heat_moments=rng.normal(size=[count, 78]).astype(np.float32),
        true_rotations=turns,
        true_betas=betas + 1.0,
        clips=np.repeat([0, 1], 6),
    )


def batches(sets, shares=(1.0,), **options):
    given = {"body_joints": mannequin_joints(), "batch_size": 4, "seed": 0, **options}
    return seen_images.batches(sets, np.array(shares), **given)


def test_true_joints_are_those_of_the_true_rotations_on_the_body_that_is_said(seen):
    batch = next(iter(batches([seen], noise_sizes={"padding": 3})))
    rows = batch["noisy"][:, 0, 0].numpy().astype(int)
    posed, _ = forward_kinematics(seen.true_rotations[rows], mannequin_joints()(seen.betas[rows]))
    np.testing.assert_allclose(posed - posed[:, :1], batch["joints"], atol=1e-5)
    np.testing.assert_array_equal(batch["betas"], seen.betas[rows])
    np.testing.assert_array_equal(batch["noisy_twist"], seen.twist[rows])
    assert batch["padding"].shape.as_list() == [4, 3]
    assert set(batch) >= {"rotations", "swing", "twist", "joint_sigma", "rest_joints"}


def test_heat_moments_are_now_and_then_not_told(seen):
    batch = next(iter(batches([seen], batch_size=400)))
    rows = batch["noisy"][:, 0, 0].numpy().astype(int)
    told = batch["heat_moments"].numpy().any(-1)
    assert 0.85 < told.mean() < 0.95
    np.testing.assert_array_equal(batch["heat_moments"][told], seen.heat_moments[rows][told])


def test_windows_stay_in_their_clip(seen):
    for batch, _ in zip(batches([seen], frames=5), range(4), strict=False):
        frames = batch["noisy"][..., 0, 0].numpy().astype(int)
        np.testing.assert_array_equal(np.diff(frames), np.ones([4, 4]))
        np.testing.assert_array_equal(seen.clips[frames[:, 0]], seen.clips[frames[:, -1]])
        assert batch["rotations"].shape.as_list() == [4, 5, 24, 3, 3]
        assert batch["frame_mask"].numpy().all()
    with pytest.raises(ValueError, match="`images` must be sets with clips of 7 frames or more"):
        batches([seen], frames=7)


def test_sets_are_drawn_by_their_shares_and_steps_are_resumed(seen):
    other = seen._replace(joints=seen.joints + 100.0)
    options = {"sets": [seen, other], "shares": (0.25, 0.75), "batch_size": 64}
    first, second = (batch for batch, _ in zip(batches(**options), range(2), strict=False))
    assert 0.6 < (first["noisy"][:, 0, 0].numpy() >= 100).mean() < 0.9
    np.testing.assert_array_equal(next(iter(batches(**options, first_step=1)))["noisy"], second["noisy"])
    part = next(iter(batches(**options, shards=2, own_shards=(1,))))
    np.testing.assert_array_equal(part["noisy"], first["noisy"][32:])
    with pytest.raises(ValueError, match="`batch_size` must be a multiple of the number of replicas, 3; got 64"):
        batches(**options, shards=3)


def test_a_file_gives_the_same(seen, tmp_path):
    seen_images.write(tmp_path / "seen.npz", seen)
    for one, two in zip(seen_images.read(tmp_path / "seen.npz"), seen, strict=True):
        np.testing.assert_array_equal(one, two)
    (tmp_path / "seen.npz").write_bytes(b"")
    with pytest.raises(ValueError, match=r"seen.npz.*Remove it: it is made again"):
        seen_images.read(tmp_path / "seen.npz")
