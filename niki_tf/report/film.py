"""The place of the page where a solved body turns in three dimensions: the player, or how to get it."""

import dataclasses
import html
from collections.abc import Mapping, Sequence

from niki_tf import assets
from niki_tf.body.mannequin import mannequin
from niki_tf.io import amass
from niki_tf.player import html as pages
from niki_tf.player import skinned
from niki_tf.report import tables
from niki_tf.report.runs import Result

_TITLES = {"film_niki": "NIKI", "film_analytic": "analytic"}
"""Name of an analysis that solves a motion -> what the player calls it."""
_TRUTH = "truth"
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
    missing = assets.missing(pages.MODULES)
    if not solved:
        reasons = "; ".join(dict.fromkeys(result.reason for result in found.values())) or "nothing was solved"
        parts.append(f'<p class="note">not there yet: {html.escape(reasons)}</p>')
    elif missing:
        parts.append(
            '<p class="note">The player needs three.js, which is not fetched yet: run '
            "<code>python tools/get_assets.py three</code>, then the report again.</p>"
        )
    else:
        parts += [pages.player("film-player", _scene(solved, motion)), *pages.scripts()]
    parts += [tables.command(result.command) for result in found.values()]
    return "\n".join(parts) + "</section>"


def _scene(solved: Mapping[str, Result], motion: str) -> dict[str, object]:
    first = amass.motion_files(motion)[0][0]
    clips = {_TITLES[name]: amass.load_clips(result.folder)[0] for name, result in solved.items()}
    one = next(iter(clips.values()))
    truth = dataclasses.replace(amass.load_clips(first, fps=one.fps, trans="pelvis")[0], up=one.up)
    played = [skinned.Played(name, clip) for name, clip in {_TRUTH: truth, **clips}.items()]
    return skinned.scene(played, mannequin())
