"""Attacks by the text files of trainings: run.json and flag files."""

import json
import pathlib
from collections.abc import Callable, Iterator

import hostile_readers
from materials import Materials
from outcomes import Case


def _case(name: str, content: bytes, ending: str, wanted: str = "refused") -> Case:
    return Case(name, _content(content), ending, wanted)


def _content(content: bytes) -> Callable[[pathlib.Path], None]:
    return lambda path: path.write_bytes(content) and None


def records(made: Materials) -> Iterator[Case]:
    """Attacks by run.json."""
    del made
    whole, ending = hostile_readers.whole_record(), ".json"
    texts = {
        "empty": b"",
        "text": b"flags",
        "list": b"[]",
        "number": b"7",
        "null": b"null",
        "flags are a list": b'{"flags": [1]}',
        "flags are null": b'{"flags": null}',
        "no flags": b'{"versions": {}}',
        "bytes": bytes(range(128, 256)),
        "zeros": bytes(300),
        "deep": b"[" * 10**6,
        "digits": b'{"flags": {"steps": ' + b"9" * 10**6 + b"}}",
        "three megabytes": whole + b" " * (3 * 2**20),
        "UTF-16": whole.decode().encode("utf-16"),
        "not a number": b'{"flags": {"steps": NaN, "solver": "mlp"}}',
        "nothing in it": b'{"flags": {}}',
        "a long value": json.dumps({"flags": {"steps": "x\n" * 10**5}}).encode(),
        "a long name": json.dumps({"flags": {"x\n" * 10**5: 1}}).encode(),
    }
    taken = ("not a number", "nothing in it", "UTF-16", "three megabytes", "a long name")
    for name, content in texts.items():
        wanted = "either" if name in taken else "refused"
        yield _case(name, content, ending, wanted)
    yield Case("folder", lambda path: path.mkdir(), ending, "refused")
    yield Case("leads to itself", lambda path: path.symlink_to(path), ending)


def flag_files(made: Materials) -> Iterator[Case]:
    """Attacks by flag files."""
    whole, ending = made.path("train.flags").read_bytes(), ".flags"
    texts = {
        "unknown flag": whole + b"--no_such_flag=3\n",
        "text for a number": whole + b"--steps=many\n",
        "number out of range": whole + b"--window=-4\n",
        "unknown kind": whole + b"--solver=nothing\n",
        "a long kind": whole + b"--solver=" + b"n" * 10**5 + b"\n",
        "a long word for a number": whole + b"--steps=" + b"n" * 10**5 + b"\n",
        "number without end": whole + b"--steps=" + b"9" * 10**5 + b"\n",
        "bytes": bytes(range(128, 256)),
        "zeros": bytes(300),
        "a long line": b"--" + b"a" * 10**6,
        "hundred thousand flags": whole + b"--steps=7\n" * 10**5,
        "two megabytes of nothing": whole + b"\n" * (2 * 2**20),
        "words": b"these are no flags\n",
        "another file": whole + b"--flagfile=/dev/zero\n",
        "a missing file": whole + b"--flagfile=/nowhere/x.flags\n",
        "bool with a value": whole + b"--freeze_spatial=maybe\n",
    }
    right = ("two megabytes of nothing", "hundred thousand flags", "words", "zeros", "bytes")
    for name, content in texts.items():
        yield _case(name, content, ending, "either" if name in right else "refused")
    yield Case("itself", lambda path: path.write_text(f"--flagfile={path}\n") and None, ending, "either")
    yield Case("folder", lambda path: path.mkdir(), ending, "refused")
    yield Case("not there", lambda path: None, ending, "refused")
    yield Case("an endless file", lambda path: path.symlink_to("/dev/zero"), ending, "refused")
