"""The player: its matrices move the surface as the body does, and the page holds its scripts, or how to get them."""

import base64
import json
import re

import numpy as np
import pytest

from niki_tf import body, io, motion, report, rotations
from niki_tf.report import film, skinned

ARRAYS = {"float32": "<f4", "int16": "<i2", "uint32": "<u4", "uint8": "u1"}


def unpacked(packed):
    data = np.frombuffer(base64.b64decode(packed["data"]), ARRAYS[packed["type"]])
    return data.reshape(packed["shape"]) * packed.get("scale", 1)


def played(scene, moving, frame):
    """The vertices that the player draws, in its own words."""
    at_rest = unpacked(moving["rest"]) + np.einsum(
        "k,kvx->vx", unpacked(moving["shares"])[frame], unpacked(moving["targets"])
    )
    matrices = unpacked(moving["matrices"]).reshape(-1, 24, 3, 4)[frame]
    each = matrices[unpacked(scene["joints"])]
    moved = np.einsum("vjab,vb->vja", each[..., :3], at_rest) + each[..., 3]
    return np.einsum("vj,vja->va", unpacked(scene["weights"]), moved)


@pytest.mark.parametrize("convention", motion.TRANS_CONVENTIONS)
def test_vertices_are_those_of_the_body(rng, convention):
    data = body.mannequin()
    clip = motion.Clip(
        poses=0.3 * rng.normal(size=[2, 24, 3]),
        trans=rng.normal(size=[2, 3]),
        betas=rng.normal(size=10),
        trans_convention=convention,
    )
    scene = skinned.scene([skinned.Played("a", clip), skinned.Played("b", clip)], data)
    assert [moving["name"] for moving in scene["bodies"]] == ["a", "b"]
    assert (scene["frames"], scene["fps"]) == (2, 30.0)
    matrices = rotations.rotvec_to_matrix(clip.poses).numpy()
    posed = body.BodyPoser(data).pose(matrices, betas=np.repeat(clip.betas[None], 2, 0))["vertices"]
    root = (data.joints + data.joint_directions @ clip.betas)[0]
    wanted = posed[1] + clip.trans[1] + (root if convention == "transl" else 0.0)
    apart = np.linalg.norm(played(scene, scene["bodies"][1], 1) - wanted, axis=1)
    assert apart.max() < skinned.TOLERANCE_M + 0.002  # four joints a vertex
    np.testing.assert_array_equal(unpacked(scene["faces"]), data.faces)


def test_motion_with_z_up_stands(rng):
    poses = np.zeros([1, 24, 3])
    poses[0, 0, 0] = np.pi / 2  # stands in a world with z up
    clip = motion.Clip(poses=poses, trans=np.zeros([1, 3]), up="z")
    scene = skinned.scene([skinned.Played("a", clip)], body.mannequin())
    height = np.ptp(played(scene, scene["bodies"][0], 0), axis=0)[1]
    assert height == pytest.approx(np.ptp(body.mannequin().v_template[:, 1]), abs=0.05)


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
    monkeypatch.setattr(film.assets, "path_of", lambda name: tmp_path / "three.js")
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
    assert "not there yet: no file; no file" in film.section(failed, setting.motion)
