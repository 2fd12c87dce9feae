"""Shapes of tensors: leading axes are kept, flattened and restored; last axes, kinds and sizes of numbers are checked.

`takes` is the one place where functions of plain arrays check their arguments.
"""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

LARGEST = 1e18
"""Largest number of a plain array: the squares of single precision end a little above."""
_ORTHONORMAL_WITHIN = 1e-3
"""How far a rotation may be from a rotation matrix, by entry."""

Ending = tuple[int | str | None, ...]
"""Last axes of an array: a size, None for any, or a letter that stands for the same size in all arguments."""
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
    """Zeros (..., *ending), float32, with the leading axes of `x`: all but its last `axes` axes, which are not empty.

    LiteRT knows the shape before it runs, other than that of tensors whose shape is computed.
    """
    first = (..., *[0] * axes)
    zero = tf.zeros_like(x[first], tf.float32)
    for _ in ending:
        zero = tf.expand_dims(zero, -1)
    return zero + tf.zeros(ending)


def spread(x: tf.Tensor, leading: tf.Tensor, rank: int) -> tf.Tensor:
    """`x` broadcast to the leading axes `leading`; its last `rank` axes stay as they are."""
    return tf.broadcast_to(x, tf.concat([leading, tf.shape(x)[-rank:]], 0))


def gather(x: tf.Tensor, places: Sequence[int], axis: int) -> tf.Tensor:
    """`tf.gather` of constant places, and `x` itself if these are all that it has, in order.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import shapes
        >>> shapes.gather(tf.constant([5, 6]), [1, 0], axis=0).numpy().tolist()
        [6, 5]
    """
    return x if list(places) == list(range(x.shape[axis] or 0)) else tf.gather(x, places, axis=axis)


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
        raise ValueError(f"`{name}` must end in shape {tuple(ending)}; got {describe(shape)}.{cure or _cure(ending)}")


def _cure(ending: Sequence[Any]) -> str:
    """What to do about an array that does not end so."""
    if tuple(ending[-2:]) == (3, 3):
        return " Convert rotation vectors with rotations.rotvec_to_matrix."
    return " Use the joint set skeletons.SMPL_29." if 29 in ending else " Any axes may come before these."


_REAL = "Give numbers, in lists of equal length, an array or a tensor."


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
        raise ValueError(f"`{name}` must be an array of real numbers; got {kind}. {_REAL}")
    return array


def real_number(
    name: str, x: Any, *, least: float = -np.inf, above: float | None = None, whole: bool = False, cure: str
) -> float:
    """`x` as a float, or as an int if it must be whole.

    Args:
        name: of the argument, for the message.
        x: a number, or an array of one.
        least: that it may be.
        above: what it must be more than, in place of `least`.
        whole: whether it must be a whole number.
        cure: end of the message.

    Raises:
        ValueError: it is no finite number, or less than it may be.
    """
    array = np.asarray(x) if isinstance(x, int | float | np.generic | np.ndarray) else np.array(None)
    fits = array.size == 1 and array.dtype.kind in "fiu" and np.isfinite(array).all()
    if not fits or not (array.item() >= least if above is None else array.item() > above) or array.item() % 1 * whole:
        limit = f", above {above:g}" if above is not None else f", {least:g} or more" if np.isfinite(least) else ""
        kind = "one whole number" if whole else "one finite number"
        raise ValueError(f"`{name}` must be {kind}{limit}; got {x!r}. {cure}")
    return int(array.item()) if whole else float(array.item())


def are_rotations(matrices: TensorLike) -> np.ndarray:
    """Which of the matrices (..., 3, 3) are rotations, (...), bool: orthonormal to 0.001, determinant above 0.

    Raises:
        ValueError: it is no array of real numbers, or its shape is not that of matrices.
    """
    matrices = real_array("matrices", matrices).astype(np.float64)
    check_shape("matrices", tf.TensorShape(matrices.shape), (3, 3))
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(matrices @ matrices.swapaxes(-1, -2) - np.eye(3)).max((-2, -1))
        return (apart <= _ORTHONORMAL_WITHIN) & (np.linalg.det(matrices) > 0.0)


def real_tensors(
    given: Mapping[str, TensorLike],
    endings: Mapping[str, Ending],
    *,
    turns: Sequence[str] = (),
    largest: float = LARGEST,
    dtype: tf.DType | None = None,
) -> dict[str, tf.Tensor]:
    """Arguments as tensors of one type: that of the tensors among them, else float64 if an array is, else float32.

    Tensors are checked by their static shape and kind, as they are in a graph, all else by its numbers, too.

    Args:
        given: arguments by name.
        endings: their last axes; the axes before them must broadcast.
        turns: names of those that must be rotation matrices; one with a NaN is left as it is.
        largest: number that one may hold, whatever its sign; NaN is left as it is.
        dtype: of the answer, in place of the rule above.

    Raises:
        ValueError: one is not made of real numbers, has another shape, holds infinity or a number that is too large, or
            is no rotation.
    """
    tensors = {name: tf.convert_to_tensor(x) for name, x in given.items() if _is_tensor(x)}
    arrays = {name: real_array(name, x) for name, x in given.items() if name not in tensors}
    for name, tensor in tensors.items():
        if not (tensor.dtype.is_floating or tensor.dtype.is_integer or tensor.dtype.is_bool):
            raise ValueError(f"`{name}` must be an array of real numbers; got {tensor.dtype.name}. {_REAL}")
    _check_endings({name: tf.TensorShape((tensors | arrays)[name].shape) for name in given}, endings)
    for name, array in arrays.items():
        _check_numbers(name, array, largest=largest, rotation=name in turns)
    if dtype is None:
        doubles = [x.dtype == tf.float64 for x in tensors.values()] if tensors else _are_double(given, arrays)
        dtype = tf.float64 if any(doubles) else tf.float32
    arrays = {name: tf.constant(array.astype(dtype.as_numpy_dtype)) for name, array in arrays.items()}
    return {name: tf.cast((tensors | arrays)[name], dtype) for name in given}


def _is_tensor(x: TensorLike) -> bool:
    return tf.is_tensor(x) or hasattr(x, "__tf_tensor__")


def _are_double(given: Mapping[str, TensorLike], arrays: Mapping[str, np.ndarray]) -> list[bool]:
    """Of arrays whether they are float64; lists of numbers are not."""
    return [isinstance(given[name], np.ndarray | np.generic) and arrays[name].dtype == np.float64 for name in arrays]


def _check_endings(shapes: Mapping[str, tf.TensorShape], endings: Mapping[str, Ending]) -> None:
    """ValueError unless shapes end as they must, letters stand for one size each, and leading axes broadcast."""
    sizes: dict[str, int] = {}
    leading, first = tf.TensorShape([]), ""
    for name, shape in shapes.items():
        ending = endings[name]
        wanted = tuple(sizes.get(size) if isinstance(size, str) else size for size in ending)
        if shape.rank is None or not shape[max(shape.rank - len(ending), 0) :].is_compatible_with(wanted):
            text = str(tuple(got or size for size, got in zip(ending, wanted, strict=True))).replace("'", "")
            raise ValueError(
                f"`{name}` must end in shape {text.replace('None', 'n')}; got {describe(shape)}.{_cure(ending)}"
            )
        for size, got in zip(ending, shape[shape.rank - len(ending) :], strict=True):
            if isinstance(size, str) and got is not None:
                sizes[size] = got
        own = shape[: shape.rank - len(ending)]
        try:
            leading = tf.broadcast_static_shape(leading, own)
        except ValueError:
            raise ValueError(
                f"`{name}` must have leading axes that broadcast with those of `{first}`, {describe(leading)}; got "
                f"{describe(own)}. Give one for each example, or one for all."
            ) from None
        first = first or name


def _check_numbers(name: str, array: np.ndarray, *, largest: float, rotation: bool) -> None:
    """ValueError for infinity, for numbers that are too large, and for what must be a rotation and is none."""
    most = np.fmax.reduce(np.abs(array.astype(np.float64)), axis=None, initial=0.0)
    if most > largest:
        raise ValueError(
            f"`{name}` must hold numbers up to {largest:g}; got {most:g}. NaN stands for what is not known."
        )
    if not rotation:
        return
    wrong = ~are_rotations(array) & ~np.isnan(array).any((-2, -1))
    if wrong.any():
        got = np.array2string(array[wrong][0], precision=3, separator=", ").replace("\n", "")
        raise ValueError(
            f"`{name}` must be rotation matrices, orthonormal with determinant 1; got {got}. Convert rotation vectors "
            "with rotations.rotvec_to_matrix."
        )


Function = TypeVar("Function", bound=Callable[..., Any])


def takes(*turns: str, largest: float = LARGEST, **endings: Ending) -> Callable[[Function], Function]:
    """A decorator: the function is given those arguments as tensors, checked by `real_tensors`.

    Args:
        *turns: names of those that must be rotation matrices.
        largest: number that one may hold.
        **endings: last axes of the arguments by name; those that are None, and all others, are left alone.

    Example:
        >>> from niki_tf import shapes
        >>> @shapes.takes(points=("n", 3), weights=("n",))
        ... def weighted(points, weights):
        ...     return points * weights[..., None]
        >>> weighted([[1, 2, 3]], [2, 2])
        Traceback (most recent call last):
        ...
        ValueError: `weights` must end in shape (1,); got (2,). Any axes may come before these.
    """

    def decorate(function: Function) -> Function:
        parameters = inspect.signature(function).parameters
        optional = {name for name, parameter in parameters.items() if parameter.default is None}

        @functools.wraps(function)
        def checked(*args: Any, **kwargs: Any) -> Any:
            named = dict(zip(parameters, args, strict=False)) | kwargs
            given = {
                name: named[name]
                for name in endings
                if name in named and not (named[name] is None and name in optional)
            }
            if len(args) > len(parameters) or not named.keys() <= parameters.keys():
                return function(*args, **kwargs)  # which says so
            return function(**{**named, **real_tensors(given, endings, turns=turns, largest=largest)})

        return checked  # type: ignore[return-value]

    return decorate


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
        inner = x.shape[self._static.rank :]
        if not self._events and _is_inferred([None, *inner]):
            return tf.reshape(x, [-1, *inner])
        return tf.reshape(x, tf.concat([self.flat, inner], 0))

    def restore(self, x: tf.Tensor) -> tf.Tensor:
        """`x` (N, *event, *any) with the leading axes restored."""
        inner = x.shape[1 + self._events :]
        sizes = [*self._static, *inner]
        if not self._is_flat and _is_inferred(sizes):
            return tf.reshape(x, [-1 if size is None else size for size in sizes])
        if not self._is_flat:
            x = tf.reshape(x, tf.concat([self._dynamic, inner], 0))
        return tf.ensure_shape(x, self._static.concatenate(inner))
