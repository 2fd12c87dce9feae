"""Reading pickles of arrays without executing what they name.

A pickle is a program: it names functions and calls them. Here each name that body files use is replaced by a recorder
that only stores its arguments, and every other name is refused. The file never calls NumPy, chumpy or scipy;
`to_array` converts the records to arrays afterwards.
"""

import io
import math
import os
import pickle
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from niki_tf import archives
from niki_tf.body.pickle_steps import MOST_STEPS, check_steps

_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
_BUILTINS = ("builtins", "__builtin__")
_NUMERIC_DTYPE = re.compile(r"[<>=|]?(b1|[iu][1248]|f[248])")
_PLAIN_DTYPE = re.compile(_NUMERIC_DTYPE.pattern + r"|[<>=|]?U\d{1,6}")
"""Numbers and text."""
_SPARSE = re.compile(r"scipy\.sparse\._?(cs[cr]) \1_(matrix|array)")
_LARGEST_DEPTH = 16
"""Most chumpy objects inside each other that are read; SMPL's files have two."""
_LARGEST_DENSE = 10**7
"""Most entries of a sparse matrix that is made dense; SMPL's regressor has 165,360."""
_LARGEST_FILE = 2**30
"""Bytes of a pickle; SMPL's files have at most 350 million."""
_MOST_NAMES = 64
"""Most different classes and functions that a pickle names."""


class _ForbiddenGlobal(ValueError):
    """A name that no file of arrays needs."""


class Record:
    """In place of an object of a class that the file names: stores arguments and state, does nothing."""

    origin = ""
    args: tuple[Any, ...]
    state: Any

    def __new__(cls, *args: Any, **kwargs: Any) -> "Record":
        """A record of the positional arguments; accepts any, as the real class might."""
        del kwargs
        record = super().__new__(cls)
        record.args, record.state = args, {}
        return record

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to do: `__new__` has stored the arguments."""

    def __setstate__(self, state: Any) -> None:
        """Stores the state."""
        self.state = state


class _Array(Record):
    """In place of numpy.ndarray; state (version, shape, dtype, column order?, bytes)."""


class _Dtype(Record):
    """In place of numpy.dtype; args[0] is the code, state[1] the byte order."""


class _Buffer(Record):
    """In place of an array of protocol 5; args (buffer, dtype, shape, order)."""


class _Scalar(Record):
    """In place of a NumPy number; args (dtype, bytes)."""


class _Chumpy(Record):
    """In place of any class of chumpy."""


class _Sparse(Record):
    """In place of a compressed sparse matrix of scipy."""


class _Function:
    """A function that a file may call; has no other attributes, so that a file cannot change it."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *args: Any) -> Any:
        return self._call(*args)

    def __setstate__(self, state: Any) -> None:
        """ValueError: a file must not change a function."""
        raise ValueError("state given to a function")


def _reconstruct(kind: Any, *_: Any) -> _Array:
    """In place of NumPy's function that makes an empty array."""
    if kind is not _Array:
        raise ValueError("an array of an unknown class")
    return _Array()


def _reconstructor(kind: Any, base: Any, state: Any) -> Record:
    """In place of copyreg's function that makes an empty object (protocols 0 and 1)."""
    del base, state
    if not (isinstance(kind, type) and issubclass(kind, Record)):
        raise ValueError("an object of an unknown class")
    return kind()


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """The bytes that Python 3 stores as text in protocols 0 to 2."""
    if encoding not in ("latin1", "latin-1"):
        raise ValueError(f"bytes written as {encoding!r}")
    return text.encode("latin1")


def _members(items: Iterable[Any] = ()) -> tuple[Any, ...]:
    """In place of a set or frozenset: an empty tuple, as it is never used."""
    del items
    return ()


_ALLOWED: dict[tuple[str, str], Any] = {
    **{(module, "_reconstruct"): _Function(_reconstruct) for module in _MULTIARRAY},
    **{(module, "scalar"): _Scalar for module in _MULTIARRAY},
    **{(module, "_frombuffer"): _Buffer for module in _NUMERIC},
    **{(module, "object"): Record for module in _BUILTINS},
    **{(module, name): _Function(_members) for module in _BUILTINS for name in ("set", "frozenset")},
    **{(module, "_reconstructor"): _Function(_reconstructor) for module in ("copyreg", "copy_reg")},
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
}


class _Unpickler(pickle.Unpickler):
    """Resolves names to recorders only and imports nothing.

    Args:
        content: of the pickle.
        recorders: those of further names.
    """

    def __init__(self, content: bytes, recorders: Mapping[tuple[str, str], Any]) -> None:
        super().__init__(io.BytesIO(content), encoding="latin1")
        self._found: dict[tuple[str, str], Any] = dict(recorders)
        self._left = len(content)

    def find_class(self, module: str, name: str) -> Any:
        """The recorder in place of `module.name`; `_ForbiddenGlobal` if there is none."""
        if (module, name) not in self._found:
            if len(self._found) == _MOST_NAMES:
                raise ValueError(f"more than {_MOST_NAMES} different names")
            self._found[module, name] = self._recorder(module, name)
        return self._found[module, name]

    def _encoded(self, *args: Any) -> bytes:
        """See `_encode`; the bytes of all calls together are no more than the file's."""
        self._left -= len(args[0])
        if self._left < 0:
            raise ValueError("text that is made to bytes again and again")
        return _encode(*args)

    def _recorder(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):
            return _Function(self._encoded)
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        if _SPARSE.fullmatch(f"{module} {name}"):
            return type(name, (_Sparse,), {"origin": name})
        if module.split(".")[0] == "chumpy" and name.isidentifier():
            return type(name, (_Chumpy,), {"origin": f"{module}.{name}"})
        raise _ForbiddenGlobal(f"{module}.{name}")


def load_pickle(path: str | os.PathLike) -> dict[str, Any]:
    """The dictionary in a pickle of any protocol, Python 2's included, read without executing anything it names.

    Args:
        path: file to read.

    Returns:
        The dictionary; arrays in it are records for `to_array`.

    Raises:
        ValueError: the file is no complete pickle, holds no dictionary, or names anything but arrays.
    """
    content = _loaded(_read(path), path)
    if not isinstance(content, dict):
        raise ValueError(f"{path}: the pickle must hold a dictionary of arrays; got {type(content).__name__}.")
    return content


def load_objects(path: str | os.PathLike, recorders: Mapping[tuple[str, str], Any]) -> Any:
    """What a pickle holds that names more than arrays, read without executing anything it names.

    Args:
        path: file to read.
        recorders: (module, name) -> what stands in its place, such as a class made from `Record`.

    Returns:
        What the file holds, of records; see `to_array` and `plain`.

    Raises:
        ValueError: the file is no complete pickle, or names anything but arrays and the keys of `recorders`.
    """
    return _loaded(_read(path), path, recorders)


def load_npy_object(path: str | os.PathLike) -> Any:
    """What an .npy file holds that `numpy.save` wrote of one dictionary or list, without executing anything it names.

    Args:
        path: file to read, of an array of objects.

    Returns:
        Dictionaries, lists, text, Python numbers and NumPy arrays of numbers, as they were saved.

    Raises:
        ValueError: the file is cut off, or holds anything else.
    """
    file = io.BytesIO(_read(path))
    try:
        major, _ = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(file)
    except Exception as error:  # a damaged header shows in a dozen kinds of error
        reason = archives.in_a_line(error)
        raise ValueError(f"{path}: not a whole .npy file ({reason}). Fetch or write the file again.") from None
    if dtype.kind != "O" or math.prod(shape) != 1:
        raise ValueError(f"{path}: one object is wanted, as numpy.save writes of a dictionary; got {dtype} {shape}.")
    content = _loaded(file.read(), path)
    try:
        return plain(content.state[4][0])
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        reason = archives.in_a_line(error)
        raise ValueError(f"{path}: the pickle must hold arrays, lists, text and numbers; got {reason}.") from None


def _read(path: str | os.PathLike) -> bytes:
    """The bytes of the file `path`; ValueError if it is too large."""
    size = os.stat(path).st_size
    if size > _LARGEST_FILE:
        raise ValueError(f"{path}: a file of arrays must have at most {_LARGEST_FILE:,} bytes; got {size:,}.")
    with open(path, "rb") as file:
        return file.read()


def _loaded(content: bytes, path: str | os.PathLike, recorders: Mapping[tuple[str, str], Any] | None = None) -> Any:
    """The object of the pickle `content`, of records; a ValueError names `path`."""
    try:
        check_steps(content)
        return _Unpickler(content, recorders or {}).load()
    except _ForbiddenGlobal as error:
        raise ValueError(
            f"{path}: the pickle names `{archives.in_a_line(error)}`, which a file of arrays does not need (those of "
            f"NumPy, chumpy and scipy.sparse are enough). It was refused and nothing of it was run."
        ) from None
    except Exception as error:
        # A damaged pickle can raise almost anything, as it is a program.
        reason = f"{type(error).__name__}: {archives.in_a_line(error)}"
        raise ValueError(f"{path}: not a whole pickle of arrays ({reason}). Fetch or write the file again.") from None


def plain(value: Any) -> Any:
    """`value` with NumPy arrays in place of the records, and lists in place of arrays of objects.

    Raises:
        ValueError: it holds anything but dictionaries, lists, text, Python numbers and arrays, or too many of them.
    """
    return _plain(value, [MOST_STEPS])


def _plain(value: Any, left: list[int], depth: int = 0) -> Any:
    """See `plain`; `left` is a list of one number, how many more objects there may be: one held twice counts twice."""
    left[0] -= 1
    if depth > _LARGEST_DEPTH or left[0] < 0:
        raise ValueError(f"more than {_LARGEST_DEPTH} objects inside each other, or {MOST_STEPS:,} in all")
    if isinstance(value, dict):
        return {key: _plain(item, left, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, left, depth + 1) for item in value]
    if isinstance(value, str | int | float | bool | None):
        return value
    if isinstance(value, _Array):
        _, shape, dtype, by_columns, raw = value.state
        if isinstance(raw, list):
            return _plain(raw, left, depth + 1)
        return _from_bytes(raw, dtype, shape, "F" if by_columns else "C", allowed=_PLAIN_DTYPE)
    if isinstance(value, _Scalar):
        return _from_bytes(value.args[1], value.args[0], (), "C", allowed=_PLAIN_DTYPE).item()
    return to_array(value)


def to_array(value: Any, depth: int = 0) -> np.ndarray:
    """The NumPy array of a record of a loaded pickle.

    Args:
        value: record of an array of NumPy, chumpy (`Ch`, `Select`) or scipy.sparse (csc and csr; made dense).
        depth: number of chumpy objects that contain it.

    Raises:
        ValueError: `value` is anything else, or the parts of the array do not fit together.
    """
    try:
        if isinstance(value, _Array):
            _, shape, dtype, by_columns, raw = value.state
            return _from_bytes(raw, dtype, shape, "F" if by_columns else "C")
        if isinstance(value, _Buffer):
            return _from_bytes(*value.args)
        if isinstance(value, _Scalar):
            return _from_bytes(value.args[1], value.args[0], (), "C")
        if isinstance(value, _Sparse):
            return _dense(value)
        if isinstance(value, _Chumpy) and depth < _LARGEST_DEPTH:
            return _chumpy_value(value, depth)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(f"parts of the array are missing or wrong ({type(error).__name__}: {error})") from None
    raise ValueError(f"no array of numbers but {getattr(value, 'origin', '') or type(value).__name__.strip('_')}")


def _from_bytes(raw: Any, dtype: Any, shape: Any, order: Any, allowed: re.Pattern[str] = _NUMERIC_DTYPE) -> np.ndarray:
    """An array in native byte order from its bytes (latin1 text in pickles of Python 2)."""
    code: Any = dtype.args[0]
    order_of_bytes: Any = dtype.state[1] if dtype.state else "="
    if not (isinstance(dtype, _Dtype) and isinstance(code, str) and allowed.fullmatch(code)):
        raise ValueError(f"an array of numbers is wanted; got dtype {code!r}")
    if order_of_bytes not in ("<", ">", "=", "|") or order not in ("C", "F"):
        raise ValueError("unknown byte order or memory order")
    if not isinstance(raw, str | bytes | bytearray):
        raise ValueError(f"the bytes of an array are wanted; got {type(raw).__name__.strip('_')}")
    raw = raw.encode("latin1") if isinstance(raw, str) else bytes(raw)
    kind = np.dtype(code).newbyteorder(order_of_bytes)
    if not all(isinstance(n, int) and 0 <= n < 2**31 for n in shape) or math.prod(shape) * kind.itemsize != len(raw):
        raise ValueError(f"{len(raw)} bytes do not make an array of shape {shape} and dtype {code}")
    return np.ndarray(shape, kind, raw, order=order).astype(kind.newbyteorder("="))


def _dense(matrix: _Sparse) -> np.ndarray:
    """A compressed sparse matrix as a dense array."""
    state = matrix.state
    data, indices, starts = [to_array(state[name]) for name in ("data", "indices", "indptr")]
    rows, columns = [int(n) for n in state.get("_shape", state.get("shape"))]
    by_rows = matrix.origin.startswith("csr")
    major, minor = (rows, columns) if by_rows else (columns, rows)
    if min(major, minor) < 0 or major * minor > _LARGEST_DENSE:
        raise ValueError(f"a sparse matrix of shape {(rows, columns)} is too large")
    counts: np.ndarray = np.diff(starts.astype(np.int64))
    valid = starts.shape == (major + 1,) and starts[0] == 0 and (counts >= 0).all()
    if not valid or not data.shape == indices.shape == (int(starts[-1]),):
        raise ValueError("the index arrays of a sparse matrix do not fit its shape")
    if indices.size and not 0 <= indices.min() <= indices.max() < minor:
        raise ValueError("a sparse matrix has entries outside its shape")
    dense = np.zeros([major, minor], data.dtype)
    np.add.at(dense, (np.repeat(np.arange(major), counts), indices), data)
    return dense if by_rows else dense.T


def _chumpy_value(value: _Chumpy, depth: int) -> np.ndarray:
    """The array that chumpy would compute: `x` of a Ch, the selected elements of a Select."""
    state = value.state
    if "x" in state:
        return to_array(state["x"], depth + 1)
    if not value.origin.endswith(".Select"):
        raise ValueError(f"the chumpy object {value.origin} is not one of Ch and Select")
    chosen = to_array(state["a"], depth + 1).ravel()[to_array(state["idxs"], depth + 1)]
    return chosen.reshape([int(n) for n in state["preferred_shape"]]) if "preferred_shape" in state else chosen
