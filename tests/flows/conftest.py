"""Flows are mathematics: their tests compute with 64 bits."""

import keras
import pytest


@pytest.fixture(autouse=True)
def _float64():
    policy = keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy(policy)
