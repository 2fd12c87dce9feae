import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from niki_tf import camera, vision
from niki_tf.vision.camera_network import CameraNetwork


@pytest.fixture
def seen(rng):
    shapes = {"uv": [29, 2], "joints": [29, 3], "camera": [3], "joint_sigma": [29], "image_center": [2]}
    given = {name: 0.2 * rng.normal(size=[4, 2, *shape]) for name, shape in shapes.items()}
    given["camera"] += [0.9, 0.0, 0.0]
    given["joint_sigma"] = np.abs(given["joint_sigma"])
    return {name: value.astype(np.float32) for name, value in given.items()}


@pytest.fixture
def network():
    """A small network whose answer depends on all that it is given."""
    network = CameraNetwork(hidden_dim=16)
    network.set_weights([w + 0.1 * keras.random.normal(w.shape, seed=7) for w in network.get_weights()])
    return network


def test_camera_and_translation_are_two_names_of_one_place():
    transl = camera.camera_to_transl([0.5, 0.1, -0.2])
    np.testing.assert_allclose(transl, [0.1, -0.2, 1000 / (256 * 0.5)], rtol=1e-6)
    np.testing.assert_allclose(camera.transl_to_camera(transl), [0.5, 0.1, -0.2], rtol=1e-6)


def test_projection_by_hand():
    joints = np.zeros([29, 3], np.float32)
    joints[1], joints[2] = [0.2, 5.0, 1.0], [0.0, 3.0, 3.0]  # the hips: their middle is (0.1, 4, 2)
    joints[3] = [0.6, 3.0, 3.0]
    uv = camera.project(joints, [0.5, 0.1, 0.3])
    depth = camera.FOCAL / 0.5
    np.testing.assert_allclose(uv[3], [camera.FOCAL * 0.6 / (1 + depth), camera.FOCAL * -0.7 / (1 + depth)], rtol=1e-5)
    np.testing.assert_allclose(camera.project(joints + 7, [0.5, 0.1, 0.3]), uv, rtol=1e-4, atol=1e-6)


def test_image_translation_by_hand(seen):
    joints, cam = seen["joints"].astype(float), seen["camera"].astype(float)
    uv, weights = np.asarray(camera.project(joints, cam), float), np.clip(1 - 5 * seen["joint_sigma"], 0, 1)
    joints, depth = joints - joints[..., :1, :], camera.FOCAL / cam[..., 0]
    expected = np.zeros([4, 2, 3])
    for i in np.ndindex(4, 2):
        total = 0.0
        for j in range(24):
            ray = (uv[i][j] - seen["image_center"][i]) / camera.FOCAL
            expected[i][:2] += weights[i][j] * (ray * (joints[i][j, 2] + depth[i]) - joints[i][j, :2])
            total += weights[i][j]
        expected[i] = [*expected[i][:2] / total, depth[i]]
    options = {name: seen[name] for name in ("joint_sigma", "image_center")}
    np.testing.assert_allclose(camera.image_transl(seen["joints"], cam, **options), expected, atol=1e-4)


def test_image_translation_puts_joints_where_the_crop_shows_them():
    """A pinhole camera at the image's centre sees flat joints, moved there, where the crop's camera sees them."""
    joints = np.random.default_rng(1).normal(size=[29, 3]).astype(np.float32) * [0.5, 0.5, 0]
    cam, center = np.float32([0.9, 0.1, -0.2]), np.float32([0.3, -0.1])
    transl = camera.image_transl(joints, cam, image_center=center).numpy()
    placed = joints - joints[0] + transl
    uv = camera.FOCAL * placed[:, :2] / placed[:, 2:] + center
    np.testing.assert_allclose(uv, camera.project(joints, cam), atol=1e-4)


def test_no_joint_that_is_trusted_means_all_alike(seen):
    one, two = (
        camera.image_transl(seen["joints"], seen["camera"], joint_sigma=np.full([4, 2, 29], sigma, np.float32))
        for sigma in (0.0, 0.5)
    )
    np.testing.assert_allclose(one, two, atol=1e-6)


def test_network_gives_camera_projection_and_translation(network, seen):
    found = network(seen)
    assert {name: value.shape.as_list() for name, value in found.items()} == {
        "camera": [4, 2, 3],
        "uv": [4, 2, 29, 2],
        "transl": [4, 2, 3],
    }
    np.testing.assert_allclose(found["uv"], camera.project(seen["joints"], found["camera"]), atol=1e-6)
    options = {name: seen[name] for name in ("joint_sigma", "image_center")}
    expected = camera.image_transl(seen["joints"], found["camera"], **options)
    np.testing.assert_allclose(found["transl"], expected, atol=1e-6)


@pytest.mark.parametrize("name", ["uv", "joints", "camera", "joint_sigma"])
def test_camera_moves_with_every_input(network, seen, name):
    given = {key: tf.constant(value) for key, value in seen.items()}
    with tf.GradientTape() as tape:
        tape.watch(given[name])
        found = tf.reduce_sum(network(given)["camera"])
    assert (np.abs(tape.gradient(found, given[name])).max((0, 1)) > 0).all()


def test_leading_axes_are_free(network, seen):
    whole = network(seen)
    for leading, index in (([8], (slice(None),)), ([], (0,))):
        some = {name: np.reshape(value, [8, *value.shape[2:]])[index] for name, value in seen.items()}
        for name, value in network(some).items():
            expected = np.reshape(whole[name], [8, *whole[name].shape[2:]])[index]
            assert value.shape.as_list() == leading + list(whole[name].shape[2:])
            np.testing.assert_allclose(value, expected, atol=1e-5)


def test_graph_of_any_batch_equals_eager(network, seen):
    signature = {name: tf.TensorSpec([None, *value.shape[1:]], tf.float32) for name, value in seen.items()}
    graph = tf.function(network, input_signature=[signature], autograph=False)
    found = graph({name: tf.constant(value) for name, value in seen.items()})
    for name, value in network(seen).items():
        np.testing.assert_allclose(found[name], value, atol=1e-5)


def test_what_is_not_known_may_be_left_out(network, seen):
    least = {name: seen[name] for name in ("uv", "joints", "camera")}
    zeros = {"joint_sigma": np.zeros([4, 2, 29]), "image_center": np.zeros([4, 2, 2])}
    for name, value in network(least | zeros).items():
        np.testing.assert_allclose(network(least)[name], value, atol=1e-6)


def test_an_untrained_network_starts_near_the_usual_camera(seen):
    small = {name: 1e-4 * value for name, value in seen.items()}
    found = CameraNetwork(hidden_dim=16)(small | {"camera": 1e-4 * np.ones([4, 2, 3])})["camera"]
    np.testing.assert_allclose(found, np.broadcast_to([0.8, 0.0, 0.0], [4, 2, 3]), atol=0.01)


def test_every_weight_has_a_gradient_and_dropout_acts_in_training_only(network, seen):
    with tf.GradientTape() as tape:
        found = tf.reduce_sum(network(seen, training=True)["transl"] ** 2)
    gradients = tape.gradient(found, [weight.value for weight in network.trainable_variables])
    assert all(np.abs(gradient).max() > 0 for gradient in gradients)
    np.testing.assert_array_equal(network(seen)["camera"], network(seen)["camera"])
    assert np.abs(network(seen, training=True)["camera"] - network(seen)["camera"]).max() > 1e-4


def test_network_survives_the_disk(network, seen, tmp_path):
    network.save(tmp_path / "model.keras")
    again = vision.load(tmp_path)
    assert json.loads(json.dumps(again.get_config())) == network.get_config()
    for name, value in network(seen).items():
        np.testing.assert_array_equal(again(seen)[name], value)


def test_a_folder_without_a_camera_network_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"`folder` must hold a model.keras; .*tools/convert_checkpoint.py"):
        vision.load(tmp_path)
    keras.Sequential([keras.Input([1]), keras.layers.Dense(1)]).save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="`folder` must hold a camera network; .* is a Sequential"):
        vision.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"uv": None}, "`uv` is missing"),
        ({"uvd": np.zeros([4, 2, 29, 3])}, "`uvd` is no input of the camera network"),
        ({"joints": np.zeros([4, 2, 24, 3])}, r"`joints` must end in shape \(29, 3\); .*skeletons.SMPL_29"),
        ({"camera": np.zeros([4, 2, 4])}, r"`camera` must end in shape \(3,\); got \(4, 2, 4\)"),
        ({"camera": np.zeros([4, 3, 3])}, r"must have the leading axes of `camera`, \(4, 3\); got \(4, 2\)"),
        ({"joint_sigma": np.zeros([4, 29])}, r"`joint_sigma` must have the leading axes"),
    ],
)
def test_bad_inputs_are_named(network, seen, change, message):
    with pytest.raises(ValueError, match=message):
        network(seen | change)


@pytest.mark.parametrize("options", [{"hidden_dim": 0}, {"dropout": 1.0}])
def test_bad_settings_are_named(options):
    with pytest.raises(ValueError, match="`hidden` must be 1 or more and `dropout` in"):
        CameraNetwork(**options)
