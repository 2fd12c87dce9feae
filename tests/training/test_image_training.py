"""The loss of networks of images: nothing at the truth, unknown values do not count, sigma tells the error's size."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import camera
from niki_tf.training import image_joints
from niki_tf.training.image_joints import ImageLossWeights
from niki_tf.vision.joint_heads import DEPTH


@pytest.fixture
def batch(rng):
    root = np.float32(rng.uniform([-0.5, -0.5, 7.0], [0.5, 0.5, 9.0], [3, 3]))
    joints = np.float32(0.3 * rng.normal(size=[3, 29, 3]))
    joints[:, 0] = 0.0
    focal, center = np.float32(rng.uniform(3, 5, 3)), np.float32(0.3 * rng.normal(size=[3, 2]))
    points = joints + root[:, None]
    return {
        "image": rng.integers(0, 256, [3, 32, 32, 3]).astype(np.uint8),
        "joints": joints,
        "root": root,
        "uv": focal[:, None, None] * points[..., :2] / points[..., 2:] + center[:, None],
        "betas": np.float32(rng.normal(size=[3, 10])),
        "twist": np.float32(rng.normal(size=[3, 23, 2])),
        "image_center": center,
        "focal": focal,
    }


def answer(batch, *, sigma=0.05, **changes):
    found = {
        "joints": batch["joints"],
        "uvd": np.concatenate([batch["uv"], batch["joints"][..., 2:] / DEPTH], -1),
        "scale": (batch["focal"] / batch["root"][:, 2])[:, None],
        "twist": batch["twist"],
        "betas": batch["betas"],
        "joint_sigma": np.full([3, 29], sigma, np.float32),
    }
    found |= changes
    return lambda inputs, training: {name: tf.constant(value) for name, value in found.items()}


def loss(model, batch):
    total, terms = image_joints.loss(model, batch, weights=ImageLossWeights())
    return float(total), {name: float(value) for name, value in terms.items()}


def test_the_truth_costs_nothing_but_its_uncertainty(batch):
    total, terms = loss(answer(batch), batch)
    assert all(abs(terms[name]) < 1e-6 for name in ("uv", "depth", "scale", "twist", "betas"))
    assert terms["joint_error_mm"] < 1e-3
    assert abs(total - 0.01 * terms["sigma"]) < 1e-6


def test_each_error_costs(batch):
    right, _ = loss(answer(batch), batch)
    scale = (batch["focal"] / batch["root"][:, 2])[:, None]
    for name in ("scale", "twist", "betas"):
        assert loss(answer(batch, **{name: {**batch, "scale": scale}[name] + np.float32(0.2)}), batch)[0] > right
    true = np.concatenate([batch["uv"], batch["joints"][..., 2:] / DEPTH], -1)
    for axis in range(3):
        off = true.copy()
        off[..., axis] += 0.2
        assert abs(loss(answer(batch, uvd=off), batch)[0] - right - (0.1, 0.1, 0.2)[axis]) < 1e-5
    off = {"joints": batch["joints"] + np.float32([0.3, 0.0, 0.4])}
    assert abs(loss(answer(batch, **off), batch)[1]["joint_error_mm"] - 500.0) < 1e-2


def test_sigma_is_best_at_the_size_of_the_error(batch):
    off = np.float32(0.1 * np.random.default_rng(1).laplace(scale=np.sqrt(0.5), size=[3, 29, 3]))
    costs = {s: loss(answer(batch, sigma=s, joints=batch["joints"] + off), batch)[1]["sigma"] for s in (0.03, 0.1, 0.3)}
    assert min(costs, key=costs.get) == 0.1


def test_what_is_not_known_does_not_count(batch):
    partly = {**batch, "betas": np.full_like(batch["betas"], np.nan)}
    partly["joints"] = batch["joints"].copy()
    partly["joints"][:, 5:] = np.nan
    wrong = answer(batch, betas=batch["betas"] + 1.0, joints=np.where(np.isnan(partly["joints"]), 9.0, batch["joints"]))
    total, terms = loss(wrong, partly)
    assert np.isfinite(total)
    assert abs(terms["betas"]) + abs(terms["depth"]) < 1e-6


def test_the_crop_is_seen_in_the_direction_of_its_own_camera(batch):
    inputs = image_joints.model_inputs(batch)
    own = -batch["image_center"] / batch["focal"][:, None]
    np.testing.assert_allclose(-inputs["image_center"] / camera.FOCAL, own, rtol=1e-5)


def test_a_negative_weight_is_named():
    with pytest.raises(ValueError, match="`uv` must be a finite number from 0 on"):
        ImageLossWeights(uv=-1.0)
