"""Keras files (.keras) of this package's models, checked before Keras builds anything that they ask for.

A .keras file is a zip archive of a configuration (JSON) and weights (HDF5). The configuration names classes and their
arguments, and Keras builds what it is told: here only the classes that this package registers are let through, and
only in sizes that the weights in the file have.
"""

import io
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import h5py
import keras

from niki_tf import archives, provenance

CONFIG, WEIGHTS, METADATA = "config.json", "model.weights.h5", "metadata.json"
_LARGEST = {CONFIG: 16 * 2**20, WEIGHTS: 512 * 2**20, METADATA: 2**20}
"""Bytes of each part: the shipped configurations have 10 kB, the largest published weights 130 MB."""
_LARGEST_NUMBER = 100_000
"""Of any whole number in a configuration."""
_LARGEST_NAMED = {
    **dict.fromkeys(("num_couplings", "num_rotation_couplings", "embedding_couplings", "num_temporal_pairs"), 256),
    **dict.fromkeys(("num_layers", "heads"), 256),
    **dict.fromkeys(("condition_size", "components"), 1024),
    "refine": 1000,
    "image_size": 1024,
    "steps": 10_000,
}
"""Argument -> the largest that is let through; the shipped models have at most 16, 6, 16, 4 and 300."""
_SQUARE = (
    ("num_couplings", "hidden_dim", 0),
    ("num_rotation_couplings", "rotation_hidden_dim", 0),
    ("embedding_couplings", "embedding_hidden_dim", 0),
    ("num_temporal_pairs", "temporal_hidden_dim", 0),
    ("num_layers", "hidden_dim", 1),
)
"""Number of layers, their width, and how many of the layers have no matrix of width by width."""
_SINGLE = ("twist_hidden_dim",)
"""Widths of networks with one such matrix."""
_NAMED = {"backbone": {"hrnet_w8": 11_000_000, "hrnet_w32": 37_000_000, "hrnet_w48": 72_000_000}}
"""Argument -> its value -> fewer weights than it asks for; other values ask for little."""
_POLICIES = ("float32", "float64", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16")
_DEEPEST, _MOST_ITEMS = 32, 100_000
_BODY_JOINTS = "niki_tf>BodyJoints"
_IDENTITY = "shared_object_id"
"""Key that Keras gives any whole number, which sizes nothing."""
_CURE = "Fetch the file again, or train the model anew."


class _Held(NamedTuple):
    """How much a weights file holds."""

    entries: int
    arrays: int


def read_parts(path: str | os.PathLike, *, wanted: str = "a whole .keras file") -> dict[str, bytes]:
    """The parts of a .keras file by name, of bounded size: config.json, model.weights.h5, metadata.json.

    Args:
        path: of the file.
        wanted: what the file should be, for messages.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, has other members, or one that is too large; names the file.
    """
    with archives.opened(path, wanted=wanted, cure=_CURE) as archive:
        members = {member.filename: member for member in archive.infolist()}
        strangers = sorted(members.keys() - _LARGEST.keys())
        missing = sorted({CONFIG, WEIGHTS} - members.keys())
        if strangers or missing:
            raise ValueError(f"an archive with {strangers[0][:40]!r}" if strangers else f"none with {missing[0]}")
        for name, member in members.items():
            archives.check_sizes([member], largest=_LARGEST[name])
        return {name: archive.read(member) for name, member in members.items()}


def parsed(parts: dict[str, bytes], path: str | os.PathLike) -> dict[str, Any]:
    """The configuration of the parts of a file as a dictionary; a ValueError names the file if it is none."""
    try:
        config = json.loads(parts[CONFIG])
        for value in [config, *_dictionaries(config)]:
            if not isinstance(value, dict) or not _is_whole(value, named=value is config):
                raise ValueError("no dictionary with class and arguments")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: {CONFIG} must be the configuration of a model; got {error}. {_CURE}") from None
    return config


def load(path: str | os.PathLike, *, name: str | os.PathLike, kind: type, what: str) -> Any:
    """The model of a .keras file in today's names, built only after its configuration and weights are checked.

    Args:
        path: of the file that is loaded.
        name: of the file for messages, which may be another one.
        kind: class that the model must be of.
        what: what the file must hold, for messages, such as "`solver` must be a solver".

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, of a later format, holds another model or a class that this package does not
            register, or asks for more than its weights are.
    """
    parts = read_parts(path)
    provenance.check(_metadata(parts), name)
    config = parsed(parts, name)
    found = _registered(config)
    if found is None or not issubclass(found, kind):
        raise ValueError(f"{what}; {name} is a {_short_name(config.get('class_name'))}.")
    try:
        held = _held(parts[WEIGHTS])
        _check(config, held)
    except Exception as error:  # HDF5 tells of damage in many kinds of error
        raise ValueError(f"{name} must be a whole model of this package; got {_line(error)}. {_CURE}") from None
    try:
        return keras.saving.load_model(pathlib.Path(path), compile=False, safe_mode=True)
    except Exception as error:  # Keras wraps whatever the constructor says
        raise ValueError(f"{name} must be a model that loads; got {_line(error)}. {_CURE}") from None


def _metadata(parts: dict[str, bytes]) -> dict[str, Any]:
    """What the file says of itself; nothing if that is no dictionary."""
    try:
        told = json.loads(parts.get(METADATA, b"{}"))
    except (ValueError, RecursionError):
        told = {}
    return told if isinstance(told, dict) else {}


def _registered(config: dict[str, Any]) -> type | None:
    """The class of this package that a serialized object names, or None."""
    name = config.get("registered_name")
    if not isinstance(name, str) or name != f"niki_tf>{config.get('class_name')}":
        return None
    found = keras.saving.get_registered_object(name)
    return found if isinstance(found, type) else None


def _check(config: dict[str, Any], held: _Held) -> None:
    """ValueError if a configuration names a class of others, or asks for more than the file's weights."""
    inner = {key: value for key, value in config.items() if key != "compile_config"}
    for value in _dictionaries(inner):
        if {"class_name", "registered_name", "module", "class"} & value.keys():
            _check_object(value)
        _check_numbers(value)
        _check_sizes(value, held)
        _check_named(value, held)


def _is_whole(value: dict[str, Any], *, named: bool) -> bool:
    """Whether a dictionary that names a class, which it must if `named`, has all that an object is serialized to."""
    if not named and "registered_name" not in value:
        return True
    texts = [value.get(key) for key in ("class_name", "module")]
    return all(isinstance(text, str) for text in texts) and isinstance(value.get("config"), dict)


def _dictionaries(value: Any) -> Iterator[dict[str, Any]]:
    """All dictionaries in a configuration, itself included; ValueError if there are too many or too deep."""
    todo, seen = [(value, 0)], 0
    while todo:
        value, depth = todo.pop()
        seen += 1
        if depth > _DEEPEST or seen > _MOST_ITEMS:
            raise ValueError("a configuration that is too long or too deep")
        if isinstance(value, dict):
            yield value
        inside = value.values() if isinstance(value, dict) else value
        todo += [(item, depth + 1) for item in inside if isinstance(item, dict | list)]


def _check_object(value: dict[str, Any]) -> None:
    """ValueError unless a serialized object is one of this package, or a name of numbers' precision."""
    name = _short_name(value.get("class_name"))
    if name == "DTypePolicy" and value.get("module") == "keras" and value.get("registered_name") is None:
        if value.get("config") not in [{"name": policy} for policy in _POLICIES]:
            raise ValueError(f"a precision that is none of {', '.join(_POLICIES)}")
    elif _registered(value) is None:
        raise ValueError(f"the class {name}, which is none of this package's")
    elif value.get("build_config") and value["registered_name"] != _BODY_JOINTS:
        raise ValueError(f"the class {name} with shapes to build")


def _check_numbers(value: dict[str, Any]) -> None:
    """ValueError if an argument is a whole number below zero or above its bound."""
    for key, number in value.items():
        if isinstance(number, int) and key != _IDENTITY:
            most = _LARGEST_NAMED.get(key, _LARGEST_NUMBER)
            if not 0 <= number <= most:
                raise ValueError(f"`{_short_name(key)}` {_short(number)}, of at most {most}")
        elif key in _LARGEST_NAMED or key.endswith("hidden_dim"):
            raise ValueError(f"`{_short_name(key)}` that is no whole number")


def _check_sizes(value: dict[str, Any], held: _Held) -> None:
    """ValueError if the layers that arguments ask for have more weights than the file."""
    asked = [(value.get(count, 0) - less, value.get(width, 0), count, width) for count, width, less in _SQUARE]
    asked += [(1, value[width], width, width) for width in _SINGLE if width in value]
    for layers, size, count, width in asked:
        if layers > held.arrays or max(layers, 0) * size**2 > held.entries:
            text = f"`{count}` {value.get(count)} and `{width}` {value.get(width)}"
            raise ValueError(f"{text} with {held.entries:,} weights in {held.arrays} arrays, which are too few")


def _check_named(value: dict[str, Any], held: _Held) -> None:
    """ValueError if an argument names a network that has more weights than the file."""
    for key, sizes in _NAMED.items():
        asked = value.get(key)
        if isinstance(asked, str) and held.entries < sizes.get(asked, 0):
            raise ValueError(f"`{key}` {asked} with {held.entries:,} weights, which are too few")


def _held(weights: bytes) -> _Held:
    """How much a weights file holds; ValueError if anything in it is not simply there, such as a link elsewhere."""
    arrays = []
    with h5py.File(io.BytesIO(weights), "r") as file:
        todo, seen = [(file, 0)], 0
        while todo:
            group, depth = todo.pop()
            for key in group:
                seen += 1
                if depth > _DEEPEST or seen > _MOST_ITEMS or type(group.get(key, getlink=True)) is not h5py.HardLink:
                    raise ValueError("weights with too many parts, or with links")
                item = group[key]
                if isinstance(item, h5py.Group):
                    todo.append((item, depth + 1))
                else:
                    arrays.append(_array(item))
    if sum(size for _, size in arrays) > len(weights):
        raise ValueError("weights that share their bytes")
    return _Held(sum(entries for entries, _ in arrays), len(arrays))


def _array(item: Any) -> tuple[int, int]:
    """Entries and bytes of an array of a weights file; ValueError if its bytes are not there as they are."""
    if not isinstance(item, h5py.Dataset) or item.external or item.is_virtual or item.chunks or item.dtype.hasobject:
        raise ValueError("weights that are stored in another way than Keras does")
    if item.nbytes > item.id.get_storage_size():
        raise ValueError(f"an array of shape {item.shape} without its bytes")
    return item.size, item.nbytes


def _short(number: int) -> str:
    return f"{number}" if abs(number) < 10**12 else "of many digits"


def _short_name(name: object) -> str:
    return " ".join(str(name)[:40].split())


def _line(error: Exception) -> str:
    """What an error says, in one line of bounded length."""
    text = " ".join(str(error).split()).rstrip(".")
    return text[:200] if isinstance(error, ValueError) and text else f"{type(error).__name__}: {text[:160]}"
