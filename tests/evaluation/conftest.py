import pytest
import tensorflow as tf


@pytest.fixture
def eager():
    """No graphs are made: that takes longer than a few frames do. One run of each protocol is left as it is."""
    tf.config.run_functions_eagerly(run_eagerly=True)
    yield
    tf.config.run_functions_eagerly(run_eagerly=False)
