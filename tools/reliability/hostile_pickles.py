"""Attacks by pickles: body files, and checkpoints of PyTorch."""

import io
import os
import pathlib
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import materials
from materials import Materials, archive
from outcomes import Case

_GLOBAL = b"c%s\n%s\n"
_ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nI0\ntS'b'\ntR"
"""Makes an empty array."""
_LINES = "x\n" * 10**5
"""A name that no line of a message holds."""
_KEYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "f", "kintree_table")


def _case(name: str, content: bytes, ending: str, wanted: str = "refused") -> Case:
    return Case(name, _content(content), ending, wanted)


def _content(content: bytes) -> Callable[[pathlib.Path], None]:
    return lambda path: path.write_bytes(content) and None


def _text(text: str) -> bytes:
    return b"X" + struct.pack("<I", len(text)) + text.encode()


def _code(canary: pathlib.Path) -> dict[str, bytes]:
    """Pickles that make the canary if what they name is called."""
    command, source = f"touch {canary}", f"open({str(canary)!r}, 'w').close()"
    call = b"c%s\n%s\n(" + b"%s" + b"tR."
    return {
        "os.system": call % (b"os", b"system", _text(command)),
        "posix.system": call % (b"posix", b"system", _text(command)),
        "subprocess": call % (b"subprocess", b"getoutput", _text(command)),
        "eval": call % (b"builtins", b"eval", _text(source)),
        "exec of Python 2": call % (b"__builtin__", b"exec", _text(source)),
        "by attributes": call % (b"builtins", b"getattr", b"cos\nsystem\n" + _text("__call__")),
        "numpy's loader": call % (b"numpy", b"load", _text("/etc/passwd")),
        "numpy's runner": call % (b"numpy.testing._private.utils", b"runstring", _text(source) + b"}"),
        "chumpy by path": call % (b"chumpy.ch", b"os.system", _text(command)),
        "instance": b"(" + _text(command) + b"ios\nsystem\n.",
        "new object": b"\x80\x02cos\nsystem\n" + _text(command) + b"\x85\x81.",
        "stacked name": b"\x80\x04" + _text("os") + _text("system") + b"\x93" + _text(command) + b"\x85R.",
        "inside an array": b"}" + _text("f") + call[:-1] % (b"os", b"system", _text(command)) + b"s.",
        "extension": b"\x80\x02\x82\x01.",
        "persistent": b"Pos.system\n.",
    }


def _sized() -> dict[str, bytes]:
    """Small pickles that ask for much memory or time."""
    state = b"(I1\n(I8900000000\ntcnumpy\ndtype\n(S'u1'\nI0\nI1\ntRI00\nI8900000000\ntb"
    sparse = _sparse(10**8, 53)
    laugh = b"]" + b"".join(b"(%stq%c" % (b"h%c" % (n - 1) * 10 if n else b"N" * 10, n) for n in range(9)) + b"0."
    return {
        "a number for bytes": b"}" + _text("v_template") + _ARRAY + state + b"s.",
        "stored at two billion": b"]r\xff\xff\xff\x7f.",
        "stored at 400 million": b"]r" + struct.pack("<I", 400_000_000) + b".",
        "stored as text": b"]p999999999\n.",
        "stored at zero less": b"]p-5\n.",
        "dense matrices": b"}(" + b"".join(_text(key) + sparse for key in _KEYS) + b"u.",
        "bytes of eight gigabytes": b"\x80\x05\x96" + struct.pack("<Q", 2**33) + b"abc.",
        "text of an exabyte": b"\x80\x04\x8d" + struct.pack("<Q", 2**60) + b"abc.",
        "frame of a terabyte": b"\x80\x04\x95" + struct.pack("<Q", 2**40) + b"abc.",
        "number of two gigabytes": b"\x80\x02\x8b\xff\xff\xff\x7f.",
        "a million lists": b"(" + b"]" * 10**6 + b"l.",
        "five million steps": b"N0" * 25 * 10**5 + b"N.",
        "laughs": laugh,
        "text made to bytes": b"\x80\x02" + _text("x" * 10**6) + b"q\x00](" + _ENCODED * 20_000 + b"e.",
        "sets": b"\x80\x02](" + b"N" * 10**5 + b"eq\x00](" + b"cbuiltins\nset\nh\x00\x85R" * 20_000 + b"e.",
        "a hundred thousand names": b"".join(b"cchumpy.a\nb%d\n0" % n for n in range(10**5)) + b"N.",
        "digits": b"L" + b"9" * 10**6 + b"L\n.",
        "deep": b"]" * 10**5 + b"a" * (10**5 - 1) + b".",
        "a long name": b"\x80\x04" + _text(_LINES) + _text(_LINES) + b"\x93.",
        "a long name of chumpy": b"}" + _text("v_template") + b"cchumpy.a\n" + b"b" * 10**5 + b"\n)Rs.",
    }


_ENCODED = b"c_codecs\nencode\nh\x00\x85R"


def _sparse(rows: int, columns: int) -> bytes:
    """A sparse matrix without entries, of a shape that would be huge."""
    none = _ARRAY + b"(I1\n(I0\ntcnumpy\ndtype\n(S'f8'\nI0\nI1\ntRI00\nS''\ntb"
    starts = _ARRAY + b"(I1\n(I%d\ntcnumpy\ndtype\n(S'i4'\nI0\nI1\ntRI00\nS'%s'\ntb" % (
        columns + 1,
        b"\\x00" * 4 * (columns + 1),
    )
    parts = {"data": none, "indices": none, "indptr": starts, "_shape": b"(I%d\nI%d\nt" % (rows // columns, columns)}
    body = b"".join(_text(key) + part for key, part in parts.items())
    return b"cscipy.sparse.csc\ncsc_matrix\n)R}(" + body + b"ub"


def bodies(made: Materials) -> Iterator[Case]:
    """Attacks by body pickles."""
    ending, whole = ".pkl", materials.body_arrays()
    for name, content in {**_code(made.canary), **_sized()}.items():
        yield _case(name, content, ending)
    yield _case("protocol 0", pickle.dumps(whole, 0), ending, "right")
    yield _case("protocol 5", pickle.dumps(whole, 5), ending, "right")
    yield _case("other mesh", pickle.dumps(whole | {"v_template": whole["v_template"][:100]}), ending)
    yield _case("in itself", b"}q\x00" + _text("v_template") + b"h\x00s.", ending)
    yield _case("chumpy in itself", b"}" + _text("f") + b"cchumpy.ch\nCh\n)Rq\x00}" + _text("x") + b"h\x00sbs.", ending)
    yield _case("a list", pickle.dumps([1, 2]), ending)
    yield _case("empty", b"", ending)
    yield _case("an archive", b"PK\x03\x04" + bytes(40), ending)
    yield Case("folder", lambda path: path.mkdir(), ending, "refused")


def published(made: Materials) -> Iterator[Case]:
    """Attacks by checkpoints of PyTorch, as pickles alone and in its archives."""
    ending, whole = ".pth", made.path("published.pth")
    with zipfile.ZipFile(whole) as file:
        members = {name: file.read(name) for name in file.namelist()}
    (inside,) = [name for name in members if name.endswith("data.pkl")]
    for name, content in {**_code(made.canary), **_sized()}.items():
        yield _case(f"alone: {name}", content, ending)
        yield Case(f"archive: {name}", _archived(members | {inside: content}), ending, "refused")
    yield from (Case(name, write, ending, "refused") for name, write in _by_torch(made).items())
    others = {name: content for name, content in members.items() if name != inside}
    yield Case("bomb", lambda path: materials.zeros(path, others, inside, b"", 2.0), ending, "refused")
    yield _case("empty", b"", ending)
    yield Case("folder", lambda path: path.mkdir(), ending, "refused")


def _archived(members: dict[str, bytes]) -> Callable[[pathlib.Path], None]:
    return lambda path: archive(path, members, zipfile.ZIP_STORED)


def _by_torch(made: Materials) -> dict[str, Callable[[pathlib.Path], None]]:
    """Files that PyTorch writes, of dictionaries that are no checkpoint."""
    del made

    def saved(change: Callable[[Any, dict[str, Any]], Any]) -> Callable[[pathlib.Path], None]:
        return lambda path: path.write_bytes(_in_child(change)) and None

    def itself(torch: Any, tensors: dict[str, Any]) -> Any:
        del torch
        tensors["model"] = tensors
        return tensors

    return {
        "in itself": saved(itself),
        "layer 999999999": saved(lambda t, d: d | {"regressor.flow.s.999999999.0.bias": t.zeros(7)}),
        "layer of many digits": saved(lambda t, d: d | {f"regressor.flow.s.{'9' * 5000}.0.bias": t.zeros(7)}),
        "expanded": saved(lambda t, d: d | {"regressor.flow.mask": t.zeros(1).expand(10**5, 10**5)}),
        "sparse": saved(lambda t, d: d | {"regressor.flow.mask": t.zeros(2, 176).to_sparse()}),
        "meta": saved(lambda t, d: d | {"regressor.flow.mask": t.zeros(2, 176, device="meta")}),
        "complex": saved(lambda t, d: d | {"regressor.flow.mask": t.zeros(2, 176, dtype=t.complex64)}),
        "not finite": saved(lambda t, d: d | {"regressor.flow.s.0.0.bias": t.full([7], float("nan"))}),
        "a list": saved(lambda t, d: [*d.values()]),
        "numbers for names": saved(lambda t, d: dict(enumerate(d.values()))),
        "text": saved(lambda t, d: d | {"regressor.flow.mask": "x"}),
        "nothing": saved(lambda t, d: {}),
        "a long name": saved(lambda t, d: d | {_LINES: t.zeros(2)}),
        "text of a long name": saved(lambda t, d: d | {_LINES: "x"}),
    }


def _in_child(change: Callable[[Any, dict[str, Any]], Any]) -> bytes:
    """What PyTorch writes of a changed state dict, by a process of its own, as it starts threads."""
    listen, tell = os.pipe()
    child = os.fork()
    if not child:
        import numpy as np
        import torch

        tensors = {name: torch.from_numpy(a) for name, a in materials.published(np.random.default_rng(0)).items()}
        buffer = io.BytesIO()
        torch.save(change(torch, tensors), buffer)
        with os.fdopen(tell, "wb") as pipe:
            pipe.write(buffer.getvalue())
        os._exit(0)
    os.close(tell)
    with os.fdopen(listen, "rb") as pipe:
        content = pipe.read()
    os.waitpid(child, 0)
    return content
