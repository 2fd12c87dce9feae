"""A page of its own: it holds the player, and lets nothing reach a network."""

import numpy as np
import pytest

from niki_tf import body, motion
from niki_tf.player import html, skinned


@pytest.fixture
def scene():
    clip = motion.Clip(poses=np.zeros([2, 24, 3]), trans=np.zeros([2, 3]), up="y")
    return skinned.scene([skinned.Played("a", clip)], body.mannequin())


def test_a_page_holds_everything(scene, monkeypatch, tmp_path):
    (tmp_path / "three.js").write_text("three")
    monkeypatch.setattr(html.assets, "path_of", lambda name: tmp_path / "three.js")
    path = html.page_path(tmp_path / "page.html")
    html.write_page(path, scene, title="a <b>", notes=["a & b"])
    text = path.read_text()
    assert f'content="{html.POLICY}"' in text
    assert "<h1>a &lt;b&gt;</h1>" in text
    assert "a &amp; b" in text
    order = [text.index(part) for part in ("player-scene", 'id="three_core"', "globalThis.NikiBody =", "class Player")]
    assert order == sorted(order)
    assert "src=" not in text


def test_what_cannot_be_written_is_told_before(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match=r"`html` must end in .html; got 'page.txt'"):
        html.page_path("page.txt")
    monkeypatch.setenv("NIKI_TF_ASSETS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"python tools/get_assets.py three"):
        html.page_path("page.html")
