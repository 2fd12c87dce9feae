"""What an analysis is: one command, and the tables that the page makes of its rows."""

from collections.abc import Mapping
from typing import Any, NamedTuple

EVALUATE, SOLVE = "tools/evaluate.py", "tools/solve.py"
SPEED, FORMATS = "tools/benchmarks/solver_speed.py", "tools/benchmarks/export_formats.py"
FEET = ("foot_speed", "true_foot_speed", "sliding_percent")
"""Columns that tell of feet."""


class View(NamedTuple):
    """A table that is made of the rows of an analysis."""

    caption: str
    columns: tuple[str, ...]
    """Columns of the rows whose numbers are shown."""
    across: str = ""
    """A column of the rows, each value of which has columns of its own; none if empty."""
    by: tuple[str, ...] = ("solver",)
    """Columns of the rows that tell the lines apart."""
    where: Mapping[str, Any] = {}
    """Values that the rows must have to be shown."""
    decimals: int = 1


class Analysis(NamedTuple):
    """One command and what the page says of it."""

    name: str
    title: str
    text: str
    views: tuple[View, ...]
    full: str
    """The flags but those of motion and output, then ` @ ` and the names of the solvers."""
    quick: str
    """The same for few clips; {clips} and {frames} are every how many of them are taken."""
    program: str = EVALUATE
    trained_by: str = ""
    """The command that trains its solvers, if they do not ship."""

    def flags(self, *, quick: bool) -> list[str]:
        """The flags of the command but those of motion and output."""
        given, _, names = (self.quick if quick else self.full).partition("@")
        return [*given.split(), *(f"--solver={name}" for name in names.split())]

    def solvers(self, *, quick: bool) -> list[str]:
        """Names of the solvers that the command names."""
        flags = self.flags(quick=quick)
        return [flag.partition("=")[2] for flag in flags if flag.startswith(("--solver=", "--model="))]

    @property
    def is_timed(self) -> bool:
        """Whether it measures times, so that nothing else may run beside it."""
        return self.program in (SPEED, FORMATS)
