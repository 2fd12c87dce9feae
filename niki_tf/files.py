"""Writing files and folders whole or not at all, and folders that belong to one run at a time."""

import contextlib
import errno
import glob
import os
import pathlib
import shutil
import stat
import tempfile
from collections.abc import Iterator

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there
    fcntl = None  # type: ignore[assignment]

_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
_PARTIAL = ".partial"
"""Ending of the folders in which files are written."""
_FORMER = ".former"
"""Name that a folder which is replaced has until it is removed."""
_FREE = 16 * 2**20
"""Bytes that must be free before any work begins."""
_CURES = {
    errno.ENOSPC: "Free some space there, or choose another disk.",
    errno.EDQUOT: "Free some space there, or choose another disk.",
    errno.EFBIG: "Raise the limit on the size of files (ulimit -f).",
    errno.EROFS: "Choose a folder that can be written to.",
    errno.EACCES: "Choose a folder that can be written to.",
    errno.EPERM: "Choose a folder that can be written to.",
    errno.EIO: "Choose another disk.",
    errno.ENOENT: "Its folder was removed on the way; begin again.",
    errno.EISDIR: "A folder has that name; remove it or choose another.",
}
"""What helps, by the number of the error."""
_OF_DISKS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
"""Errors that libraries tell in their own words and classes, with the system's words in them."""


class NotWrittenError(OSError):
    """A file or folder could not be written; the text is one line that names it."""

    @property
    def is_of_disk(self) -> bool:
        """Whether nothing else can be written either."""
        return self.errno in _OF_DISKS


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Context manager of a temporary path to write to; at its end, the file or folder written is renamed to `path`.

    If writing fails, the temporary file is removed and the former file at `path` stays. The data are flushed to disk
    before the rename, so a power cut leaves either the former file or the new one. Missing parent folders are made.
    What killed writers of the same path left is removed; those that are alive do not meet. A symbolic link at `path`
    is replaced, not followed.

    Args:
        path: of the file or folder.

    Yields:
        pathlib.Path of the same name in a hidden folder beside `path`; some writers choose the format by the suffix.

    Raises:
        NotWrittenError: the disk is full, read-only, or the like.

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
    with told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _own_folder(path) as own:
            temporary = own / path.name
            yield temporary
            for file in [temporary, *temporary.rglob("*")]:
                _flush_to_disk(file)
            if temporary.is_dir() and (path.is_dir() or path.is_symlink()):
                os.replace(path, own / _FORMER)
            os.replace(temporary, path)
            _flush_to_disk(path.parent)


@contextlib.contextmanager
def _own_folder(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A new folder beside `path`, locked while it is used, and removed; those of writers that are gone, too."""
    stem = f".{path.stem}."
    for leftover in path.parent.glob(f"{glob.escape(stem)}*{_PARTIAL}"):
        _remove_if_left(leftover)
    descriptor = None
    while descriptor is None:  # another writer may take it for a leftover until it is locked
        own = pathlib.Path(tempfile.mkdtemp(prefix=stem, suffix=_PARTIAL, dir=path.parent))
        descriptor = _lock(own)
    try:
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)
        os.close(descriptor)


@contextlib.contextmanager
def told(path: str | os.PathLike) -> Iterator[None]:
    """Context manager that turns errors of writing `path`, whatever library tells them, into `NotWrittenError`."""
    try:
        yield
    except Exception as error:
        path = pathlib.Path(path)
        number = None if isinstance(error, NotWrittenError) else _number(error, path)
        if number is None:
            raise
        cure = _CURES.get(number, "")
        told_error = NotWrittenError(f"{path} cannot be written: {os.strerror(number)}. {cure}".rstrip())
        told_error.errno = number
        raise told_error from error


def _number(error: Exception, path: pathlib.Path) -> int | None:
    """The system's number of an error of writing `path`; None if it is of something else."""
    if isinstance(error, OSError) and error.errno is not None:
        here, place = path.parent.absolute(), error.filename
        place = here if place is None else pathlib.Path(os.fsdecode(place)).absolute()
        if error.errno in _OF_DISKS or place.is_relative_to(here) or here.is_relative_to(place):
            return error.errno
    return next((number for number in _OF_DISKS if os.strerror(number) in str(error)), None)


def _lock(folder: pathlib.Path) -> int | None:
    """Descriptor of a folder that nobody else has locked, which unlocks it when it is closed; else None.

    Where file systems cannot lock, any folder counts as not locked. The end of a process, be it killed, unlocks.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:  # some network file systems
        pass
    return descriptor


@contextlib.contextmanager
def sole_use(folder: str | os.PathLike, *, name: str) -> Iterator[None]:
    """Context manager while which no other process has `folder` to itself; a process that is killed gives it free.

    Args:
        folder: is made if it is missing, and removed again if nothing was written into it.
        name: of the argument or flag, for the error.

    Raises:
        ValueError: another process has it.
        NotWrittenError: it cannot be made.
    """
    folder = pathlib.Path(folder)
    is_new = not folder.exists()
    with told(folder):
        folder.mkdir(parents=True, exist_ok=True)
    descriptor = _lock(folder)
    if descriptor is None:
        raise ValueError(
            f"`{name}` must be a folder of one run at a time; another run is using {folder}. Wait until it ends, stop "
            "it, or take another folder."
        )
    try:
        yield
    finally:
        if is_new:
            with contextlib.suppress(OSError):
                folder.rmdir()
        os.close(descriptor)


def _flush_to_disk(path: pathlib.Path) -> None:
    """Waits until the file or folder `path` is on disk; not every file system can do so for a folder."""
    if path.is_symlink():
        return
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
    for leftover in pathlib.Path(folder).glob(f".*{_PARTIAL}*"):
        _remove_if_left(leftover)


def _remove_if_left(leftover: pathlib.Path) -> None:
    """Removes what a writer left, unless that is alive and has it locked."""
    descriptor = _lock(leftover)
    if descriptor is None:
        return
    if leftover.is_dir():
        shutil.rmtree(leftover, ignore_errors=True)
    else:
        leftover.unlink(missing_ok=True)
    os.close(descriptor)


def check_space(folder: str | os.PathLike, size: int = _FREE, *, name: str = "output") -> None:
    """Nothing if the disk of `folder` has so many bytes free.

    Args:
        folder: that will be written to; it need not be there yet.
        size: bytes that will be written.
        name: of the argument or flag, for the error.

    Raises:
        ValueError: it has less.
    """
    absolute = pathlib.Path(folder).absolute()
    above = next(place for place in (absolute, *absolute.parents) if place.exists())
    free = shutil.disk_usage(above).free
    if free < size:
        raise ValueError(
            f"`{name}` must be on a disk with {size / 1e6:,.0f} MB free; {folder} has {free / 1e6:,.0f} MB. "
            "Free some space there, or choose another disk."
        )


def output_folder(path: str | os.PathLike) -> pathlib.Path:
    """The folder `path`, made with its parents if it is missing.

    Raises:
        ValueError: it cannot be written to, or its disk is full.
    """
    folder = pathlib.Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(f"`output` must be a folder that can be written to; got {str(path)!r} ({reason}).") from None
    check_space(folder)
    return folder


def output_file(path: str | os.PathLike, *, suffix: str) -> pathlib.Path:
    """The file `path`, of which it is sure that it can be written; folders above that are missing are not made yet.

    Raises:
        ValueError: it has another suffix, is a folder, may not be written over, its folder cannot be written to, or
            the disk is full.
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
    check_space(above)
    return file
