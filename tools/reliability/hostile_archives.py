"""Attacks by .npz and .npy files: on bodies, motion, joints and the checkpoints of a training."""

import json
import os
import pathlib
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import materials
import numpy as np
from materials import Materials, archive, header, npy
from outcomes import Case

_HUGE = 2.0
"""Gigabytes that a bomb unpacks to."""


class _Touch:
    """Makes the canary when it is unpickled."""

    def __init__(self, canary: pathlib.Path) -> None:
        self._command = f"touch {canary}"

    def __reduce__(self) -> Any:
        return os.system, (self._command,)


def _case(name: str, write: Callable[[pathlib.Path], None], ending: str = ".npz", wanted: str = "refused") -> Case:
    return Case(name, write, ending, wanted)


def _content(content: bytes) -> Callable[[pathlib.Path], None]:
    return lambda path: path.write_bytes(content) and None


def _saved(arrays: dict[str, Any], *, packed: bool = False) -> Callable[[pathlib.Path], None]:
    def write(path: pathlib.Path) -> None:
        with path.open("wb") as file:
            (np.savez_compressed if packed else np.savez)(file, **arrays)

    return write


def _attacks(whole: dict[str, np.ndarray], key: str, canary: pathlib.Path) -> Iterator[Case]:
    """Attacks on any .npz file, by the array `key` of the arrays `whole`."""
    members = {f"{name}.npy": npy(array) for name, array in whole.items()}
    others = {name: content for name, content in members.items() if name != f"{key}.npy"}
    shape = (int(_HUGE * 2**27) // 72, 72)

    def with_(content: bytes) -> Callable[[pathlib.Path], None]:
        return lambda path: archive(path, others | {f"{key}.npy": content})

    yield _case("bomb", lambda path: materials.zeros(path, others, f"{key}.npy", header(shape), _HUGE))
    yield _case("header of a terabyte", with_(header((10**9, 137))))
    yield _case("header of a body of no size", with_(header((0, 10**18))))
    yield _case("header with more", with_(header((9, 9)) + bytes(80)))
    yield _case("negative shape", with_(header((-1, 72)) + bytes(800)))
    yield _case("text of two gigabytes", with_(header((1,), "|S2000000000")))
    yield _case("pickled code", with_(npy(np.array([_Touch(canary)], object))))
    yield _case("pickled file", _content(pickle.dumps(_Touch(canary))))
    yield _case("complex", with_(npy(np.zeros([3, 72], complex))))
    yield _case("no array", with_(b"text"))
    yield _case("deep header", with_(b"\x93NUMPY\x01\x00" + struct.pack("<H", 9000) + b"(" * 9000))
    yield _case("long member name", lambda path: archive(path, members | {"a" * 60_000: b""}), wanted="either")
    yield _case("name with a path", lambda path: archive(path, members | {"../../../etc/x.npy": b""}), wanted="either")
    yield _case("shared bytes", lambda path: _share(path, members))
    yield _case("many members", lambda path: _many(path), wanted="refused")
    yield _case("encrypted", lambda path: _flag(path, members, 6 + 2, 1))
    yield _case("unknown packing", lambda path: _flag(path, members, 8 + 2, 99))
    yield _case("long name before a member", lambda path: _flag(path, members, 26, 60_000, start=b"PK\x03\x04"))
    yield _case("long kind", with_(header((1,), "|" + 9000 * "\n")))
    yield _case("bzip2", lambda path: archive(path, members, zipfile.ZIP_BZIP2), wanted="either")
    yield _case("empty", _content(b""))
    yield _case("text", _content(b"joints"))
    yield _case("no member", _content(b"PK\x05\x06" + bytes(18)))
    yield _case("single array", _content(npy(np.zeros([4, 7]))))
    yield _case("folder", lambda path: path.mkdir())


def _share(path: pathlib.Path, members: dict[str, bytes]) -> None:
    """Two hundred entries of the directory that lead to the same bytes, as in a bomb that needs no ratio."""
    archive(path, {**members, "big.npy": header((10**6,)) + np.random.default_rng(0).bytes(8 * 10**6)})
    content = path.read_bytes()
    end = content.rindex(b"PK\x05\x06")
    start = struct.unpack_from("<I", content, end + 16)[0]
    directory = content[start:end]
    count = struct.unpack_from("<H", content, end + 10)[0]
    tail = bytearray(content[end:])
    struct.pack_into("<HHI", tail, 8, 200 * count, 200 * count, 200 * len(directory))
    path.write_bytes(content[:start] + 200 * directory + tail)


def _many(path: pathlib.Path) -> None:
    """A directory of two million members, sixty megabytes."""
    entry = b"PK\x01\x02" + bytes(24) + struct.pack("<H", 1) + bytes(16) + b"a"
    count, size = 2_000_000, 2_000_000 * len(entry)
    end = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, size, 0)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, size, 1)
    path.write_bytes(
        count * entry
        + end
        + locator
        + b"PK\x05\x06"
        + struct.pack("<HHHHIIH", 0, 0, 2**16 - 1, 2**16 - 1, 2**32 - 1, 2**32 - 1, 0)
    )


def _flag(
    path: pathlib.Path, members: dict[str, bytes], place: int, value: int, *, start: bytes = b"PK\x01\x02"
) -> None:
    """An archive whose directory, or what begins so, says something else of all members."""
    archive(path, members)
    content = bytearray(path.read_bytes())
    found = content.find(start)
    while found >= 0:
        struct.pack_into("<H", content, found + place, value)
        found = content.find(start, found + 4)
    path.write_bytes(content)


def bodies(made: Materials) -> Iterator[Case]:
    """Attacks by body .npz files."""
    whole = materials.body_arrays()
    yield from _attacks(whole, "posedirs", made.canary)
    yield _case("two betas more", _saved(whole | {"shapedirs": np.zeros([6890, 3, 12], np.float32)}), wanted="right")
    yield _case("other mesh", _saved(whole | {"v_template": np.zeros([10475, 3])}))
    yield _case("other tree", _saved(whole | {"kintree_table": np.zeros([2, 24], np.int64)}))
    yield _case("tree of 1e300", _saved(whole | {"kintree_table": np.full([2, 24], 1e300)}))
    yield _case("not finite", _saved(whole | {"v_template": np.full([6890, 3], np.nan)}))
    yield _case("missing key", _saved({name: array for name, array in whole.items() if name != "f"}))


def motions(made: Materials) -> Iterator[Case]:
    """Attacks by motion files."""
    with np.load(made.path("motion.npz")) as file:
        whole = dict(file)
    yield from _attacks(whole, "poses", made.canary)
    frames = 100_000
    long = {"poses": np.zeros([frames, 156]), "trans": np.zeros([frames, 3]), "mocap_framerate": 120.0}
    long["poses"][:, :66] = np.random.default_rng(0).normal(0, 0.1, [frames, 66])
    yield _case("100,000 frames", _saved(long), wanted="right")
    yield _case("100,000 frames, packed", _saved(long, packed=True), wanted="right")
    for name, rate in (("frame time", 0.0083), ("tiny", 1e-12), ("huge", 1e12), ("zero", 0.0), ("not finite", np.nan)):
        yield _case(f"rate: {name}", _saved(long | {"mocap_framerate": rate}))
    times = {"times": np.append(np.arange(39) / 30, 1e10)}
    yield _case("a gap of 300 years", _saved(whole | times), wanted="either")
    yield _case(
        "a day without frames", _saved(whole | {"times": np.append(np.arange(39) / 30, 86_400)}), wanted="either"
    )
    yield _case("poses of 1e38", _saved(whole | {"poses": np.full([40, 72], 1e38)}), wanted="either")
    yield _case("trans of 1e300", _saved(whole | {"trans": np.full([40, 3], 1e300)}), wanted="either")
    yield _case("not finite", _saved(whole | {"poses": np.full([40, 72], np.nan)}))
    yield _case("no frames", _saved(whole | {"poses": np.zeros([0, 72]), "trans": np.zeros([0, 3])}))
    yield _case("other length", _saved(whole | {"trans": np.zeros([39, 3])}))
    yield _case("text in up", _saved(whole | {"up": np.array("x" * 10**6)}), wanted="either")
    yield _case("million betas", _saved(whole | {"betas": np.zeros(10**6)}), wanted="either")


def joints(made: Materials) -> Iterator[Case]:
    """Attacks by files of joints."""
    with np.load(made.path("joints.npz")) as file:
        whole = dict(file)
    yield from _attacks(whole, "joints", made.canary)
    for name, rate in (("frame time", 0.0083), ("huge", 1e12), ("two", [30, 60])):
        yield _case(f"rate: {name}", _saved(whole | {"fps": rate}))
    yield _case("infinite", _saved(whole | {"joints": np.full([20, 29, 3], np.inf)}))
    yield _case("no frames", _saved(whole | {"joints": np.zeros([0, 29, 3])}))
    yield _case("a million points", _saved(whole | {"joints": np.zeros([1, 10**6, 3])}))
    yield _case("npy: header of a terabyte", _content(header((10**9, 29, 3))), ".npy")
    yield _case("npy: pickled code", _content(npy(np.array([made.canary and _Touch(made.canary)], object))), ".npy")
    yield _case("npy: single pickle", _content(npy(np.array(_Touch(made.canary), object))), ".npy")
    yield _case("npy: laughs", _content(npy(np.array({"joints": _laughs()}, object))), ".npy")
    yield _case("json: deep", _content(b"[" * 10**6), ".json")
    yield _case("json: digits", _content(b'{"joints": [[[' + b"9" * 10**6 + b", 0, 0]]]}"), ".json")
    yield _case("json: infinite", _content(json.dumps({"joints": [[[1e999, 0, 0]] * 17]}).encode()), ".json")
    yield _case("json: a long name", _content(json.dumps({"x\n" * 10**5: [[[0.0, 0, 0]] * 29]}).encode()), ".json")
    yield _case("csv: one long line", _content(b"x," * 10**6), ".csv")
    yield _case(
        "bvh: frames of a billion", _content(_BVH.replace(b"Frames: 1", b"Frames: 999999999")), ".bvh", "either"
    )
    yield _case("bvh: deep", _content(b"HIERARCHY\nROOT a\n{\n" + b"JOINT b\n{\n" * 10**5), ".bvh")
    rate = _BVH.replace(b"Frames: 1", b"Frames: 2").replace(b"0.0333", b"30") + b"0 0 0 0 0 0\n"
    yield _case("bvh: rate for time", _content(rate), ".bvh")


def _laughs() -> list[Any]:
    """Lists of ten times the same list, nine deep: few bytes, a billion entries."""
    inside: list[Any] = [0.0]
    for _ in range(9):
        inside = [inside] * 10
    return inside


_BVH = b"""HIERARCHY
ROOT Hips
{
 OFFSET 0 0 0
 CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
 End Site
 {
  OFFSET 0 1 0
 }
}
MOTION
Frames: 1
Frame Time: 0.0333
0 0 0 0 0 0
"""


def checkpoints(made: Materials) -> Iterator[Case]:
    """Attacks by checkpoints of a training; the one of the step before is whole."""
    with np.load(made.path("checkpoint.npz")) as file:
        whole = dict(file)
    yield from _attacks(whole, "model/0000", made.canary)
    yield _case("missing array", _saved({name: array for name, array in whole.items() if name != "model/0000"}))
