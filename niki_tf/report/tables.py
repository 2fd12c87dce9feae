"""Tables of the page: rows of an analysis to lines and columns, and to HTML whose every cell has an address."""

import html
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from niki_tf.evaluation.results import LABELS
from niki_tf.evaluation.tables import Row, cell_text
from niki_tf.report.analysis import View

_HEADINGS = {"noise_mm": "noise, mm", "gap": "frames lost", "people": "bodies", "expected_mm": "expected, mm"} | {
    "error_mm": "true, mm",
    "percent": "true of expected, %",
    "world_mpjpe": "in the world, mm",
    "level_frames": "frames",
}
_ABSENT = "–"
_CODE = re.compile("`([^`]+)`")


class Table(NamedTuple):
    """A table as text."""

    address: str
    """Of its cells, which add their line and column."""
    headings: tuple[str, ...]
    keys: int
    """The number of columns, the first ones, that tell the lines apart."""
    lines: tuple[tuple[str, ...], ...]
    values: tuple[tuple[Any, ...], ...]
    """The numbers of the lines' other columns, before they became text; None where there is none."""

    def cell(self, line: int, column: int) -> str:
        """The address of a cell."""
        return f"{self.address}-{line}-{column}"

    def find(self, named: Sequence[str]) -> int | None:
        """The line whose first columns are `named`; None if there is none."""
        return next((n for n, line in enumerate(self.lines) if list(line[: self.keys]) == list(named)), None)


def table(view: View, rows: Sequence[Row], *, address: str) -> Table:
    """The table of a view.

    Args:
        view: what of the rows is shown.
        rows: of an analysis.
        address: of the table on its page.
    """
    chosen = [row for row in rows if all(row.get(key) == value for key, value in view.where.items())]
    keys = [name for name in view.by if any(name in row for row in chosen)]
    levels = list(dict.fromkeys(_text(row[view.across]) for row in chosen)) if view.across else [""]
    columns = [(level, name) for level in levels for name in view.columns if any(name in row for row in chosen)]
    lines: dict[tuple[str, ...], dict[tuple[str, str], Any]] = {}
    for row in chosen:
        line = lines.setdefault(tuple(_text(row[name]) for name in keys), {})
        level = _text(row[view.across]) if view.across else ""
        line |= {(level, name): row.get(name) for name in view.columns}
    values = tuple(tuple(line.get(column) for column in columns) for line in lines.values())
    return Table(
        address,
        (*(_heading(name) for name in keys), *(_column(level, name, view) for level, name in columns)),
        len(keys),
        tuple(
            (*key, *(_number(value, view.decimals) for value in line)) for key, line in zip(lines, values, strict=True)
        ),
        values,
    )


def to_html(shown: Table, *, caption: str) -> str:
    """A table in a frame of its own that scrolls, each cell with its address as `id`."""
    if not shown.lines:
        return f"<p>{html.escape(caption)}: no rows.</p>"
    body = "".join(f"<tr>{_line(shown, number)}</tr>" for number in range(len(shown.lines)))
    return framed(body, headings=shown.headings, caption=caption, keys=shown.keys)


def framed(body: str, *, headings: Sequence[str] = (), caption: str, kind: str = "", keys: int = 1) -> str:
    """The HTML of a table, of the rows `body`, in a frame that scrolls.

    Args:
        body: rows, HTML.
        headings: of the columns, text.
        caption: text.
        kind: a class of the style sheet.
        keys: the number of columns, the first ones, that tell rows apart.
    """
    classes = ["key"] * keys + ["number"] * (len(headings) - keys)
    head = "".join(
        f'<th scope="col" class="{name}">{prose(text)}</th>' for name, text in zip(classes, headings, strict=False)
    )
    label = html.escape(caption)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{label}"><table class="{kind}">'
        f"<caption><span>{label}</span></caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def command(text: str) -> str:
    """The HTML of a command."""
    return f'<pre class="command"><code>{words(text)}</code></pre>'


def words(text: str) -> str:
    """The HTML of a text of code, whose lines break between words only."""
    return " ".join(f"<span>{html.escape(word)}</span>" for word in text.split(" "))


def prose(text: str) -> str:
    """The HTML of a text, what stands between backticks as code."""
    return _CODE.sub(r"<code>\1</code>", html.escape(text))


def _line(shown: Table, number: int) -> str:
    cells = []
    for column, text in enumerate(shown.lines[number]):
        if column < shown.keys:
            cells.append(f'<th scope="row">{html.escape(text)}</th>')
        else:
            cells.append(f'<td id="{shown.cell(number, column - shown.keys)}">{html.escape(text)}</td>')
    return "".join(cells)


def _column(level: str, name: str, view: View) -> str:
    """The heading of a column of numbers."""
    if view.across and len(view.columns) == 1:
        return level.replace("_", " ")
    return ", ".join(part for part in (_heading(name), level) if part)


def _heading(name: str) -> str:
    return _HEADINGS.get(name) or LABELS.get(name) or name.replace("_", " ")


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _number(value: Any, decimals: int) -> str:
    return _ABSENT if value is None else cell_text(value, decimals)
