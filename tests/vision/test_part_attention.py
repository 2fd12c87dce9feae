"""The PARE-like baseline: it learns its head alone, attends to places of the image, survives the disk."""

import image_models
import keras
import numpy as np
import pytest
import tensorflow as tf

from niki_tf import rotations, vision
from niki_tf.shapes import LeadingAxes
from niki_tf.solvers import zoo
from niki_tf.training import part_attention

SIZE = image_models.SIZE


@pytest.fixture(scope="module")
def model():
    whole = image_models.seen()
    part = vision.ImageJoints.from_config(whole.get_config())
    part.set_weights(whole.get_weights())
    return vision.PartAttention(part, hidden_dim=8)


@pytest.fixture
def batch(rng):
    turns = rotations.rotvec_to_matrix(tf.constant(0.5 * rng.normal(size=[2, 24, 3]), tf.float32))
    return {"image": rng.integers(0, 256, [2, SIZE, SIZE, 3]).astype(np.uint8), "rotations": turns}


def test_the_head_alone_learns_and_learns_something(model, batch):
    names = {weight.path.split("/")[0] for weight in model.trainable_weights}
    assert names == {"attention", "features", "context", "turns"}
    with tf.GradientTape() as tape:
        total, terms = part_attention.loss(model, batch)
    gradients = tape.gradient(total, [weight.value for weight in model.trainable_weights])
    assert all(float(tf.norm(gradient)) > 0 for gradient in gradients[:1] + gradients[-1:])
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        weight.assign_sub(1e-3 * gradient / tf.linalg.global_norm(gradients))
    assert part_attention.loss(model, batch)[0] < total
    assert terms["joint_error_mm"] > 10


def test_images_without_rotations_do_not_count(model, batch):
    unknown = {**batch, "rotations": tf.fill(batch["rotations"].shape, np.nan)}
    total, _ = part_attention.loss(model, unknown)
    assert float(total) == 0.0


def test_attention_is_shared_out_over_the_image(model, batch):
    image = tf.cast(batch["image"], tf.float32)
    crop, _ = model.image_joints.cropped({"image": image}, LeadingAxes(image, inner=3))
    local_map = model.maps(crop)[0]
    shares = keras.Model(model.head.inputs[0], model.head.get_layer("shares").output)(local_map)
    np.testing.assert_allclose(tf.reduce_sum(shares, 1), np.ones([2, 24]), rtol=1e-5)


def test_it_survives_the_disk(model, batch, tmp_path):
    zoo.save(model, tmp_path)
    again = vision.load_image_model(tmp_path)({"image": batch["image"]})
    for name, value in model({"image": batch["image"]}).items():
        np.testing.assert_allclose(again[name], value, atol=1e-5)
    assert again["body_pose"].shape.as_list() == [2, 23, 3, 3]
