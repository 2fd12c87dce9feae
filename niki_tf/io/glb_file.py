"""The container of binary glTF: arrays as accessors in one buffer, and the file around them."""

import json
import os
import pathlib
import struct
from typing import Any

import numpy as np

from niki_tf import files

_COMPONENTS = {"float32": 5126, "uint8": 5121, "uint16": 5123, "uint32": 5125}
_TARGETS = {"vertices": 34962, "indices": 34963}
_MAGIC, _JSON, _BINARY = 0x46546C67, 0x4E4F534A, 0x004E4942


class GlbFile:
    """The binary part of a .glb file, array by array.

    Source: Khronos, glTF 2.0 Specification, sections 3.6 and 4.4.
    """

    def __init__(self) -> None:
        self._arrays: list[np.ndarray] = []
        self._size = 0
        self._views: list[dict[str, Any]] = []
        self._accessors: list[dict[str, Any]] = []

    def add(self, array: np.ndarray, kind: str, *, target: str | None = None, bounds: bool = False) -> int:
        """Appends an array, which must not change until `save`, and gives the number of its accessor.

        Args:
            array: (n, ...) of float32, uint8, uint16 or uint32.
            kind: of each of the n elements: SCALAR, VEC3, VEC4 or MAT4.
            target: vertices or indices, of what a mesh is made of.
            bounds: state the least and greatest element, as positions, morph targets and times must.
        """
        view = {"buffer": 0, "byteOffset": self._size, "byteLength": array.nbytes}
        self._views.append(view | ({"target": _TARGETS[target]} if target else {}))
        self._arrays.append(array)
        self._size += array.nbytes + -array.nbytes % 4
        accessor = {
            "bufferView": len(self._views) - 1,
            "componentType": _COMPONENTS[array.dtype.name],
            "count": len(array),
            "type": kind,
        }
        if bounds:
            accessor |= {name: np.atleast_1d(edge(array, 0)).tolist() for name, edge in _EDGES.items()}
        self._accessors.append(accessor)
        return len(self._accessors) - 1

    def save(self, path: str | os.PathLike, document: dict[str, Any]) -> None:
        """Writes the arrays with `document`, which names nodes, meshes and so on, to `path`, whole or not at all."""
        parts = {
            "asset": {"version": "2.0", "generator": "niki-tf"},
            **document,
            "accessors": self._accessors,
            "bufferViews": self._views,
            "buffers": [{"byteLength": self._size}],
        }
        text = json.dumps(parts, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        size = 12 + 8 + len(text) + 8 + self._size
        with files.atomic_write(pathlib.Path(path)) as temporary, open(temporary, "wb") as file:
            file.write(struct.pack("<III", _MAGIC, 2, size))
            file.write(struct.pack("<II", len(text), _JSON) + text)
            file.write(struct.pack("<II", self._size, _BINARY))
            for array in self._arrays:
                file.write(array.tobytes() + bytes(-array.nbytes % 4))


_EDGES = {"min": np.min, "max": np.max}
