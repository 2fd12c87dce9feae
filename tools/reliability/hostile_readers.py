"""What reads each kind of file, as a program of the package does."""

import importlib.util
import json
import pathlib
import sys
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from outcomes import check_finite

from niki_tf import body, io, training
from niki_tf.cli import main, run_record
from niki_tf.inference import reading
from niki_tf.solvers import zoo

if importlib.util.find_spec("torch"):
    import torch  # noqa: F401 - imported before the time of a case begins

FLAGS_OF_RUN = {"steps": 7, "solver": "mlp"}
"""The flags in the run.json that is whole."""


def is_there(kind: str) -> bool:
    """Whether what a kind of file needs is installed; says so if not."""
    if kind != ".pth" or importlib.util.find_spec("torch"):
        return True
    print('.pth is left out: it needs torch, pip install "niki-tf[convert]".', file=sys.stderr)
    return False


def _read_body(path: pathlib.Path) -> None:
    data = body.load_body(path)
    check_finite({name: getattr(data, name) for name in ("v_template", "shapedirs", "lbs_weights", "joints")})


def _read_motion(path: pathlib.Path) -> None:
    for clip in io.load_clips(path):
        check_finite({"poses": clip.poses, "trans": clip.trans, "betas": clip.betas})


def _read_joints(path: pathlib.Path) -> None:
    for person in reading.read_people(path):
        check_finite({"joints": np.nan_to_num(person.joints, posinf=np.inf)})


def _read_model(path: pathlib.Path) -> None:
    solver = zoo.load(str(path.parent))
    check_finite({weight.path: weight.numpy() for weight in solver.weights if "float" in str(weight.dtype)})


def _read_published(path: pathlib.Path) -> None:
    output = path.with_name("converted")
    main.run(
        "convert_checkpoint", ["convert_checkpoint", f"--checkpoint={path}", f"--output={output}", "--body=mannequin"]
    )
    solver = zoo.load(str(output))
    check_finite({weight.path: weight.numpy() for weight in solver.weights})


def _read_record(path: pathlib.Path) -> None:
    run_record.check(path.parent, FLAGS_OF_RUN)


def network() -> keras.Model:
    """The network of the training whose checkpoints are read: each weight is the number of the step."""
    return keras.Sequential([keras.Input([1]), keras.layers.Dense(2)])


def trainer(workdir: pathlib.Path) -> training.Trainer:
    """A training of that network that has nothing left to do once it has gone on from step 2 or 3."""
    return training.Trainer(
        network,
        loss=lambda *_, **__: (tf.zeros([]), {}),
        make_batches=lambda *_: tf.data.Dataset.from_tensors({"x": tf.zeros([1, 1])}).repeat(),
        settings=training.TrainSettings(steps=3, max_steps=1, batch_size=1),
        workdir=workdir,
    )


def _read_checkpoint(path: pathlib.Path) -> None:
    run = trainer(path.parent.parent)
    run.run()
    assert run.step in (2, 3), f"the run goes on from step {run.step}"
    for weight in run.solver.weights:
        assert (weight.numpy() == run.step).all(), f"{weight.path} is not that of step {run.step}"


def _read_flags(path: pathlib.Path) -> None:
    from niki_tf.cli import train  # in the child alone: the flags of two programs would meet

    train.main = lambda _: None
    main.run("train", ["train", f"--flagfile={path}"])


READERS: dict[str, Callable[[pathlib.Path], None]] = {
    "body .pkl": _read_body,
    "body .npz": _read_body,
    "motion": _read_motion,
    "joints": _read_joints,
    ".keras": _read_model,
    ".pth": _read_published,
    "run.json": _read_record,
    "checkpoint": _read_checkpoint,
    "flag file": _read_flags,
}
"""Kind of file -> its reader."""


def whole_record() -> bytes:
    """A run.json that is whole."""
    return json.dumps({"flags": FLAGS_OF_RUN, "versions": {}, "git_commit": None}).encode()
