"""Parts of a soak: exported solvers, called from many threads at once, against the answers that one thread gave."""

import json
import pathlib
import random
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from answers import apart
from soak_motion import Answer, Sizes, joints_of
from soak_tally import Tally
from tensorflow.core.protobuf import saved_model_pb2

from niki_tf import export
from niki_tf.solvers import zoo

_SOLVER = "one_stage"
_EXAMPLES, _MOST = 64, 4
"""Examples, and the most poses of one; the program in C knows both."""
_EDGE = 1000
_SOURCE = pathlib.Path(__file__).with_name("soak_saved_model.c")

Call = Callable[[np.ndarray], Answer]


def examples(seed: int) -> list[np.ndarray]:
    """Batches of 1 to 4 poses (n, 29, 3)."""
    joints = joints_of(seed, _EXAMPLES * _MOST).reshape(_EXAMPLES, _MOST, 29, 3)
    return [some[: 1 + k % _MOST] for k, some in enumerate(joints)]


def saved_model(sizes: Sizes) -> dict[str, float]:
    """A SavedModel in Python, one for all threads."""
    with tempfile.TemporaryDirectory() as folder:
        exported = export.load_saved_model(export.write_saved_model(zoo.load(_SOLVER), folder))
    return _hammered([lambda joints: exported(joints=joints)] * sizes.threads, sizes)


def litert(sizes: Sizes) -> dict[str, float]:
    """A LiteRT file, which each thread has loaded for itself."""
    with tempfile.TemporaryDirectory() as folder:
        path = _litert_file(folder)
        return _hammered([_calling(export.load_litert(path)) for _ in range(sizes.threads)], sizes)


def litert_shared(sizes: Sizes) -> dict[str, float]:
    """A LiteRT file that is loaded once for all threads."""
    with tempfile.TemporaryDirectory() as folder:
        return _hammered([_calling(export.load_litert(_litert_file(folder)))] * sizes.threads, sizes)


def _calling(exported: export.Exported) -> Call:
    return lambda joints: exported(joints=joints)


def _litert_file(folder: str) -> pathlib.Path:
    path = pathlib.Path(folder) / "model.tflite"
    path.write_bytes(export.litert(zoo.load(_SOLVER)))
    return path


def _hammered(calls: Sequence[Call], sizes: Sizes) -> dict[str, float]:
    """What threads find that call for so many seconds, each its own of `calls`, with examples at random."""
    batches = examples(sizes.seed)
    wanted = [calls[0](joints) for joints in batches]
    for call in calls:
        call(batches[0])
    tally, until, broken = Tally(_EDGE), time.monotonic() + sizes.seconds, []

    def work(number: int) -> None:
        rng = random.Random(sizes.seed * len(calls) + number)
        try:
            while time.monotonic() < until:
                k = rng.randrange(_EXAMPLES)
                began = time.monotonic()
                answer = calls[number](batches[k])
                seconds = time.monotonic() - began
                tally.add(apart(wanted[k], answer), seconds)
        except Exception as error:
            broken.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if broken:
        raise broken[0]
    return tally.row()


def c_api(sizes: Sizes) -> dict[str, float]:
    """A SavedModel in a program in C, by TensorFlow's C API out of the Python package."""
    with tempfile.TemporaryDirectory() as folder:
        program = _compiled(pathlib.Path(folder) / "soak")
        model = export.write_saved_model(zoo.load(_SOLVER), folder)
        names = _tensor_names(model, "joints", "body_pose")
        joints = joints_of(sizes.seed, _EXAMPLES * _MOST)
        command = [program, model, *names, sizes.threads, sizes.seconds, sizes.seed]
        found = subprocess.run([str(word) for word in command], input=joints.tobytes(), capture_output=True)
    if found.returncode:
        raise RuntimeError(f"{_SOURCE.name} ended with {found.returncode}: {found.stderr.decode()[-1000:]}")
    row: dict[str, float] = json.loads(found.stdout)
    return row


def _compiled(program: pathlib.Path) -> pathlib.Path:
    compiler, package = shutil.which("gcc") or shutil.which("cc"), pathlib.Path(tf.__file__).parent
    if compiler is None:
        raise RuntimeError(f"{_SOURCE.name} needs a compiler of C; there is neither gcc nor cc")
    libraries = ["-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2", f"-Wl,-rpath,{package}"]
    libraries += ["-fuse-ld=gold"] if shutil.which("ld.gold") else []  # seconds less than the usual one
    options = [f"-I{package / 'include'}", f"-L{package}", *libraries, "-O2", "-Wall", "-pthread", "-lm"]
    subprocess.run([compiler, str(_SOURCE), *options, "-o", str(program)], check=True)
    return program


def _tensor_names(model: pathlib.Path, source: str, result: str) -> tuple[str, str]:
    """What the graph of the signature `ik` calls an input and an output."""
    read: Any = saved_model_pb2.SavedModel()
    read.ParseFromString((model / "saved_model.pb").read_bytes())
    ik = read.meta_graphs[0].signature_def["ik"]
    return ik.inputs[source].name, ik.outputs[result].name
