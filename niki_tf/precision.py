"""Single precision for what is computed in it, whatever Keras's global dtype policy is."""

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import keras

FLOAT32 = "float32"
"""The policy under which solvers and bodies are made: millimetres of a person in a room need more digits than half
precision has, and constants and exports are float32."""


@contextlib.contextmanager
def float32() -> Iterator[None]:
    """Context manager within which Keras makes layers of float32, unless they name another dtype, and keeps arrays so.

    The policy is that of the thread; `keras.config.floatx` is one for all threads.
    """
    policy, floatx = keras.config.dtype_policy(), keras.config.floatx()
    keras.config.set_dtype_policy(FLOAT32)
    keras.config.set_floatx(FLOAT32)
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)


def in_float32(constructor: Callable[..., None]) -> Callable[..., None]:
    """The constructor of a model, with all its layers made within `float32`."""

    @functools.wraps(constructor)
    def made(self: Any, *args: Any, **kwargs: Any) -> None:
        with float32():
            constructor(self, *args, **kwargs)

    made.__signature__ = inspect.signature(constructor)  # type: ignore[attr-defined]  # Keras looks at no other
    return made
