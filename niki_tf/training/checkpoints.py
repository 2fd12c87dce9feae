"""State of a run on disk: one file a checkpoint, whole or absent."""

import os
import pathlib
import re
from collections.abc import Mapping

import numpy as np

from niki_tf import archives, files
from niki_tf.log import logger
from niki_tf.shapes import TensorLike

_NAME = re.compile(r"step-([0-9]{1,18})\.npz")
_DAMAGED = ".damaged"
"""What is put behind the name of a file that cannot be read; it is kept, and no checkpoint any more."""
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
    with files.atomic_write(path_of(folder, step)) as temporary:
        np.savez(temporary, **arrays)
    for old in steps(folder)[:-_KEPT]:
        path_of(folder, old).unlink()
    files.remove_partial(folder)


def steps(folder: str | os.PathLike) -> list[int]:
    """Steps of the checkpoints in `folder`, oldest first; files of other names do not count."""
    found = [_NAME.fullmatch(path.name) for path in pathlib.Path(folder).glob("step-*.npz")]
    return sorted(int(name[1]) for name in found if name and name[0] == path_of(folder, int(name[1])).name)


def newest(folder: str | os.PathLike, *, keep_aside: bool = True) -> tuple[int, dict[str, np.ndarray]] | None:
    """Step and arrays of the newest whole checkpoint in `folder`, or None if there is none.

    A damaged one that is newer is renamed to end in .damaged, with a line in the log; files of other names get one.

    Args:
        folder: of the checkpoints.
        keep_aside: rename damaged files; one process of several does.

    Raises:
        ValueError: all are damaged; none is renamed then.
    """
    stored = steps(folder)
    known = {path_of(folder, step) for step in stored}
    for stranger in sorted({*pathlib.Path(folder).glob("step-*.npz")} - known):
        logger.warning("%s is no checkpoint by its name; it is left out.", stranger)
    damaged: list[pathlib.Path] = []
    for step in reversed(stored):
        try:
            arrays = load(folder, step)
        except ValueError:
            damaged.append(path_of(folder, step))
            if len(damaged) == len(stored):
                raise
            continue
        for path in damaged:
            logger.warning("%s is damaged and kept as %s%s; on from step %d.", path, path.name, _DAMAGED, step)
            if keep_aside:
                path.rename(f"{path}{_DAMAGED}")
        return step, arrays
    return None


def load(folder: str | os.PathLike, step: int) -> dict[str, np.ndarray]:
    """Arrays, by name, of the checkpoint of `step`.

    Raises:
        ValueError: the file is damaged.
    """
    path = path_of(folder, step)
    try:
        arrays = archives.read_arrays(path, wanted="a whole checkpoint", cure="Delete it to begin anew.")
    except (OSError, ValueError) as error:
        raise ValueError(f"`folder` holds a damaged checkpoint, {path}: {error}") from None
    return {name: array for name, array in arrays.items() if array is not None}


def path_of(folder: str | os.PathLike, step: int) -> pathlib.Path:
    """Path of the checkpoint of `step` in `folder`."""
    return pathlib.Path(folder) / f"step-{step:09d}.npz"
