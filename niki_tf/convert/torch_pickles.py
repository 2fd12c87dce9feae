"""What the pickles in PyTorch's files name and call, looked at before PyTorch reads them; nothing is run.

PyTorch's own safe reader calls a few functions of Python on whatever a file gives them, as often as it says: a megabyte
can ask for terabytes. Dictionaries of tensors need none of these.
"""

import io
import os
import pickle
import re
import zipfile
from typing import Any

from niki_tf import archives
from niki_tf.body import pickle_steps

_LARGEST = 2 * 2**30
"""Bytes of a checkpoint; the published ones have at most 300 million."""
_LARGEST_PICKLE = 64 * 2**20
"""Bytes of names and shapes, without the numbers."""
_PICKLES = 5
"""Pickles at the beginning of a file that is no archive, as PyTorch wrote before version 1.6."""
_ALLOWED = re.compile(
    r"torch\._utils\._rebuild_(tensor|tensor_v2|tensor_v3|parameter)|torch\.\w+Storage|torch\.storage\.\w+Storage|"
    r"torch\.(Size|device|b?float\d*|double|half|u?int\d+|long|short|bool)"
)
CURE = "fetch it again, or save the model's state_dict() alone."
"""End of the messages about a file."""


class _Named:
    """In place of whatever PyTorch would make: keeps nothing."""

    def __init__(self, *_: Any) -> None:
        """Nothing to do."""

    def __setstate__(self, state: Any) -> None:
        """Nothing to do."""


class _Look(pickle.Unpickler):
    """Loads names and calls without what they stand for."""

    def find_class(self, module: str, name: str) -> Any:
        """A stand-in for `module.name`; UnpicklingError if no dictionary of tensors needs it."""
        if (module, name) == ("collections", "OrderedDict"):
            return _empty
        if not _ALLOWED.fullmatch(f"{module}.{name}"):
            raise pickle.UnpicklingError(f"{module}.{name}")
        return _Named

    def persistent_load(self, _: Any) -> _Named:
        """In place of the numbers of a tensor."""
        return _Named()


def _empty(*items: Any) -> "_Mapping":
    """In place of OrderedDict, which files call without arguments."""
    if items:
        raise pickle.UnpicklingError("OrderedDict of something")
    return _Mapping()


class _Mapping(dict):
    """A dictionary that may have attributes, as a state dict has."""


def check(path: str) -> None:
    """Raises ValueError if a .pth file is too large, unpacks to too much, or calls what dictionaries of tensors do not.

    Damage that PyTorch tells is left to it.

    Args:
        path: of the file.
    """
    size = os.stat(path).st_size
    if size > _LARGEST:
        raise ValueError(f"{path}: a checkpoint must have at most {_LARGEST:,} bytes; got {size:,}.")
    if not zipfile.is_zipfile(path):
        with open(path, "rb") as file:
            content = file.read(_LARGEST_PICKLE)
        if content.startswith(b"PK"):
            raise ValueError(f"{path}: no whole PyTorch file (an archive that is cut off); {CURE}")
        _check_pickles(content, path, _PICKLES)
        return
    with archives.opened(path, wanted="a whole PyTorch file", cure=CURE[0].upper() + CURE[1:]) as archive:
        archives.check_sizes(archive.infolist(), largest=_LARGEST)
        inside = [member for member in archive.infolist() if member.filename.endswith("data.pkl")]
        archives.check_sizes(inside, largest=_LARGEST_PICKLE)
        contents = [archive.read(member) for member in inside]
    for content in contents:
        _check_pickles(content, path, 1)


def _check_pickles(content: bytes, path: str, count: int) -> None:
    """ValueError, with `path`, if one of the first `count` pickles of `content` calls what it should not."""
    place = 0
    try:
        for _ in range(count):
            if place == len(content):
                return
            end = pickle_steps.check_steps(content, place)
            _Look(io.BytesIO(content[place:end]), encoding="latin1").load()
            place = end
    except Exception:  # a pickle is a program, and a damaged one ends in any way
        raise ValueError(f"{path}: no PyTorch file of tensors, or one that names other things; {CURE}") from None
