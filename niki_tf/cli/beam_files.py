"""Files wherever Apache Beam's file systems reach: which there are, which are solved, copies here, outputs there."""

import contextlib
import json
import os
import posixpath
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from niki_tf import io

DONE = ".solved.json"
"""Ending of the file that says that all outputs of an input are there, and what was found."""
_OPTIONS = "options.json"
_RAW = {"compression_type": CompressionTypes.UNCOMPRESSED}


class Job(NamedTuple):
    """A file and where its outputs go."""

    path: str
    """As Beam's file systems name it."""
    target: str
    """Of the outputs, without their ending."""


def jobs(text: str, output: str) -> tuple[list[Job], int]:
    """The readable files that a pattern leads to and that are not solved, and the number of those that are.

    Args:
        text: a file, a folder, or a pattern of Beam's file systems.
        output: folder of the outputs, which mirror the folders of the inputs; nothing in it is an input.

    Raises:
        ValueError: nothing readable is there, or an output would take the place of its input.
    """
    folder = text.endswith("/") or os.path.isdir(text)
    pattern = posixpath.join(text, "**") if folder else text
    found = {file.path: file for match in FileSystems.match([pattern]) for file in match.metadata_list}
    paths = sorted(path for path in found if _is_readable(path) and not path.startswith(output.rstrip("/") + "/"))
    if not paths:
        endings = ", ".join(ending for ending in io.FORMATS if ending)
        raise ValueError(f"`input` must be a file, folder or pattern of files ({endings}); nothing is at {text}.")
    base = posixpath.dirname(re.split(r"[*?[]", pattern)[0])
    stems = {path: posixpath.splitext(path[len(base) :].lstrip("/"))[0] for path in paths}
    twice = Counter(stems.values())
    made = []
    for path, stem in stems.items():
        name = f"{stem}_{posixpath.splitext(path)[1][1:]}" if twice[stem] > 1 else stem
        made.append(Job(path, posixpath.join(output, name)))
        if posixpath.splitext(path)[0] == made[-1].target:
            raise ValueError(f"`output` must be another folder than that of the input; {path} would be overwritten.")
    markers = FileSystems.match([posixpath.join(output, f"**{DONE}")]) if _exists(output) else []
    done = {file.path: file.last_updated_in_seconds for match in markers for file in match.metadata_list}
    todo = [job for job in made if done.get(job.target + DONE, -1.0) < found[job.path].last_updated_in_seconds]
    return todo, len(made) - len(todo)


def check_options(output: str, options: Mapping[str, Any]) -> None:
    """Writes down what outputs in a folder depend on; ValueError if those that are there had other options."""
    path = posixpath.join(output, _OPTIONS)
    wanted = json.loads(json.dumps(options))
    if not FileSystems.exists(path):
        _make_folder(output)
        with FileSystems.create(path, **_RAW) as file:
            file.write(json.dumps(wanted).encode())
        return
    with FileSystems.open(path, **_RAW) as file:
        former = json.loads(file.read())
    if former != wanted:
        other = next(name for name in {**former, **wanted} if former.get(name) != wanted.get(name))
        raise ValueError(
            f"`output` must be a folder of the same options; {output} has `{other}` {former.get(other)!r}, now it is "
            f"{wanted.get(other)!r}. Give another folder."
        )


@contextlib.contextmanager
def copy_here(path: str) -> Iterator[Path]:
    """Gives the path of a copy on this machine, of the same name, which is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder) / posixpath.basename(path)
        with FileSystems.open(path, **_RAW) as source, here.open("wb") as copy:
            shutil.copyfileobj(source, copy)
        yield here


def publish(files: Sequence[tuple[Path, str]]) -> None:
    """Copies files of this machine to where they go, each whole or not at all."""
    for here, there in files:
        folder, name = posixpath.split(there)
        partial = posixpath.join(folder, f".{name}.partial")
        _make_folder(folder)
        with here.open("rb") as source, FileSystems.create(partial, **_RAW) as copy:
            shutil.copyfileobj(source, copy)
        FileSystems.rename([partial], [there])


def _is_readable(path: str) -> bool:
    name = posixpath.basename(path)
    return not name.startswith(".") and posixpath.splitext(name)[1].lower() in {*io.FORMATS} - {""}


def _exists(path: str) -> bool:
    """Whether a folder is there; in stores without folders nothing matches below one that is not."""
    return FileSystems.exists(path) or "://" in path


def _make_folder(path: str) -> None:
    """Makes a folder unless it is there, or another worker makes it."""
    if not FileSystems.exists(path):
        with contextlib.suppress(OSError):
            FileSystems.mkdirs(path)
