"""The page of a report: one static file of HTML that asks for nothing else."""

import base64
import html
import pathlib
from collections.abc import Mapping, Sequence

from niki_tf import files
from niki_tf.report import card, film, tables
from niki_tf.report.analyses import NOT_YET, WITHOUT_IMAGES
from niki_tf.report.runs import Result, Setting
from niki_tf.report.tables import Table

PAGE = "report.html"
_HERE = pathlib.Path(__file__).parent
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline' blob:"
"""What a browser lets the page do: nothing that reaches a network."""
NOT_THERE = "not there yet"


def write_page(results: Sequence[Result], setting: Setting) -> pathlib.Path:
    """Writes report.html into the output folder and gives its path.

    Args:
        results: of all analyses.
        setting: what they were run with.
    """
    shown = _tables(results)
    parts = [
        _head(results, setting),
        _card(card.choices(shown)),
        film.section(results, setting.motion),
        *(_section(result, shown) for result in results if result.analysis.views),
        _not_yet(setting),
        _sources(results),
    ]
    path = setting.output / PAGE
    with files.atomic_write(path) as beside:
        beside.write_text(_document("\n".join(parts)), encoding="utf-8")
    return path


def _document(body: str) -> str:
    style = (_HERE / "style.css").read_text(encoding="utf-8")
    lines = (
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        '<link rel="icon" href="data:,">',
        "<title>niki_tf: analyses</title>",
        f"<style>\n{style}</style>",
        "</head>",
        "<body>",
        '<a class="skip" href="#main">To the results</a>',
        f'<main id="main">\n{body}\n</main>',
        "</body>",
        "</html>",
    )
    return "\n".join(lines) + "\n"


def _tables(results: Sequence[Result]) -> dict[str, Table]:
    """All tables of the page by their addresses."""
    found = {}
    for result in results:
        rows = result.rows
        for number, view in enumerate(result.analysis.views if rows else ()):
            address = f"{result.analysis.name}-{number}"
            found[address] = tables.table(view, rows, address=address)
    return found


def _head(results: Sequence[Result], setting: Setting) -> str:
    """Title, what was measured, whether it is quick, and where things are."""
    counts = [result.record["motion"]["files"] for result in results if "motion" in result.record]
    motion = f"{max(counts, default='no')} files of <code>{html.escape(setting.motion)}</code>"
    links = [(result.analysis.name, result.analysis.title) for result in results if result.analysis.views]
    links = [*_ENDS[0], *links, *_ENDS[1]]
    nav = "".join(f'<li><a href="#{name}">{html.escape(title)}</a></li>' for name, title in links)
    return (
        f"<header><h1>Neural inverse kinematics, measured</h1>\n{_INTRODUCTION}\n"
        f"<p>Motion: {motion}.{_images(setting)}</p>\n{_QUICK if setting.quick else ''}</header>\n"
        f'<nav aria-label="Sections"><details><summary>Sections</summary><ul>{nav}</ul></details></nav>'
    )


def _images(setting: Setting) -> str:
    """The sets of images, and the network."""
    if setting.images is None:
        return ""
    sets = ", ".join(f"<code>{html.escape(folder)}</code>" for folder in setting.images.sets)
    return f" Images: {sets}, seen by <code>{html.escape(setting.images.backbone)}</code>."


_INTRODUCTION = """<p>NIKI (CVPR 2023) turns noisy 3D joints into the rotations of a body's joints by an invertible
network. This page has the analyses of its supplementary, as far as joints and drawn images allow them, and some more.
Under each stands the command that made it; every number of the first table leads to the place where it was
measured.</p>"""
_QUICK = """<p class="note"><strong>This page is quick</strong>: every analysis took few clips and few solvers, so its
numbers show that things work, not how well. Without <code>--quick</code> all clips are measured.</p>"""
_CARD = """<p>For each use the solver with the least error among those that this page measured. The simple way is
analytic inverse kinematics, the last pose held, or, of half a body, one frame at a time.</p>"""
_ENDS = (
    [("card", "Which solver"), ("film", "A motion to turn")],
    [("not-yet", "Not there yet"), ("sources", "Versions and weights")],
)
"""Sections before and after those of the analyses."""


def _card(choices: Sequence[card.Choice]) -> str:
    """The model selection card."""
    headings = ("For", "Take", "Error", "Simple way", "ms a frame", "What is measured", "Use")
    lines = "".join(_card_line(choice) for choice in choices)
    shown = tables.framed(lines, headings=headings, caption="Every number leads to where it was measured", kind="card")
    return f'<section id="card"><h2>Which solver for what</h2>\n{_CARD}\n{shown}</section>'


def _card_line(choice: card.Choice) -> str:
    use = choice.use
    if not choice.solver:
        return f'<tr><th scope="row">{html.escape(use.title)}</th><td colspan="6">{NOT_THERE}</td></tr>'
    cells = "".join(_card_cell(cell) for cell in (choice.error, choice.simple, choice.time))
    solver, _, line = choice.solver.partition(" ")
    take = f"<strong>{html.escape(solver)}</strong> {html.escape(line)}"
    how = tables.words(use.take.format(solver=solver))
    return (
        f'<tr><th scope="row">{html.escape(use.title)}</th><td>{take}</td>{cells}'
        f"<td>{html.escape(use.unit)}</td><td><code>{how}</code></td></tr>"
    )


def _card_cell(cell: card.Cell | None) -> str:
    if cell is None:
        return f"<td>{NOT_THERE}</td>"
    return f'<td class="number"><a href="#{cell.address}">{html.escape(cell.text)}</a></td>'


def _section(result: Result, shown: Mapping[str, Table]) -> str:
    """An analysis: what it is, its tables and figure, its command, all that it printed."""
    analysis, title = result.analysis, html.escape(result.analysis.title)
    parts = [f"<h2>{title}</h2>", f"<p>{tables.prose(analysis.text)}</p>"]
    if result.reason:
        parts.append(f'<p class="note">{NOT_THERE}: {html.escape(result.reason)}</p>')
    for number, view in enumerate(analysis.views):
        if (found := shown.get(f"{analysis.name}-{number}")) is not None:
            parts.append(tables.to_html(found, caption=view.caption))
    for path in result.figures:
        parts.append(f'<figure><img alt="Figure of {title}" src="{_data(path)}"></figure>')
    parts.append(tables.command(result.command))
    if result.printed:
        printed = html.escape(result.printed)
        parts.append(f"<details><summary>All that it printed</summary><pre>{printed}</pre></details>")
    return f'<section id="{analysis.name}">' + "\n".join(parts) + "</section>"


def _data(path: pathlib.Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"


def _not_yet(setting: Setting) -> str:
    missing = NOT_YET if setting.images is not None else (WITHOUT_IMAGES, *NOT_YET)
    lines = "".join(_line(section, html.escape(what), NOT_THERE) for section, what in missing)
    shown = tables.framed(lines, headings=("Section", "What", "State"), caption="Of the supplementary", kind="words")
    return f'<section id="not-yet"><h2>Not there yet</h2>\n{shown}</section>'


def _sources(results: Sequence[Result]) -> str:
    """Versions of packages, the commit, and checksums of the weights."""
    known = [result.record for result in results if not result.reason]
    versions = sorted({pair for record in known for pair in record["versions"].items()})
    commits = sorted({record["git_commit"] for record in known if record["git_commit"]})
    weights = sorted({pair for record in known for pair in record["weights_sha256"].items()})
    versions += [("commit of niki_tf", commit) for commit in commits]
    parts = [
        tables.framed(
            "".join(_line(name, f"<code>{value}</code>") for name, value in pairs), caption=title, kind="words"
        )
        for title, pairs in (("Versions", versions), ("SHA-256 of the weights", weights))
    ]
    return f'<section id="sources"><h2>Versions and weights</h2>\n{parts[0]}\n{parts[1]}</section>'


def _line(heading: str, *cells: str) -> str:
    """A row of a table: text, then HTML."""
    return f'<tr><th scope="row">{html.escape(heading)}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
