"""The one way files are written: beside the target, brought to disk, then renamed, so that each is whole or absent."""

import contextlib
import os
import pathlib
import shutil
import tempfile


@contextlib.contextmanager
def atomic_write(path):
    """Context manager of a path beside `path` to write to; what was written is renamed to `path` at the end.

    A file or a whole folder can be written; if the writing fails, nothing is left of it and what stood at `path` stays.
    The data are brought to disk before the rename, so that a power cut leaves the former file or the new one. Missing
    folders above are made.

    Args:
        path: of the file or folder.

    Yields:
        pathlib.Path in the same folder with the same suffix, since writers choose the format by it.

    Example:
        >>> import pathlib, tempfile
        >>> from niki_tf import files
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with files.atomic_write(f"{folder}/a.txt") as beside:
        ...         _ = beside.write_text("all of it")
        ...     pathlib.Path(folder, "a.txt").read_text()
        'all of it'
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")  # the process number keeps runs apart
    try:
        yield beside
        for file in beside.rglob("*") if beside.is_dir() else [beside]:
            _bring_to_disk(file)
        if path.is_dir():
            shutil.rmtree(path)
        os.replace(beside, path)
        _bring_to_disk(path.parent)
    finally:
        if beside.is_dir():
            shutil.rmtree(beside)
        else:
            beside.unlink(missing_ok=True)


def _bring_to_disk(path):
    """Waits until the file or folder `path` is stored; file systems that cannot do it for a folder are left alone."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        if path.is_file():
            raise
    finally:
        os.close(descriptor)


def remove_partial(folder):
    """Removes what killed runs left half-written in `folder`."""
    for leftover in pathlib.Path(folder).glob(".*.partial*"):
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()


def output_folder(path):
    """Makes the folder `path` (with those above it) and returns it; ValueError if it cannot be written to."""
    folder = pathlib.Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(f"`output` must be a folder that can be written to; got {str(path)!r} ({reason}).") from None
    return folder
