"""The place of the page where a solved body turns in three dimensions: the player, or how to get it."""

import dataclasses
import html
import json
import pathlib
from collections.abc import Mapping, Sequence

from niki_tf import assets
from niki_tf.body.mannequin import mannequin
from niki_tf.io import amass
from niki_tf.report import skinned, tables
from niki_tf.report.runs import Result

_HERE = pathlib.Path(__file__).parent
_TITLES = {"film_niki": "NIKI", "film_analytic": "analytic"}
"""Name of an analysis that solves a motion -> what the player calls it."""
_TRUTH = "truth"
_MODULES = ("three_core", "three_module")
_NO_SCRIPTS = "<noscript><p>The player needs JavaScript.</p></noscript>"
_TEXT = """<p>The first motion as it was captured; its joints with 30 mm of noise on each axis, solved by NIKI, which
sees time, and by analytic inverse kinematics, frame by frame. Drag turns, wheel or two fingers zoom once it was
clicked; space plays, arrows step, shift and arrows turn.</p>"""


def section(results: Sequence[Result], motion: str) -> str:
    """The HTML of the player with the motions that were solved, or of what is missing for it.

    Args:
        results: of all analyses.
        motion: folder, file or pattern of the motion files, the first of which was solved.
    """
    found = {result.analysis.name: result for result in results if result.analysis.name in _TITLES}
    solved = {name: result for name, result in found.items() if not result.reason}
    parts = ['<section id="film"><h2>A motion to turn</h2>', _TEXT]
    missing = assets.missing(_MODULES)
    if not solved:
        reasons = "; ".join(result.reason for result in found.values()) or "nothing was solved"
        parts.append(f'<p class="note">not there yet: {html.escape(reasons)}</p>')
    elif missing:
        parts.append(
            '<p class="note">The player needs three.js, which is not fetched yet: run '
            "<code>python tools/get_assets.py three</code>, then the report again.</p>"
        )
    else:
        parts += [player("film-player", _scene(solved, motion)), *scripts()]
    parts += [tables.command(result.command) for result in found.values()]
    return "\n".join(parts) + "</section>"


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
    paths = [(name, assets.path_of(name)) for name in _MODULES]
    return [
        *(_script(path.read_text(encoding="utf-8"), f'type="text/plain" id="{name}"') for name, path in paths),
        _script((_HERE / "player.js").read_text(encoding="utf-8")),
    ]


def _script(text: str, attributes: str = "") -> str:
    if "</script" in text.lower() or "<!--" in text:
        raise ValueError("a script of the page must not hold the end of one, nor the start of a comment of HTML.")
    return f"<script {attributes}>\n{text}\n</script>"


def _scene(solved: Mapping[str, Result], motion: str) -> dict[str, object]:
    first = amass.motion_files(motion)[0][0]
    clips = {_TITLES[name]: amass.load_clips(result.folder)[0] for name, result in solved.items()}
    one = next(iter(clips.values()))
    truth = dataclasses.replace(amass.load_clips(first, fps=one.fps, trans="pelvis")[0], up=one.up)
    played = [skinned.Played(name, clip) for name, clip in {_TRUTH: truth, **clips}.items()]
    return skinned.scene(played, mannequin())
