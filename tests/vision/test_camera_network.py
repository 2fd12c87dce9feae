"""The camera network: its contract, its file and its answers."""

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


def test_network_gives_camera_projection_and_translation(network, seen):
    found = network(seen)
    assert {name: value.shape.as_list() for name, value in found.items()} == {
        "camera": [4, 2, 3],
        "uv": [4, 2, 29, 2],
        "transl": [4, 2, 3],
    }
    np.testing.assert_allclose(found["uv"], camera.weak_perspective(seen["joints"], found["camera"]), atol=1e-6)
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


def test_an_untrained_network_starts_near_the_initial_camera_of_the_published_code(seen):
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
        ({"uv": None}, "^`uv` is missing"),
        ({"uvd": np.zeros([4, 2, 29, 3])}, "^`uvd` is no input of the camera network"),
        ({"joints": np.zeros([4, 2, 24, 3])}, r"^`joints` must end in shape \(29, 3\); .*skeletons.SMPL_29"),
        ({"camera": np.zeros([4, 2, 4])}, r"^`camera` must end in shape \(3,\); got \(4, 2, 4\)"),
        ({"camera": np.zeros([4, 3, 3])}, r"must have the leading axes of `camera`, \(4, 3\); got \(4, 2\)"),
        ({"joint_sigma": np.zeros([4, 29])}, r"^`joint_sigma` must have the leading axes"),
    ],
)
def test_bad_inputs_are_named(network, seen, change, message):
    with pytest.raises(ValueError, match=message):
        network(seen | change)


def test_inputs_without_names_are_refused(network, seen):
    with pytest.raises(ValueError, match="^`inputs` must be a dictionary of arrays by name; got ndarray"):
        network(seen["joints"])


@pytest.mark.parametrize("options", [{"hidden_dim": 0}, {"dropout": 1.0}])
def test_bad_settings_are_named(options):
    with pytest.raises(ValueError, match="`hidden_dim` must be 1 or more and `dropout` in"):
        CameraNetwork(**options)


def test_a_functional_model_can_hold_the_network(network, seen):
    inputs = {name: keras.Input(seen[name].shape[2:], name=name) for name in ("uv", "joints", "camera")}
    model = keras.Model(inputs, network(inputs))
    given = {name: seen[name][:, 0] for name in inputs}
    np.testing.assert_allclose(model(given)["transl"], network(given)["transl"], atol=1e-6)
