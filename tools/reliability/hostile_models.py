"""Attacks by .keras files: configurations, weights and the archive around them."""

import io
import json
import pathlib
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import h5py
import materials
import numpy as np
from materials import Materials, archive
from outcomes import Case

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_Parts = dict[str, bytes]


def models(made: Materials) -> Iterator[Case]:
    """Attacks by .keras files."""
    with zipfile.ZipFile(made.path("model.keras")) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    yield from _copied(made)
    for name, change in _CHANGES.items():
        yield _case(name, {**parts, _CONFIG: _changed(parts[_CONFIG], change)})
    for name, content in _CONTENTS.items():
        yield _case(f"config: {name}", {**parts, _CONFIG: content})
    for name, spoil in _SPOILED.items():
        yield _case(f"weights: {name}", {**parts, _WEIGHTS: _rewritten(parts[_WEIGHTS], spoil)})
    yield _case("weights: none", {name: part for name, part in parts.items() if name != _WEIGHTS})
    yield _case("weights: text", {**parts, _WEIGHTS: b"weights"})
    yield _case("weights: cut", {**parts, _WEIGHTS: parts[_WEIGHTS][:2000]})
    yield _case("assets", {**parts, "assets/../../x": b"x"})
    for bomb, size in ((_CONFIG, 2.0), (_WEIGHTS, 4.0)):
        others = {name: part for name, part in parts.items() if name != bomb}
        yield _file(f"bomb in {bomb}", lambda path, o=others, b=bomb, s=size: materials.zeros(path, o, b, b"", s))
    yield _file("no archive", lambda path: path.write_bytes(b"model") and None)
    yield _file("empty", lambda path: path.touch())
    yield _file("folder", lambda path: path.mkdir())
    yield _file("not there", lambda path: None)


def _file(name: str, write: Callable[[pathlib.Path], None]) -> Case:
    return Case(name, write, ".keras", "refused")


def _case(name: str, parts: _Parts) -> Case:
    return _file(name, lambda path: archive(path, parts, zipfile.ZIP_STORED))


def _copied(made: Materials) -> Iterator[Case]:
    for name in ("sequential.keras", "lambda.keras"):
        yield _file(name, lambda path, name=name: path.write_bytes(made.path(name).read_bytes()) and None)


def _changed(content: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    config = json.loads(content)
    change(config)
    return json.dumps(config).encode()


def _argument(**changed: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda config: config["config"].update(changed)


def _named(module: str, name: str) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": {"name": "x"}, "registered_name": None}


_LAMBDA = {"class_name": "__lambda__", "config": {"value": ["4wEAAAA=", None, None]}}
_CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a million couplings": _argument(num_couplings=10**6),
    "couplings below zero": _argument(num_couplings=-4),
    "couplings that are text": _argument(num_couplings="2"),
    "couplings of 1e400": _argument(num_couplings=10**400),
    "hidden of a million": _argument(hidden_dim=10**6),
    "hidden of 8000": _argument(hidden_dim=8000),
    "a billion finish steps": _argument(refine=10**9),
    "code of 100,000": _argument(condition_size=10**5),
    "embedding flow of a million": _argument(embedding_couplings=10**6),
    "embedding flow of 5000": _argument(embedding_couplings=8, embedding_hidden_dim=5000),
    "unknown argument": _argument(nothing=1),
    "an argument of a long name": _argument(**{"x\n" * 10**5: 1}),
    "a class of a long name": lambda c: c.update(class_name="x\n" * 10**5, registered_name="x\n" * 10**5),
    "a module of a long name": lambda c: c.update(module="x\n" * 10**5, registered_name=None),
    "mask of text": _argument(masks=["x"]),
    "reference of nothing": _argument(reference=[]),
    "joints of a million": lambda c: c["config"]["body_joints"]["config"].update(joints=[[0.0, 0.0, 0.0]] * 10**6),
    "body of another class": _argument(body_joints=_named("subprocess", "Popen")),
    "precision of another class": _argument(dtype=_named("os", "system")),
    "lambda": _argument(dtype=_LAMBDA),
    "no class": lambda c: c.pop("class_name"),
    "no arguments": lambda c: c.pop("config"),
    "unknown class": lambda c: c.update(class_name="Nothing", registered_name="niki_tf>Nothing"),
    "a layer of the package": lambda c: c.update(class_name="Flow", registered_name="niki_tf>Flow"),
    "class of os": lambda c: c.update(module="os", class_name="system", registered_name=None),
    "shapes of a billion": lambda c: c.update(build_config={"input_shape": [10**9, 29, 3]}),
    "optimiser": lambda c: c.update(build_config={"shapes_dict": {"a": [10**9]}}),
}
_CONTENTS: dict[str, bytes] = {
    "empty": b"",
    "list": b"[]",
    "deep": b"[" * 10**6,
    "deep in a model": b'{"config": ' * 10**5,
    "digits": b'{"config": ' + b"9" * 10**6 + b"}",
    "a hundred megabytes": b'{"config": "' + b"x" * 10**8 + b'"}',
    "bytes": bytes(range(128, 256)),
}


def _rewritten(weights: bytes, spoil: Callable[[h5py.File], Any]) -> bytes:
    buffer = io.BytesIO(weights)
    with h5py.File(buffer, "r+") as file:
        spoil(file)
    return buffer.getvalue()


def _in_place(file: h5py.File, **stored: Any) -> None:
    """Stores the first array in another way."""
    found: list[str] = []
    file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    del file[found[0]]
    file.create_dataset(found[0], **stored)


_SPOILED: dict[str, Callable[[h5py.File], Any]] = {
    "claimed, not there": lambda file: _in_place(file, shape=[10**9], dtype="f4"),
    "four gigabytes of zeros": lambda file: _in_place(
        file, shape=[10**9], dtype="f4", chunks=(10**6,), compression="gzip", fillvalue=1.0
    ),
    "in another file": lambda file: _in_place(file, shape=[40], dtype="u1", external=[("/etc/passwd", 0, 40)]),
    "link to another file": lambda file: file.update({"x": h5py.ExternalLink("/etc/passwd", "/")}),
    "link to itself": lambda file: file.update({"x": file["/"]}),
    "text": lambda file: _in_place(file, data="x" * 100),
    "another shape": lambda file: _in_place(file, data=np.zeros([3, 5], np.float32)),
    "thousand groups": lambda file: [file.create_group("a/" * n) for n in range(1, 200)],
}
