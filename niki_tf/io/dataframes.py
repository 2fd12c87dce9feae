"""Tables of pandas in pickles, read without pandas and without executing anything that they name.

Read are tables whose columns are numbers, or objects: text, numbers, arrays, and lists of these; as pandas 0.25 to 1.2
has written them (a state of version 0.14.1) and as later versions do (blocks by `_unpickle_block`).
"""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from niki_tf import archives
from niki_tf.body import unpickling

_MANAGER = "pandas.core.internals.managers"
_CYTHON = "pandas._libs.internals"


class _Frame(unpickling.Record):
    """In place of a DataFrame; state {"_mgr" or "_data": manager}."""


class _Manager(unpickling.Record):
    """In place of a BlockManager; args (blocks, axes), or state (axes, values, items, {"0.14.1": ...})."""


class _Index(unpickling.Record):
    """In place of any kind of index."""


class _Named(unpickling.Record):
    """In place of what a function of pandas makes of its arguments."""


class _Slice(unpickling.Record):
    """In place of a slice; args (start, stop, step)."""


_RECORDERS: dict[tuple[str, str], Any] = {
    ("pandas.core.frame", "DataFrame"): _Frame,
    (_MANAGER, "BlockManager"): _Manager,
    (_CYTHON, "BlockManager"): _Manager,
    ("pandas.core.indexes.base", "_new_Index"): _Named,
    ("pandas.core.indexes.base", "Index"): _Index,
    ("pandas.core.indexes.range", "RangeIndex"): _Index,
    ("pandas.core.indexes.numeric", "Int64Index"): _Index,
    (_CYTHON, "_unpickle_block"): _Named,
    (_CYTHON, "BlockPlacement"): _Named,
    ("builtins", "slice"): _Slice,
}


def read_dataframe(path: str | os.PathLike) -> dict[str, list[Any]]:
    """The columns of a pickled DataFrame by name, each a list of as many values as the table has rows.

    Args:
        path: of the file, not compressed.

    Raises:
        ValueError: the file is damaged, names something else than a table needs, or holds no such table.
    """
    frame = unpickling.load_objects(path, _RECORDERS)
    try:
        if not isinstance(frame, _Frame):
            raise TypeError(f"{type(frame).__name__.strip('_')}")
        manager = frame.state.get("_mgr", frame.state.get("_data"))
        return _columns(*_parts(manager))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: a table of pandas is wanted; got {archives.in_a_line(error)}. Write it by DataFrame.to_pickle."
        ) from None


def _parts(manager: _Manager) -> tuple[list[str], list[tuple[Any, Any]]]:
    """Names of the columns; values and places of each block."""
    if manager.args:
        blocks, axes = manager.args
        return _names(axes[0]), [(block.args[0], block.args[1]) for block in blocks]
    told = manager.state[3]["0.14.1"]
    return _names(told["axes"][0]), [(block["values"], block["mgr_locs"]) for block in told["blocks"]]


def _names(index: _Named) -> list[str]:
    """The names that an index of columns has."""
    told: Mapping[str, Any] = index.args[1]
    return [str(name) for name in _values(told["data"])]


def _columns(names: list[str], blocks: list[tuple[Any, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for values, places in blocks:
        for place, column in zip(_places(places, len(names)), _values(values), strict=True):
            found[names[place]] = list(column)
    if set(found) != set(names) or len({len(column) for column in found.values()}) != 1:
        raise ValueError("columns of different lengths, or not as many as names")
    return found


def _places(told: Any, count: int) -> list[int]:
    """The numbers of the columns that a block holds, of `count`."""
    if isinstance(told, _Named):
        told = told.args[0]
    if isinstance(told, _Slice):
        return list(range(count))[slice(*told.args)]
    return [int(place) for place in unpickling.to_array(told)]


def _values(record: Any) -> Any:
    """Numbers as an array; objects as lists of them, line by line, arrays in them whole."""
    found = unpickling.plain(record)
    if isinstance(found, np.ndarray):
        return found
    shape = record.state[1]
    objects = np.empty(len(found), object)
    for place, value in enumerate(found):
        objects[place] = value
    return objects.reshape(shape)  # NumPy lists objects line by line, however they lie in memory
