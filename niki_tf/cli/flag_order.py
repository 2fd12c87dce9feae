"""What the order of flags and flag files does without a word: flags that are lost, and flags that add up."""

import os
import sys
from collections.abc import Iterator, Sequence

from absl import flags

from niki_tf.cli.flag_files import FLAG_FILE

Given = tuple[str, str, str]
"""Name of a flag, its value, and the flag file that gives it, "" for the command line."""


def tell(argv: Sequence[str]) -> None:
    """Prints the notes of a program that was called with `argv`, its name first, to the standard error."""
    for note in notes(argv[1:]):
        print(f"{os.path.basename(argv[0])}: {note}", file=sys.stderr)


def notes(arguments: Sequence[str]) -> list[str]:
    """A line for each flag of the command line that a flag file takes back, or to whose values it adds.

    Args:
        arguments: of a program, whose flags are defined.
    """
    found, given = [], list(_given(arguments))
    for name, value, file in given:
        if file:
            continue
        same = [one for one in given if one[0] == name]
        in_files = [one for one in same if one[2]]
        _, last_value, last_file = same[-1]
        if isinstance(flags.FLAGS[name], flags.MultiFlag):
            if in_files:
                values = ", ".join(its_value for _, its_value, _ in in_files)
                found.append(f"--{name}={value} is added to what {in_files[-1][2]} gives, {values}.")
        elif last_file and not _is_same(name, last_value, value):
            found.append(
                f"--{name}={value} is lost: {last_file}, which comes after it, gives {last_value}. Give flags after "
                "--flagfile."
            )
    return found


def _is_same(name: str, first: str, second: str) -> bool:
    """Whether two texts are the same value of a flag, as 1 and true are."""
    parse = flags.FLAGS[name].parser.parse
    return parse(first) == parse(second)


def _given(arguments: Sequence[str], file: str = "") -> Iterator[Given]:
    """The flags that arguments give, in their order, those of flag files in the place of these."""
    rest = list(arguments)
    while rest and rest[0] != "--":
        word, equals, value = rest.pop(0).partition("=")
        name = word.lstrip("-")
        if not word.startswith("-"):
            continue
        if word in FLAG_FILE:
            path = os.path.expanduser(value if equals else rest.pop(0))
            yield from _given(flags.FLAGS.read_flags_from_files([f"--flagfile={path}"]), path)
        elif name in flags.FLAGS:
            flag = flags.FLAGS[name]
            if not equals:
                value = "true" if flag.boolean else rest.pop(0)
            yield flag.name, value, file
        elif name[:2] == "no" and name[2:] in flags.FLAGS:
            yield name[2:], "false", file
