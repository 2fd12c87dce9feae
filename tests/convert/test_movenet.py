"""MoveNet's weights in a MobileNetV2: on random weights the folded network is the same function."""

import json

import keras
import numpy as np
import pytest

from niki_tf import assets, body, convert
from niki_tf.convert import movenet
from niki_tf.vision.backbones import folded_mobilenet_v2

SIZE = 64


def norm_of(model, name):
    return model.get_layer({"Conv1": "bn_Conv1", "Conv_1": "Conv_1_bn"}.get(name, f"{name}_BN"))


@pytest.fixture(scope="module")
def random_network():
    """A MobileNetV2 with batch normalisation that does something, and its weights folded, as MoveNet stores them."""
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    model = keras.applications.MobileNetV2(input_shape=(SIZE, SIZE, 3), include_top=False, weights=None)
    folded = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
            norm = norm_of(model, layer.name)
            size = norm.gamma.shape[0]
            values = [
                rng.uniform(1, 2, size),
                *(0.2 * rng.normal(size=size) for _ in range(2)),
                rng.uniform(0.5, 1, size),
            ]
            norm.set_weights([np.float32(value) for value in values])
            scale = values[0] / np.sqrt(values[3] + norm.epsilon)
            kernel = layer.kernel.numpy() * (scale[:, None] if "depthwise" in layer.name else scale)
            folded[layer.name] = (kernel, values[1] - values[2] * scale)
    return model, folded


def stored(folder, folded):
    """The two files of a TensorFlow.js model, weights as float32 (float16 would round them)."""
    nodes, manifest, content = [], [], b""
    for name, parts in folded.items():
        node = {"op": "_FusedConv2D", "name": f"StatefulPartitionedCall/model/{name}_relu/Relu6", "input": ["before"]}
        if name == "Conv_1":
            node["name"] = "StatefulPartitionedCall/model/out_relu/Relu6"
        for part, array in zip(("kernel", "bias"), parts, strict=True):
            node["input"].append(f"{name}/{part}")
            manifest.append({"name": f"{name}/{part}", "shape": list(array.shape), "dtype": "float32"})
            content += array.astype("<f4").tobytes()
        nodes.append(node)
    nodes.append({"op": "Conv2D", "name": "StatefulPartitionedCall/head/conv", "input": ["x", "Conv1/kernel"]})
    description = {"modelTopology": {"node": nodes}, "weightsManifest": [{"paths": ["w.bin"], "weights": manifest}]}
    (folder / "w.json").write_text(json.dumps(description))
    (folder / "w.bin").write_bytes(content)
    return folder / "w.json", folder / "w.bin"


def test_the_folded_network_is_the_same_function(random_network, tmp_path, rng):
    model, folded = random_network
    weights = movenet.read_movenet(*stored(tmp_path, folded))
    assert weights.keys() == folded.keys()
    other = folded_mobilenet_v2(SIZE)
    assert len(movenet.fill(other, weights)) == 52
    image = rng.uniform(-1, 1, [2, SIZE, SIZE, 3]).astype(np.float32)
    expected = model(image, training=False)
    assert np.std(expected) > 1e-3
    np.testing.assert_allclose(other(image, training=False), expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.slow
def test_a_start_of_training_has_them_and_tells_what_is_left(random_network, tmp_path):
    folded = random_network[1]
    files = stored(tmp_path, folded)
    found = convert.convert_movenet(*files, body_joints=body.mannequin_joints())
    conv = found.image.network.get_layer("mobilenet_v2").get_layer("block_3_expand")
    np.testing.assert_allclose(conv.kernel, folded["block_3_expand"][0], atol=1e-6)
    assert found.image.normalization == "symmetric"
    assert {row["name"] for row in found.report["tensors"] if row["used"]} == set(folded)
    assert {"final_layer", "decphi"} <= set(found.report["left_as_made"])


def test_the_fetched_files_have_every_convolution(random_network):
    try:
        paths = [assets.path_of(name) for name in ("movenet_layers", "movenet_weights")]
    except FileNotFoundError as error:
        pytest.skip(str(error))
    weights = movenet.read_movenet(*paths)
    for name, (kernel, bias) in random_network[1].items():
        assert weights[name][0].shape == kernel.shape
        assert weights[name][1].shape == bias.shape


def test_damaged_files_are_named(random_network, tmp_path):
    layers, weights = stored(tmp_path, random_network[1])
    with pytest.raises(ValueError, match=r"none.json: a file of at most .*get_assets.py movenet"):
        movenet.read_movenet(tmp_path / "none.json", weights)
    weights.write_bytes(weights.read_bytes()[:-4])
    with pytest.raises(ValueError, match=r"w.json: no whole graph model .*fewer bytes of weights than its list"):
        movenet.read_movenet(layers, weights)
    layers.write_text(layers.read_text()[:-9])
    with pytest.raises(ValueError, match=r"w.json: no whole graph model"):
        movenet.read_movenet(layers, weights)


def test_what_does_not_fit_changes_nothing(random_network):
    model, folded = folded_mobilenet_v2(32), random_network[1]
    before = model.get_weights()
    lacking = {name: parts for name, parts in folded.items() if name != "block_3_expand"}
    with pytest.raises(ValueError, match="^`weights` must be those of a MobileNetV2; block_3_expand is missing"):
        movenet.fill(model, lacking)
    wrong = folded | {"Conv1": (np.zeros([3, 3, 3, 16]), None)}
    with pytest.raises(ValueError, match=r"Conv1 has the shape \(3, 3, 3, 16\), not \(3, 3, 3, 32\)"):
        movenet.fill(model, wrong)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
