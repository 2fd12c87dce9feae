"""The model selection card: which solver for what, every number one of the page's own tables."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from niki_tf.report.tables import Table


class Use(NamedTuple):
    """What somebody wants to do, and the table that tells which solver does it best."""

    title: str
    table: str
    """Address of the table."""
    column: str
    """Heading of the column that decides; the smallest number is taken."""
    unit: str
    """What the numbers are."""
    candidates: tuple[tuple[str, ...], ...]
    """First columns of the lines among which is chosen."""
    simple: tuple[str, ...]
    """First columns of the line of the simple way; nothing if there is none."""
    take: str
    """How it is used; {solver} is the name of the one that is chosen."""


class Cell(NamedTuple):
    """A number of a table of the page."""

    text: str
    address: str


class Choice(NamedTuple):
    """A line of the card."""

    use: Use
    solver: str = ""
    """The chosen one, and what else tells its line; empty if the table is not there."""
    error: Cell | None = None
    simple: Cell | None = None
    time: Cell | None = None


SPEED = "speed-0"
_ONE, _FINISHED = ("mlp", "one_stage"), ("mlp+finish", "one_stage+finish")
_TIME = ("temporal", "temporal+finish", "temporal_prior", "temporal_prior+finish")

USES: tuple[Use, ...] = (
    Use(
        "One frame",
        "noise-0",
        "30",
        "MPJPE, mm, at 30 mm of noise",
        tuple((name,) for name in (*_ONE, *_FINISHED)),
        ("analytic",),
        'niki_tf.load("{solver}")',
    ),
    Use(
        "Video or motion",
        "xocc-0",
        "MPJPE",
        "MPJPE, mm, occluded clips",
        tuple((name,) for name in (*_ONE, *_FINISHED, *_TIME)),
        ("analytic",),
        'niki_tf.solve(joints, solver="{solver}")',
    ),
    Use(
        "Live, people out of sight for 8 frames",
        "live_gaps-0",
        "8",
        "MPJPE, mm, in the gap",
        tuple((name, "stream", "10") for name in _TIME),
        ("temporal+finish", "held", "10"),
        'niki_tf.load("{solver}"), inference.streaming',
    ),
    Use(
        "Half a body",
        "half_body-0",
        "3",
        "MPJPE, mm, of the unseen legs, 3 degrees of noise",
        tuple((name, "path") for name in ("temporal_prior+finish", "temporal+finish", "one_stage+finish")),
        ("one_stage+finish", "path"),
        'niki_tf.solve(joints, solver="{solver}")',
    ),
    Use(
        "Phone",
        "formats-0",
        "MPJPE at 30 mm",
        "MPJPE, mm, at 30 mm of noise",
        tuple((name, "LiteRT int8") for name in ("mlp", "one_stage", "twist_swing", "temporal")),
        ("analytic", "Keras"),
        "tools/export.py --model={solver} --quantize=int8",
    ),
)
"""The lines of the card."""


def choices(tables: Mapping[str, Table], uses: Sequence[Use] = USES) -> list[Choice]:
    """For each use the solver with the least error among those that the tables hold.

    Args:
        tables: address -> table.
        uses: the lines of the card.
    """
    return [_choice(use, tables) for use in uses]


def _choice(use: Use, tables: Mapping[str, Table]) -> Choice:
    shown = tables.get(use.table)
    if shown is None or use.column not in shown.headings:
        return Choice(use)
    column = shown.headings.index(use.column) - shown.keys
    found = {named: line for named in use.candidates if (line := _line(shown, named, column)) is not None}
    if not found:
        return Choice(use)
    best = min(found, key=lambda named: shown.values[found[named]][column])
    simple = _line(shown, use.simple, column)
    return Choice(
        use,
        " ".join(best),
        _cell(shown, found[best], column),
        None if simple is None else _cell(shown, simple, column),
        _time(best, shown, tables),
    )


def _time(best: Sequence[str], shown: Table, tables: Mapping[str, Table]) -> Cell | None:
    """The time of a frame, of the table that chose or of that of speeds, batches of one."""
    if "ms" in shown.headings:
        line = shown.find(best)
        return None if line is None else _cell(shown, line, shown.headings.index("ms") - shown.keys)
    speed = tables.get(SPEED)
    if speed is None or "1" not in speed.headings:
        return None
    column = speed.headings.index("1") - speed.keys
    line = _line(speed, best[:1], column)
    return None if line is None else _cell(speed, line, column)


def _line(shown: Table, named: Sequence[str], column: int) -> int | None:
    """The line that begins so, if it has a number in the column."""
    line = shown.find(list(named)[: shown.keys])
    return None if line is None or shown.values[line][column] is None else line


def _cell(shown: Table, line: int, column: int) -> Cell:
    return Cell(shown.lines[line][shown.keys + column], shown.cell(line, column))
