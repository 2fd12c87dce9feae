"""The flag --deterministic, which programs share."""

import tensorflow as tf
from absl import flags

DETERMINISTIC = flags.DEFINE_bool(
    "deterministic", False, "The same numbers, bit by bit, whenever this runs on the same machine; slower."
)


def apply() -> None:
    """Makes TensorFlow deterministic if the flag says so; to be called before anything is computed."""
    if DETERMINISTIC.value:
        tf.config.experimental.enable_op_determinism()
