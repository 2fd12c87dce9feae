"""Weights in half precision, and what stays as it is."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import export
from niki_tf.export.tflite import litert_of

SIZE = 64


class Scaled(tf.Module):
    """x W / max(x_0, 1e-12), with a limit that only float32 holds."""

    def __init__(self, weight):
        super().__init__()
        self.weight = tf.Variable(weight)

    @tf.function(input_signature=[tf.TensorSpec([None, SIZE], tf.float32, "x")])
    def __call__(self, x):
        product = tf.linalg.matmul(x, self.weight) / tf.maximum(x[:, :1], 1e-12)
        return {"y": tf.where(tf.abs(product) <= 1e30, product, 0.0)}


def written(path, weight, quantize):
    module = Scaled(weight)
    path.write_bytes(litert_of({"ik": module.__call__.get_concrete_function()}, module, quantize=quantize))
    return export.load_litert(path)


@pytest.fixture
def weight(rng):
    return rng.normal(size=[SIZE, SIZE]).astype(np.float32)


def test_weights_are_rounded_and_small_and_large_constants_are_not(tmp_path, weight, rng):
    x = rng.normal(size=[5, SIZE]).astype(np.float32)
    x[:, 0] = [0.5, 1e-4, 1e-8, 0.0, -1.0]
    found = written(tmp_path / "half.tflite", weight, "float16")("ik", x=x)["y"]
    half = weight.astype(np.float16).astype(np.float32)
    expected = x @ half / np.maximum(x[:, :1], np.float32(1e-12))
    assert np.abs(expected[3]).max() > 1e10
    scale = np.abs(expected).max(1, keepdims=True)
    np.testing.assert_allclose(found / scale, expected / scale, atol=1e-5)
    whole = written(tmp_path / "whole.tflite", weight, "none")
    assert np.abs(whole("ik", x=x)["y"] - found)[0].max() > 1e-4
    sizes = [(tmp_path / f"{name}.tflite").stat().st_size for name in ("whole", "half")]
    assert 1.9 * SIZE**2 < sizes[0] - sizes[1] + 300 < 2.2 * SIZE**2


def test_weights_beyond_float16_stay_float32(tmp_path, weight, rng):
    weight[0, 0] = 1e6
    x = np.abs(rng.normal(size=[2, SIZE])).astype(np.float32)
    found = written(tmp_path / "half.tflite", weight, "float16")("ik", x=x)["y"]
    np.testing.assert_allclose(found, x @ weight / x[:, :1], rtol=1e-4, atol=1e-4)
