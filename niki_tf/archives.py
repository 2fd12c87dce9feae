"""Zip archives and NumPy's .npy members, checked against stated bounds before anything in them is unpacked.

A zip file of a kilobyte can unpack to gigabytes, and a header of a few bytes can ask for as much. What an archive holds
is told by its directory, which is read and checked first; damage of any kind is one ValueError that names the file.
"""

import contextlib
import math
import os
import pathlib
import struct
import zipfile
from collections.abc import Collection, Iterator
from typing import IO

import numpy as np

_MOST_MEMBERS = 65_536
"""Members of an archive; batches of training and motion files have some ten, checkpoints some thousand."""
_LARGEST_DIRECTORY = 16 * 2**20
"""Bytes of the list of members."""
_LONGEST_NAME = 512
LARGEST = 4 * 2**30
"""Bytes, unpacked, of what is read of an archive: two hours of 29 joints at 120 frames per second, ten times over."""
FREE = 64 * 2**20
"""Bytes, unpacked, that an archive may have whatever its compressed size."""
_LARGEST_RATIO = 100
"""Bytes unpacked for each one packed beyond `FREE`; motion has 1 to 10, a body's zeros and bones 30."""
_NUMBERS_AND_TEXT = "fiubcSU"
"""Kinds of arrays that are read; what is pickled, or made of fields, never is."""
_END, _END_64, _LOCATOR_64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_LONGEST_REASON = 300
"""Characters of an error of a library in a message."""
_ARRAY = b"\x93NUMPY"
_END_SIZE, _LOCATOR_SIZE, _LONGEST_COMMENT = 22, 20, 2**16
_CURE = "Fetch or write the file again."


def as_path(name: str, path: str | os.PathLike) -> pathlib.Path:
    """`path` with `~` read as the home folder.

    Args:
        name: of the argument, for the message.
        path: of a file or folder.

    Raises:
        ValueError: it is no path: no text, or one that is empty or holds a null.
    """
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    if not isinstance(text, str) or not text or "\0" in text:
        raise ValueError(f"`{name}` must be a path, as text or a pathlib.Path; got {path!r}. Name a file or a folder.")
    return pathlib.Path(text).expanduser()


def in_a_line(error: Exception) -> str:
    r"""What an error says, in one line of bounded length: those of libraries may quote all of a file's bytes.

    Example:
        >>> from niki_tf import archives
        >>> archives.in_a_line(ValueError("a header of\n\n" + 9999 * "x"))[-20:]
        'xxxxxxxxxxxxxxxxxxx…'
    """
    text = " ".join(str(error).split())
    return text if len(text) <= _LONGEST_REASON else f"{text[: _LONGEST_REASON - 1]}…"


@contextlib.contextmanager
def opened(path: str | os.PathLike, *, wanted: str, cure: str = _CURE) -> Iterator[zipfile.ZipFile]:
    """Context manager of the zip archive `path`, its directory checked; any damage that shows is a ValueError.

    Args:
        path: of the archive.
        wanted: what the file should be, for messages, such as "a whole .npz file".
        cure: end of the messages.

    Yields:
        zipfile.ZipFile. Sizes are checked by `check_sizes` for what is to be read.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no zip archive or a damaged one, or its list of members is out of bounds; names the file, what
            was wanted and what it is. ValueErrors raised within the context gain the name of the file.
    """
    path = pathlib.Path(path)
    try:
        with path.open("rb") as file:
            _check_end(file)
            with zipfile.ZipFile(file) as archive:
                _check_members(archive, os.fstat(file.fileno()).st_size)
                yield archive
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} must be {wanted}; there is no such file.") from None
    except MemoryError:
        raise ValueError(f"{path} must be {wanted}; got more than the memory holds. {cure}") from None
    except Exception as error:  # a damaged archive shows in a dozen kinds of error
        raise ValueError(f"{path} must be {wanted}; got {_reason(error)}. {cure}") from None


def check_sizes(members: Collection[zipfile.ZipInfo], *, largest: int = LARGEST) -> None:
    """Raises ValueError if `members` are too much, or much more unpacked than packed, by the archive's directory.

    Args:
        members: that are to be read.
        largest: bytes of all together.
    """
    unpacked, packed = sum(member.file_size for member in members), sum(member.compress_size for member in members)
    if unpacked > largest:
        raise ValueError(f"{unpacked:,} bytes to unpack, of at most {largest:,}")
    if unpacked > max(FREE, _LARGEST_RATIO * packed):
        raise ValueError(f"{packed:,} bytes that unpack to {unpacked:,}, more than {_LARGEST_RATIO} for each")


def read_arrays(
    path: str | os.PathLike,
    *,
    names: Collection[str] | None = None,
    skip_pickled: bool = False,
    wanted: str = "a whole .npz file of arrays",
    cure: str = _CURE,
) -> dict[str, np.ndarray | None]:
    """Arrays of an .npz file by name, each checked before it is unpacked; nothing that is pickled is ever loaded.

    Args:
        path: an .npz file.
        names: of the arrays that are read; the others are None. All are read if this is None.
        skip_pickled: arrays of objects, and of records, are None in place of an error.
        wanted: what the file should be, for messages.
        cure: end of the messages.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged or beyond the bounds of this module, or an array holds objects; names the file
            and the array.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from niki_tf import archives
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(f"{folder}/a.npz", joints=np.zeros([2, 29, 3]), note="walk")
        ...     archives.read_arrays(f"{folder}/a.npz", names=["joints"])["joints"].shape
        (2, 29, 3)
    """
    with opened(path, wanted=wanted, cure=cure) as archive:
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        arrays_in = [name for name, member in members.items() if member.filename.endswith(".npy")]
        read = [name for name in arrays_in if names is None or name in names]
        check_sizes([members[name] for name in read])
        arrays: dict[str, np.ndarray | None] = dict.fromkeys(members)
        for name in read:
            arrays[name] = _array(archive, members[name], skip_pickled=skip_pickled)
        return arrays


def read_array(path: str | os.PathLike) -> np.ndarray:
    """The array of an .npy file, whose header is checked before memory is taken; nothing pickled is loaded.

    Args:
        path: an .npy file.

    Raises:
        ValueError: the file is damaged, shorter than its header says, or holds objects; does not name the file.
    """
    with open(path, "rb") as file:
        try:
            kind, shape = _header(file)
            size = os.fstat(file.fileno()).st_size - file.tell()
        except Exception as error:  # a damaged header shows in a dozen kinds of error
            raise ValueError(_reason(error)) from None
        if kind.hasobject or kind.kind not in _NUMBERS_AND_TEXT:
            raise ValueError(f"an array of objects, {shape}, which is not opened")
        if math.prod(shape) * kind.itemsize > size:
            raise ValueError(f"{size:,} bytes for {kind} {shape}")
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, *, skip_pickled: bool) -> np.ndarray | None:
    """The array of a member, or None if it holds objects and these are skipped."""
    try:
        with archive.open(member) as file:
            kind, shape = _header(file)
            size = member.file_size - file.tell()
        if kind.hasobject or kind.kind not in _NUMBERS_AND_TEXT:
            if skip_pickled:
                return None
            raise ValueError("an array of objects, which is not opened")
        if math.prod(shape) * kind.itemsize != size:
            raise ValueError(f"{size:,} bytes for {kind} {shape}")
        with archive.open(member) as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except Exception as error:
        name = member.filename.removesuffix(".npy")
        raise ValueError(f"`{name[:40]}`, which cannot be read: {_reason(error)}") from None


def _header(file: IO[bytes]) -> tuple[np.dtype, tuple[int, ...]]:
    """Dtype and shape of the .npy content that `file` begins with; ValueError if it begins with something else."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, _, kind = np.lib.format.read_array_header_1_0(file)
    else:
        shape, _, kind = np.lib.format.read_array_header_2_0(file)
    return kind, shape


def _check_end(file: IO[bytes]) -> None:
    """ValueError unless `file` ends as a zip archive does, with a list of members that is not too long."""
    size = file.seek(0, os.SEEK_END)
    start = max(size - _END_SIZE - _LONGEST_COMMENT - _LOCATOR_SIZE, 0)
    file.seek(start)
    tail = file.read()
    place = tail.rfind(_END)
    if place < 0 or len(tail) < place + _END_SIZE:
        file.seek(0)
        single = file.read(len(_ARRAY)) == _ARRAY
        kind = "a single array" if single else "no zip archive, or are cut off"
        raise ValueError(f"{size:,} bytes that are {kind}")
    members, directory = struct.unpack_from("<HI", tail, place + 10)
    locator = place - _LOCATOR_SIZE
    if locator >= 0 and tail[locator : locator + 4] == _LOCATOR_64:
        (where,) = struct.unpack_from("<Q", tail, locator + 8)
        file.seek(min(where, size))
        end = file.read(56)
        if len(end) == 56 and end[:4] == _END_64:
            members, directory = struct.unpack_from("<QQ", end, 32)
    if directory > min(_LARGEST_DIRECTORY, size) or members > _MOST_MEMBERS:
        raise ValueError(f"a list of {members:,} members in {directory:,} bytes, which is too long")
    file.seek(0)


def _check_members(archive: zipfile.ZipFile, size: int) -> None:
    """ValueError unless the members have plain names, each once, and together no more bytes than the file."""
    members = archive.infolist()
    names = [member.filename for member in members]
    wrong = next((name for name in names if not _is_plain(name)), None)
    if wrong is not None:
        raise ValueError(f"a member called {wrong[:40]!r}")
    if len(set(names)) < len(names):
        raise ValueError("two members of one name")
    if sum(member.compress_size for member in members) > size:
        raise ValueError("members that share their bytes, or a directory that is wrong")
    if any(member.flag_bits & 1 for member in members):
        raise ValueError("members that are encrypted")


def _is_plain(name: str) -> bool:
    """Whether a member's name leads nowhere but into the archive."""
    parts = name.split("/")
    return 0 < len(name) <= _LONGEST_NAME and name.isprintable() and not name.startswith("/") and ".." not in parts


def _reason(error: Exception) -> str:
    """What went wrong, in one line."""
    text = in_a_line(error).rstrip(".")
    if isinstance(error, ValueError) and text:
        return text
    if isinstance(error, OSError) and error.strerror:
        return f"what cannot be read ({error.strerror})"
    return f"damaged content ({type(error).__name__}{': ' + text if text else ''})"
