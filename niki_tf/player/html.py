"""The HTML of a player: what it plays, its scripts, and a page of its own that asks for nothing else."""

import html
import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from niki_tf import assets, files

MODULES = ("three_core", "three_module")
"""Assets that a player needs."""
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline' blob:"
"""What a browser lets a page do that holds everything: nothing that reaches a network."""
_HERE = pathlib.Path(__file__).parent
_NO_SCRIPTS = "<noscript><p>The player needs JavaScript.</p></noscript>"


def player(name: str, scene: Mapping[str, object]) -> str:
    """The HTML of a player and what it plays; `scripts` must come after it.

    Args:
        name: an id of the page.
        scene: what `skinned.scene` gives.
    """
    text = json.dumps(scene).replace("<", "\\u003c")
    return (
        f'<div class="player" id="{name}" data-scene="{name}-scene">{_NO_SCRIPTS}</div>\n'
        f'<script type="application/json" id="{name}-scene">{text}</script>'
    )


def scripts() -> list[str]:
    """The HTML of the scripts of all players of a page: three.js as text, of which player.js makes modules, and it.

    Raises:
        FileNotFoundError: three.js is not fetched; see `assets`.
        ValueError: a script cannot stand in a page, or is damaged.
    """
    paths = [(name, assets.path_of(name)) for name in MODULES]
    return [
        *(_script(path.read_text(encoding="utf-8"), f'type="text/plain" id="{name}"') for name, path in paths),
        *(_script((_HERE / name).read_text(encoding="utf-8")) for name in ("body.js", "player.js")),
    ]


def page_path(path: str | os.PathLike) -> pathlib.Path:
    """The path of a page that can be written; checked before there is work.

    Raises:
        ValueError: it does not end in .html.
        FileNotFoundError: three.js is not fetched; with the command that does so.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"`html` must end in .html; got {str(path)!r}.")
    for name in MODULES:
        assets.path_of(name)
    return path


def write_page(path: str | os.PathLike, scene: Mapping[str, Any], *, title: str, notes: Sequence[str] = ()) -> None:
    """Writes one page with a player, which plays from a file without a network.

    Args:
        path: of the page.
        scene: what `skinned.scene` gives.
        title: of the page.
        notes: lines of text under the player.

    Raises:
        FileNotFoundError: three.js is not fetched; see `assets`.
    """
    shown = [f"<h1>{html.escape(title)}</h1>", player("player", scene), f"<p>{_KEYS}</p>"]
    shown += [f"<p>{html.escape(note)}</p>" for note in notes]
    head = [
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        '<link rel="icon" href="data:,">',
        f"<title>{html.escape(title)}</title>",
        f"<style>\n{(_HERE / 'page.css').read_text(encoding='utf-8')}</style>",
    ]
    lines = ["<!doctype html>", '<html lang="en">', "<head>", *head, "</head>", "<body>", "<main>", *shown, "</main>"]
    with files.atomic_write(pathlib.Path(path)) as beside:
        beside.write_text("\n".join([*lines, *scripts(), "</body>", "</html>", ""]), encoding="utf-8")


_KEYS = (
    "Drag or one finger turns, wheel or two fingers zoom once it was clicked; space plays, arrows step, shift and "
    "arrows turn, plus and minus zoom."
)


def _script(text: str, attributes: str = "") -> str:
    if "</script" in text.lower() or "<!--" in text:
        raise ValueError("a script of the page must not hold the end of one, nor the start of a comment of HTML.")
    return f"<script {attributes}>\n{text}\n</script>"
