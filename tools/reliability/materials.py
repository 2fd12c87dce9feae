"""The whole files that hostile ones are made of, written once by a process of its own."""

import io
import os
import pathlib
import pickle
import zipfile

import hostile_readers
import keras
import numpy as np

from niki_tf import body, motion, skeletons, solvers
from niki_tf.io import save_clip
from niki_tf.solvers import zoo

_VERTICES = 6890
_WHOLE = "whole"
"""A file that is there once all others are."""


class Materials:
    """Whole files of every kind in a folder, made if they are not there.

    Args:
        folder: of the files.
        canary: the file that attacks make if they are run.
    """

    def __init__(self, folder: pathlib.Path, canary: pathlib.Path) -> None:
        self.folder, self.canary = folder, canary
        if not (folder / _WHOLE).exists():
            folder.mkdir(exist_ok=True)
            self._make()

    def path(self, name: str) -> pathlib.Path:
        """Path of a whole file."""
        return self.folder / name

    def _make(self) -> None:
        """Writes all files in a child: what runs TensorFlow starts threads, which a process must not have to fork."""
        child = os.fork()
        if not child:
            try:
                _write_bodies(self.folder)
                _write_motion(self.folder)
                _write_models(self.folder, self.canary)
                _write_checkpoints(self.folder)
                _write_texts(self.folder)
                (self.folder / _WHOLE).touch()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        self.canary.unlink(missing_ok=True)  # which Keras makes as it tries the Lambda layer
        if not (self.folder / _WHOLE).exists():
            raise RuntimeError("the whole files could not be made")


def body_arrays() -> dict[str, np.ndarray]:
    """Arrays of an SMPL file, mostly zeros, small in memory."""
    rng = np.random.default_rng(0)
    parents = np.array(skeletons.SMPL_24.parents)
    weights = np.zeros([_VERTICES, 24], np.float32)
    weights[np.arange(_VERTICES), np.arange(_VERTICES) % 24] = 1.0
    return {
        "v_template": rng.normal(size=[_VERTICES, 3]),
        "shapedirs": rng.normal(size=[_VERTICES, 3, 10]).astype(np.float32),
        "posedirs": rng.integers(-9, 9, [_VERTICES, 3, 207], np.int8),
        "J_regressor": weights.T / weights.sum(0)[:, None],
        "weights": weights,
        "f": rng.integers(0, _VERTICES, [99, 3], np.uint32),
        "kintree_table": np.stack([parents, np.arange(24)]).astype(np.int64),
    }


def _write_bodies(folder: pathlib.Path) -> None:
    (folder / "body.pkl").write_bytes(pickle.dumps(body_arrays(), 2))
    np.savez(folder / "body.npz", **body_arrays())


def _write_motion(folder: pathlib.Path) -> None:
    save_clip(folder / "motion.npz", motion.made_motion(0, frames=40))
    rng = np.random.default_rng(0)
    np.savez_compressed(folder / "joints.npz", joints=rng.normal(size=[20, 29, 3]), fps=30, betas=np.zeros(10))


def _write_models(folder: pathlib.Path, canary: pathlib.Path) -> None:
    joints = body.mannequin_joints()
    zoo.save(solvers.OneStage(joints, num_couplings=2, hidden_dim=8), folder)
    inside = [keras.Input([2]), keras.layers.Dense(3)]
    keras.Sequential(inside).save(folder / "sequential.keras")
    touch = keras.layers.Lambda(lambda x, path=str(canary): (open(path, "w").close(), x)[1])
    keras.Sequential([keras.Input([2]), touch]).save(folder / "lambda.keras")


def _write_checkpoints(folder: pathlib.Path) -> None:
    state = hostile_readers.trainer(folder)._state()
    for name, step in (("older", 2), ("checkpoint", 3)):
        np.savez(
            folder / f"{name}.npz", **{key: np.full(value.shape, step, value.dtype) for key, value in state.items()}
        )
    if hostile_readers.is_there(".pth"):
        import torch

        rng = np.random.default_rng(0)
        torch.save({name: torch.from_numpy(a) for name, a in published(rng).items()}, folder / "published.pth")


def published(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The state dict of a small published one-stage model without a body."""
    first = np.arange(176) % 2
    arrays = {"regressor.flow.mask": np.stack([first, 1 - first]).astype(np.float32)}
    for step in range(2):
        for kind in "st":
            for layer, shape in ((0, (7, 176)), (2, (7, 7)), (4, (176, 7))):
                name = f"regressor.flow.{kind}.{step}.{layer}"
                arrays[f"{name}.weight"] = 0.1 * rng.normal(size=shape).astype(np.float32)
                arrays[f"{name}.bias"] = np.zeros(shape[:1], np.float32)
    return arrays


def _write_texts(folder: pathlib.Path) -> None:
    (folder / "run.json").write_bytes(hostile_readers.whole_record())
    flags = "--solver=mlp\n--hidden_dim=8\n--source=made\n--steps=7\n# a comment\n--workdir=output/run\n"
    (folder / "train.flags").write_text(flags)


def npy(array: np.ndarray) -> bytes:
    """The content of an .npy file."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array), allow_pickle=True)
    return buffer.getvalue()


def header(shape: tuple[int, ...], descr: str = "<f8") -> bytes:
    """An .npy file that ends after its header."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": descr, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def archive(path: pathlib.Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> None:
    """Writes a zip archive of members."""
    with zipfile.ZipFile(path, "w", compression, compresslevel=1) as file:
        for name, content in members.items():
            file.writestr(name, content)


def zeros(path: pathlib.Path, members: dict[str, bytes], name: str, start: bytes, gigabytes: float) -> None:
    """Writes an archive of members and of one that is `start` and then zeros, packed."""
    archive(path, members)
    block = bytes(2**24)
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
        file.open(name, "w", force_zip64=True) as out,
    ):
        out.write(start)
        for _ in range(int(gigabytes * 64)):
            out.write(block)
