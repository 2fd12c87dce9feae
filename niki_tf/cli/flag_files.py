"""Reading the flags of a program, with flag files that are checked before absl reads them."""

import os
import pathlib
import sys
from collections.abc import Iterable, Sequence

from absl import flags

FLAG_FILE = ("--flagfile", "-flagfile")
"""How a flag file is given."""
_LARGEST = 2**20
"""Bytes of a flag file; the longest of the package has two thousand."""
_MOST_FILES, _LONGEST_FLAG = 100, 4096
_LONGEST = 300
"""Letters of an error that are shown: it may quote a flag of any length."""


def parse(argv: Sequence[str]) -> list[str]:
    """Reads the flags in `argv`, whose first item is the program's name, and returns the arguments that are none.

    What is wrong ends the program with one line that names the flag files.
    """
    named: list[str] = []
    try:
        named = files_of(argv[1:])
        return flags.FLAGS(list(argv))
    except (flags.Error, ValueError, OSError) as error:
        text = " ".join(str(error).split())[:_LONGEST]
        where = f" (with the flags of {', '.join(named)})" if named else ""
        sys.exit(f"{argv[0]}: {text}{where}")


def files_of(arguments: Iterable[str]) -> list[str]:
    """Paths of the flag files that arguments name, and of those that these name, each once.

    Args:
        arguments: as a program is given them, or lines of a flag file.

    Raises:
        ValueError: one is no text file of bounded size, or they are too many.
    """
    found: list[str] = []
    todo = [(path, "") for path in _named(arguments)]
    while todo:
        path, where = todo.pop(0)
        if path in found:
            continue
        found.append(path)
        if len(found) > _MOST_FILES:
            raise ValueError(f"`flagfile` must lead to at most {_MOST_FILES} files; got more, {found[0]} first.")
        todo += [(inner, f", which {path} names,") for inner in _named(_lines(path, where))]
    return found


def _named(arguments: Iterable[str]) -> list[str]:
    """The flag files in arguments, `--flagfile=FILE` or `--flagfile FILE`."""
    words = [argument.strip() for argument in arguments]
    found = []
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in FLAG_FILE:
            value = value if equals else "".join(words[number + 1 : number + 2])
            found += [os.path.expanduser(value.strip())] if value.strip() else []
    return found


def _lines(path: str, where: str) -> list[str]:
    """The lines of a flag file; ValueError, with `where` it is named, if it is none."""
    file = pathlib.Path(path)
    if not file.is_file():
        raise ValueError(f"`flagfile` must be a text file of flags; {path}{where} is none. Check the path.")
    if file.stat().st_size > _LARGEST:
        raise ValueError(f"`flagfile` must have at most {_LARGEST:,} bytes; {path} has {file.stat().st_size:,}.")
    try:
        text = file.read_bytes().decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ValueError(f"`flagfile` must be a text file of flags, a line each; {path} holds other bytes.")
    lines = text.splitlines()
    if max(map(len, lines), default=0) > _LONGEST_FLAG:
        raise ValueError(f"`flagfile` must have lines of at most {_LONGEST_FLAG} letters; {path} has a longer one.")
    return lines
