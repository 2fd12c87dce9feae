"""What graphs for XLA are made of where it is slow with what TensorFlow itself is fast with."""

import contextlib
import contextvars
from collections.abc import Callable, Iterator

import tensorflow as tf

_WANTED = contextvars.ContextVar("for_xla", default=False)

_Tensors = tuple[tf.Tensor, ...]


@contextlib.contextmanager
def for_xla() -> Iterator[None]:
    """Context manager within which graphs are made for XLA: elimination instead of a factorisation, loops as loops."""
    token = _WANTED.set(True)
    try:
        yield
    finally:
        _WANTED.reset(token)


def is_wanted() -> bool:
    """Whether a graph is made for XLA."""
    return _WANTED.get()


def repeated(step: Callable[..., _Tensors], state: _Tensors, *, times: int, as_loop: bool = False) -> _Tensors:
    """What is left of `state` after as many steps, each a function of tensors to as many of the same shapes.

    For XLA they are a loop, which it compiles once; otherwise one after the other, without what a loop costs, unless
    `as_loop` says that a step takes so long that it is better traced once.
    """
    if (is_wanted() or as_loop) and times:
        _, *state = tf.while_loop(
            lambda number, *_: number < times,
            lambda number, *state: (number + 1, *step(*state)),
            (0, *state),
            maximum_iterations=times,
        )
        return tuple(state)
    for _ in range(times):
        state = step(*state)
    return state
