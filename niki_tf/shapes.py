"""Shapes of tensors: leading axes are kept, flattened and restored; last axes are checked."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

TensorLike = Any
"""Anything that TensorFlow converts to a tensor: a tf.Tensor, a NumPy array, numbers or nested lists of numbers."""


def reshape_last(x: tf.Tensor, axes: int, ending: Sequence[Any]) -> tf.Tensor:
    """`x` with its last `axes` axes reshaped to `ending`; the leading axes stay as they are.

    Args:
        x: (..., *any), of known rank.
        axes: number of last axes to reshape, 1 or more.
        ending: sizes of the new last axes, numbers or scalar tensors.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import shapes
        >>> shapes.reshape_last(tf.zeros([5, 7, 29, 3]), 2, [87]).shape.as_list()
        [5, 7, 87]
    """
    leading = x.shape[:-axes]
    sizes = [*leading, *ending]
    if leading.is_fully_defined() or _is_inferred(sizes):
        return tf.reshape(x, [-1 if size is None else size for size in sizes])
    return tf.reshape(x, tf.concat([tf.shape(x)[:-axes], ending], 0))


def _is_inferred(sizes: Sequence[Any]) -> bool:
    """Whether a single size is unknown and the others are numbers that it can be told from."""
    return sum(size is None for size in sizes) == 1 and all(size is None or _is_count(size) for size in sizes)


def _is_count(size: Any) -> bool:
    return isinstance(size, int | np.integer) and int(size) > 0


def zeros_like_leading(x: tf.Tensor, axes: int, ending: Sequence[Any]) -> tf.Tensor:
    """Zeros (..., *ending), float32, with the leading axes of `x`: all but its last `axes` axes."""
    return tf.zeros(tf.concat([tf.shape(x)[:-axes], ending], 0))


def spread(x: tf.Tensor, leading: tf.Tensor, rank: int) -> tf.Tensor:
    """`x` broadcast to the leading axes `leading`; its last `rank` axes stay as they are."""
    return tf.broadcast_to(x, tf.concat([leading, tf.shape(x)[-rank:]], 0))


def describe(shape: tf.TensorShape) -> str:
    """A static shape as text, such as (None, 29, 3)."""
    return "an unknown rank" if shape.rank is None else str(tuple(shape))


def check_shape(name: str, x: tf.Tensor | tf.TensorShape, ending: Sequence[int | None], cure: str = "") -> None:
    """Checks, at trace time, that the static shape of `x` ends in `ending`.

    Args:
        name: of the argument, for the message.
        x: tensor or static shape.
        ending: wanted sizes of the last axes; None for any size.
        cure: end of the message, with a space first.

    Raises:
        ValueError: it does not, or its rank is unknown.
    """
    shape = x if isinstance(x, tf.TensorShape) else x.shape
    if shape.rank is None or not shape[max(shape.rank - len(ending), 0) :].is_compatible_with(ending):
        raise ValueError(f"`{name}` must end in shape {tuple(ending)}; got {describe(shape)}.{cure}")


def real_array(name: str, x: TensorLike) -> np.ndarray:
    """`x` as an array, with the type that it has.

    Args:
        name: of the argument, for the message.
        x: real numbers, or true and false.

    Raises:
        ValueError: it is complex, text, an object, or lists of different lengths.
    """
    try:
        array = np.asarray(x)
    except ValueError:
        array = np.array(None)
    if array.dtype.kind not in "fiub":
        kind = "what is no array of numbers" if array.dtype.kind == "O" else str(array.dtype)
        raise ValueError(f"`{name}` must be an array of real numbers; got {kind}.")
    return array


class LeadingAxes:
    """Free leading axes of examples, flattened to one batch axis and restored.

    Args:
        x: tensor (..., *event, *inner), whose leading and event axes all tensors of the same examples have.
        inner: number of inner axes of `x`.
        events: number of event axes, which belong to an example and are not flattened, such as time.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf.shapes import LeadingAxes
        >>> joints = tf.zeros([2, 3, 16, 29, 3])
        >>> leading = LeadingAxes(joints, inner=2, events=1)
        >>> flat = leading.flatten(joints)
        >>> flat.shape.as_list(), leading.restore(flat).shape.as_list()
        ([6, 16, 29, 3], [2, 3, 16, 29, 3])
    """

    def __init__(self, x: tf.Tensor, *, inner: int, events: int = 0) -> None:
        self._static, self._dynamic = x.shape[: x.shape.rank - inner], tf.shape(x)[: x.shape.rank - inner]
        self._events = events
        self._is_flat = self._static.rank == 1 + events

    @property
    def rank(self) -> int:
        """Number of leading and event axes."""
        return self._static.rank

    @property
    def flat(self) -> tf.Tensor:
        """Sizes of the flattened leading axis and the event axes, such as (N,) or (N, T)."""
        outer = self._static.rank - self._events
        return tf.concat([[tf.reduce_prod(self._dynamic[:outer])], self._dynamic[outer:]], 0)

    def flatten(self, x: tf.Tensor) -> tf.Tensor:
        """`x` (..., *event, *any) as (N, *event, *any)."""
        if self._is_flat:
            return x
        return tf.reshape(x, tf.concat([self.flat, x.shape[self._static.rank :]], 0))

    def restore(self, x: tf.Tensor) -> tf.Tensor:
        """`x` (N, *event, *any) with the leading axes restored."""
        inner = x.shape[1 + self._events :]
        if not self._is_flat:
            x = tf.reshape(x, tf.concat([self._dynamic, inner], 0))
        return tf.ensure_shape(x, self._static.concatenate(inner))
