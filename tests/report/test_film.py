"""The place of the player on the page: it holds its scripts, or how to get them."""

import json
import re

import numpy as np
import pytest

from niki_tf import io, motion, report
from niki_tf.player import html
from niki_tf.report import film


@pytest.fixture
def solved(setting):
    """Two analyses that solved a motion."""

    def run(command, folder):
        clip = motion.Clip(poses=np.zeros([3, 24, 3]), trans=np.zeros([3, 3]), up="y")
        io.save_clip(folder / "a.npz", clip)
        return ""

    films = [analysis for analysis in report.ANALYSES if analysis.name.startswith("film")]
    return report.run_all(films, setting, run=run)


def test_without_three_the_page_says_how_to_get_it(solved, setting, monkeypatch, tmp_path):
    monkeypatch.setenv("NIKI_TF_ASSETS", str(tmp_path / "nothing"))
    text = film.section(solved, setting.motion)
    assert "python tools/get_assets.py three" in text
    assert "<script" not in text
    assert all(result.command in re.sub("<[^>]*>", "", text) for result in solved)


@pytest.fixture
def with_three(monkeypatch, tmp_path):
    """As if three.js had been fetched."""
    (tmp_path / "three.js").write_text('import{a}from"./three.core.min.js"')
    monkeypatch.setattr(film.assets, "missing", lambda names: ())
    monkeypatch.setattr(html.assets, "path_of", lambda name: tmp_path / "three.js")
    return tmp_path / "three.js"


@pytest.mark.usefixtures("with_three")
def test_the_page_holds_player_scene_and_scripts(solved, setting):
    text = film.section(solved, setting.motion)
    (scene,) = re.findall(r'<script type="application/json" id="film-player-scene">(.*?)</script>', text, re.DOTALL)
    assert [moving["name"] for moving in json.loads(scene)["bodies"]] == ["truth", "NIKI", "analytic"]
    assert text.count('from"./three.core.min.js"') == 2
    assert 'id="three_core"' in text
    assert 'querySelectorAll(".player[data-scene]")' in text
    assert len(text) < 4e6


def test_a_script_that_would_end_early_is_refused(solved, setting, with_three):
    with_three.write_text('"</Script>"')
    with pytest.raises(ValueError, match="must not hold the end of one"):
        film.section(solved, setting.motion)


def test_without_solved_motion_the_place_says_why(solved, setting):
    failed = [result._replace(reason="no file") for result in solved]
    assert "not there yet: no file<" in film.section(failed, setting.motion)
