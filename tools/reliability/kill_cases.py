"""The programs that are killed: small tasks for each, and how their files are read and compared."""

import csv
import functools
import json
import os
import pathlib
import subprocess
import sys
import zipfile
from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import numpy as np

from niki_tf import body, io, motion, solvers
from niki_tf.motion import joint_positions
from niki_tf.skeletons.rest import rest_joints
from niki_tf.solvers import zoo

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ENVIRONMENT = os.environ | {
    "PYTHONPATH": str(ROOT),
    "CUDA_VISIBLE_DEVICES": "",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    **dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1"),
}
"""Of the programs: one thread, so that answers are the same to the bit."""
_TRAINING = (
    "--solver=mlp",
    "--num_layers=1",
    "--hidden_dim=8",
    "--batch_size=4",
    "--steps=60",
    "--warmup_steps=5",
    "--save_every=20",
)


class Case(NamedTuple):
    """A program that is killed."""

    name: str
    share: float
    """Of all kills."""
    flags: tuple[str, ...]
    """But that of the output folder."""
    output: str = "output"
    """Name of that flag."""
    folders: tuple[str, ...] = ()
    """In the output folder, each there whole or not at all."""


class Server:
    """The process that the programs are forked from, see kill_server.py; a context manager."""

    def __enter__(self) -> "Server":
        command = [sys.executable, str(pathlib.Path(__file__).with_name("kill_server.py"))]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, stdin=pipe, stdout=pipe, text=True)
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()

    def run(self, **order: object) -> tuple[int, float]:
        """Status and seconds of a program."""
        print(json.dumps(order), file=self._process.stdin, flush=True)
        status, seconds = json.loads(self._process.stdout.readline())
        return status, seconds


def cases(folder: pathlib.Path) -> list[Case]:
    """The programs, with the small inputs that `write_inputs` makes in the folder."""
    clips, model = folder / "motion", folder / "model"
    solve = ("--model=analytic", "--finish=off", "--format=npz", "--format=png", "--format=bvh")
    return [
        Case("train", 0.6, (f"--source={clips}", *_TRAINING), output="workdir"),
        Case("solve", 0.1, (f"--input={folder / 'joints'}", *solve)),
        Case("evaluate", 0.1, (f"--motion={clips}", "--stride=10", "--solver=analytic", f"--solver={model}")),
        Case("export", 0.1, (f"--model={model}", "--format=saved_model", "--format=keras"), folders=("1",)),
        Case("prepare_images", 0.1, (f"--source={clips}", "--count=24", "--file_images=4", "--image_size=64")),
        Case("report", 0.1, (f"--motion={clips}", "--quick"), folders=("round_trip", "bones")),
    ]


def write_inputs(folder: pathlib.Path) -> None:
    """Writes motion, joints and a model that is not trained."""
    (folder / "joints").mkdir()
    for seed in range(3):
        clip = motion.made_motion(seed, frames=64)
        io.save_clip(folder / "motion" / f"{seed}.npz", clip)
        np.save(folder / "joints" / f"{seed}.npy", joint_positions.joint_positions(clip.poses, rest_joints()))
    zoo.save(solvers.OneStage(body.mannequin_joints(), num_couplings=2, hidden_dim=8), folder / "model")


def visible(folder: pathlib.Path) -> list[pathlib.Path]:
    """The files below a folder that are not hidden, nor in a hidden folder, in order."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if not any(part[0] == "." for part in path.relative_to(folder).parts))


def same(path: pathlib.Path, other: pathlib.Path) -> bool:
    """Whether two files, or folders, say the same."""
    if path.is_dir() or other.is_dir():
        return path.is_dir() and other.is_dir()
    one, two = content(path), content(other)
    if one.keys() != two.keys():
        return False
    return all(np.array_equal(one[key], two[key]) for key in one)


def content(path: pathlib.Path) -> dict[str, Any]:
    """What a file says, by name; without when it was written.

    Raises:
        Exception: of any kind, as its reader: the file is damaged.
    """
    return _READERS.get(path.suffix, _bytes)(path)


def _bytes(path: pathlib.Path) -> dict[str, Any]:
    return {"bytes": path.read_bytes()}


def _arrays(path: pathlib.Path) -> dict[str, Any]:
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def _json(path: pathlib.Path) -> dict[str, Any]:
    return {"text": json.dumps(json.loads(path.read_text()))}


def _json_lines(path: pathlib.Path) -> dict[str, Any]:
    """Lines in any order; what was cut off does not count."""
    lines = path.read_text().splitlines()
    return {"lines": sorted({line for line in lines if line.endswith("}")})}


def _table(path: pathlib.Path) -> dict[str, Any]:
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        raise ValueError("rows of several lengths")
    return {"text": path.read_text()}


def _picture(path: pathlib.Path) -> dict[str, Any]:
    image = cv2.imread(str(path))
    if image is None:
        raise ValueError("no picture")
    return {"image": image}


def _keras(path: pathlib.Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as file:
        if bad := file.testzip():
            raise ValueError(f"{bad} is damaged")
        weights = {f"weight {i}": weight for i, weight in enumerate(solvers.load(path.parent).get_weights())}
        return {"config": file.read("config.json"), **weights}


@functools.lru_cache(maxsize=1)
def _loader() -> Any:
    import tensorflow as tf

    return tf.saved_model.load


def _saved_model(path: pathlib.Path) -> dict[str, Any]:
    """The answer of a SavedModel: its graph is not written in the same order twice."""
    signature = _loader()(str(path.parent)).signatures["ik"]
    specs = signature.structured_input_signature[1]
    inputs = {name: np.ones([size or 2 for size in spec.shape], np.float32) for name, spec in specs.items()}
    return {name: value.numpy() for name, value in signature(**inputs).items()}


def _nothing(path: pathlib.Path) -> dict[str, Any]:
    """Of files that differ whenever they are written."""
    return {}


_READERS: dict[str, Callable[[pathlib.Path], dict[str, Any]]] = {
    ".npz": _arrays,
    ".json": _json,
    ".jsonl": _json_lines,
    ".csv": _table,
    ".png": _picture,
    ".keras": _keras,
    ".pb": _saved_model,
    ".v2": _nothing,
}
