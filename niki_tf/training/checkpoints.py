"""State of a run on disk: one file a checkpoint, whole or absent."""

import os
import pathlib
import zipfile
from collections.abc import Mapping

import numpy as np

from niki_tf import files
from niki_tf.shapes import TensorLike

_KEPT = 2
"""Checkpoints that stay: the newest, and the one before it in case that the newest is damaged."""


def save(folder: str | os.PathLike, step: int, arrays: Mapping[str, TensorLike]) -> None:
    """Writes the checkpoint of `step` and removes all but the newest two.

    The file is written to a temporary path, flushed to disk and renamed: a run killed at any moment leaves whole
    files only.

    Args:
        folder: of the checkpoints; made if it is missing.
        step: number of steps done.
        arrays: by name.
    """
    folder = pathlib.Path(folder)
    with files.atomic_write(_path(folder, step)) as temporary:
        np.savez(temporary, **arrays)
    for old in steps(folder)[:-_KEPT]:
        _path(folder, old).unlink()
    files.remove_partial(folder)


def steps(folder: str | os.PathLike) -> list[int]:
    """Steps of the checkpoints in `folder`, oldest first."""
    return sorted(int(path.stem.removeprefix("step-")) for path in pathlib.Path(folder).glob("step-*.npz"))


def load(folder: str | os.PathLike, step: int) -> dict[str, np.ndarray]:
    """Arrays, by name, of the checkpoint of `step`.

    Raises:
        ValueError: the file is damaged.
    """
    path = _path(folder, step)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        message = f"`folder` holds a damaged checkpoint, {path}: {error}. Delete it to go on from an older one."
        raise ValueError(message) from error


def _path(folder: str | os.PathLike, step: int) -> pathlib.Path:
    return pathlib.Path(folder) / f"step-{step:09d}.npz"
