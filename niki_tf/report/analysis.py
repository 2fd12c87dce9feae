"""What an analysis is: one command, and the tables that the page makes of its rows."""

from collections.abc import Mapping
from typing import Any, NamedTuple

EVALUATE, SOLVE, IMAGE_FIGURES = "tools/evaluate.py", "tools/solve.py", "tools/image_figures.py"
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


class Images(NamedTuple):
    """What the analyses of images are run with."""

    sets: tuple[str, ...]
    """Folders of sets of images; the first as they are, the last with hidden parts."""
    backbone: str
    """Folder of the network of images that solvers stand behind."""
    solvers: tuple[str, ...] = ()
    """Names of solvers behind it, besides `analytic`."""
    image_solvers: tuple[str, ...] = ()
    """Folders of models of images that give poses by themselves."""

    @property
    def words(self) -> dict[str, list[str]]:
        """A name in the flags of an analysis -> the words of its command."""
        return {
            "{sets}": [f"--images={folder}" for folder in self.sets],
            "{first_set}": [f"--images={self.sets[0]}"],
            "{last_set}": [f"--images={self.sets[-1]}"],
            "{backbone}": [f"--freeze_backbone={self.backbone}"],
            "{solvers}": [f"--solver={name}" for name in self.solvers],
            "{image_solvers}": [f"--image_solver={folder}" for folder in self.image_solvers],
        }


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
    of_images: bool = False
    """Whether it is of images, not of motion; its flags have the names of `Images.words` in place of what was given."""

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
