"""The folder in which fetched files are kept, and files in it by name, checked before they are used."""

import functools
import hashlib
import os
import pathlib
from collections.abc import Iterable

from niki_tf.assets.manifest import ASSETS, GROUPS

_FOLDER, _COMMAND = "NIKI_TF_ASSETS", "python tools/get_assets.py"


def cache_folder() -> pathlib.Path:
    """Folder of fetched files: that of the environment variable NIKI_TF_ASSETS, else niki_tf in the user's cache."""
    told = os.environ.get(_FOLDER)
    if told:
        return pathlib.Path(told).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return pathlib.Path(cache).expanduser() / "niki_tf"


def path_of(name: str, *, folder: str | os.PathLike | None = None) -> pathlib.Path:
    """The file of an asset, whose checksum was looked at.

    Args:
        name: a key of `assets.ASSETS`.
        folder: that holds it; `cache_folder()` if None.

    Raises:
        ValueError: there is no such asset, or the file is damaged.
        FileNotFoundError: it was not fetched; with the command that does so.
    """
    if name not in ASSETS:
        raise ValueError(f"`name` must be one of {', '.join(ASSETS)}; got {name!r}.")
    path = _place(name, folder)
    if not path.is_file():
        raise FileNotFoundError(f"{ASSETS[name].meaning} ({name}) is not here yet: {_COMMAND} {_short(name)}")
    changed = path.stat()
    if not _is_sound(path, name, changed.st_mtime_ns, changed.st_size):
        raise ValueError(f"`name` must be a file with the checksum of {name}; {path} is damaged: {_COMMAND} {name}")
    return path


def missing(names: Iterable[str], *, folder: str | os.PathLike | None = None) -> tuple[str, ...]:
    """Those of the assets `names` that are not in the folder, or are damaged."""
    return tuple(name for name in names if not _is_there(name, folder))


def sha256_of(path: pathlib.Path) -> str:
    """Checksum of a file, as text."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _place(name: str, folder: str | os.PathLike | None) -> pathlib.Path:
    return (pathlib.Path(folder) if folder is not None else cache_folder()) / ASSETS[name].file


def _is_there(name: str, folder: str | os.PathLike | None) -> bool:
    try:
        path_of(name, folder=folder)
    except (ValueError, OSError):
        return False
    return True


@functools.lru_cache(maxsize=64)
def _is_sound(path: pathlib.Path, name: str, changed: int, size: int) -> bool:
    """Whether a file is what a source of the asset holds; looked at once for each state of the file."""
    return sha256_of(path) in {source.sha256 for source in ASSETS[name].sources}


def _short(name: str) -> str:
    """The group of an asset, or its own name."""
    return next((group for group, members in GROUPS.items() if name in members), name)
