"""State of a run on disk: one file a checkpoint, whole or absent."""

import pathlib
import zipfile

import numpy as np

from niki_tf import files

_KEPT = 2


def save(folder, step, arrays):
    """Writes `arrays` (name -> array) as the checkpoint of `step` and removes all but the newest two.

    The file is written beside, brought to disk, then renamed: a run killed at any moment leaves whole files only.
    """
    folder = pathlib.Path(folder)
    with files.atomic_write(_path(folder, step)) as beside:
        np.savez(beside, **arrays)
    for old in steps(folder)[:-_KEPT]:
        _path(folder, old).unlink()
    files.remove_partial(folder)


def steps(folder):
    """Steps of the checkpoints in `folder`, oldest first."""
    return sorted(int(path.stem.removeprefix("step-")) for path in pathlib.Path(folder).glob("step-*.npz"))


def load(folder, step):
    """Arrays of the checkpoint of `step`.

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


def _path(folder, step):
    return pathlib.Path(folder) / f"step-{step:09d}.npz"
