"""LiteRT files as functions: a made network, a file that is none, an interpreter that is not installed."""

import concurrent.futures
import sys

import numpy as np
import pytest
import tensorflow as tf

from niki_tf.vision.litert_model import LiteRtModel


@pytest.mark.slow
def test_a_network_is_a_function(tmp_path):
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    doubled = tf.function(lambda x: {"twice": 2.0 * x}, input_signature=[tf.TensorSpec([1, 8, 8, 3], tf.float32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([doubled.get_concrete_function()])
    (tmp_path / "a.tflite").write_bytes(converter.convert())
    network = LiteRtModel(tmp_path / "a.tflite")
    assert network.input_size == 8
    image = np.random.default_rng(0).normal(size=[1, 8, 8, 3]).astype(np.float32)
    (found,) = network(image).values()
    np.testing.assert_allclose(found, 2 * image, rtol=1e-6)


@pytest.mark.parametrize("content", [b"", b"no network"])
def test_what_is_no_network_is_told(content, tmp_path):
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    (tmp_path / "a.tflite").write_bytes(content)
    with pytest.raises(ValueError, match=r"`path` must be a LiteRT file; .*a.tflite' cannot be read"):
        LiteRtModel(tmp_path / "a.tflite")


def test_a_missing_interpreter_is_told(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(ImportError, match=r'pip install "niki-tf\[image\]"'):
        LiteRtModel(tmp_path / "a.tflite")


def test_threads_that_share_a_model_get_their_own_answers(repo):
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    shared = LiteRtModel(repo / "saved_models" / "one_stage" / "model_int8.tflite")
    examples = np.random.default_rng(0).normal(size=[4, 1, 29, 3]).astype(np.float32)
    wanted = [shared(example) for example in examples]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for k, found in enumerate(pool.map(lambda k: shared(examples[k % 4]), range(400))):
            for name, value in found.items():
                np.testing.assert_array_equal(value, wanted[k % 4][name], err_msg=name)
