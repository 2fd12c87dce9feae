"""Atomic writing of files and folders: to a temporary path, flushed to disk, then renamed."""

import contextlib
import os
import pathlib
import shutil
import stat
import tempfile
from collections.abc import Iterator

_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Context manager of a temporary path to write to; at its end, the file or folder written is renamed to `path`.

    If writing fails, the temporary file is removed and the former file at `path` stays. The data are flushed to disk
    before the rename, so a power cut leaves either the former file or the new one. Missing parent folders are made.

    Args:
        path: of the file or folder.

    Yields:
        pathlib.Path in the same folder with the same suffix, by which some writers choose the format.

    Example:
        >>> import pathlib, tempfile
        >>> from niki_tf import files
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with files.atomic_write(f"{folder}/a.txt") as temporary:
        ...         _ = temporary.write_text("all of it")
        ...     pathlib.Path(folder, "a.txt").read_text()
        'all of it'
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The process number keeps concurrent writers of the same path apart.
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        yield temporary
        for file in temporary.rglob("*") if temporary.is_dir() else [temporary]:
            _flush_to_disk(file)
        if path.is_dir():
            shutil.rmtree(path)
        os.replace(temporary, path)
        _flush_to_disk(path.parent)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink(missing_ok=True)


def _flush_to_disk(path: pathlib.Path) -> None:
    """Waits until the file or folder `path` is on disk; not every file system can do so for a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        if path.is_file():
            raise
    finally:
        os.close(descriptor)


def remove_partial(folder: str | os.PathLike) -> None:
    """Removes the temporary files and folders in `folder` that killed runs of `atomic_write` left."""
    for leftover in pathlib.Path(folder).glob(".*.partial*"):
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()


def output_folder(path: str | os.PathLike) -> pathlib.Path:
    """The folder `path`, made with its parents if it is missing.

    Raises:
        ValueError: it cannot be written to.
    """
    folder = pathlib.Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(f"`output` must be a folder that can be written to; got {str(path)!r} ({reason}).") from None
    return folder


def output_file(path: str | os.PathLike, *, suffix: str) -> pathlib.Path:
    """The file `path`, of which it is sure that it can be written; folders above that are missing are not made yet.

    Raises:
        ValueError: it has another suffix, is a folder, may not be written over, or its folder cannot be written to.
    """
    file = pathlib.Path(path)
    if file.suffix != suffix:
        raise ValueError(f"`output` must end in {suffix}; got {file}.")
    try:
        if file.is_dir():
            raise IsADirectoryError("it is a folder")
        if file.exists() and not file.stat().st_mode & _WRITABLE:
            raise PermissionError("it is read-only")
        above = next(folder for folder in file.absolute().parents if folder.exists())
        tempfile.TemporaryFile(dir=above).close()
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(f"`output` must be a file that can be written; got {str(file)!r} ({reason}).") from None
    return file
