"""--deterministic reaches TensorFlow, and nothing else does."""

import types

import pytest
import tensorflow as tf

from niki_tf.cli import deterministic_flag


@pytest.mark.parametrize("given", [False, True])
def test_the_flag_is_what_makes_it_deterministic(monkeypatch, given):
    asked = []
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: asked.append(True))
    monkeypatch.setattr(deterministic_flag, "DETERMINISTIC", types.SimpleNamespace(value=given))
    deterministic_flag.apply()
    assert asked == [True] * given
